"""Views: augmentation inside the compiled training step, batched, random for each sample, the same on every backend."""

from keras_sslzoo.views.base import View as View
from keras_sslzoo.views.color import ColorJitter as ColorJitter
from keras_sslzoo.views.color import Grayscale as Grayscale
from keras_sslzoo.views.color import Solarize as Solarize
from keras_sslzoo.views.corruptions import GaussianBlur as GaussianBlur
from keras_sslzoo.views.crops import CenterCrop as CenterCrop
from keras_sslzoo.views.crops import RandomCrop as RandomCrop
from keras_sslzoo.views.crops import RandomResizedCrop as RandomResizedCrop
from keras_sslzoo.views.crops import Resize as Resize
from keras_sslzoo.views.geometry import RandomFlip as RandomFlip
from keras_sslzoo.views.host import HostViews as HostViews
from keras_sslzoo.views.pipeline import MultiCrop as MultiCrop
from keras_sslzoo.views.pipeline import MultiView as MultiView
from keras_sslzoo.views.pipeline import Pipeline as Pipeline
from keras_sslzoo.views.presets import byol as byol
from keras_sslzoo.views.presets import simclr as simclr
from keras_sslzoo.views.preview import preview as preview
