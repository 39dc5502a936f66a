import hashlib
import json
import sys
import types

import numpy as np
import pytest

from keras_sslzoo.data import openmoji_pairs

openmoji = sys.modules["keras_sslzoo.data.openmoji"]
ROWS = [("1F34E", "Red Apple", "food-drink", ""), ("1F1E6", "Flag", "flags", ""), ("1F44B", "hand", "people-body", "")]
ROWS += [("1F44B-1F3FB", "hand: light", "people-body", "1")]


def svg(colour):
    shape = f'<rect x="8" y="8" width="56" height="56" fill="{colour}" stroke="#000"/>'
    return f'<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg">{shape}</svg>'.encode()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """An installed npm package of 4 emoji, 2 of which are taken, and a renderer that paints a square."""
    folder = tmp_path / "openmoji"
    for kind in ("data", "black/svg", "color/svg"):
        (folder / kind).mkdir(parents=True)
    rows = [
        {
            "hexcode": code, "annotation": name, "group": group, "skintone": tone, "subgroups": "x",
            "tags": "Red, fruit", "openmoji_tags": "fruit, big",
        }
        for code, name, group, tone in ROWS
    ]  # fmt: skip
    data = json.dumps(rows).encode()
    (folder / "data/openmoji.json").write_bytes(data)
    digests = {"data/openmoji.json": hashlib.sha256(data).hexdigest()}
    for kind, colours in (("black/svg", ("none",) * 4), ("color/svg", ("red", "green", "blue", "gray"))):
        for row, colour in zip(rows, colours, strict=True):
            (folder / kind / f"{row['hexcode']}.svg").write_bytes(svg(colour))
        digests[kind] = hashlib.sha256(svg(colours[0]) + svg(colours[2])).hexdigest()
    monkeypatch.setattr(openmoji, "SHA256", digests)
    monkeypatch.setenv("SSLZOO_DATA_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, "resvg_py", types.SimpleNamespace(svg_to_bytes=painted))
    return folder


def painted(svg_string, width, height, background, skip_system_fonts):
    import io

    from PIL import Image

    assert (background, skip_system_fonts) == ("white", True)
    image = Image.new("RGB", (width, height), background)
    colour = svg_string.split('fill="')[1].split('"')[0]
    if colour != "none":
        image.paste(colour, (2, 2, width - 2, height - 2))
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def test_reads_the_installed_package(tiny):
    inputs, targets, *_ = data = openmoji_pairs(16)
    assert inputs.shape == targets.shape == (2, 16, 16, 3)
    assert inputs.dtype == targets.dtype == np.uint8
    assert inputs.min() == 255
    assert targets[:, 8, 8].tolist() == [[255, 0, 0], [0, 0, 255]]
    assert (targets[:, 0] == 255).all()
    assert data.names.tolist() == ["red apple", "hand"]
    assert data.tags == (("red", "fruit", "big"),) * 2
    assert data.groups.tolist() == ["food-drink", "people-body"]
    assert data.code_points.tolist() == ["1F34E", "1F44B"]
    assert data.train.dtype == bool
    assert data.train[0] == data.train[1]  # equal outlines
    assert all(len(field) == 2 for field in data)


def test_node_modules_of_the_working_folder(tiny, monkeypatch, tmp_path):
    monkeypatch.delenv("SSLZOO_DATA_DIR")
    (tmp_path / "node_modules").mkdir()
    tiny.rename(tmp_path / "node_modules/openmoji")
    monkeypatch.chdir(tmp_path)
    assert len(openmoji_pairs(8).names) == 2
    monkeypatch.setenv("SSLZOO_DATA_DIR", str(tmp_path))  # without an openmoji folder: look further
    assert len(openmoji_pairs(8).names) == 2


def test_not_installed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSLZOO_DATA_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"Received: no folder .*openmoji.*`npm install openmoji@17\.0\.0"):
        openmoji_pairs()
    monkeypatch.setenv("SSLZOO_DATA_DIR", "/nowhere")
    with pytest.raises(FileNotFoundError, match=r"SSLZOO_DATA_DIR must be a folder"):
        openmoji_pairs()


def test_renderer_is_missing(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ImportError, match=r"`resvg-py` draws.*pip install resvg-py`"):
        openmoji_pairs()


def test_other_contents_are_refused(tiny):
    path = tiny / "color/svg/1F44B.svg"
    path.write_bytes(svg("pink"))
    with pytest.raises(ValueError, match=r"color/svg must have the released contents.*npm install"):
        openmoji_pairs()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"missing.*1F44B\.svg.*npm install"):
        openmoji_pairs()
    (tiny / "data/openmoji.json").write_bytes(b"[]")
    with pytest.raises(ValueError, match=r"openmoji\.json must have the released contents"):
        openmoji_pairs()


@pytest.mark.parametrize("size", [7, 0, 64.0, "64", None])
def test_size(size):
    with pytest.raises(ValueError, match="`size` must be a whole number of at least 8"):
        openmoji_pairs(size)


def real():
    try:
        import resvg_py  # noqa: F401

        return bool(openmoji.find_folder())
    except (ImportError, FileNotFoundError):
        return False


@pytest.mark.skipif(not real(), reason="openmoji or resvg-py is not installed")
def test_real():
    data = openmoji_pairs(32)
    assert data.inputs.shape == data.targets.shape == (2195, 32, 32, 3)
    assert data.train.sum() == 1751
    assert len(np.unique(data.code_points)) == 2195
    assert len(np.unique(data.groups)) == 11
    (i,) = np.flatnonzero(data.code_points == "1F499")
    assert data.names[i] == "blue heart"
    assert data.targets[i, 8:24, 8:24].mean((0, 1)).argmax() == 2
    grey = data.inputs.max(-1).astype(int) - data.inputs.min(-1)
    assert np.median(grey.max((1, 2))) == 0  # outlines have no colour
    ink = data.inputs.min(-1) < 64  # aligned: where the outline is black, so is the drawing
    assert (data.targets.min(-1)[ink] < 96).mean() > 0.9
    large = openmoji_pairs(64).inputs
    train = {image.tobytes() for image in large[data.train]}
    assert sum(image.tobytes() in train for image in large[~data.train]) <= 1
