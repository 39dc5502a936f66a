"""Each example runs to its end, after two steps an epoch, and writes its picture."""

import functools
import importlib.util
import pathlib

import keras
import pytest

import keras_sslzoo as zoo

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
STAGES = {"gan_1d": (0, 1), "lsgan": (1,)}  # where the number of epochs is a list


@pytest.mark.slow
@pytest.mark.skipif(keras.config.backend() != "torch", reason="one backend is enough, and torch starts at once")
@pytest.mark.parametrize("name", [path.stem for path in sorted(EXAMPLES.glob("*.py")) if path.stem != "demo"])
def test_example(name, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo.Method, "fit", functools.partialmethod(zoo.Method.fit, steps_per_epoch=2))
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    try:
        example.main(epochs=STAGES.get(name, 1), picture=tmp_path / "picture.png")
    except FileNotFoundError as error:
        pytest.skip(str(error))  # data that is installed apart
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert name in (EXAMPLES / "README.md").read_text(encoding="utf-8")
