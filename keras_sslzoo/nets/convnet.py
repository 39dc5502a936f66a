"""Small convolutional encoder and decoder for images of 28 to 64 pixels, fast on two CPU cores.

ConvNet      (B, H, W, C) -4 x [conv 3x3, batch norm, ReLU]-> (B, H/8, W/8, c) -means over a 2x2 grid-> (B, D = 4c)
ConvDecoder  (B, Z) -dense, ReLU-> (B, h, w, c) -n x [transposed conv 4x4, stride 2]-> crop -> (B, H, W, C)
"""

import math

import keras
from keras import layers

from keras_sslzoo.layers import Conv2D, Conv2DTranspose
from keras_sslzoo.nets import parts
from keras_sslzoo.nets.initializers import GlorotUniform, HeNormal, Normal


def ConvNet(input_shape=(28, 28, 1), width=32, features=512, grid=2, normalization=None, name="convnet"):
    """Encoder `(B, H, W, C) -> (B, features)` of four 3x3 convolutions; features are >= 0, as a ResNet's are.

    Has 185,888 parameters by default. Its features are means over the cells of a grid, so that they know top from
    bottom; with `grid=1` they are means over the whole image. Computes in the global dtype policy, in which the output
    stays.

    Args:
        input_shape: `(H, W, C)`; with `grid=1` H and W may be None.
        width: channels of the first stage; the stages have width, 2 width, 3 width and features / grid^2 channels.
        features: D, size of the output.
        grid: cells on each side.
        normalization: `(mean, std)`, floats or one per channel, applied by the first layer.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    input_shape = parts.check_image_shape(input_shape=input_shape, any_size=True)
    parts.check_positive(width=width, features=features, grid=grid)
    if features % grid**2:
        raise ValueError(
            f"`features` must be divisible by the cells of the grid. Received: features={features}, grid={grid}, "
            f"{grid**2} cells. Pass e.g. features={grid**2 * 64}."
        )
    if grid > 1 and (None in input_shape or min(input_shape[:2]) <= 8 * (grid - 1)):
        raise ValueError(
            f"A grid of {grid} x {grid} cells needs images of a fixed size of at least {8 * (grid - 1) + 1} pixels. "
            f"Received: input_shape={input_shape}. Pass grid=1 for means over the whole image."
        )
    normalization = parts.check_normalization(normalization, input_shape[-1])

    images = layers.Input(input_shape, name="images")
    x = parts.normalize(images, normalization)
    stages = ((width, 2), (2 * width, 2), (3 * width, 2), (features // grid**2, 1))
    for i, (filters, stride) in enumerate(stages, start=1):
        x = Conv2D(
            filters,
            3,
            stride,
            "same",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=HeNormal(),
            name=f"conv{i}",
        )(x)
        x = parts.batch_norm(f"bn{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(x)
    if grid == 1:
        x = layers.GlobalAveragePooling2D(data_format="channels_last", name="pool")(x)
    else:
        x = layers.AdaptiveAveragePooling2D(grid, data_format="channels_last", name="pool")(x)
        x = layers.Flatten(data_format="channels_last", name="flatten")(x)
    return keras.Model(images, x, name=name)


def ConvDecoder(latent_dim, image_shape=(28, 28, 1), width=32, output_activation="sigmoid", name="conv_decoder"):
    """Decoder `(B, latent_dim) -> (B, H, W, C)` of transposed convolutions, for any image size.

    It has no batch norm, so that one decoding does not depend on the others. Computes in the global dtype policy, in
    which the output stays.

    Args:
        latent_dim: Z, size of the input.
        image_shape: `(H, W, C)`; where doubling a grid does not give H and W, the next larger image is cropped.
        width: channels before the last layer; they double with every layer back to the input.
        output_activation: "sigmoid" for images in [0, 1], None for logits or unbounded images.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    parts.check_positive(latent_dim=latent_dim, width=width)
    height, breadth, channels = parts.check_image_shape(image_shape=image_shape)
    times = parts.doublings(height, breadth)
    grid = parts.first_grid(height, breadth, times)
    filters = [width * 2**i for i in reversed(range(times))]

    latent = layers.Input((latent_dim,), name="latent")
    x = layers.Dense(math.prod(grid) * filters[0], "relu", kernel_initializer=HeNormal(), name="dense")(latent)
    x = layers.Reshape((*grid, filters[0]), name="reshape")(x)
    for i, n in enumerate((*filters[1:], channels), start=1):
        last = i == times
        # a kernel of 4 with stride 2 adds up 2x2 taps per output pixel
        fan_in, fan_out = 4 * x.shape[-1], 4 * n
        stddev = math.sqrt(2 / (fan_in + fan_out) if last else 2 / fan_in)
        x = Conv2DTranspose(
            n,
            4,
            2,
            "same",
            data_format="channels_last",
            activation=output_activation if last else "relu",
            kernel_initializer=Normal(stddev),
            name="output" if last else f"conv{i}",
        )(x)
    return keras.Model(latent, parts.crop(x, height, breadth), name=name)


def ConvEncoder(image_shape=(28, 28, 1), latent_dim=32, width=32, output_activation=None, name="conv_encoder"):
    """Encoder `(B, H, W, C) -> (B, latent_dim)` that keeps where things are: the mirror image of `ConvDecoder`.

    Convolutions of stride 2 down to a grid of 4 to 7 on its shorter side, then a dense layer. No batch norm. For features
    to classify by, `ConvNet` is the better one.

    Args:
        image_shape: `(H, W, C)`.
        latent_dim: Z, size of the output.
        width: channels of the first layer; they double with every layer.
        output_activation: of the dense layer.
        name: of the model.

    Returns:
        `keras.Model`.
    """
    parts.check_positive(latent_dim=latent_dim, width=width)
    height, breadth, _ = image_shape = parts.check_image_shape(image_shape=image_shape)
    x = images = layers.Input(image_shape, name="images")
    for i in range(parts.doublings(height, breadth)):
        x = Conv2D(
            width * 2**i,
            4,
            2,
            "same",
            data_format="channels_last",
            activation="relu",
            kernel_initializer=HeNormal(),
            name=f"conv{i + 1}",
        )(x)
    x = layers.Flatten(data_format="channels_last", name="flatten")(x)
    x = layers.Dense(latent_dim, output_activation, kernel_initializer=GlorotUniform(), name="output")(x)
    return keras.Model(images, x, name=name)
