"""Writes the method table of README.md from each method's `paper` and `recipe`; `--check` only compares."""

import argparse
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- methods: scripts/readme_table.py -->", "<!-- /methods -->"


def table():
    import keras_sslzoo as zoo

    rows = ["| method | family | paper | the recipe's source |", "|---|---|---|---|"]
    for name in zoo.list_methods():
        method = getattr(zoo, name)
        family, paper = method.__module__.split(".")[-2], method.paper
        rows.append(
            f"| `{name}` | {family} | [{paper.authors} {paper.year}]({paper.url}), {paper.title} | {method.recipe.source} |"
        )
    return "\n".join(rows)


def with_table(text):
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    old = README.read_text(encoding="utf-8")
    new = with_table(old)
    if check and new != old:
        sys.exit("README.md's method table is out of date. Run python scripts/readme_table.py.")
    if not check:
        README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
