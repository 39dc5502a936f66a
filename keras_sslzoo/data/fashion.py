"""Fashion-MNIST: 70,000 grey images (28, 28, 1) of clothing in 10 classes, MIT licence (c) 2017 Zalando SE.

    $SSLZOO_DATA_DIR/fashion-mnist -> Debian's dataset-fashion-mnist -> Keras' download -> an error that says what to do
    mini=True: the first 5,000 training and 1,000 test images, bundled

Wherever the arrays come from, their contents are compared with the released ones (not the .gz files, which Debian
recompressed).

Source: Xiao, Rasul, Vollgraf. Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms. 2017.
"""

import gzip
import hashlib
import io
import sys
import zlib
from pathlib import Path

import numpy as np

from keras_sslzoo.data.assets import read_asset
from keras_sslzoo.data.installed import data_folder

FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# File: shape, and sha256 of the uint8 array's bytes. The order is that of the returned arrays.
CONTENTS = {
    "train-images-idx3-ubyte.gz": (
        (60000, 28, 28),
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
    ),
    "train-labels-idx1-ubyte.gz": (
        (60000,),
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
    ),
    "t10k-images-idx3-ubyte.gz": (
        (10000, 28, 28),
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        (10000,),
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
}
SYSTEM_FOLDERS = tuple(
    dict.fromkeys(str(Path(prefix) / "share/datasets") for prefix in (sys.prefix, "/usr/local", "/usr"))
)
REMEDY = "Run `apt-get install dataset-fashion-mnist`, or use the bundled subset: fashion_mnist(mini=True)."


def fashion_mnist(mini=False):
    """Load Fashion-MNIST, like `keras.datasets`.

    Args:
        mini: True for the bundled subset, which needs no download: the first 5,000 training and the first 1,000 test
            images. Its classes are nearly balanced (456 to 557 training images each).

    Returns:
        `(x, y), (x_test, y_test)`: uint8 images (N, 28, 28, 1) and int64 labels (N,), which index
        `FASHION_MNIST_CLASSES`.
    """
    if mini:
        with np.load(io.BytesIO(read_asset("fashion_mnist_mini.npz")), allow_pickle=False) as file:
            return _pairs([file[name] for name in ("x_train", "y_train", "x_test", "y_test")])
    folder = find_folder()
    return _pairs(_download() if folder is None else read_folder(folder))


def find_folder():
    """The first installed `fashion-mnist` folder, or None."""
    roots = list(SYSTEM_FOLDERS)
    if (root := data_folder()) is not None:
        roots.insert(0, root)
    return next((folder for root in roots if (folder := Path(root) / "fashion-mnist").is_dir()), None)


def read_folder(folder):
    """The four uint8 arrays (training images and labels, test images and labels) of a folder of IDX files, verified."""
    return [_verify(name, read_idx(Path(folder) / name), Path(folder) / name) for name in CONTENTS]


def read_idx(path):
    """The uint8 array in an IDX .gz file: two zero bytes, type 8, rank, big-endian int32 sizes, data."""
    try:
        with gzip.open(path) as file:
            data = file.read()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"A file of Fashion-MNIST is missing. Received: {path}. {REMEDY}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} must be a whole .gz file. Received: {error}. Reinstall it. {REMEDY}") from error
    start = 4 + 4 * data[3] if len(data) > 3 else 4
    if data[:3] != b"\x00\x00\x08" or len(data) < start:
        raise ValueError(
            f"{path} must be an IDX file of bytes: it starts with 00 00 08. "
            f"Received: {data[:4].hex(' ') or 'nothing'}. Reinstall it. {REMEDY}"
        )
    shape = tuple(int(size) for size in np.frombuffer(data[4:start], ">u4"))
    if len(data) - start != np.prod(shape, dtype=int):
        raise ValueError(
            f"{path} must hold as many bytes as its header says. "
            f"Received: {len(data) - start} bytes for shape {shape}. Reinstall it. {REMEDY}"
        )
    return np.frombuffer(data, "uint8", offset=start).reshape(shape)


def _download():
    import keras

    try:
        (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception where the download fails
        raise FileNotFoundError(
            "Fashion-MNIST must be installed or downloadable. Received: no `fashion-mnist` folder in "
            f"$SSLZOO_DATA_DIR, {', '.join(SYSTEM_FOLDERS)}, and Keras' download failed ({error}). {REMEDY}"
        ) from error
    arrays = (x, y, x_test, y_test)
    return [_verify(name, array, "Keras' download") for name, array in zip(CONTENTS, arrays, strict=True)]


def _verify(name, array, source):
    shape, digest = CONTENTS[name]
    received = hashlib.sha256(np.ascontiguousarray(array, "uint8")).hexdigest()
    if array.shape != shape or received != digest:
        raise ValueError(
            f"{source}: {name} must hold the released array {shape} with sha256 {digest}. "
            f"Received: {array.shape}, {received}. Delete or reinstall it. {REMEDY}"
        )
    return array


def _pairs(arrays):
    x, y, x_test, y_test = arrays
    return (np.array(x)[..., None], y.astype("int64")), (np.array(x_test)[..., None], y_test.astype("int64"))
