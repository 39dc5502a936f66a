"""Projection and prediction heads: small MLPs on top of an encoder, thrown away after training."""

import keras
from keras import layers

from keras_sslzoo.nets import parts
from keras_sslzoo.nets.initializers import HeNormal


def Head(input_dim, hidden, output_dim, output_norm=False, name="head"):
    """`(B, input_dim) -> (B, output_dim)`: [dense, batch norm, ReLU] for each hidden size, then dense without bias.

    Hidden layers have no bias either: batch norm would take it out again.

    Args:
        input_dim: Size of the input.
        hidden: Tuple of the hidden sizes.
        output_dim: Size of the output.
        output_norm: Whether the output is batch normalised, with a scale and no shift.
        name: Of the model.

    Returns:
        `keras.Model`.
    """
    parts.check_positive(input_dim=input_dim, output_dim=output_dim)
    x = inputs = layers.Input((input_dim,), name="features")
    for i, units in enumerate(parts.check_shape(hidden=hidden), start=1):
        x = layers.Dense(units, use_bias=False, kernel_initializer=HeNormal(), name=f"dense{i}")(x)
        x = parts.batch_norm(f"bn{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(x)
    x = layers.Dense(output_dim, use_bias=False, kernel_initializer=HeNormal(), name="output")(x)
    if output_norm:
        x = layers.BatchNormalization(center=False, momentum=0.9, epsilon=1e-5, name="output_bn")(x)
    return keras.Model(inputs, x, name=name)
