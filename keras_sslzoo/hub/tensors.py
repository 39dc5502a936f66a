"""Which tensor of a file is which variable of a model, and the strict passage from one to the other.

variables(model) -> {"blocks_3/attn/qkv/kernel": variable, ...}            a network: layer, then the path in it
                    {"encoder/conv1/kernel": ..., "steps": ..., ...}      a method: the constructor's argument first
"""

import collections
import fnmatch
import itertools

import keras
import numpy as np
from keras import ops

from keras_sslzoo.backend import set_variable
from keras_sslzoo.engine.method import Method
from keras_sslzoo.hub.errors import ArchitectureMismatch
from keras_sslzoo.ops.config import signature_names

SHOWN = 5  # names of each kind in a message


def variables(model):
    """Dict from name to each weight of a model or method, once; the names depend on the config alone."""
    named = list(_of_method(model) if isinstance(model, Method) else _of_layer(model, ""))
    first = {}
    for name, variable in named:
        first.setdefault(id(variable), (name, variable))
    found = dict(first.values())
    if len(found) < len(first) or {id(w) for w in model.weights} - set(first):
        twice = sorted(
            name for name, group in itertools.groupby(sorted(n for n, _ in first.values())) if len([*group]) > 1
        )
        raise ArchitectureMismatch(
            f"Each weight of a saved model needs a name of its own. Received: {type(model).__name__} {model.name!r}, where "
            f"{', '.join(twice[:SHOWN]) or 'some weights'} cannot be told apart. Give its layers different names."
        )
    return found


def _of_layer(layer, prefix):
    """Pairs of a layer's weights: by layer in a model, by path in a layer."""
    if isinstance(layer, keras.Model) and not isinstance(layer, Method):
        for part in layer.layers:
            yield from _of_layer(part, f"{prefix}{part.name}/")
        return
    for weight in layer.weights:
        inside = layer.path and weight.path.startswith(f"{layer.path}/")
        yield prefix + (weight.path[len(layer.path) + 1 :] if inside else weight.path), weight


def _of_method(method):
    """The networks by the argument that they are, then what the method made itself: by Keras' path, where weights of its own
    networks share one by the attribute that the network is."""
    for argument in signature_names(method, keras.Model):
        value = getattr(method, argument)
        if isinstance(value, keras.Layer):
            yield from _of_layer(value, f"{argument}/")
    paths = collections.Counter(weight.path for weight in method.weights)
    attributes = {**vars(method), **vars(method).get("_modules", {})}  # where one backend keeps layers
    for attribute in sorted(attributes):
        if isinstance(attributes[attribute], keras.Model):
            named = _of_layer(attributes[attribute], f"{attribute}/")
            yield from ((name, weight) for name, weight in named if paths[weight.path] > 1)
    for weight in method.weights:
        yield weight.path.removeprefix(f"{method.name}/"), weight


def assign(model, file, droppable=(), inflate=None):
    """Give every variable its tensor: all of the file is used, and all of the model is set.

    Args:
        model: Keras model or method.
        file: `TensorFile`, which is empty afterwards.
        droppable: Patterns of tensors that a layout holds and that the model has no use for, `"*.num_batches_tracked"`.
        inflate: `(old, new)` numbers of input channels, where the first layer must be adapted; see `inflate_channels`.

    Returns:
        Names of the tensors that were dropped.

    Raises:
        ArchitectureMismatch: names, shapes or kinds of numbers differ. Nothing was assigned then.
    """
    wanted, shapes = variables(model), file.shapes
    missing = [name for name in wanted if name not in shapes]
    extra = [name for name in shapes if name not in wanted]
    dropped = [name for name in extra if any(fnmatch.fnmatchcase(name, pattern) for pattern in droppable)]
    unexpected = [name for name in extra if name not in dropped]
    stem, other = [], []
    for name in set(wanted) & set(shapes):
        shape = tuple(wanted[name].shape)
        if shape == shapes[name] and _kind(wanted[name].dtype) == _kind(file.dtype(name)):
            continue
        adapted = inflate and len(shape) > 1 and shape[:-2] == shapes[name][:-2] and shape[-1:] == shapes[name][-1:]
        (stem if adapted and (shapes[name][-2], shape[-2]) == inflate else other).append(name)
    if missing or unexpected or other or len(stem) > 1:
        differing = [
            f"{name} {shapes[name]} {file.dtype(name)} for {tuple(wanted[name].shape)} {wanted[name].dtype}"
            for name in sorted(other + (stem if len(stem) > 1 else []))
        ]
        raise ArchitectureMismatch(
            f"The tensors of {file.name} must be the variables of {model.name!r}, in keras_sslzoo's layout. Received: "
            f"{_listed('missing', missing)}; {_listed('unexpected', unexpected)}; {_listed('of another shape', differing)}. "
            "Load the config and the file of one `save_pretrained`; another `input_shape` suits networks that end in a mean."
        )
    for name, variable in wanted.items():
        tensor = file.take(name)
        if name in stem:
            tensor = inflate_channels(tensor, inflate[1])
        if tensor.dtype.name == "bfloat16":
            tensor = tensor.astype("float32")
        set_variable(variable, tensor)
    return dropped


def _listed(what, names):
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {what}" + (f" ({', '.join(sorted(names)[:SHOWN])}{more})" if names else "")


def _kind(dtype):
    name = keras.backend.standardize_dtype(getattr(dtype, "name", dtype))
    return "float" if "float" in name else name


def inflate_channels(kernel, channels):
    """A first layer's kernel `(..., C, D)` for images of another number of channels.

    One channel: the sum over C, exact for grey images that were repeated C times. More: the C channels repeated in turn,
    scaled by C / channels, exact for images whose C channels repeat (the rule of timm's `in_chans`).
    """
    old = kernel.shape[-2]
    if channels == 1:
        return kernel.sum(axis=-2, keepdims=True)
    return np.take(kernel, np.arange(channels) % old, axis=-2) * np.asarray(old / channels, kernel.dtype)


def to_numpy(model, storage="float32"):
    """Dict from name to array: kernels in `storage`, vectors and everything that is no float as they are.

    Args:
        model: Keras model or method.
        storage: "float32", or "float16" for files of half the size; biases and statistics stay in float32.
    """
    found = {}
    for name, variable in variables(model).items():
        array = np.array(ops.convert_to_numpy(variable.value))
        if _kind(array.dtype) == "float":
            half = array.astype(storage if array.ndim > 1 else "float32")
            if not np.isfinite(half).all():
                raise ValueError(
                    f"Weights must be finite in {storage}. Received: {name} with values up to "
                    f"{np.abs(array).max():g}. Check that training did not diverge, or use storage='float32'."
                )
            array = half
        found[name] = array
    return found
