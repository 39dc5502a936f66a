"""Draws the pictures of docs/pictures.md by running the page: what its code blocks end with is the picture below them.

python scripts/pictures.py          # some minutes on two cores: the page trains three small networks
"""

import ast
import io
import pathlib
import re

import numpy as np
from PIL import Image

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "pictures.md"
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n!\[[^\]]+\]\((pictures/\w+\.png)\))?", re.DOTALL)
DPI = 84  # a pixel of an image of 28 x 28 becomes 3 x 3, which packs well


def run(code, names):
    """The value of the last line of a block, run with the names of those before it."""
    *before, last = ast.parse(code).body
    exec(compile(ast.Module(before, []), PAGE, "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), PAGE, "eval"), names)
    return exec(compile(ast.Module([last], []), PAGE, "exec"), names)


def save(figure, path):
    """The figure as a small PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    picture = Image.open(buffer).convert("RGB")
    grey = np.ptp(np.asarray(picture), axis=-1).max() == 0
    picture = picture.convert("L") if grey else picture.quantize(255, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    print(f"{path.name}: {picture.width} x {picture.height}, {path.stat().st_size / 1000:.0f} kB", flush=True)


def main():
    names = {}
    for code, picture in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        figure = run(code, names)
        if picture:
            save(figure, PAGE.parent / picture)


if __name__ == "__main__":
    main()
