"""pix2pix's U-Net (Isola et al. 2017, arXiv:1611.07004): an encoder-decoder whose levels are joined, from image to image.

    (B, H, W, C) -> from [0, 1] to [-1, 1] -conv 4x4 / 2-> e1 -LeakyReLU, conv 4x4 / 2, BN-> e2 ... en, H / 2^n x W / 2^n
    en -ReLU, transposed conv 4x4 / 2, BN, dropout-> d1;   [d1, e(n-1)] -the same-> d2 ... -> tanh -> [0, 1] (B, H, W, C')

From section 6.1.1 of the paper: channels C64-C128-C256-C512-C512..., the leak is 0.2, dropout in the decoder's first three
layers, no batch norm in the first layer of the encoder, nor in the last, where it would set a batch of one to zero (6.3).
Weights start from N(0, 0.02^2) (6.2), the scales of batch norm from N(1, 0.02^2) (official code, train.lua).

Where official codes differ: dropout is where the paper and phillipi/pix2pix have it (junyanz/pytorch-CycleGAN-and-pix2pix
starts one layer later); biases are where the latter has them, in the first and last layer (the former sets all to zero).
"""

import math

import keras
from keras import layers

from keras_sslzoo.layers import BatchNormalization, BatchStatisticsNormalization, Conv2D, Conv2DTranspose, Dropout
from keras_sslzoo.nets import parts
from keras_sslzoo.nets.initializers import Normal

STDDEV = 0.02
LEAK = 0.2
WIDEST = 8  # in units of `width`
DEEPEST = 8
DROPPING = 3  # layers of the decoder


def UNet(
    image_shape=(256, 256, 3), channels=None, levels=None, width=64, dropout=0.5, same_at_inference=True, name="unet"
):
    """U-Net `(B, H, W, C) -> (B, H, W, channels)`, images in [0, 1] in and out.

    The default is the paper's net, of 8 levels; (128, 128, 3) gives that of 7. Computes in the global dtype policy, in
    which the output stays.

    Args:
        image_shape: `(H, W, C)` with H, W >= 3; a level that halves an odd side rounds up, and its mirror image crops.
        channels: of the output, by default C.
        levels: how often the image is halved. By default until its shorter side is 1, at most 8 times.
        width: channels of the first level; they double with every level, up to 8 width.
        dropout: rate in the first three layers of the decoder.
        same_at_inference: True is the paper's (section 3.3): dropout and the batch's own statistics in batch norm stay on
            at inference. Its masks are then fixed for each place in the batch, so that a second call gives the same. False
            is Keras' usual inference: no dropout, running statistics. The weights are the same.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    parts.check_positive(width=width)
    height, breadth, inputs = image_shape = parts.check_image_shape(image_shape=image_shape, smallest=3)
    channels = inputs if channels is None else channels
    parts.check_positive(channels=channels)
    most = math.ceil(math.log2(min(height, breadth)))
    levels = min(most, DEEPEST) if levels is None else levels
    if not (parts.is_positive_integer(levels) and 2 <= levels <= most):
        raise ValueError(
            f"`levels` must be from 2 to {most}, where the shorter side of {height} x {breadth} pixels becomes 1. Received: "
            f"levels={levels!r}. Leave it out to take as many as there are, at most {DEEPEST}."
        )

    def batch_norm(name):
        layer = BatchStatisticsNormalization if same_at_inference else BatchNormalization
        return parts.batch_norm(name, Normal(STDDEV, mean=1.0), layer=layer)

    def halve_or_double(layer, filters, name, **kwargs):
        kwargs = {"use_bias": False, "kernel_initializer": Normal(STDDEV), "data_format": "channels_last", **kwargs}
        return layer(filters, 4, 2, "same", name=name, **kwargs)

    filters = [width * min(2**i, WIDEST) for i in range(levels)]
    images = layers.Input(image_shape, name="images")
    x = layers.Rescaling(2.0, -1.0, name="signed_range")(images)
    x = halve_or_double(Conv2D, filters[0], "down1", use_bias=True)(x)
    encoded = [x]
    for i in range(2, levels + 1):
        x = layers.LeakyReLU(LEAK, name=f"leaky_relu{i}")(x)
        x = halve_or_double(Conv2D, filters[i - 1], f"down{i}")(x)
        if i < levels:
            x = batch_norm(f"down_bn{i}")(x)
            encoded.append(x)
    for i, skip in enumerate(reversed(encoded), start=1):
        x = layers.ReLU(name=f"relu{i}")(x)
        x = halve_or_double(Conv2DTranspose, filters[levels - 1 - i], f"up{i}")(x)
        x = parts.crop(x, *skip.shape[1:3], name=f"crop{i}")
        x = batch_norm(f"up_bn{i}")(x)
        if i <= DROPPING:
            x = Dropout(dropout, at_inference=same_at_inference, name=f"dropout{i}")(x)
        x = layers.Concatenate(axis=-1, name=f"skip{i}")([x, skip])
    x = layers.ReLU(name=f"relu{levels}")(x)
    x = halve_or_double(Conv2DTranspose, channels, "output", use_bias=True, activation="tanh")(x)
    x = layers.Rescaling(0.5, 0.5, name="unit_range")(parts.crop(x, height, breadth))
    return keras.Model(images, x, name=name)
