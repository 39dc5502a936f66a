"""Noto emoji: 1,636 colour images (32, 32, 3) with names and categories. Images Apache-2.0 Google, metadata MIT.

emoji.webp (40 columns of 32x32, lossless) + emoji.json (one row each) -> Emoji, in the order of Unicode's chart
Emoji.captions: names, short names and (sub)categories --EMOJI_TEMPLATES--> texts for CLIP
"""

import io
import json
import re
import string
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_sslzoo.data.assets import read_asset

SIZE, COLUMNS = 32, 40

EMOJI_TEMPLATES = (
    "an emoji of {name}",
    "{name}",
    "a picture of {name}",
    "a small drawing of {name}",
    "{name}, an emoji of {category}",
    "{name}, {subcategory}",
)
SPOKEN = {"+1": "plus one", "-1": "minus one"}  # short names without letters


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

    def captions(self, templates=EMOJI_TEMPLATES):
        """Texts by template, in lower case: what CLIP trains on.

        A template is filled for the emoji's name, then for its short names; within an emoji no text repeats. With the
        default templates the first text is the default caption, "an emoji of pot of food", which differs between all
        emoji but two (both "man in tuxedo").

        Args:
            templates: strings with the fields `{name}`, `{category}`, `{subcategory}`.

        Returns:
            N tuples of str, the first template's first.

        Example:
            >>> data = emoji()
            >>> texts = [captions[0] for captions in data.captions()]
        """
        if isinstance(templates, str) or not len(templates):
            raise ValueError(
                f"`templates` must be a sequence of at least one string. Received: {templates!r}. "
                "Use EMOJI_TEMPLATES, or a tuple."
            )
        for template in templates:
            fields = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
            if unknown := fields - {"name", "category", "subcategory"}:
                raise ValueError(
                    "A template's fields must be {name}, {category} or {subcategory}. "
                    f"Received: {', '.join(sorted(unknown)) or 'an empty one'} in {template!r}. Correct it."
                )
        texts = []
        rows = zip(self.names, self.short_names, self.categories, self.subcategories, strict=True)
        for name, short_names, category, subcategory in rows:
            words = {"category": _plain(category), "subcategory": _plain(subcategory.replace("-", " "))}
            names = [_plain(name), *(SPOKEN.get(n) or _plain(re.sub("[_-]", " ", n)) for n in short_names)]
            texts.append(tuple(dict.fromkeys(t.format(name=n, **words).lower() for t in templates for n in names)))
        return tuple(texts)


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


def _plain(text):
    """Lower case, without marks: "Family: man, boy" -> "family, man, boy", "Food & Drink" -> "food and drink"."""
    return str(text).lower().replace("&", "and").replace(":", ",").replace("\u2019", "'")
