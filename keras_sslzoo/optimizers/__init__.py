"""Optimizers and schedules that the papers use and Keras has not."""

from keras_sslzoo.optimizers.adamw import AdamW as AdamW
from keras_sslzoo.optimizers.lars import LARS as LARS
from keras_sslzoo.optimizers.layer_decay import ScaledUpdates as ScaledUpdates
from keras_sslzoo.optimizers.layer_decay import layer_decay as layer_decay
from keras_sslzoo.optimizers.layer_decay import layer_groups as layer_groups
from keras_sslzoo.optimizers.schedules import RunSchedule as RunSchedule
from keras_sslzoo.optimizers.schedules import WarmupCosine as WarmupCosine
