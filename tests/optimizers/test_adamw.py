import keras
import numpy as np
from keras import ops

from keras_sslzoo.optimizers import AdamW


def test_vectors_do_not_decay_even_where_there_is_nothing_else():
    bias, kernel = keras.Variable(np.ones(3, "float32")), keras.Variable(np.ones((3, 3), "float32"))
    for variables, expected in (([bias], [1.0]), ([bias, kernel], [1.0, 0.95])):
        optimizer = AdamW(0.5, weight_decay=0.1)
        optimizer.build(variables)
        optimizer.apply([ops.zeros(v.shape) for v in variables], variables)
        for v, value in zip(variables, expected, strict=True):
            np.testing.assert_allclose(ops.convert_to_numpy(v.value), value, rtol=1e-6)
