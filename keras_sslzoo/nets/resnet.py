"""Residual networks (He et al. 2016, arXiv:1512.03385) as torchvision builds them, so that its weights fit.

    (B, H, W, C) -stem-> (B, H/4, W/4, w) -layer1..4-> (B, H/32, W/32, 8 w e) -mean over space-> (B, 8 w e)

with w = 64 channels and the expansion e = 1 (18, 34 layers) or 4 (50). The "small" stem, for images of about 32 pixels,
keeps H and W (SimCLR, arXiv:2002.05709, appendix B.9). "v1.5": a bottleneck strides in its 3x3 convolution.
Layers have torchvision's names with `_` for `.`: layer1_0_conv1, layer2_0_downsample_0.
"""

import keras
from keras import layers

from keras_sslzoo.layers import Conv2D
from keras_sslzoo.nets import parts
from keras_sslzoo.nets.initializers import HeNormal


def _conv(x, filters, kernel, stride, name):
    """torch's `Conv2d(padding=kernel // 2, bias=False)`."""
    if stride > 1 and kernel > 1:
        # Keras pads "same" at stride 2 on the far side only where the size is even; torch on both
        x = layers.ZeroPadding2D(kernel // 2, data_format="channels_last", name=f"{name}_pad")(x)
    return Conv2D(
        filters,
        kernel,
        stride,
        "same" if stride == 1 else "valid",
        data_format="channels_last",
        use_bias=False,
        kernel_initializer=HeNormal("fan_out"),
        name=name,
    )(x)


def _shortcut(x, filters, stride, name):
    if stride == 1 and x.shape[-1] == filters:
        return x
    x = _conv(x, filters, 1, stride, f"{name}_downsample_0")
    return parts.batch_norm(f"{name}_downsample_1")(x)


def _basic_block(x, filters, stride, last_gamma, name):
    y = _conv(x, filters, 3, stride, f"{name}_conv1")
    y = parts.batch_norm(f"{name}_bn1")(y)
    y = layers.ReLU(name=f"{name}_relu1")(y)
    y = _conv(y, filters, 3, 1, f"{name}_conv2")
    y = parts.batch_norm(f"{name}_bn2", last_gamma)(y)
    y = layers.Add(name=f"{name}_add")([y, _shortcut(x, filters, stride, name)])
    return layers.ReLU(name=f"{name}_relu")(y)


def _bottleneck(x, filters, stride, last_gamma, name):
    y = _conv(x, filters, 1, 1, f"{name}_conv1")
    y = parts.batch_norm(f"{name}_bn1")(y)
    y = layers.ReLU(name=f"{name}_relu1")(y)
    y = _conv(y, filters, 3, stride, f"{name}_conv2")
    y = parts.batch_norm(f"{name}_bn2")(y)
    y = layers.ReLU(name=f"{name}_relu2")(y)
    y = _conv(y, 4 * filters, 1, 1, f"{name}_conv3")
    y = parts.batch_norm(f"{name}_bn3", last_gamma)(y)
    y = layers.Add(name=f"{name}_add")([y, _shortcut(x, 4 * filters, stride, name)])
    return layers.ReLU(name=f"{name}_relu")(y)


def _resnet(block, depths, input_shape, stem, normalization, width, zero_init_residual, name):
    input_shape = parts.check_image_shape(input_shape=input_shape, any_size=True)
    if stem not in ("imagenet", "small"):
        raise ValueError(
            f"`stem` must be 'imagenet' or 'small'. Received: stem={stem!r}. Use 'small' for images of about 32 pixels."
        )
    normalization = parts.check_normalization(normalization, input_shape[-1])
    parts.check_positive(width=width)

    images = layers.Input(input_shape, name="images")
    x = parts.normalize(images, normalization)
    x = _conv(x, width, 3, 1, "conv1") if stem == "small" else _conv(x, width, 7, 2, "conv1")
    x = parts.batch_norm("bn1")(x)
    x = layers.ReLU(name="relu")(x)
    if stem == "imagenet":
        # after a ReLU, padding with 0 and with torch's -inf give the same maxima
        x = layers.ZeroPadding2D(1, data_format="channels_last", name="maxpool_pad")(x)
        x = layers.MaxPooling2D(3, 2, data_format="channels_last", name="maxpool")(x)
    last_gamma = "zeros" if zero_init_residual else "ones"
    for stage, depth in enumerate(depths, start=1):
        for i in range(depth):
            stride = 2 if stage > 1 and i == 0 else 1
            x = block(x, width * 2 ** (stage - 1), stride, last_gamma, f"layer{stage}_{i}")
    x = layers.GlobalAveragePooling2D(data_format="channels_last", name="avgpool")(x)
    return keras.Model(images, x, name=name)


def ResNet18(
    input_shape=(224, 224, 3),
    stem="imagenet",
    normalization=None,
    width=64,
    zero_init_residual=False,
    name="resnet18",
):
    """ResNet-18 without its classifier, `(B, H, W, C) -> (B, 8 width)`: 512 features.

    Computes in the global dtype policy, in which the output stays.

    Args:
        input_shape: `(H, W, C)`; H and W may be None.
        stem: "imagenet" (7x7 convolution with stride 2, max-pool with stride 2) or "small" (3x3, no stride, no pool).
        normalization: `(mean, std)`, floats or one per channel, applied by the first layer.
        width: channels of the first stage.
        zero_init_residual: whether every block starts as the identity (the last gamma of each is 0).
        name: of the model.

    Returns:
        `keras.Model`.
    """
    return _resnet(_basic_block, (2, 2, 2, 2), input_shape, stem, normalization, width, zero_init_residual, name)


def ResNet34(
    input_shape=(224, 224, 3),
    stem="imagenet",
    normalization=None,
    width=64,
    zero_init_residual=False,
    name="resnet34",
):
    """ResNet-34 without its classifier, `(B, H, W, C) -> (B, 8 width)`: 512 features. Args: see `ResNet18`."""
    return _resnet(_basic_block, (3, 4, 6, 3), input_shape, stem, normalization, width, zero_init_residual, name)


def ResNet50(
    input_shape=(224, 224, 3),
    stem="imagenet",
    normalization=None,
    width=64,
    zero_init_residual=False,
    name="resnet50",
):
    """ResNet-50 without its classifier, `(B, H, W, C) -> (B, 32 width)`: 2048 features. Args: see `ResNet18`."""
    return _resnet(_bottleneck, (3, 4, 6, 3), input_shape, stem, normalization, width, zero_init_residual, name)
