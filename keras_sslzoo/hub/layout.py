"""Our own layout of a folder, on disk and on the Hub.

    config.json           format, method, preprocessing; each part's file (sha256, size) and network (`hub.network`)
    encoder.safetensors   the encoder to keep: (B, H, W, C) -> (B, D)
    method.safetensors    the whole trained method, to go on with: generate, reconstruct, train
    README.md             the model card

A config names files beside it and classes of a fixed list, never code. Tensors are named as `hub.tensors.variables` says.
"""

import contextlib
import functools
import gc
import importlib.resources
import json
import os
from importlib import metadata
from pathlib import Path

import keras

from keras_sslzoo.engine.method import Method
from keras_sslzoo.hub import convert, network, tensors
from keras_sslzoo.hub.errors import ArchitectureMismatch, WeightsCorrupt, WeightsError
from keras_sslzoo.hub.files import read_json, sha256
from keras_sslzoo.hub.preprocess import Preprocessing

FORMAT, VERSION = "keras_sslzoo", 1
CONFIG, CARD = "config.json", "README.md"
PARTS = ("encoder", "method")


@contextlib.contextmanager
def _uncollected():
    """Without the garbage collector: the many objects of a network, or of jsonschema's import, set off a full collection,
    which walks the whole backend and takes as long as all the rest."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@functools.cache
def validator(name):
    """The compiled JSON Schema `hub/<name>.schema.json`."""
    import jsonschema

    text = importlib.resources.files("keras_sslzoo.hub").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text), format_checker=jsonschema.FormatChecker())


def validate(data, schema, source):
    """Raise `WeightsCorrupt` with the first place where data break a schema."""
    error = next(iter(validator(schema).iter_errors(data)), None)
    if error is not None:
        raise WeightsCorrupt(
            f"{source} must follow {schema}.schema.json. Received: {error.message[:300]} at "
            f"{'/'.join(map(str, error.absolute_path)) or 'the top'}. Refusing to load it."
        )


@_uncollected()
def parse_config(data, source):
    """The dict in the bytes of a `config.json`, valid; a foreign one is named in an error."""
    config = read_json(data, source)
    if config.get("format") != FORMAT:
        raise convert.foreign(config, source)
    if config.get("layout_version") != VERSION:
        raise WeightsError(
            f"This version of keras_sslzoo reads the layout version {VERSION}. Received: "
            f"{config.get('layout_version')!r} in {source}. Update keras_sslzoo."
        )
    validate(config, "config", source)
    return config


def part_of(config, part, source):
    """The entry of a part, or an error that names those there are."""
    if part not in config["parts"]:
        raise WeightsError(
            f"`part` must be one that was saved. Received: part={part!r} of {source}, which holds "
            f"{', '.join(config['parts'])}. Pass part={next(iter(config['parts']))!r}."
        )
    return config["parts"][part]


@_uncollected()
def load(config, part, file, input_shape=None, dtype=None, trainable=True):
    """The Keras model or method of one part.

    Args:
        config: From `parse_config`.
        part: Name of the part.
        file: Its `TensorFile`, whose header is checked before anything is built.
        input_shape, dtype, trainable: See `from_pretrained`.
    """
    entry = config["parts"][part]
    elements, inflate = file.elements, None
    if input_shape is not None:
        old, new = _stored_channels(entry["network"]), input_shape[-1]
        elements *= max(1, -(-new // old))
        inflate = (old, new) if new != old else None
    model = network.decode(entry["network"], network.Budget(elements), dtype, input_shape)
    if not isinstance(model, Method if part == "method" else keras.Model) or (
        part == "encoder" and isinstance(model, Method)
    ):
        raise ArchitectureMismatch(
            f"The part {part!r} must be {'a method' if part == 'method' else 'a network'}. Received: "
            f"{type(model).__name__}. Refusing to load it."
        )
    tensors.assign(model, file, inflate=inflate)
    model.preprocess = Preprocessing(**_for_shape(config["preprocessing"], input_shape))
    if not trainable:
        model.trainable = False
    return model


def _stored_channels(encoded):
    for entry in encoded.get("layers", ()):
        if isinstance(entry, dict) and entry.get("class") == "InputLayer":
            shape = entry["args"]["batch_shape"]
            if len(shape) == 4 and type(shape[-1]) is int and shape[-1] > 0:
                return shape[-1]
    raise ArchitectureMismatch(
        "`input_shape` changes networks that take images (H, W, C). Received: another network. Leave it out."
    )


def _for_shape(preprocessing, input_shape):
    if input_shape is None:
        return preprocessing
    size = None if None in input_shape[:2] else list(input_shape[:2])
    kept = {k: v for k, v in preprocessing.items() if k != "resize_to"}
    return {**kept, "image_size": size, "channels": input_shape[-1]}


def save(model, folder, name=None, preprocessing=None, storage="float32"):
    """Write config and weights of a model or method; returns the config. Each file appears whole or not at all."""
    from safetensors.numpy import save as to_bytes

    if not isinstance(model, keras.Model):
        raise ArchitectureMismatch(
            f"A method, or a functional or Sequential model is saved. Received: {type(model).__name__}. Pass one of them."
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"method": model} if isinstance(model, Method) else {"encoder": model}
    if isinstance(model, Method) and hasattr(model, "pretrained_encoder"):
        parts = {"encoder": model.pretrained_encoder, **parts}
    encoded = {
        part: network.encode(net, f"the {part}") for part, net in parts.items()
    }  # refuses before a file is written
    config = {
        "format": FORMAT,
        "layout_version": VERSION,
        "library_version": metadata.version("keras-sslzoo"),
        "name": name or folder.resolve().name,
        "method": type(model).__name__ if isinstance(model, Method) else None,
        "preprocessing": (preprocessing or preprocessing_of(model)).as_dict(),
        "parts": {},
    }
    for part, net in parts.items():
        data = to_bytes(tensors.to_numpy(net, storage), metadata={"format": FORMAT, "layout_version": str(VERSION)})
        path = folder / f"{part}.safetensors"
        write(path, data)
        entry = {
            "file": path.name,
            "sha256": sha256(path),
            "size": len(data),
            "dtype": storage,
            "network": encoded[part],
        }
        config["parts"][part] = entry
    write(folder / CONFIG, (json.dumps(config, separators=(",", ":")) + "\n").encode())
    return config


def write(path, data):
    """Replace a file's contents at once."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)


def preprocessing_of(model):
    """Those that the model was loaded with, else from its input: the size, resized by the shorter side and cropped."""
    if isinstance(getattr(model, "preprocess", None), Preprocessing):
        return model.preprocess
    shape = getattr(getattr(model, "pretrained_encoder", model), "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        return Preprocessing()
    return Preprocessing(None if None in shape[1:3] else shape[1:3], shape[-1])
