"""The augmentations of the papers, scaled to the size of the view.

Both papers resize with a bicubic filter; these presets resize with a bilinear, antialiased one. Colours are jittered by
torchvision's factors, as in SimCLR's appendix A; BYOL's paper speaks of offsets.
"""

import operator

from keras_sslzoo.views.blur import GaussianBlur
from keras_sslzoo.views.color import ColorJitter, Grayscale, Solarize
from keras_sslzoo.views.crops import RandomResizedCrop
from keras_sslzoo.views.pipeline import MultiView, Pipeline

SMALL = 32  # CIFAR's size: up to here SimCLR's settings for CIFAR-10 hold, above those for ImageNet


def simclr(image_shape, color_strength=None, crop_scale=(0.08, 1.0), flip=0.5, blur=None, num_views=2):
    """SimCLR's views (Chen et al. 2020, arXiv 2002.05709, appendix A): each has the same distribution.

    The paper's: crop scale (0.08, 1) and ratio (3/4, 4/3), flip 0.5, colour jitter (0.8s, 0.8s, 0.8s, 0.2s) with
    probability 0.8, greyscale 0.2, blur with a kernel of 10 % of the size, sigma (0.1, 2) and probability 0.5; on
    CIFAR-10 (appendix B.9), s = 0.5 and no blur. Ours: CIFAR's settings hold for every size up to 32 pixels.

    Args:
        image_shape: (H, W, C) of a view. Images of any size are cropped and resized to it.
        color_strength: s. None: the paper's, 0.5 up to 32 pixels, else 1.
        crop_scale: (least, most) share of the image's area in a view.
        flip: probability of a mirror image; 0 for digits, letters and other things that have a left and a right.
        blur: probability. None: the paper's, 0 up to 32 pixels, else 0.5.
        num_views: int.

    Returns:
        `MultiView`: images (B, H', W', C), key -> tuple of `num_views` tensors (B, H, W, C).
    """
    image_shape = _check_shape(image_shape)
    small = min(image_shape[:2]) <= SMALL
    s = (0.5 if small else 1.0) if color_strength is None else color_strength
    blur = (0.0 if small else 0.5) if blur is None else blur
    jitter = (0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s)
    return MultiView([_view(image_shape, crop_scale, flip, jitter, blur) for _ in range(num_views)])


def byol(image_shape, color_strength=1.0, crop_scale=(0.08, 1.0), flip=0.5, blur=(1.0, 0.1), solarize=(0.0, 0.2)):
    """BYOL's two views (Grill et al. 2020, arXiv 2006.07733, appendix B, table 6): the second is sharper and solarized.

    The paper's: crop scale (0.08, 1) and ratio (3/4, 4/3), flip 0.5, colour jitter (0.4, 0.4, 0.2, 0.1) with
    probability 0.8, greyscale 0.2, blur with probability 1.0 and 0.1 and a kernel of 10 % of the size (23 pixels of 224)
    and sigma (0.1, 2), solarization with probability 0.0 and 0.2.

    Args:
        image_shape: (H, W, C) of a view. Images of any size are cropped and resized to it.
        color_strength: multiplies the jitter's four strengths.
        crop_scale: (least, most) share of the image's area in a view.
        flip: probability of a mirror image.
        blur: probability for each view.
        solarize: probability for each view.

    Returns:
        `MultiView`: images (B, H', W', C), key -> two tensors (B, H, W, C).
    """
    image_shape = _check_shape(image_shape)
    jitter = tuple(color_strength * strength for strength in (0.4, 0.4, 0.2, 0.1))
    return MultiView([_view(image_shape, crop_scale, flip, jitter, *p) for p in zip(blur, solarize, strict=True)])


def _view(image_shape, crop_scale, flip, jitter, blur, solarize=0.0):
    height, width, channels = image_shape
    kernel_size = min(height, width) // 10 // 2 * 2 + 1  # SimCLR's code: 10 % of the size, made odd
    operations = [
        RandomResizedCrop((height, width), scale=crop_scale, flip=flip),
        ColorJitter(*(jitter if channels == 3 else jitter[:2]), p=0.8),
    ]
    if channels == 3:
        operations.append(Grayscale(p=0.2))
    if kernel_size > 1 and blur > 0.0:
        operations.append(GaussianBlur(kernel_size, sigma=(0.1, 2.0), p=blur))
    if solarize > 0.0:
        operations.append(Solarize(threshold=0.5, p=solarize))
    return Pipeline(operations)


def _check_shape(image_shape):
    try:
        shape = tuple(operator.index(n) for n in image_shape)
    except TypeError:
        shape = ()
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(
            "`image_shape` must be the (height, width, channels) of a view, three positive ints. "
            f"Received: image_shape={image_shape}. Views have one static size: use for example (32, 32, 3)."
        )
    return shape
