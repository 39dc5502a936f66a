"""Reading files of weights: nothing of a file is used before its bytes and its header are what they should be.

    path --size--> --header: names, dtypes, shapes--> --each tensor into memory of its own, hashed--> --sha256--> NumPy

A safetensors file (https://github.com/huggingface/safetensors, README, "Format") is an 8-byte little-endian length N,
N bytes of JSON, and the tensors' bytes. What is hashed is the memory that is used, so the file may change meanwhile.
"""

import hashlib
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor

import ml_dtypes
import numpy as np

from keras_sslzoo.hub.errors import WeightsCorrupt

LARGEST_JSON = 16 * 2**20  # bytes of a config or of a header
MOST_TENSORS = 2**16
MOST_AXES = 8

DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}

# what files turn out to be that should have been weights, by their first bytes
IMPOSTORS = {
    b"version https://git-lfs": "a Git LFS pointer: the file itself was never downloaded (`git lfs pull`)",
    b"<": "a web page, such as a login or error page",
    b"PK\x03\x04": "a zip archive, such as a PyTorch checkpoint, which may hold code",
    b"\x80": "a pickle, which may hold code",
    b"\x89HDF": "an HDF5 file",
}


def read_json(data, source):
    """The object in UTF-8 JSON bytes, without repeated names, NaN or infinity."""
    if len(data) > LARGEST_JSON:
        raise WeightsCorrupt(
            f"{source} must have at most {LARGEST_JSON:,} bytes of JSON. Received: {len(data):,}. Refusing to load it."
        )
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WeightsCorrupt(f"{source} must be valid JSON. Received: {error}. Refusing to load it.") from error
    if not isinstance(value, dict):
        raise WeightsCorrupt(
            f"{source} must hold a JSON object. Received: {type(value).__name__}. Refusing to load it."
        )
    return value


def _unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a name that occurs twice")
    return dict(pairs)


def _no_constant(name):
    raise ValueError(f"the constant {name}")


def sha256(file):
    """Hexadecimal sha256 of a path or of an open binary file, read from its start."""
    if not hasattr(file, "read"):
        with open(file, "rb") as opened:
            return sha256(opened)
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def check(file, digest, size, name):
    """Raise `WeightsCorrupt` unless an open binary file has this sha256 and size."""
    _check_size(file, size, name)
    _check_digest(sha256(file), digest, file, name)


def _check_size(file, size, name):
    received = os.fstat(file.fileno()).st_size
    if received != size:
        raise WeightsCorrupt(
            f"{name} must have {size:,} bytes. Received: {received:,}{_impostor(file)}. Refusing to load it. {REMEDY}"
        )


def _check_digest(received, digest, file, name):
    if received != digest:
        raise WeightsCorrupt(
            f"{name} must have the sha256 {digest[:12]}... Received: {received[:12]}...{_impostor(file)}. Refusing to load "
            f"it. {REMEDY}"
        )


REMEDY = "Delete the file, or the cached copy, and load it again; `sslzoo verify` hashes what is on this machine."


def read_bytes(path, digest=None, size=None):
    """The bytes of a small file, which has this sha256 and size where they are given."""
    with open(path, "rb") as file:
        data = file.read(LARGEST_JSON + 1)
        if len(data) > LARGEST_JSON:
            raise WeightsCorrupt(
                f"{path} must have at most {LARGEST_JSON:,} bytes. Received: more. Refusing to load it. {REMEDY}"
            )
        if digest is not None:
            name = os.path.basename(path)
            _check_size(file, size, name)
            _check_digest(hashlib.sha256(data).hexdigest(), digest, file, name)
    return data


def _impostor(file):
    file.seek(0)
    first = file.read(32)
    return next((f": it looks like {what}" for start, what in IMPOSTORS.items() if first.startswith(start)), "")


ALIGNMENT = 64  # bytes; what JAX and TensorFlow ask of memory that they take over without a copy


def aligned(shape, dtype, make=np.empty):
    """An array in memory of its own, which a backend can take over; `make` is `np.empty` or `np.zeros`."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = make(size + ALIGNMENT, "uint8")
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


class TensorFile:
    """A safetensors file in memory, verified: names, dtypes and shapes, and NumPy arrays to be taken one at a time.

    Args:
        path: Of the file.
        digest, size: Its sha256 and bytes; None skips the comparison.

    Raises:
        WeightsCorrupt: other bytes, or a header that does not describe the file exactly.
    """

    def __init__(self, path, digest=None, size=None):
        self.name = os.path.basename(path)
        with open(path, "rb") as file:
            if size is not None:
                _check_size(file, size, self.name)
            self.metadata, self.entries, head = read_header(file, self.name)
            hashed = hashlib.sha256(head)
            self._arrays = {}
            with ThreadPoolExecutor(1) as pool:  # hashes a tensor, in their order, while the next is read
                for name, (dtype, shape, _) in sorted(self.entries.items(), key=lambda entry: entry[1][2]):
                    self._arrays[name] = array = aligned(shape, dtype)
                    data = array.reshape(-1).view("uint8")
                    if file.readinto(data) < data.size:
                        raise WeightsCorrupt(
                            f"{self.name} must stay as it is while it is read. Received: a file that became shorter. "
                            "Refusing to load it; load it again."
                        )
                    if digest is not None:
                        pool.submit(hashed.update, data)
            if digest is not None:
                _check_digest(hashed.hexdigest(), digest, file, self.name)

    @property
    def shapes(self):
        """Dict from name to shape."""
        return {name: shape for name, (_, shape, _) in self.entries.items()}

    @property
    def elements(self):
        """Numbers in all tensors."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def dtype(self, name):
        """NumPy dtype of a tensor."""
        return self.entries[name][0]

    def take(self, name):
        """One tensor, once: its memory is the caller's from now on."""
        return self._arrays.pop(name)


def read_header(file, name):
    """The header of an open safetensors file, checked against its length.

    Args:
        file: Open binary file.
        name: Of the file, for messages.

    Returns:
        `(metadata, entries, head)`: a dict of strings; a dict from tensor name to (NumPy dtype, shape, first byte in the
        file), and the bytes before the first tensor, where the file stands now.

    Raises:
        WeightsCorrupt: unless the tensors fill the file exactly, without gap or overlap, in known dtypes.
    """

    def refuse(what):
        raise WeightsCorrupt(
            f"{name} must be a valid safetensors file. Received: {what}{_impostor(file)}. Refusing to load it. {REMEDY}"
        )

    total = os.fstat(file.fileno()).st_size
    file.seek(0)
    head = file.read(8)
    length = int.from_bytes(head, "little")
    if total < 10 or length > min(total - 8, LARGEST_JSON):
        refuse(f"{total:,} bytes with a header of {length:,}")
    text = file.read(length)
    header = read_json(text, f"The header of {name}")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        refuse("metadata that are no strings")
    if not 0 < len(header) <= MOST_TENSORS:
        refuse(f"{len(header):,} tensors")
    entries, spans = {}, []
    for key, entry in header.items():
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            refuse(f"an incomplete entry {key[:80]!r}")
        shape, offsets = entry["shape"], entry["data_offsets"]
        if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
            refuse(f"the dtype {str(entry['dtype'])[:80]!r} of {key[:80]!r}")
        if not _naturals(shape) or len(shape) > MOST_AXES or not _naturals(offsets) or len(offsets) != 2:
            refuse(f"the shape {str(shape)[:80]} and offsets {str(offsets)[:80]} of {key[:80]!r}")
        dtype = DTYPES[entry["dtype"]]
        if offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
            refuse(f"{key[:80]!r} of the shape {str(shape)[:80]} in bytes {offsets[0]} to {offsets[1]}")
        entries[key] = dtype, tuple(shape), 8 + length + offsets[0]
        spans.append(tuple(offsets))
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            refuse(f"tensors that overlap or leave a gap at byte {start:,}")
        end = stop
    if end != total - 8 - length:
        refuse(f"{total - 8 - length:,} bytes of tensors where the header declares {end:,}")
    return metadata, entries, head + text


def _naturals(value):
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**53 for n in value)
