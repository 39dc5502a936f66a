"""Probes of frozen features: `knn`, `linear_probe`, `few_label`, each a named and versioned protocol.

An encoder is any Keras model (B, H, W, C) -> (B, D), a training method (its `pretrained_encoder` is probed), or None,
where the arrays are features already: raw pixels are the floor that an encoder has to beat, by the same call.
`hamming_nearest` finds neighbours by binary codes.
"""

from keras_sslzoo.eval.features import features as features
from keras_sslzoo.eval.hamming import hamming_distances as hamming_distances
from keras_sslzoo.eval.hamming import hamming_nearest as hamming_nearest
from keras_sslzoo.eval.probes import ProbeResult as ProbeResult
from keras_sslzoo.eval.probes import few_label as few_label
from keras_sslzoo.eval.probes import knn as knn
from keras_sslzoo.eval.probes import linear_probe as linear_probe
from keras_sslzoo.eval.probes import nearest as nearest
