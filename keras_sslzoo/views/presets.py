"""The augmentations of the papers, scaled to the size of the view.

    crop, mirror --> colour jitter --> greyscale --> blur --> solarize           one `Pipeline` for each view

Crops are resized as in the official code: bicubic, or bilinear for MoCo and SwAV, and antialiased, as Pillow does it
(SimCLR's and BYOL's TensorFlow code is bicubic without antialiasing). Colours are jittered by torchvision's factors, as in
SimCLR's appendix A; BYOL's paper speaks of offsets. A blur's kernel is cut to 10 % of the size, as in SimCLR's and BYOL's
code; Pillow's, in the PyTorch ones, is not. What has no meaning for C channels (saturation, hue and greyscale where C != 3)
is left out.
"""

import operator

from keras_sslzoo.views.blur import GaussianBlur
from keras_sslzoo.views.color import ColorJitter, Grayscale, Solarize
from keras_sslzoo.views.crops import RandomCrop, RandomResizedCrop
from keras_sslzoo.views.pipeline import MultiCrop, MultiView, Pipeline

SMALL = 32  # CIFAR's size: up to here SimCLR's settings for CIFAR-10 hold, above those for ImageNet
STRONG = (0.8, 0.8, 0.8, 0.2)  # SimCLR's jitter at strength 1
WEAK = (0.4, 0.4, 0.2, 0.1)  # BYOL's


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
    jitter = tuple(s * strength for strength in STRONG)
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
    jitter = tuple(color_strength * strength for strength in WEAK)
    return MultiView([_view(image_shape, crop_scale, flip, jitter, *p) for p in zip(blur, solarize, strict=True)])


def moco_v1(image_shape, crop_scale=(0.2, 1.0)):
    """MoCo's two views (He et al. 2019, arXiv 1911.05722, section 3.3; official code: main_moco.py).

    The paper's: crop scale (0.2, 1), greyscale 0.2, colour jitter (0.4, 0.4, 0.4, 0.4) always, flip 0.5. Ours: greyscale
    after the jitter, where the code has it before.

    Args:
        image_shape: (H, W, C) of a view. Images of any size are cropped and resized to it.
        crop_scale: (least, most) share of the image's area in a view.

    Returns:
        `MultiView`: images (B, H', W', C), key -> two tensors (B, H, W, C).
    """
    image_shape = _check_shape(image_shape)
    options = {"jitter_p": 1.0, "interpolation": "bilinear"}
    return MultiView([_view(image_shape, crop_scale, 0.5, (0.4, 0.4, 0.4, 0.4), **options) for _ in range(2)])


def moco_v2(image_shape, crop_scale=(0.2, 1.0)):
    """MoCo v2's two views (Chen et al. 2020, arXiv 2003.04297, section 3; official code: main_moco.py, `--aug-plus`).

    The paper's: crop scale (0.2, 1), colour jitter (0.4, 0.4, 0.4, 0.1) with probability 0.8, greyscale 0.2, blur with sigma
    (0.1, 2) and probability 0.5, flip 0.5. Ours: no blur up to 32 pixels, as SimCLR on CIFAR-10.

    Args and returns: see `moco_v1`.
    """
    image_shape = _check_shape(image_shape)
    options = {"blur": _blur(image_shape, 0.5), "interpolation": "bilinear"}
    return MultiView([_view(image_shape, crop_scale, 0.5, (0.4, 0.4, 0.4, 0.1), **options) for _ in range(2)])


def swav(image_shape, num_local=6, local_size=None, global_scale=(0.14, 1.0), local_scale=(0.05, 0.14)):
    """SwAV's multi-crop (Caron et al. 2020, arXiv 2006.09882, section 3.2; official code: swav_800ep_pretrain.sh).

    The paper's: two crops of 224 pixels with scale (0.14, 1) and six of 96 with (0.05, 0.14), flip 0.5, SimCLR's colours at
    strength 1, greyscale 0.2, blur with probability 0.5. Ours: no blur up to 32 pixels.

    Args:
        image_shape: (H, W, C) of a global view.
        num_local: number of local views.
        local_size: int or (h, w) of a local view. None: 96/224 of the global one, in steps of 4 pixels.
        global_scale, local_scale: (least, most) share of the image's area.

    Returns:
        `MultiCrop`: images (B, H', W', C), key -> two tensors (B, H, W, C) and `num_local` of (B, h, w, C).
    """
    image_shape = _check_shape(image_shape)
    local_shape = _local_shape(image_shape, local_size)
    large, small = (
        _view(shape, scale, 0.5, STRONG, _blur(shape, 0.5), interpolation="bilinear")
        for shape, scale in ((image_shape, global_scale), (local_shape, local_scale))
    )
    return MultiCrop([large, large], small, num_local)


def dino(image_shape, num_local=8, local_size=None, global_scale=(0.4, 1.0), local_scale=(0.05, 0.4)):
    """DINO's multi-crop (Caron et al. 2021, arXiv 2104.14294, appendix B; official code: main_dino.py).

    The code's: two crops of 224 pixels with scale (0.4, 1) and eight of 96 with (0.05, 0.4), flip 0.5, BYOL's colours with
    probability 0.8, greyscale 0.2; blur with probability 1.0 for the first, 0.1 for the second, 0.5 for local crops;
    solarization 0.2 for the second. The kernel of the blur is Pillow's there, ours is cut to 10 % of the size.

    Args and returns: see `swav`.
    """
    image_shape = _check_shape(image_shape)
    local_shape = _local_shape(image_shape, local_size)
    first, second = (_view(image_shape, global_scale, 0.5, WEAK, *p) for p in ((1.0, 0.0), (0.1, 0.2)))
    return MultiCrop([first, second], _view(local_shape, local_scale, 0.5, WEAK, 0.5), num_local)


def barlow_twins(image_shape):
    """The two views of Barlow Twins (Zbontar et al. 2021, arXiv 2103.03230, section 2.2): those of BYOL.

    Args and returns: see `byol`.
    """
    return byol(image_shape)


def vicreg(image_shape):
    """VICReg's two views (Bardes et al. 2021, arXiv 2105.04906, appendix C.1): both of one distribution.

    The paper's: BYOL's crops and colours, blur with probability 0.5, solarization with probability 0.1. Ours: no blur up to
    32 pixels. The authors' code (augmentations.py) has BYOL's asymmetric pair in their place: `byol`.

    Args and returns: see `byol`.
    """
    image_shape = _check_shape(image_shape)
    return MultiView([_view(image_shape, (0.08, 1.0), 0.5, WEAK, _blur(image_shape, 0.5), 0.1) for _ in range(2)])


def mae(image_shape, crop_scale=(0.2, 1.0)):
    """The one view of masked autoencoders (He et al. 2021, arXiv 2111.06377, section 4.1; main_pretrain.py).

    The code's: crop scale (0.2, 1), bicubic, flip 0.5, no colours.

    Args:
        image_shape: (H, W, C) of the view.
        crop_scale: (least, most) share of the image's area in the view.

    Returns:
        `Pipeline`: images (B, H', W', C), key -> (B, H, W, C).
    """
    height, width, _ = _check_shape(image_shape)
    return Pipeline([RandomResizedCrop((height, width), crop_scale, flip=0.5, interpolation="bicubic")])


def supervised(image_shape):
    """The one view of supervised training: what a classifier is compared under.

    Above 32 pixels: crop scale (0.08, 1), bilinear, flip 0.5, as torchvision's reference. Up to 32: four pixels of padding
    at 32, in proportion below, a random crop, flip 0.5 (He et al. 2015, arXiv 1512.03385, section 4.2, on CIFAR-10).

    Args and returns: see `mae`.
    """
    height, width, _ = _check_shape(image_shape)
    if min(height, width) > SMALL:
        return Pipeline([RandomResizedCrop((height, width), flip=0.5)])
    return Pipeline([RandomCrop((height, width), padding=max(1, min(height, width) // 8), flip=0.5)])


def _view(image_shape, crop_scale, flip, jitter, blur=0.0, solarize=0.0, jitter_p=0.8, interpolation="bicubic"):
    height, width, channels = image_shape
    kernel_size = min(height, width) // 10 // 2 * 2 + 1  # SimCLR's code: 10 % of the size, made odd
    operations = [
        RandomResizedCrop((height, width), scale=crop_scale, flip=flip, interpolation=interpolation),
        ColorJitter(*(jitter if channels == 3 else jitter[:2]), p=jitter_p),
    ]
    if channels == 3:
        operations.append(Grayscale(p=0.2))
    if kernel_size > 1 and blur > 0.0:
        operations.append(GaussianBlur(kernel_size, sigma=(0.1, 2.0), p=blur))
    if solarize > 0.0:
        operations.append(Solarize(threshold=0.5, p=solarize))
    return Pipeline(operations)


def _blur(image_shape, p):
    """The probability, or 0 up to 32 pixels."""
    return 0.0 if min(image_shape[:2]) <= SMALL else p


def _local_shape(image_shape, local_size):
    height, width, channels = image_shape
    if local_size is None:
        local_size = tuple(max(4, round(96 / 224 * n / 4) * 4) for n in (height, width))
    pair = (local_size, local_size) if isinstance(local_size, int) else tuple(local_size)
    shape = _check_shape((*pair, channels))
    if shape == tuple(image_shape):
        raise ValueError(
            "Local views are told from global ones by their size, so the two must differ. Received: "
            f"image_shape={image_shape}, local_size={local_size}. Use a smaller local_size."
        )
    return shape


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
