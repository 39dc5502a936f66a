"""The labs run, and their notebooks are what their scripts make."""

import json
import pathlib
import re
import subprocess
import sys

import keras
import pytest

import keras_sslzoo as zoo

ROOT = pathlib.Path(__file__).resolve().parent.parent
LABS = sorted((ROOT / "examples" / "labs").glob("*.py"))
TINY = [(r"^EPOCHS, SAMPLES, SEED = \d+", "EPOCHS, SAMPLES, SEED = 1"), (r"^(SIZES|WIDTHS) = .*$", r"\1 = (4, 8)")]


def test_there_are_ten():
    assert len(LABS) == 10


def test_notebooks_are_made_from_the_scripts():
    script = ROOT / "scripts" / "labs_notebooks.py"
    result = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.stem)
def test_notebooks_hold_code_that_parses_and_end_with_what_to_see(lab):
    notebook = json.loads(lab.with_suffix(".ipynb").read_text(encoding="utf-8"))
    sources = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    compile("\n".join(source for kind, source in sources if kind == "code"), lab.stem, "exec")
    assert sources[0][1].startswith("# ")
    assert sources[-1][0] == "markdown"
    assert sources[-1][1].startswith("## What you should see")
    assert not any("PICTURE" in source or source.startswith("#") for kind, source in sources if kind == "code")


@pytest.mark.slow
@pytest.mark.skipif(keras.config.backend() != "torch", reason="one backend is enough, and torch starts at once")
@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.stem)
def test_labs_run(lab, tmp_path, capsys, monkeypatch):
    few = [(x[:n], y[:n]) for (x, y), n in zip(zoo.data.fashion_mnist(mini=True), (300, 100), strict=True)]
    monkeypatch.setattr(zoo.data, "fashion_mnist", lambda mini: few)
    script = lab.read_text(encoding="utf-8")
    for long, short in TINY:
        script = re.sub(long, short, script, flags=re.MULTILINE)
    exec(compile(script, str(lab), "exec"), {"__file__": str(tmp_path / lab.name), "__name__": "__main__"})
    assert (tmp_path / lab.name).with_suffix(".png").stat().st_size > 5000
    assert capsys.readouterr().out
