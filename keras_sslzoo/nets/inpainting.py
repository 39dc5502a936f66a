"""Encoder to feature maps, bottleneck and decoder, for inpainting images in [0, 1] of any size.

    InpaintingEncoder     (B, H, W, C) -> from [0, 1] to [-1, 1] -n x [conv 4x4 / 2, BN, LeakyReLU]-> (B, h, w, m)
    InpaintingBottleneck  (B, h, w, m) -across places-> -across maps-> (B, h, w, m)
    InpaintingDecoder     (B, h, w, m) -n x [BN, ReLU, transposed conv 4x4 / 2]-> tanh -> to [0, 1] (B, H, W, C)

As in the code of Pathak et al. 2016, arXiv:1604.07379 (pathak22/context-encoder: train.lua): DCGAN's layers and initial
weights, no batch norm in the first layer. The bottleneck is the paper's; the code has a dense layer.
"""

import keras
from keras import layers

from keras_sslzoo.layers import ChannelwiseDense, Conv2D
from keras_sslzoo.nets import parts
from keras_sslzoo.nets.dcgan import LEAK, STDDEV, WIDEST, doubled
from keras_sslzoo.nets.initializers import Normal


def _filters(image_shape, width):
    """Channels after each halving of the grid."""
    return [width * min(2**i, WIDEST) for i in range(parts.doublings(*image_shape[:2]))]


def InpaintingEncoder(image_shape=(32, 32, 3), width=64, name="inpainting_encoder"):
    """Encoder `(B, H, W, C) -> (B, h, w, m)`, h and w of 4 to 7 on the shorter side.

    Args:
        image_shape: `(H, W, C)` with H, W >= 8.
        width: channels of the first layer; they double with every layer, up to 8 width.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    parts.check_positive(width=width)
    image_shape = parts.check_image_shape(image_shape=image_shape, smallest=8)
    images = layers.Input(image_shape, name="images")
    x = layers.Rescaling(2.0, -1.0, name="signed_range")(images)
    for i, filters in enumerate(_filters(image_shape, width), start=1):
        convolution = Conv2D(
            filters,
            4,
            2,
            "same",
            data_format="channels_last",
            use_bias=i == 1,
            kernel_initializer=Normal(STDDEV),
            name=f"conv{i}",
        )
        x = convolution(x)
        if i > 1:
            x = parts.batch_norm(f"bn{i}")(x)
        x = layers.LeakyReLU(LEAK, name=f"leaky_relu{i}")(x)
    return keras.Model(images, x, name=name)


def InpaintingBottleneck(maps_shape, name="inpainting_bottleneck"):
    """`(B, h, w, m) -> (B, h, w, m)`: `ChannelwiseDense`, then a 1x1 convolution (section 3.1).

    Args:
        maps_shape: `(h, w, m)`.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    height, width, channels = parts.check_image_shape(maps_shape=maps_shape)
    x = maps = layers.Input((height, width, channels), name="maps")
    x = ChannelwiseDense(Normal((height * width) ** -0.5), name="across_places")(x)
    initializer = Normal(channels**-0.5)
    x = Conv2D(channels, 1, data_format="channels_last", kernel_initializer=initializer, name="across_maps")(x)
    return keras.Model(maps, x, name=name)


def InpaintingDecoder(image_shape=(32, 32, 3), width=64, name="inpainting_decoder"):
    """Decoder `(B, h, w, m) -> (B, H, W, C)`, images in [0, 1]: the mirror image of `InpaintingEncoder`.

    Args:
        image_shape: `(H, W, C)` with H, W >= 8; where doubling a grid does not give H and W, the next larger image is
            cropped.
        width: as the encoder's.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    parts.check_positive(width=width)
    height, breadth, channels = parts.check_image_shape(image_shape=image_shape, smallest=8)
    *filters, deepest = _filters((height, breadth), width)
    maps = layers.Input((*parts.first_grid(height, breadth, len(filters) + 1), deepest), name="maps")
    return keras.Model(maps, doubled(maps, filters[::-1], (height, breadth, channels)), name=name)
