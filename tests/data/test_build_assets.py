import importlib.util
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_sslzoo.data import assets, fashion


@pytest.fixture(scope="module")
def build():
    path = Path(__file__).parents[2] / "scripts" / "build_assets.py"
    spec = importlib.util.spec_from_file_location("build_assets", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unpack(data):
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return dict(file)


def test_fashion_mnist_mini_is_rebuilt(build):
    folder = fashion.find_folder()
    if folder is None:
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    first = build.fashion_mnist_mini(folder)
    assert first == build.fashion_mnist_mini(folder)
    rebuilt, released = unpack(first), unpack(assets.read_asset("fashion_mnist_mini.npz"))
    assert rebuilt.keys() == released.keys()
    for name, array in rebuilt.items():
        np.testing.assert_array_equal(array, released[name], strict=True)


def test_emoji_is_rebuilt(build):
    package = os.environ.get("SSLZOO_EMOJI_PACKAGE")
    if not package:
        pytest.skip("SSLZOO_EMOJI_PACKAGE does not name an unpacked emoji-datasource-google 16.0.0")
    atlas, metadata = build.emoji(package)
    assert metadata == assets.read_asset("emoji.json")
    with Image.open(io.BytesIO(assets.read_asset("emoji.webp"))) as released:
        np.testing.assert_array_equal(atlas, released.convert("RGB"))
    part = atlas.crop((0, 0, 320, 64))
    assert build.webp(part) == build.webp(part)


@pytest.fixture
def package(tmp_path):
    """Three emoji and a flag: half-transparent red, grey with alpha, blue."""
    (tmp_path / "img/google/64").mkdir(parents=True)
    (tmp_path / "package.json").write_text('{"version": "16.0.0"}')
    pictures = [("RGBA", (255, 0, 0, 128)), ("LA", (0, 0)), ("RGB", (0, 0, 255)), ("RGB", (9, 9, 9))]
    rows = []
    for i, (mode, colour) in enumerate(pictures):
        Image.new(mode, (64, 64), colour).save(tmp_path / f"img/google/64/{i}.png")
        row = {"unified": f"1F60{i}", "name": f"FACE {i}", "short_names": [f"f{i}"], "image": f"{i}.png"}
        rows.append(row | {"category": "Flags" if i == 3 else "Faces", "subcategory": "face", "sort_order": -i})
    (tmp_path / "emoji.json").write_text(json.dumps(rows))
    return tmp_path


def test_emoji_of_a_small_package(build, package, monkeypatch):
    monkeypatch.setattr(build, "HELD_OUT", 1)
    atlas, metadata = build.emoji(package)
    pixels = np.asarray(atlas)
    assert pixels.shape == (32, 40 * 32, 3)
    for i, colour in enumerate([(0, 0, 255), (255, 255, 255), (255, 127, 127)]):  # by sort_order, on white
        assert (pixels[:, 32 * i : 32 * i + 32] == colour).all()
    rows = json.loads(metadata)
    assert [row["name"] for row in rows] == ["face 2", "face 1", "face 0"]
    assert sum(row["train"] for row in rows) == 2
    assert (atlas, metadata) == build.emoji(package)


def test_other_version_is_refused(build, package):
    (package / "package.json").write_text('{"version": "15.1.2"}')
    with pytest.raises(ValueError, match=r"must be 16\.0\.0\. Received: 15\.1\.2"):
        build.emoji(package)


def test_held_out_counts(build, monkeypatch):
    monkeypatch.setattr(build, "HELD_OUT", 4)
    categories = ["a"] * 5 + ["b"] * 4 + ["c"] * 3  # 4 / 12 of each: 1.67, 1.33, 1.0
    held_out = build.choose_held_out(categories, [bytes([i]) for i in range(12)])
    assert sorted(categories[i] for i in held_out) == ["a", "a", "b", "c"]
