"""Mirror images, rotations and other moves of the whole image."""

import math

import keras
from keras import ops

from keras_sslzoo.views.base import Coin, between, check_interval, check_probability, choose, whole_number


def _images(coin):
    """The coins (B,) as they stand beside images, or None."""
    return None if coin is None else coin[:, None, None, None]


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomFlip(Coin):
    """Mirror with probability `p`. After a crop, `RandomResizedCrop(flip=p)` does it at no cost.

    Args:
        p: probability.
        direction: "horizontal" (left and right change places) or "vertical".
    """

    def __init__(self, p=0.5, direction="horizontal"):
        if direction not in ("horizontal", "vertical"):
            raise ValueError(f'`direction` must be "horizontal" or "vertical". Received: direction={direction!r}.')
        self.p = check_probability("p", p)
        self.direction = direction

    def _change(self, images, u, coin):
        return choose(_images(coin), ops.flip(images, axis=2 if self.direction == "horizontal" else 1), images)


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomRotate90(Coin):
    """Turn square images by 90, 180 or 270 degrees, others by 180, with probability `p`. Pixels stay as they are."""

    def __init__(self, p=0.75):
        self.p = check_probability("p", p)

    parameters = 1

    def _change(self, images, u, coin):
        half = ops.flip(images, axis=(1, 2))
        if images.shape[1] != images.shape[2]:
            return choose(_images(coin), half, images)
        turns = whole_number(u[:, :1, None, None], 3)
        upright = ops.transpose(images, (0, 2, 1, 3))
        turned = ops.where(turns < 1, ops.flip(upright, axis=1), ops.where(turns < 2, half, ops.flip(upright, axis=2)))
        return choose(_images(coin), turned, images)


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomAffine(Coin):
    """Rotate about the centre, shear, scale and move, bilinear, with probability `p`; torchvision's semantics.

    Args:
        degrees: d for angles in [-d, d], or a pair (least, most); clockwise, as torchvision's RandomAffine.
        translate: (horizontal, vertical) largest move, as a share of the width and height.
        scale: (least, most) factor.
        shear: d for angles in [-d, d] along x, a pair (least, most), or four numbers (x least, x most, y least, y most),
            in degrees.
        p: probability.
        fill: value of what comes from outside the image.
    """

    parameters = 6

    def __init__(self, degrees=0.0, translate=(0.0, 0.0), scale=(1.0, 1.0), shear=0.0, p=1.0, fill=0.0):
        self.degrees, self.shear = degrees, shear
        self._degrees = _angles("degrees", degrees, 360.0)
        self.translate = tuple(check_probability("translate", share) for share in translate)
        self.scale = check_interval("scale", scale)
        if self.scale[0] == 0.0 or len(self.translate) != 2:
            raise ValueError(f"A factor is above 0, a move is a pair. Received: scale={scale}, translate={translate}.")
        pairs = (shear[:2], shear[2:]) if isinstance(shear, (tuple, list)) and len(shear) == 4 else (shear, 0.0)
        self._shear = tuple(_angles("shear", pair, 89.0) for pair in pairs)
        self.p = check_probability("p", p)
        self.fill = check_probability("fill", fill)

    def _change(self, images, u, coin):
        _, height, width, _ = images.shape
        radians = math.pi / 180
        angle = choose(coin, radians * between(u[:, 0], self._degrees), 0.0)
        shear_x, shear_y = (choose(coin, radians * between(u[:, 1 + i], self._shear[i]), 0.0) for i in range(2))
        scale = choose(coin, between(u[:, 3], self.scale), 1.0)
        # whole pixels, as torchvision's
        right, down = (
            choose(coin, ops.round(between(u[:, 4 + i], (-share * size, share * size))), 0.0)
            for i, (share, size) in enumerate(zip(self.translate, (width, height), strict=True))
        )
        cos, sin, tan = ops.cos(angle - shear_y), ops.sin(angle - shear_y), ops.tan(shear_x)
        upright = ops.cos(shear_y)
        # forward, about the centre: x' = scale (a x + b y) + right, y' = scale (c x + d y) + down, with a d - b c = 1
        a, b = cos / upright, -cos * tan / upright - ops.sin(angle)
        c, d = sin / upright, -sin * tan / upright + ops.cos(angle)
        x = (ops.arange(width, dtype="float32") + (0.5 - width / 2))[None, None, :] - right[:, None, None]
        y = (ops.arange(height, dtype="float32") + (0.5 - height / 2))[None, :, None] - down[:, None, None]
        a, b, c, d = (v[:, None, None] for v in (a / scale, b / scale, c / scale, d / scale))
        return _read(images, a * y - c * x + (height / 2 - 0.5), d * x - b * y + (width / 2 - 0.5), self.fill)


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomRotation(Coin):
    """Rotate about the centre, bilinear, with probability `p`; torchvision's semantics.

    Args:
        degrees: d for angles in [-d, d], or a pair (least, most); counter-clockwise.
        p: probability.
        fill: value of what comes from outside the image.
    """

    parameters = 1

    def __init__(self, degrees, p=1.0, fill=0.0):
        self.degrees = degrees
        self._degrees = _angles("degrees", degrees, 360.0)
        self.p = check_probability("p", p)
        self.fill = check_probability("fill", fill)

    def _change(self, images, u, coin):
        _, height, width, _ = images.shape
        angle = choose(coin, (math.pi / 180) * between(u[:, 0], self._degrees), 0.0)[:, None, None]
        x = (ops.arange(width, dtype="float32") + (0.5 - width / 2))[None, None, :]
        y = (ops.arange(height, dtype="float32") + (0.5 - height / 2))[None, :, None]
        cos, sin = ops.cos(angle), ops.sin(angle)
        return _read(images, x * sin + y * cos + (height / 2 - 0.5), x * cos - y * sin + (width / 2 - 0.5), self.fill)


def _angles(name, value, most):
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(
                f"`{name}` must be an angle of at least 0 or a pair (least, most). Received: {name}={value}."
            )
        value = (-value, value)
    return check_interval(name, value, -most, most)


def _read(images, rows, cols, fill):
    """Bilinear values of images (B, H, W, C) at pixel coordinates (B, h, w); pixels outside count as `fill`."""
    _, height, width, channels = images.shape
    top, left = ops.floor(rows), ops.floor(cols)
    down, right = rows - top, cols - left
    flat = ops.reshape(images, (-1, channels))
    first = ops.arange(ops.shape(images)[0], dtype="int32")[:, None, None] * (height * width)
    result, known = 0.0, 0.0
    for y, weight_y in ((top, 1.0 - down), (top + 1.0, down)):
        for x, weight_x in ((left, 1.0 - right), (left + 1.0, right)):
            inside = ops.logical_and(ops.logical_and(y >= 0, y < height), ops.logical_and(x >= 0, x < width))
            weight = ops.where(inside, weight_y * weight_x, 0.0)
            pixel = ops.clip(y, 0, height - 1) * width + ops.clip(x, 0, width - 1)
            index = first + ops.cast(pixel, "int32")
            values = ops.reshape(ops.take(flat, ops.reshape(index, (-1,)), axis=0), (*ops.shape(index), channels))
            result += weight[..., None] * values
            known += weight
    return result + fill * (1.0 - known)[..., None] if fill else result
