"""Writes examples/labs/NAME.ipynb from NAME.py; `--check` only compares.

In a lab, the docstring and what follows `# %% [markdown]` become text, `# %%` begins a cell of code. A notebook shows the
figure that the script saves. Outputs are not stored.
"""

import argparse
import ast
import json
import pathlib
import re
import sys

LABS = pathlib.Path(__file__).resolve().parent.parent / "examples" / "labs"
SAVED = re.compile(r"^figure\.savefig\(PICTURE.*$", re.MULTILINE)
OF_FILES = re.compile(r"^(from pathlib import Path\n\n|PICTURE = .*\n)", re.MULTILINE)


def notebook(script):
    """The notebook of a lab, as a dict of Jupyter's format 4.5."""
    docstring = ast.get_docstring(ast.parse(script))
    cells = [("markdown", docstring)]
    for part in re.split(r"^# %%", script, flags=re.MULTILINE)[1:]:
        kind, _, body = part.partition("\n")
        if kind.strip() == "[markdown]":
            cells.append(("markdown", re.sub(r"^# ?", "", body, flags=re.MULTILINE)))
        else:
            cells.append(("code", OF_FILES.sub("", SAVED.sub("figure", body))))
    return {
        "cells": [_cell(i, kind, source.strip()) for i, (kind, source) in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(number, kind, source):
    cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source.splitlines(keepends=True)}
    return cell | {"execution_count": None, "outputs": []} if kind == "code" else cell


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    for script in sorted(LABS.glob("*.py")):
        path = script.with_suffix(".ipynb")
        text = json.dumps(notebook(script.read_text(encoding="utf-8")), indent=1, ensure_ascii=False) + "\n"
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path.name} is not what {script.name} makes. Run python scripts/labs_notebooks.py.")


if __name__ == "__main__":
    main()
