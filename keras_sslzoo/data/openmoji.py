"""OpenMoji: 2,195 pairs of a black outline and the coloured drawing of one emoji, for image-to-image translation.

    $SSLZOO_DATA_DIR/openmoji -> ./node_modules/openmoji -> an error that says what to do
    black/svg/1F372.svg, color/svg/1F372.svg --resvg, on white--> inputs, targets (N, size, size, 3)

OpenMoji by HfG Schwäbisch Gmünd and others, https://openmoji.org, CC-BY-SA 4.0: name the authors where you show
pictures or give away arrays, and share those under the same licence. Nothing of it is bundled with this library.
"""

import hashlib
import io
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_sslzoo.data.installed import data_folder, verify

# Of the file, and of the SVG files used, joined in the order of openmoji.json.
SHA256 = {
    "data/openmoji.json": "ab181dd523021dfbe2b98a13d96ab384b7b3014d17815261bc267fb39d9a211b",
    "black/svg": "ed88bf90ee30b8f4b346fec5a782242e7c9a369afb5c29798dada4ae03686d1e",
    "color/svg": "a080509ebffc802343606b8c31bc3cc0e40fc209773a4ea91090d48d84b59637",
}
REMEDY = (
    "Run `npm install openmoji@17.0.0 && pip install resvg-py` in the working folder, or put the npm package into "
    "$SSLZOO_DATA_DIR/openmoji."
)


class OpenMojiPairs(NamedTuple):
    """The N = 2,195 pairs (no flags, no skin tones); entry i of each field is the same emoji."""

    inputs: np.ndarray
    """uint8 (N, size, size, 3), the black outlines, on white."""
    targets: np.ndarray
    """uint8 (N, size, size, 3), the coloured drawings, on white."""
    names: np.ndarray
    """str (N,): "pot of food"."""
    tags: tuple
    """N tuples of str, possibly empty: ("food", "pot", "soup", "stew")."""
    groups: np.ndarray
    """str (N,), one of 11: "food-drink"."""
    subgroups: np.ndarray
    """str (N,): "food-prepared"."""
    code_points: np.ndarray
    """str (N,), hexadecimal: "1F372". Those from E000 to F8FF are OpenMoji's own ("extras-openmoji")."""
    train: np.ndarray
    """bool (N,), the fixed split: True for 1,751, False for the 444 held out."""


def openmoji_pairs(size=64):
    """Render the pairs of the installed npm package `openmoji` 17.0.0 by the Python package `resvg-py`.

    Takes 5 to 10 seconds at 64 pixels: 4,390 drawings. The npm package holds SVG files, no PNG files. In 127 pairs the
    drawing is the outline (nothing has a colour), and one outline is blank. The split keeps equal outlines on one side
    (but for "bird" and "black bird"), so that no held-out input was trained on; near twins (man and woman versions)
    stand on both sides.

    Args:
        size: height and width in pixels.

    Returns:
        `OpenMojiPairs`, which starts with (inputs, targets).

    Raises:
        FileNotFoundError: openmoji is not installed; ImportError: resvg-py is not. The message names the command.
        ValueError: the files hold something else, or `size` is not a whole number of at least 8.

    Example:
        >>> data = openmoji_pairs()
        >>> x, y = data.inputs[data.train], data.targets[data.train]
    """
    if not isinstance(size, int) or size < 8:
        raise ValueError(f"`size` must be a whole number of at least 8. Received: size={size!r}. Use 64.")
    folder = find_folder()
    try:
        import resvg_py
    except ImportError as error:
        raise ImportError(f"The Python package `resvg-py` draws the SVG files. Received: {error}. {REMEDY}") from error

    rows = json.loads(_read(folder, "data/openmoji.json"))
    rows = [row for row in rows if not row["skintone"] and row["group"] != "flags"]
    files = {kind: [_read(folder, f"{kind}/{row['hexcode']}.svg") for row in rows] for kind in SHA256 if "svg" in kind}
    for kind, contents in files.items():
        verify(folder / kind, b"".join(contents), SHA256[kind], REMEDY)

    def draw(svg):
        png = resvg_py.svg_to_bytes(
            svg_string=svg.decode(), width=size, height=size, background="white", skip_system_fonts=True
        )
        with Image.open(io.BytesIO(png)) as image:
            return np.asarray(image.convert("RGB"))

    def column(key):
        return np.array([row[key] for row in rows])

    return OpenMojiPairs(
        inputs=np.stack([draw(svg) for svg in files["black/svg"]]),
        targets=np.stack([draw(svg) for svg in files["color/svg"]]),
        names=np.char.lower(column("annotation")),
        tags=tuple(_tags(row) for row in rows),
        groups=column("group"),
        subgroups=column("subgroups"),
        code_points=column("hexcode"),
        train=np.array([_trains(svg) for svg in files["black/svg"]]),
    )


def find_folder():
    """The installed npm package `openmoji`: a Path."""
    root = data_folder()
    places = [Path("node_modules/openmoji")] if root is None else [root / "openmoji", Path("node_modules/openmoji")]
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"OpenMoji must be installed. Received: no folder {' or '.join(str(place.absolute()) for place in places)}. "
        f"{REMEDY}"
    )


def _read(folder, name):
    try:
        data = (folder / name).read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"A file of OpenMoji 17.0.0 is missing. Received: {folder / name}. {REMEDY}") from error
    if name in SHA256:
        verify(folder / name, data, SHA256[name], REMEDY)
    return data


def _tags(row):
    words = re.split(r"\s*,\s*", f"{row['tags']},{row['openmoji_tags']}".strip().lower())
    return tuple(dict.fromkeys(word for word in words if word))


def _trains(svg):
    """Four fifths of the outlines, by a hash of the set of rounded numbers in their shapes, in whatever order or form."""
    values = re.findall(rb'\s(?:d|points|cx|cy|r|rx|ry|x|y|x1|x2|y1|y2|width|height|transform)="([^"]*)"', svg)
    numbers = {b"%d" % round(float(number)) for number in re.findall(rb"\d*\.?\d+", b" ".join(values))}
    return int.from_bytes(hashlib.sha256(b"|".join(sorted(numbers))).digest()[:4], "big") >= 2**32 // 5
