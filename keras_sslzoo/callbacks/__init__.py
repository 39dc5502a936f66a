"""Callbacks for `fit`: checkpoints, probes, a monitor that names what is wrong, and pictures.

They read logs and features and know no method. Those that add to the logs come before those that read them: `Method.fit`
sees to it, whatever the order in the list.
"""

from keras_sslzoo.callbacks.best_encoder import BestEncoder as BestEncoder
from keras_sslzoo.callbacks.checkpoint import Checkpoint as Checkpoint
from keras_sslzoo.callbacks.collapse import CollapseMonitor as CollapseMonitor
from keras_sslzoo.callbacks.pictures import AttentionMaps as AttentionMaps
from keras_sslzoo.callbacks.pictures import LatentMap as LatentMap
from keras_sslzoo.callbacks.pictures import ReconstructionGrid as ReconstructionGrid
from keras_sslzoo.callbacks.pictures import SampleGrid as SampleGrid
from keras_sslzoo.callbacks.probes import KNNMonitor as KNNMonitor
from keras_sslzoo.callbacks.probes import LinearMonitor as LinearMonitor
