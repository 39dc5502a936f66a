import gzip
import hashlib
import struct

import keras
import numpy as np
import pytest

from keras_sslzoo.data import FASHION_MNIST_CLASSES, fashion, fashion_mnist


def idx(array, kind=8):
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """An installed folder of 6 + 3 images, whose contents are the accepted ones, and which is the only one."""
    rng = np.random.default_rng(0)
    arrays, contents = {}, {}
    (tmp_path / "fashion-mnist").mkdir()
    for name, (shape, _) in fashion.CONTENTS.items():
        array = rng.integers(0, 10, (6 if "train" in name else 3, *shape[1:]), "uint8")
        (tmp_path / "fashion-mnist" / name).write_bytes(gzip.compress(idx(array)))
        arrays[name], contents[name] = array, (array.shape, hashlib.sha256(array.tobytes()).hexdigest())
    monkeypatch.setattr(fashion, "CONTENTS", contents)
    monkeypatch.setattr(fashion, "SYSTEM_FOLDERS", ())
    monkeypatch.setenv("SSLZOO_DATA_DIR", str(tmp_path))
    return tmp_path / "fashion-mnist", list(arrays.values())


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.delenv("SSLZOO_DATA_DIR", raising=False)
    monkeypatch.setattr(fashion, "SYSTEM_FOLDERS", ("/nowhere/share/datasets",))


def test_mini():
    (x, y), (x_test, y_test) = fashion_mnist(mini=True)
    assert (x.shape, x_test.shape) == ((5000, 28, 28, 1), (1000, 28, 28, 1))
    assert (x.dtype, x_test.dtype, y.dtype, y_test.dtype) == ("uint8", "uint8", "int64", "int64")
    assert np.bincount(y).tolist() == [457, 556, 504, 501, 488, 493, 493, 512, 490, 506]
    assert np.bincount(y_test).tolist() == [107, 105, 111, 93, 115, 87, 97, 95, 95, 95]
    assert y[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]  # as every Fashion-MNIST tutorial prints them
    assert y_test[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert x.flags.writeable


def test_mini_labels_fit_the_pictures():
    (x, y), _ = fashion_mnist(mini=True)
    ink = np.array([x[y == label].mean() for label in range(10)])
    named = dict(zip(FASHION_MNIST_CLASSES, ink, strict=True))
    assert named["Sandal"] == ink.min()
    assert named["Pullover"] > named["Trouser"]
    trouser = x[y == 1].mean((0, 3))
    assert trouser[24, 14] < trouser[24, 11]  # a gap between the legs


def test_mini_is_the_start_of_the_full_set():
    if fashion.find_folder() is None:
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    (x, y), (x_test, y_test) = fashion_mnist()
    assert (x.shape, x_test.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    assert np.bincount(y).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10
    (a, b), (a_test, b_test) = fashion_mnist(mini=True)
    for mini, full in ((a, x), (b, y), (a_test, x_test), (b_test, y_test)):
        np.testing.assert_array_equal(mini, full[: len(mini)])


def test_reads_the_folder_of_the_environment(tiny):
    _, (x, y, x_test, y_test) = tiny
    (a, b), (a_test, b_test) = fashion_mnist()
    for received, expected in ((a, x[..., None]), (b, y), (a_test, x_test[..., None]), (b_test, y_test)):
        np.testing.assert_array_equal(received, expected)
    assert (a.dtype, b.dtype) == ("uint8", "int64")


def test_system_folder_is_found(tiny, monkeypatch):
    folder, _ = tiny
    monkeypatch.delenv("SSLZOO_DATA_DIR")
    monkeypatch.setattr(fashion, "SYSTEM_FOLDERS", ("/nowhere", str(folder.parent)))
    assert fashion.find_folder() == folder
    monkeypatch.setenv("SSLZOO_DATA_DIR", str(folder))  # a folder without fashion-mnist: look further
    assert fashion.find_folder() == folder


def test_environment_must_name_a_folder(monkeypatch):
    monkeypatch.setenv("SSLZOO_DATA_DIR", "/nowhere")
    with pytest.raises(FileNotFoundError, match=r"SSLZOO_DATA_DIR must be a folder.*'/nowhere'.*unset it"):
        fashion_mnist()


def test_other_contents_are_refused(tiny):
    folder, arrays = tiny
    for array in (arrays[0] ^ 1, arrays[0][:5], arrays[0].reshape(6, 14, 56)):
        (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(array)))
        with pytest.raises(ValueError, match=r"must hold the released array \(6, 28, 28\).*Received.*apt-get install"):
            fashion_mnist()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: gzip.compress(data)[:-20], r"whole \.gz file"),
        (lambda data: gzip.compress(data)[:10] + b"\xff" * 30, r"whole \.gz file"),
        (lambda data: data, r"whole \.gz file"),
        (lambda data: gzip.compress(data[:-1]), r"as many bytes as its header says.*4703 bytes"),
        (lambda data: gzip.compress(data + b"\x00"), r"as many bytes as its header says.*4705 bytes"),
        (lambda data: gzip.compress(b"\x00\x00\x0d" + data[3:]), r"starts with 00 00 08\. Received: 00 00 0d 03"),
        (lambda data: gzip.compress(data[:7]), r"starts with 00 00 08"),
        (lambda data: gzip.compress(b""), r"Received: nothing"),
        (lambda data: b"", r"Received: nothing"),
    ],
)
def test_corrupt_file_is_refused(tiny, damage, message):
    folder, arrays = tiny
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(idx(arrays[0])))
    with pytest.raises(ValueError, match=message) as error:
        fashion_mnist()
    assert str(path) in str(error.value)


def test_missing_file_is_refused(tiny):
    folder, _ = tiny
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"t10k-labels-idx1-ubyte\.gz.*apt-get install"):
        fashion_mnist()


def test_download_is_verified(tiny, monkeypatch):
    _, (x, y, x_test, y_test) = tiny
    monkeypatch.delenv("SSLZOO_DATA_DIR")
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: ((x, y), (x_test, y_test)))
    np.testing.assert_array_equal(fashion_mnist()[1][0][..., 0], x_test)
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: ((x, y), (x_test, y_test ^ 1)))
    with pytest.raises(ValueError, match=r"Keras' download: t10k-labels.*must hold the released array"):
        fashion_mnist()


def test_nothing_installed_and_no_network(nothing_installed, monkeypatch):
    def load_data():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", load_data)
    with pytest.raises(FileNotFoundError) as error:
        fashion_mnist()
    for words in ("/nowhere/share", "URL fetch failure", "`apt-get install dataset-fashion-mnist`", "mini=True"):
        assert words in str(error.value)
    fashion_mnist(mini=True)
