"""Networks and methods as plain JSON, and back: classes by name from a fixed list, and no code.

    keras.Model --encode--> {"class": "Model", "layers": [{"class": "Conv2D", "args": {...}, "calls": [["images"]]}, ...]}
    zoo.VAE     --encode--> {"class": "keras_sslzoo>VAE", "args": {"encoder": {"class": "Model", ...}, "beta": 1.0, ...}}
                --decode--> the same, with weights of zeros

Keras' own configs name modules to import. Here a class is a key of `allowed()`: the layers of Keras that hold no code and
read no files, and what this package defines. A layer's call lists its inputs: "conv1", or "conv1:2:0" for the first output
of its third call. Dtypes and `trainable` are the loader's choice and not stored.

What a config asks for is bounded before it is allocated: see `Budget`.
"""

import functools
import inspect
import math

import keras
import numpy as np
from keras import initializers, layers, ops

from keras_sslzoo import layers as own_layers
from keras_sslzoo import methods, views
from keras_sslzoo.backend import tensor_of
from keras_sslzoo.engine.method import Method
from keras_sslzoo.hub.errors import ArchitectureMismatch
from keras_sslzoo.hub.files import aligned
from keras_sslzoo.nets import initializers as own_initializers
from keras_sslzoo.ops.config import signature_names

KERAS_LAYERS = [
    "Activation",
    "AdaptiveAveragePooling2D",
    "AdaptiveMaxPooling2D",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "CategoryEncoding",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "EinsumDense",
    "ELU",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "GroupQueryAttention",
    "Identity",
    "InputLayer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "Permute",
    "PReLU",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "RMSNormalization",
    "SeparableConv1D",
    "SeparableConv2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]

MOST_CALLS = 4096  # of layers in one network
DEEPEST = 32  # levels of a config
LONGEST_TEXT = 200
LARGEST_ACTIVATION = 2**28  # numbers in one sample's output of one layer
LARGEST_NUMBER = 2**16  # a whole number in a config may be this large, or as large as the file has numbers


@functools.cache
def allowed():
    """Dict from name to class: what a config may name. Ours have Keras' registered names, `keras_sslzoo>SimCLR`."""
    found = [getattr(layers, name) for name in KERAS_LAYERS]
    found += [
        value
        for module, base in (
            (initializers, initializers.Initializer),
            (keras.regularizers, keras.regularizers.Regularizer),
            (keras.constraints, keras.constraints.Constraint),
            (own_initializers, initializers.Initializer),
            (own_layers, keras.Layer),
            (methods, Method),
            (views, views.View),
        )
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    ]
    return {keras.saving.get_registered_name(cls): cls for cls in found}


# ---- to JSON -----------------------------------------------------------------------------------------------------------


def encode(value, where="the model"):
    """A model, method, view or plain value as JSON data.

    Args:
        value: What to encode.
        where: What it is, for messages.

    Raises:
        ArchitectureMismatch: for a class that is not on the list.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [encode(v, where) for v in value]
    if isinstance(value, keras.Sequential) or type(value).__name__ == "Functional":
        return _encode_model(value, where)
    if isinstance(value, Method | views.View):
        name = _name_of(type(value), where)
        args = {
            a: encode(getattr(value, a), f"{a} of {type(value).__name__}") for a in signature_names(value, keras.Model)
        }
        return {"class": name, "args": args}
    raise ArchitectureMismatch(
        f"A saved model consists of functional and Sequential models, views, numbers and strings. Received: {where}, "
        f"which is {type(value).__module__}.{type(value).__name__}. Wrap a subclassed model as `keras.Model(inputs, "
        "net(inputs))` of layers that Keras or keras_sslzoo define, or keep it with Keras' own `model.save`."
    )


def _name_of(cls, where):
    name = keras.saving.get_registered_name(cls)
    if allowed().get(name) is not cls:
        raise ArchitectureMismatch(
            f"A saved model consists of layers that Keras or keras_sslzoo define and that hold no code. Received: {name} in "
            f"{where}. Replace it, or keep the model with Keras' own `model.save`."
        )
    return name


def _encode_model(model, where):
    if not model.built:
        raise ArchitectureMismatch(
            f"A model must be built to be saved. Received: {where}, unbuilt. Begin it with `keras.layers.Input`."
        )
    config = model.get_config()
    sequential = isinstance(model, keras.Sequential)
    entries = []
    for entry in config["layers"]:
        layer_name = entry["config"]["name"]
        inside = f"the layer {layer_name!r} of {where}"
        if entry["class_name"] in ("Functional", "Sequential"):
            part = _encode_model(model.get_layer(layer_name), inside)
        else:
            part = _encode_object(entry, inside)
        if not sequential:
            part["calls"] = [_encode_call(node, inside) for node in entry["inbound_nodes"]]
        entries.append(part)
    encoded = {"class": "Sequential" if sequential else "Model", "name": model.name, "layers": entries}
    if not sequential:
        for side in ("input_layers", "output_layers"):
            ends = config[side]
            if isinstance(ends, dict):
                raise ArchitectureMismatch(
                    f"A saved model has one input or a list of them. Received: {where} with the keys {sorted(ends)}. "
                    "Rebuild it with a list."
                )
            ends = [ends] if isinstance(ends[0], str) else ends
            encoded[side.replace("_layers", "s")] = [_reference(*end) for end in ends]
    return encoded


def _encode_object(entry, where):
    """`{"module", "class_name", "config", "registered_name"}`, as Keras serialises an object, in our form."""
    name = entry["registered_name"] or entry["class_name"]
    if name not in allowed():
        raise ArchitectureMismatch(
            f"A saved model consists of layers that Keras or keras_sslzoo define and that hold no code. Received: {name} in "
            f"{where}. Replace it, or keep the model with Keras' own `model.save`."
        )
    args = {k: _encode_argument(v, where) for k, v in entry["config"].items() if k not in ("trainable", "dtype")}
    if name == "InputLayer":
        args["dtype"] = entry["config"]["dtype"]
    return {"class": name, "args": args}


def _encode_argument(value, where):
    if isinstance(value, dict):
        if "class_name" not in value:
            raise ArchitectureMismatch(
                f"Arguments of layers are plain values. Received: a dict in {where}. Replace it."
            )
        if value["class_name"] == "__tuple__":
            return _encode_argument(value["items"], where)
        return _encode_object(value, where)
    return [_encode_argument(v, where) for v in value] if isinstance(value, list | tuple) else value


def _encode_call(node, where):
    options = {k: v for k, v in node["kwargs"].items() if v is not None and (k, v) != ("training", False)}
    if options:
        raise ArchitectureMismatch(
            f"Layers of a saved model are called on tensors alone. Received: {where}, called with {sorted(options)}. "
            "Call it without."
        )
    return [_encode_tensor(a, where) for a in node["args"]]


def _encode_tensor(value, where):
    if isinstance(value, list | tuple):
        return [_encode_tensor(v, where) for v in value]
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return _reference(*value["config"]["keras_history"])
    raise ArchitectureMismatch(
        f"Layers of a saved model are called on tensors alone. Received: {where}, called on {value!r}. Call it without."
    )


def _reference(name, call, output):
    if ":" in name:
        raise ArchitectureMismatch(f"A layer's name must not contain ':'. Received: {name!r}. Rename it.")
    return name if (call, output) == (0, 0) else f"{name}:{call}:{output}"


# ---- from JSON ---------------------------------------------------------------------------------------------------------


class Budget:
    """The initializer of everything that `decode` builds: zeros, as many as the file holds and no more.

    Args:
        elements: Numbers in the file.
    """

    def __init__(self, elements):
        self.elements = elements
        self.used = self.calls = 0

    def __call__(self, shape, dtype=None):
        """Zeros of the shape, unless the weights then outgrow the file."""
        self.used += math.prod(shape)
        if self.used > self.elements:
            raise ArchitectureMismatch(
                f"A network must not be larger than its file. Received: a config whose weights outgrow the "
                f"{self.elements:,} numbers of the file at the shape {tuple(shape)}. Refusing to load it."
            )
        if dtype != "float32":
            return ops.zeros(shape, dtype)
        return tensor_of(aligned(shape, dtype, np.zeros))  # pages that nobody writes to never become real

    def get_config(self):
        """Itself: Keras' attention layers copy their initializers through the config."""
        return {"budget": self}

    @classmethod
    def from_config(cls, config):
        """See `get_config`."""
        return config["budget"]

    def check_number(self, value):
        """Refuse whole numbers that could be the size of something too large."""
        if abs(value) > max(LARGEST_NUMBER, self.elements):
            raise _bad(f"the number {str(value)[:40]}, more than the file holds")

    def check_output(self, tensors):
        """Refuse a layer whose output for one sample is too large."""
        for tensor in keras.tree.flatten(tensors):
            if math.prod(n or 1 for n in tensor.shape[1:]) > LARGEST_ACTIVATION:
                raise _bad(f"a layer with outputs of the shape {tensor.shape}")

    def count_calls(self, n):
        """Refuse more layers than any network has."""
        self.calls += n
        if self.calls > MOST_CALLS:
            raise _bad(f"more than {MOST_CALLS} layers")


def _bad(received):
    return ArchitectureMismatch(
        f"`config.json` must describe a network as `save_pretrained` does. Received: {received}. Refusing to load it."
    )


def decode(data, budget, dtype=None, input_shape=None):
    """The model or method of `encode`, with weights of zeros.

    Args:
        data: JSON data; nothing in it is trusted.
        budget: `Budget` of the file that the weights come from.
        dtype: Policy of every layer, or None for the global one.
        input_shape: `(H, W, C)` in place of the stored one, for a model with one input.

    Raises:
        ArchitectureMismatch: for anything but what `encode` makes.
    """
    try:
        return _Decoder(budget, dtype, input_shape).value(data)
    except Exception as error:  # whatever the constructors say of hostile arguments
        if input_shape is not None:
            raise ArchitectureMismatch(
                f"The network must be buildable for `input_shape`. Received: input_shape={tuple(input_shape)}, and "
                f"{type(error).__name__}: {_short(error)} Use the stored shape, and `encoder.preprocess(images)`."
            ) from error
        if isinstance(error, ArchitectureMismatch):
            raise
        raise _bad(f"{type(error).__name__}: {_short(error)}") from error


def _short(error):
    return " ".join(str(error).split())[:300]


class _Decoder:
    def __init__(self, budget, dtype, input_shape):
        self.budget, self.dtype, self.input_shape = budget, dtype, input_shape
        self.stored_shape = None  # of the input that `input_shape` takes the place of
        self.depth = 0
        self.lent = []  # layers whose initializers are the budget for now, and their own ones

    def value(self, data, argument=""):
        """A plain value, or the object of a dict; lists become tuples."""
        if data is None or isinstance(data, bool | float):
            return data
        if isinstance(data, int):
            if argument != "seed":
                self.budget.check_number(data)
            return data
        if isinstance(data, str):
            if len(data) > LONGEST_TEXT or not data.isprintable():
                raise _bad(f"the text {data[:40]!r}...")
            return data
        self.depth += 1
        if self.depth > DEEPEST:
            raise _bad("a config of too many levels")
        try:
            if isinstance(data, list):
                return tuple(self.value(v, argument) for v in data)
            if data.get("class") == "Model":
                return self.model(data)
            if data.get("class") == "Sequential":
                return self.sequential(data)
            cls = self.class_of(data, Method | views.View)
            return cls(**{k: self.value(v, k) for k, v in self.keys(data, "class", "args")["args"].items()})
        finally:
            self.depth -= 1

    def keys(self, data, *keys):
        if not isinstance(data, dict) or set(data) != set(keys):
            raise _bad(f"{str(data)[:80]}, where an object with {', '.join(keys)} stands")
        return data

    def class_of(self, data, kind):
        name = data.get("class") if isinstance(data, dict) else None
        cls = allowed().get(name) if isinstance(name, str) else None
        if cls is None or not issubclass(cls, kind) or not isinstance(data.get("args"), dict):
            raise _bad(f"the class {str(name)[:80]!r}, which is not one of those that a config may name here")
        return cls

    def layer(self, data):
        """A layer whose weights the budget pays for; afterwards it has its own initializers again."""
        if isinstance(data, dict) and data.get("class") in ("Model", "Sequential"):
            return self.value(data)
        cls = self.class_of(data, keras.Layer)
        if issubclass(cls, Method):
            raise _bad(f"the method {cls.__name__} as a layer")
        args = {k: self.argument(k, v) for k, v in data["args"].items()}
        if cls is layers.InputLayer:
            return self.input_layer(args)
        if cls is layers.Rescaling and self.input_shape is not None:
            args |= {k: _channels(args[k], self.input_shape[-1]) for k in ("scale", "offset")}
        defaults = {k: p.default for k, p in inspect.signature(cls.__init__).parameters.items()}
        own = {k: args.get(k, defaults.get(k)) for k in {**defaults, **args} if k.endswith("initializer")}
        layer = cls(**{**args, **dict.fromkeys(own, self.budget), "dtype": self.dtype})
        self.lent.append((layer, own))
        return layer

    def give_back(self):
        """Layers that are built get their own initializers, so that a clone of them starts from random weights."""
        for layer, own in self.lent:
            for name, initializer in own.items():
                for attribute in (name, f"_{name}"):
                    if getattr(layer, attribute, None) is self.budget:
                        setattr(layer, attribute, initializers.get(initializer))
        self.lent = []

    def argument(self, name, data):
        if isinstance(data, dict):
            cls = self.class_of(
                data, initializers.Initializer | keras.regularizers.Regularizer | keras.constraints.Constraint
            )
            return cls(**{k: self.value(v, k) for k, v in data["args"].items()})
        if name.endswith(("initializer", "regularizer", "constraint")) and data is not None:
            raise _bad(f"{name}={str(data)[:80]!r}, where an object or null stands")
        if isinstance(data, list):
            return [self.argument(name, v) for v in data]
        return self.value(data, name)

    def input_layer(self, args):
        shape = tuple(args["batch_shape"])
        if self.input_shape is not None and self.stored_shape in (None, shape):
            self.stored_shape, shape = shape, (None, *self.input_shape)
        if shape[0] is not None or len(shape) > 8:
            raise _bad(f"an input of the shape {shape}")
        layer = layers.InputLayer(batch_shape=shape, dtype=args["dtype"], name=args["name"])
        self.budget.check_output(layer.output)
        return layer

    def sequential(self, data):
        self.keys(data, "class", "name", "layers")
        self.budget.count_calls(len(data["layers"]))
        parts = [self.layer(entry) for entry in data["layers"]]
        if not parts or not isinstance(parts[0], layers.InputLayer):
            raise _bad("a Sequential model without an input layer")
        model = keras.Sequential(parts, name=self.value(data["name"]))
        for part in model.layers:
            self.budget.check_output(part.output)
        self.give_back()
        return model

    def model(self, data):
        self.keys(data, "class", "name", "layers", "inputs", "outputs")
        self.budget.count_calls(len(data["layers"]))
        found, outputs, waiting = {}, {}, []
        for entry in data["layers"]:
            calls = entry.get("calls") if isinstance(entry, dict) else None
            if not isinstance(calls, list):
                raise _bad(f"{str(entry)[:80]}, where a layer and its calls stand")
            layer = self.layer({k: v for k, v in entry.items() if k != "calls"})
            if layer.name in found:
                raise _bad(f"two layers of the name {layer.name[:80]!r}")
            found[layer.name] = layer
            if isinstance(layer, layers.InputLayer):
                outputs[layer.name, 0] = [layer.output]
            waiting += [(layer.name, i, call) for i, call in enumerate(calls)]
        self.budget.count_calls(len(waiting) - len(found))  # of layers that are called more than once
        while waiting:
            left = []
            for name, i, call in waiting:
                args = self.tensors(call, outputs)
                if args is None or (i and (name, i - 1) not in outputs):
                    left.append((name, i, call))
                else:
                    outputs[name, i] = keras.tree.flatten(found[name](*args))
                    self.budget.check_output(outputs[name, i])
            if len(left) == len(waiting):
                raise _bad("layers that wait for each other")
            waiting = left
        self.give_back()
        ends = [self.tensors(data[side], outputs) for side in ("inputs", "outputs")]
        if not all(ends):
            raise _bad("a network whose ends are not among its layers")
        return keras.Model(*(end[0] if len(end) == 1 else list(end) for end in ends), name=self.value(data["name"]))

    def tensors(self, call, outputs):
        """The tensors that a call refers to, or None where one is not computed yet."""
        if not isinstance(call, list):
            raise _bad(f"{str(call)[:80]!r}, where a list of inputs stands")
        found = []
        for reference in call:
            if isinstance(reference, list):
                tensor = self.tensors(reference, outputs)
            else:
                name, _, place = str(reference).partition(":")
                call_index, _, output = (place or "0:0").partition(":")
                tensors = outputs.get((name, int(call_index)))
                tensor = None if tensors is None else tensors[int(output)]
            if tensor is None:
                return None
            found.append(tensor)
        return found


def _channels(value, channels):
    """Scale or offset of each channel for another number of channels: their mean for one, else repeated in turn."""
    if not isinstance(value, list):
        return value
    flat = [float(v) for v in keras.tree.flatten(value)]
    flat = [sum(flat) / len(flat)] if channels == 1 else [flat[i % len(flat)] for i in range(channels)]
    return [[flat]]
