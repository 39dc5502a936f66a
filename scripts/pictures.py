"""Draws the pictures of docs/pictures.md by running the page: what its code blocks end with is the picture below them.

python scripts/pictures.py          # some minutes on two cores: the page trains three small networks
"""

import ast
import io
import pathlib
import re

from PIL import Image

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "pictures.md"
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n!\[[^\]]+\]\((pictures/\w+\.png)\))?", re.DOTALL)
COLORS = 255  # of a file: a third of the size, and no difference that one sees


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
    figure.savefig(buffer, format="png", dpi=80)
    picture = Image.open(buffer).convert("RGB")
    picture.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {picture.width} x {picture.height}, {path.stat().st_size / 1000:.0f} kB", flush=True)


def main():
    names = {}
    for code, picture in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        figure = run(code, names)
        if picture:
            save(figure, PAGE.parent / picture)


if __name__ == "__main__":
    main()
