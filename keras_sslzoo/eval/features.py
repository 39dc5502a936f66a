"""Features of a frozen encoder as one NumPy array: images (N, H, W, C) -> (N, D)."""

import math

import keras
import numpy as np
from keras import ops


def features(encoder, x, batch_size=256):
    """Features of all samples, extracted once in inference mode.

    Args:
        encoder: Keras model (B, H, W, C) -> (B, D), a training method (its `pretrained_encoder` is taken), or None: `x`
            is taken as features already, flattened to (N, D).
        x: array of N samples. uint8 is scaled to [0, 1], floats are cast to float32.
        batch_size: images in a forward pass.

    Returns:
        float32 array (N, D).

    Example:
        ```python
        f = zoo.eval.features(encoder, images)        # extract once, probe often
        zoo.eval.knn(None, f, y, ft, yt)
        ```
    """
    x = samples(x)
    if encoder is None:
        return finite(to_float(x).reshape(len(x), -1))
    return vectors(as_model(encoder), x, batch_size, scaling(encoder))


def vectors(model, x, batch_size, scale):
    """As `outputs`, which must be finite vectors: float32 (N, D)."""
    f = outputs(model, x, batch_size, scale)
    check_vectors(f.shape, x.shape)
    return finite(f)


def check_vectors(shape, of):
    """Refuse an output that is no batch of vectors."""
    if len(shape) != 2:
        raise ValueError(
            f"The encoder must give 2-D features (B, D). Received: {shape} from images {of}. "
            "End it with a pooling or flatten layer, for example `keras.layers.GlobalAveragePooling2D()`."
        )


def outputs(model, x, batch_size, scale):
    """What a model gives for an array, batch by batch, float32 (N, ...); `scale` is applied to each batch."""
    if x.dtype.kind != "f" and x.dtype not in (np.uint8, bool) and x.dtype.name != "bfloat16":
        raise ValueError(
            f"Images must be uint8 in [0, 255] or floats. Received: dtype {x.dtype}. "
            "Use `x.astype('uint8')` if the values are bytes."
        )
    f = model.predict(_Batches(x, batch_size, scale), verbose=0)
    if not hasattr(f, "shape"):
        raise ValueError(
            f"The model must have one output, such as 2-D features (B, D). Received: {type(f).__name__} of {len(f)}. "
            "Take one with `keras.Model(model.input, model.output[...])`."
        )
    return np.asarray(f, "float32")[: len(x)]


def finite(f, name="Features"):
    """The same array (N, D), or an error that names its first row with NaN or infinity."""
    bad = ~np.isfinite(f).all(axis=1)
    if bad.any():
        kind = "NaN" if np.isnan(f[bad]).any() else "infinity"
        raise ValueError(
            f"{name} must be finite. Received: {name.lower()} contain {kind} in {bad.sum():,} of {len(f):,} rows, first "
            f"at row {bad.argmax()}. Check the input for {kind}, and whether training diverged (lower the learning rate)."
        )
    return f


def samples(x):
    """A tensor, list or array as a NumPy array of N samples; one on disk (`numpy.memmap`) stays there."""
    x = to_numpy(x)
    if x.ndim == 0 or len(x) == 0 or x.dtype.kind == "O":
        raise ValueError(
            f"Samples must be one non-empty array. Received: shape {x.shape}, dtype {x.dtype}. "
            "Collect a data set into an array first."
        )
    return x


def to_numpy(x):
    """A tensor of the backend, or anything that NumPy understands."""
    return ops.convert_to_numpy(x) if ops.is_tensor(x) else np.asanyarray(x)


def as_model(encoder):
    """The Keras model to probe: of a training method, the encoder that it would publish."""
    return as_keras_model(getattr(encoder, "pretrained_encoder", encoder), "encoder")


def as_keras_model(model, name="model"):
    """The same model, or an error that says what is none."""
    if not isinstance(model, keras.Model):
        received = repr(model) if isinstance(model, str | type | None) else f"an object of type {type(model).__name__}"
        raise TypeError(
            f"`{name}` must be a Keras model (B, H, W, C) -> (B, D), or None where `x` holds features. "
            f"Received: {received}. Load a name with `from_pretrained`, wrap a layer in `keras.Sequential([layer])`."
        )
    return model


def scaling(encoder):
    """From a batch as the user has it to what the model takes: a training method knows the range of its data."""
    to_unit_range = getattr(encoder, "to_unit_range", None)
    if to_unit_range is None:
        return to_float
    return lambda x: ops.convert_to_numpy(to_unit_range(ops.convert_to_tensor(x)))


def to_float(x):
    """float32; uint8 in [0, 1]."""
    return x.astype("float32") / 255 if x.dtype == np.uint8 else x.astype("float32", copy=False)


class _Batches(keras.utils.PyDataset):
    """Batches scaled as they are read. The last one is filled up with copies, so that JAX compiles one shape."""

    def __init__(self, x, batch_size, scale):
        super().__init__()
        self.scale = scale
        self.x, self.batch_size = x, min(batch_size, len(x))

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index):
        start = index * self.batch_size
        batch = self.scale(np.asarray(self.x[start : start + self.batch_size]))
        missing = self.batch_size - len(batch)
        return (np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch,)
