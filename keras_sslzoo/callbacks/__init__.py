"""Callbacks for `fit`."""

from keras_sslzoo.callbacks.checkpoint import Checkpoint as Checkpoint
