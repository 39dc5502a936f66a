"""Keras layers that two or more methods share."""

from keras_sslzoo.layers.centering import Centering as Centering
from keras_sslzoo.layers.dropout import Dropout as Dropout
from keras_sslzoo.layers.dropout import DropPath as DropPath
from keras_sslzoo.layers.prototypes import Prototypes as Prototypes
