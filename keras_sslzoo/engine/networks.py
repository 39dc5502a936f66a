"""Checks of the networks that a user passes to a method."""

import itertools

import keras
import numpy as np


def check_built(net, name, example="(B, ...) -> (B, D)"):
    """Refuse what is no Keras model with known input and output shapes: its weights would be made too late to be trained."""
    shapes = [getattr(net, side, None) for side in ("input_shape", "output_shape")]
    single = all(isinstance(s, tuple) and not isinstance(s[0], (tuple, list)) for s in shapes)
    if not single and None not in shapes:
        raise ValueError(
            f"`{name}` must have one input and one output. Received: input shape {shapes[0]}, output shape {shapes[1]}. "
            "Pick one, as in `keras.Model(net.input, net.output[0])`."
        )
    if not single or not getattr(net, "built", False):
        raise ValueError(
            f"`{name}` must be a built functional or Sequential Keras model {example}. Received: {type(net).__name__} whose "
            "shapes are not known. Begin it with `keras.layers.Input`; wrap a subclassed model as "
            "`keras.Model(inputs, net(inputs))`."
        )


def check_encoder(encoder):
    """Refuse what is no built model from images in [0, 1] to one vector each."""
    check_built(encoder, "encoder", "(B, H, W, C) -> (B, D)")
    if len(encoder.input_shape) != 4 or encoder.input_shape[-1] is None:
        raise ValueError(
            f"`encoder` must take images (B, H, W, C) with a known C. Received: input shape {encoder.input_shape}. Methods "
            "such as AutoEncoder take data of any rank."
        )
    check_vectors(encoder, "encoder")
    _check_takes_unit_range(encoder)


def _check_takes_unit_range(encoder):
    """Refuse what standardises images in [0, 255] in its first layers, those of nested models included."""
    scale = 1.0  # of the images, as far as the layers before say
    for layer in itertools.islice(_leaves(encoder), 4):
        kind = type(layer).__name__
        if kind == "Rescaling" and np.ndim(layer.scale) == 0:
            scale *= layer.scale
            if 0 < scale < 0.02:
                does = f"divides its input by {1 / scale:.4g} first"
                break
        elif kind == "Normalization" and layer.input_mean is not None and np.max(layer.input_mean) > 2.0 * scale:
            does = f"subtracts {np.max(layer.input_mean):.4g} from its input"
            break
    else:
        return
    raise ValueError(
        f"`encoder` must take images in [0, 1]. Received: an encoder that {does}. Build it with "
        "`include_preprocessing=False` (keras_cv: `include_rescaling=False`), or put `Rescaling(255.0)` before it."
    )


def _leaves(net):
    """The layers of a model in order, inputs left out and nested models opened."""
    for layer in net.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


def check_vectors(encoder, name):
    """Refuse what does not return one vector a sample."""
    if len(encoder.output_shape) != 2 or encoder.output_shape[-1] is None:
        raise ValueError(
            f"`{name}` must return one vector a sample, (B, D). Received: output shape {encoder.output_shape}. Add "
            "`GlobalAveragePooling2D()` or `Flatten()` at its end; for keras.applications use `include_top=False, "
            'pooling="avg"`.'
        )


def check_head(head, width, name, vectors=True):
    """Refuse a network that does not take `(B, width)` or, with `vectors`, does not return vectors."""
    check_built(head, name, "(B, D) -> (B, ...)")
    if vectors:
        check_vectors(head, name)
    if head.input_shape[-1] != width:
        raise ValueError(
            f"`{name}` must take vectors of {width} numbers, as they come. Received: input shape {head.input_shape}. Build "
            "it for that width."
        )


def check_unit_range(net, name, value_range):
    """Refuse a network that ends with a tanh where data are mapped from `value_range` to [0, 1]."""
    if value_range is not None and ends_with(net, "tanh"):
        raise ValueError(
            f"`{name}` must return data in [0, 1], to which `value_range` maps them. Received: a {name} that ends with a "
            "tanh. End it with a sigmoid, or pass data in [-1, 1] with value_range=None."
        )


def ends_with(net, activation):
    """Whether the last layer that has an activation, past reshaping and cropping, has this one."""
    for layer in reversed(net.layers):
        found = getattr(layer, "activation", None)
        if found is not None:
            return getattr(found, "__name__", "") == activation
        if layer.weights or type(layer).__name__ == "Rescaling":
            return False
    return False
