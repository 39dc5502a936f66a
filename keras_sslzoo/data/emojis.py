"""Noto emoji: 1,636 colour images (32, 32, 3) with names and categories. Images Apache-2.0 Google, metadata MIT.

emoji.webp (40 columns of 32x32, lossless) + emoji.json (one row each) -> Emoji, in the order of Unicode's chart
"""

import io
import json
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_sslzoo.data.assets import read_asset

SIZE, COLUMNS = 32, 40


class Emoji(NamedTuple):
    """The N = 1,636 base emoji (no flags, no skin tones); entry i of each field is the same emoji."""

    images: np.ndarray
    """uint8 (N, 32, 32, 3), on white."""
    names: np.ndarray
    """str (N,), Unicode's names in lower case: "pot of food"."""
    short_names: tuple
    """N tuples of str, the most usual first: ("stew",)."""
    categories: np.ndarray
    """str (N,), one of 8: "Food & Drink"."""
    subcategories: np.ndarray
    """str (N,), one of 95: "food-prepared"."""
    code_points: np.ndarray
    """str (N,), hexadecimal, as in other emoji sets: "1F372", "2764-FE0F"."""
    train: np.ndarray
    """bool (N,), the fixed split: True for 1,300, False for the 336 held out, stratified by category."""


def emoji():
    """Load the bundled emoji, as one `Emoji`.

    Neighbours are alike (the order is Unicode's chart): shuffle before you take a part. The split keeps identical
    pictures together, but near twins (man and woman versions, clock faces) stand on both sides of it.

    Example:
        >>> data = emoji()
        >>> x, x_test = data.images[data.train], data.images[~data.train]
    """
    rows = json.loads(read_asset("emoji.json"))
    with Image.open(io.BytesIO(read_asset("emoji.webp"))) as image:
        atlas = np.asarray(image.convert("RGB"))
    tiles = atlas.reshape(-1, SIZE, COLUMNS, SIZE, 3).swapaxes(1, 2).reshape(-1, SIZE, SIZE, 3)

    def column(key):
        return np.array([row[key] for row in rows])

    return Emoji(
        images=tiles[: len(rows)].copy(),
        names=column("name"),
        short_names=tuple(tuple(row["short_names"]) for row in rows),
        categories=column("category"),
        subcategories=column("subcategory"),
        code_points=column("code_point"),
        train=column("train"),
    )
