"""Safetensors headers and JSON: what the file says is checked against its bytes, and hostile files get our error."""

import contextlib
import json

import keras
import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from keras_sslzoo.hub import files
from keras_sslzoo.hub.errors import WeightsCorrupt
from keras_sslzoo.hub.files import TensorFile, read_json

ARRAYS = {
    "a/kernel": np.arange(6, dtype="float32").reshape(2, 3),
    "b": np.arange(4, dtype="float16"),
    "c": np.arange(3).astype(ml_dtypes.bfloat16),
    "steps": np.array(7, "int32"),
    "empty": np.zeros((0, 4), "float32"),
}


def write(tmp_path, data):
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    return path


def raw(header, data=b""):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(header).to_bytes(8, "little") + header + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_reads_what_the_library_wrote(tmp_path):
    data = save(ARRAYS, metadata={"format": "keras_sslzoo"})
    path = write(tmp_path, data)
    file = TensorFile(path)
    assert file.metadata == {"format": "keras_sslzoo"}
    assert set(file.shapes) == set(ARRAYS)
    assert file.elements == 6 + 4 + 3 + 1
    for name, array in ARRAYS.items():
        assert file.dtype(name) == array.dtype
        taken = file.take(name)
        np.testing.assert_array_equal(taken, array)
        assert not taken.size or taken.ctypes.data % files.ALIGNMENT == 0
        taken[...] = 0  # in memory of its own: a training may write there
        with pytest.raises(KeyError):
            file.take(name)
    assert path.read_bytes() == data


LARGE = {name: np.full(2**18, i, "float32") for i, name in enumerate("abcd")}  # 1 MB each, more than a reader's buffer


@pytest.mark.parametrize("what", ["changed", "cut", "changed afterwards"])
def test_what_is_hashed_is_what_is_used(tmp_path, monkeypatch, what):
    """A file that another process writes to while it is read, or afterwards."""
    data = save(LARGE)
    path = write(tmp_path, data)
    digest = files.sha256(path)
    allocated = []

    def aligned(shape, dtype):
        allocated.append(files_aligned(shape, dtype))
        if len(allocated) == 3 and what != "changed afterwards":
            with open(path, "r+b") as file:
                file.truncate(len(data) - 10) if what == "cut" else file.write(data[:-4] + b"....")
        return allocated[-1]

    files_aligned = files.aligned
    monkeypatch.setattr(files, "aligned", aligned)
    if what != "changed afterwards":
        with pytest.raises(WeightsCorrupt, match="became shorter" if what == "cut" else "sha256"):
            TensorFile(path, digest, len(data))
        return
    file = TensorFile(path, digest, len(data))
    path.write_bytes(b"")
    for name, array in LARGE.items():
        np.testing.assert_array_equal(file.take(name), array)


HOSTILE = {
    "nothing": b"",
    "a header longer than the file": (2**40).to_bytes(8, "little") + b"{}",
    "no object": raw(b"[]"),
    "no tensors": raw({}),
    "no JSON": raw(b"{"),
    "deep JSON": raw(b'{"a":' * 100_000),
    "a name twice": raw(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":1}', b"8" * 8),
    "NaN": raw(b'{"a":NaN}'),
    "no UTF-8": raw(b'{"\xff":1}'),
    "a huge integer": raw(b'{"a":' + b"9" * 5000 + b"}"),
    "an unknown dtype": raw({"a": entry("F8_WHAT")}, b"8" * 8),
    "a dtype that is a list": raw({"a": {**entry(), "dtype": ["F32"]}}, b"8" * 8),
    "a shape bomb": raw({"a": entry(shape=(2**31, 2**31))}, b"8" * 8),
    "a negative shape": raw({"a": entry(shape=(-1, -2))}, b"8" * 8),
    "a boolean shape": raw({"a": entry(shape=(True, 2))}, b"8" * 8),
    "too many axes": raw({"a": entry(shape=(1,) * 9 + (2,))}, b"8" * 8),
    "overlap": raw({"a": entry(), "b": entry(offsets=(4, 12))}, b"8" * 12),
    "a gap": raw({"a": entry(), "b": entry(offsets=(12, 20))}, b"8" * 20),
    "trailing bytes": raw({"a": entry()}, b"8" * 9),
    "too few bytes": raw({"a": entry()}, b"8" * 7),
    "offsets the wrong way": raw({"a": entry(offsets=(8, 0))}, b"8" * 8),
    "another key": raw({"a": {**entry(), "more": 1}}, b"8" * 8),
    "metadata that are no strings": raw({"__metadata__": {"a": 1}, "a": entry()}, b"8" * 8),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(tmp_path, name):
    with pytest.raises(WeightsCorrupt, match="Refusing"):
        TensorFile(write(tmp_path, HOSTILE[name]))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 9\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>Sign in</html>", "web page"),
        (b"PK\x03\x04" + b"0" * 99, "zip"),
        (b"\x80\x04\x95" + b"0" * 99, "pickle"),
        (b"\x89HDF\r\n\x1a\n" + b"0" * 99, "HDF5"),
    ],
)
def test_what_a_file_is_instead_is_named(tmp_path, data, what):
    for options in ({}, {"digest": "0" * 64, "size": len(data)}):
        with pytest.raises(WeightsCorrupt, match=what):
            TensorFile(write(tmp_path, data), **options)


def test_size_and_hash(tmp_path):
    data = save(ARRAYS)
    path = write(tmp_path, data)
    digest = files.sha256(path)
    assert TensorFile(path, digest, len(data)).elements
    with pytest.raises(WeightsCorrupt, match="bytes"):
        TensorFile(path, digest, len(data) + 1)
    flipped = bytearray(data)
    flipped[-1] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(WeightsCorrupt, match=f"(?s)sha256 {digest[:12]}.*Received: [0-9a-f]{{12}}"):
        TensorFile(path, digest, len(data))


def test_a_large_json_is_not_parsed():
    with pytest.raises(WeightsCorrupt, match="bytes of JSON"):
        read_json(b" " * (files.LARGEST_JSON + 1), "config.json")


once = pytest.mark.skipif(keras.config.backend() != "jax", reason="has no backend: the suite of one is enough")

# ---- fuzzed ------------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(list(files.DTYPES)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
almost_entries = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from([*files.DTYPES, "X"]) | json_values,
        "shape": st.lists(st.integers(-1, 5) | st.integers(), max_size=3) | json_values,
        "data_offsets": st.lists(st.integers(-1, 40) | st.integers(), max_size=3) | json_values,
    },
)
headers = st.dictionaries(st.text(max_size=5) | st.just("__metadata__"), almost_entries | json_values, max_size=3)


def fuzzed(examples):
    common = settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)

    def decorate(test):
        arguments = {"header": headers.map(lambda h: json.dumps(h).encode()) | st.binary(max_size=60)}
        test = given(**arguments, data=st.binary(max_size=60), length=st.none() | st.integers(0, 2**64 - 1))(test)
        return common(example(header=b"{}", data=b"", length=None)(test))

    return decorate


def open_fuzzed(tmp_path, header, data, length):
    size = (len(header) if length is None else length).to_bytes(8, "little")
    with contextlib.suppress(WeightsCorrupt):
        file = TensorFile(write(tmp_path, size + header + data))
        for name in file.shapes:
            assert file.take(name).nbytes <= len(data)


@fuzzed(200)
def test_fuzzed_files_get_only_our_error(tmp_path_factory, header, data, length):
    open_fuzzed(tmp_path_factory.getbasetemp(), header, data, length)


@pytest.mark.slow
@once
@fuzzed(10_000)
def test_ten_thousand_fuzzed_files_get_only_our_error(tmp_path_factory, header, data, length):
    open_fuzzed(tmp_path_factory.getbasetemp(), header, data, length)


@pytest.mark.slow
@once
@settings(max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(place=st.integers(0, 10**6), byte=st.integers(1, 255))
def test_a_changed_byte_is_found_or_harmless(tmp_path_factory, place, byte):
    """By the hash always; by the header alone never more than our error."""
    data = bytearray(save(ARRAYS))
    path = write(tmp_path_factory.getbasetemp(), bytes(data))
    digest = files.sha256(path)
    data[place % len(data)] ^= byte
    path.write_bytes(data)
    with pytest.raises(WeightsCorrupt):
        TensorFile(path, digest, len(data))
    with contextlib.suppress(WeightsCorrupt):
        file = TensorFile(path)
        for name in file.shapes:
            file.take(name)
