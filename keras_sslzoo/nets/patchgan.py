"""pix2pix's PatchGAN (Isola et al. 2017, arXiv:1611.07004): a discriminator that judges each patch of a pair by itself.

    (B, H, W, C) -> from [0, 1] to [-1, 1] -n x [conv 4x4 / 2, BN, LeakyReLU]-> -conv 4x4, BN, LeakyReLU-> -conv 4x4->
    logits (B, H / 2^n - 2, W / 2^n - 2, 1)

C are the channels of input and output together. From section 6.1.2 of the paper and models.lua of phillipi/pix2pix: padding
by 1 pixel, no batch norm in the first layer, leak 0.2; weights start from N(0, 0.02^2), scales of batch norm from
N(1, 0.02^2). Biases are where batch norm does not follow, as in junyanz/pytorch-CycleGAN-and-pix2pix.
"""

import keras
from keras import layers

from keras_sslzoo.layers import Conv2D
from keras_sslzoo.nets import parts
from keras_sslzoo.nets.initializers import Normal
from keras_sslzoo.nets.unet import LEAK, STDDEV, WIDEST

STRIDED = {1: 0, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5}  # layers of stride 2, by receptive field


def PatchGAN(image_shape=(256, 256, 6), receptive_field=70, width=64, name="patchgan"):
    """Discriminator `(B, H, W, C) -> (B, h, w, 1)`: a logit for each patch, without activation, for images in [0, 1].

    Computes in the global dtype policy, but the last layer in float32: in float16 on CPU torch has no gradient for a
    convolution to one channel.

    Args:
        image_shape: `(H, W, C)` of the pair, input and output one after the other in C; H and W may be None. They must be
            at least 3 * 2^n, where n is 1, 2, 3, 4, 5 for the receptive fields from 16 on.
        receptive_field: pixels on a side that a logit depends on: 16, 34, 70 (the paper's choice), 142 or 286, or 1 for the
            paper's PixelGAN of 1x1 convolutions.
        width: channels of the first layer; they double with every layer, up to 8 width.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    if receptive_field not in STRIDED:
        raise ValueError(
            f"`receptive_field` must be one of {', '.join(map(str, STRIDED))}. Received: "
            f"receptive_field={receptive_field!r}. The paper's choice is 70."
        )
    parts.check_positive(width=width)
    strided = STRIDED[receptive_field]
    smallest = 3 * 2**strided if strided else 1
    image_shape = parts.check_image_shape(image_shape=image_shape, smallest=smallest, any_size=True)
    kernel = 4 if strided else 1

    def conv(x, filters, stride, name, **kwargs):
        if kernel > 1:
            x = layers.ZeroPadding2D(1, data_format="channels_last", name=f"{name}_padding")(x)
        return Conv2D(
            filters,
            kernel,
            stride,
            data_format="channels_last",
            kernel_initializer=Normal(STDDEV),
            name=name,
            **kwargs,
        )(x)

    images = layers.Input(image_shape, name="images")
    x = layers.Rescaling(2.0, -1.0, name="signed_range")(images)
    for i, stride in enumerate([2] * strided + [1] if strided else [1, 1]):
        x = conv(x, width * min(2**i, WIDEST), stride, f"conv{i + 1}", use_bias=i == 0)
        if i > 0:
            x = parts.batch_norm(f"bn{i + 1}", Normal(STDDEV, mean=1.0))(x)
        x = layers.LeakyReLU(LEAK, name=f"leaky_relu{i + 1}")(x)
    x = conv(x, 1, 1, "output", dtype="float32")
    return keras.Model(images, x, name=name)
