"""Projection and prediction heads: small MLPs on top of an encoder, thrown away after training."""

import keras
from keras import layers

from keras_sslzoo.layers import Prototypes
from keras_sslzoo.nets import parts
from keras_sslzoo.nets.initializers import HeNormal, Normal, Uniform


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
        x = parts.batch_norm("output_bn", center=False)(x)
    return keras.Model(inputs, x, name=name)


def DINOHead(
    input_dim,
    prototypes=65536,
    hidden=(2048, 2048),
    bottleneck=256,
    norm_last_layer=True,
    batch_norm=False,
    name="projector",
):
    """DINO's head, `(B, input_dim) -> (B, prototypes)`: [dense, GELU] for each hidden size, dense to the bottleneck,
    L2-normalised, and a weight-normalised dense layer without bias.

    Caron et al. 2021, arXiv:2104.14294, section 3.1; sizes, initial weights and options as in the official code
    (facebookresearch/dino: vision_transformer.py DINOHead).

    Args:
        input_dim: Size of the input.
        prototypes: K, size of the output. A few hundred to a few thousand suit small data; 65536 of them are 16.8 million
            weights, and as many again in the teacher.
        hidden: Tuple of the hidden sizes.
        bottleneck: Size before the last layer.
        norm_last_layer: Whether the last layer's weights keep the norm 1; False learns the norms, which the code's authors
            do for ViT-S.
        batch_norm: Whether hidden layers are batch normalised.
        name: Of the model.

    Returns:
        `keras.Model`.
    """
    parts.check_positive(input_dim=input_dim, prototypes=prototypes, bottleneck=bottleneck)
    x = inputs = layers.Input((input_dim,), name="features")
    for i, units in enumerate(parts.check_shape(hidden=hidden), start=1):
        x = layers.Dense(units, kernel_initializer=Normal(0.02), name=f"dense{i}")(x)
        if batch_norm:
            x = parts.batch_norm(f"bn{i}")(x)
        x = layers.Activation("gelu", name=f"gelu{i}")(x)
    x = layers.Dense(bottleneck, kernel_initializer=Normal(0.02), name="bottleneck")(x)
    initializer = Uniform(bottleneck**-0.5)  # torch's default for a dense layer
    x = Prototypes(prototypes, not norm_last_layer, kernel_initializer=initializer, name="prototypes")(x)
    return keras.Model(inputs, x, name=name)
