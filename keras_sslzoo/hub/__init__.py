"""Pretrained weights: the manifest that registers them, loading, saving, sharing."""

from keras_sslzoo.hub.errors import ArchitectureMismatch as ArchitectureMismatch
from keras_sslzoo.hub.errors import ForeignLayout as ForeignLayout
from keras_sslzoo.hub.errors import LicenseNotAccepted as LicenseNotAccepted
from keras_sslzoo.hub.errors import UnknownWeights as UnknownWeights
from keras_sslzoo.hub.errors import WeightsCorrupt as WeightsCorrupt
from keras_sslzoo.hub.errors import WeightsError as WeightsError
from keras_sslzoo.hub.errors import WeightsGated as WeightsGated
from keras_sslzoo.hub.errors import WeightsNotHosted as WeightsNotHosted
from keras_sslzoo.hub.errors import WeightsOffline as WeightsOffline
from keras_sslzoo.hub.manifest import list_pretrained as list_pretrained
from keras_sslzoo.hub.preprocess import Preprocessing as Preprocessing
from keras_sslzoo.hub.pretrained import from_pretrained as from_pretrained
from keras_sslzoo.hub.pretrained import save_pretrained as save_pretrained
from keras_sslzoo.hub.publish import push_to_hub as push_to_hub
