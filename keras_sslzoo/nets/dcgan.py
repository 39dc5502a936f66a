"""DCGAN's generator and discriminator (Radford et al. 2016, arXiv:1511.06434) for images in [0, 1] of any size.

    DCGANGenerator      (B, Z) -dense, BN, ReLU-> (B, h, w, c) -n x [transposed conv 4x4 / 2, BN, ReLU]-> tanh
                        -> from [-1, 1] to [0, 1] (B, H, W, C)
    DCGANDiscriminator  (B, H, W, C) -> from [0, 1] to [-1, 1] -n x [conv 4x4 / 2, BN, LeakyReLU]-> dense (B, 1)

From section 3 of the paper: strides for pooling, batch norm everywhere but in the generator's output and the
discriminator's input layer, no hidden dense layers. Weights start from N(0, 0.02^2), the leak is 0.2 (section 4).
Kernels are 4x4 as in the authors' Lua code; the paper's figure 1 has 5x5.
"""

import math

import keras
from keras import layers

from keras_sslzoo.layers import Conv2D, Conv2DTranspose
from keras_sslzoo.nets import parts
from keras_sslzoo.nets.initializers import Normal

STDDEV = 0.02
LEAK = 0.2
WIDEST = 8  # in units of `width`: the paper's 1024 channels over 128


def _check(image_shape):
    return parts.check_image_shape(image_shape=image_shape, smallest=8)


def DCGANGenerator(latent_dim=100, image_shape=(28, 28, 1), width=64, name="dcgan_generator"):
    """Generator `(B, latent_dim) -> (B, H, W, C)` with images in [0, 1].

    The paper's net is `image_shape=(64, 64, 3), width=128`. Computes in the global dtype policy, in which the output
    stays.

    Args:
        latent_dim: Z, size of the noise.
        image_shape: `(H, W, C)` with H, W >= 8; where doubling a grid does not give H and W, the next larger image is
            cropped.
        width: channels before the last layer; they double with every layer back to the input, up to 8 width.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    parts.check_positive(latent_dim=latent_dim, width=width)
    height, breadth, channels = _check(image_shape)
    times = parts.doublings(height, breadth)
    grid = parts.first_grid(height, breadth, times)
    filters = [width * min(2**i, WIDEST) for i in reversed(range(times))]

    latent = layers.Input((latent_dim,), name="latent")
    x = layers.Dense(math.prod(grid) * filters[0], use_bias=False, kernel_initializer=Normal(STDDEV), name="dense")(
        latent
    )
    x = layers.Reshape((*grid, filters[0]), name="reshape")(x)
    x = doubled(x, filters[1:], (height, breadth, channels))
    return keras.Model(latent, x, name=name)


def doubled(x, filters, image_shape):
    """From a grid `(B, h, w, c)` to images in [0, 1]: [batch norm, ReLU, transposed convolution] doubles it for each filter,
    and once more to `image_shape`, with a tanh; what is larger is cropped."""
    height, breadth, channels = image_shape
    for i, n in enumerate((*filters, channels), start=1):
        x = parts.batch_norm(f"bn{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(x)
        last = i > len(filters)
        x = Conv2DTranspose(
            n,
            4,
            2,
            "same",
            data_format="channels_last",
            use_bias=last,
            activation="tanh" if last else None,
            kernel_initializer=Normal(STDDEV),
            name="output" if last else f"conv{i}",
        )(x)
    return layers.Rescaling(0.5, 0.5, name="unit_range")(parts.crop(x, height, breadth))


def DCGANDiscriminator(image_shape=(28, 28, 1), width=64, batch_norm=True, name="dcgan_discriminator"):
    """Discriminator or critic `(B, H, W, C) -> (B, 1)`: a logit, without activation, for images in [0, 1].

    The paper's net is `image_shape=(64, 64, 3), width=128`. Computes in the global dtype policy, in which the output
    stays.

    Args:
        image_shape: `(H, W, C)` with H, W >= 8.
        width: channels of the first layer; they double with every layer, up to 8 width.
        batch_norm: False for losses on the gradient at one image, which batch norm would mix with others (WGAN-GP).
        name: of the model.

    Returns:
        `keras.Model`.
    """
    parts.check_positive(width=width)
    image_shape = _check(image_shape)

    images = layers.Input(image_shape, name="images")
    x = layers.Rescaling(2.0, -1.0, name="signed_range")(images)
    for i in range(parts.doublings(*image_shape[:2])):
        normalized = batch_norm and i > 0
        x = Conv2D(
            width * min(2**i, WIDEST),
            4,
            2,
            "same",
            data_format="channels_last",
            use_bias=not normalized,
            kernel_initializer=Normal(STDDEV),
            name=f"conv{i + 1}",
        )(x)
        if normalized:
            x = parts.batch_norm(f"bn{i + 1}")(x)
        x = layers.LeakyReLU(LEAK, name=f"leaky_relu{i + 1}")(x)
    x = layers.Flatten(data_format="channels_last", name="flatten")(x)
    x = layers.Dense(1, kernel_initializer=Normal(STDDEV), name="output")(x)
    return keras.Model(images, x, name=name)
