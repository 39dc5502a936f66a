"""Multi-layer perceptron over inputs of any rank, with outputs of any rank.

(B, *input_shape) -flatten-> (B, n) -dense, [batch norm], activation-> ... -dense-> (B, units[-1]) [-reshape->]
"""

import math

import keras
from keras import layers

from keras_sslzoo.nets.initializers import GlorotUniform
from keras_sslzoo.nets.parts import batch_norm as _batch_norm
from keras_sslzoo.nets.parts import check_shape


def MLP(
    input_shape,
    units=(512, 256),
    activation="relu",
    output_activation=None,
    batch_norm=False,
    output_shape=None,
    name="mlp",
):
    """Multi-layer perceptron `(B, *input_shape) -> (B, units[-1])`, or `-> (B, *output_shape)`.

    Computes in the global dtype policy, in which the output stays.

    Args:
        input_shape: tuple without the batch axis, of any rank.
        units: sizes of the layers; the last one is the output.
        activation: of every layer but the last.
        output_activation: of the last layer.
        batch_norm: whether batch norm stands before the activation of every layer but the last.
        output_shape: tuple of `units[-1]` elements that the output is reshaped to, for a decoder.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    input_shape, units = check_shape(input_shape=input_shape), check_shape(units=units)
    if not units:
        raise ValueError("`units` must name at least the output layer. Received: units=(). Pass e.g. units=(256,).")
    if output_shape is not None:
        output_shape = check_shape(output_shape=output_shape)
        if math.prod(output_shape) != units[-1]:
            raise ValueError(
                "`output_shape` must have as many elements as the last of `units`. Received: "
                f"output_shape={output_shape}, units={units}. End `units` with {math.prod(output_shape)}."
            )

    inputs = layers.Input(input_shape, name="inputs")
    # channels_last: with the global image format channels_first, Flatten would transpose
    x = inputs if len(input_shape) == 1 else layers.Flatten(data_format="channels_last", name="flatten")(inputs)
    for i, n in enumerate(units[:-1], start=1):
        dense = layers.Dense(n, use_bias=not batch_norm, kernel_initializer=GlorotUniform(), name=f"dense{i}")
        x = dense(x)
        if batch_norm:
            x = _batch_norm(f"bn{i}")(x)
        x = layers.Activation(activation, name=f"activation{i}")(x)
    x = layers.Dense(units[-1], output_activation, kernel_initializer=GlorotUniform(), name="output")(x)
    if output_shape is not None:
        x = layers.Reshape(output_shape, name="reshape")(x)
    return keras.Model(inputs, x, name=name)
