"""Pictures that a model makes: its reconstructions and samples, its latent space, and the filters of its first layer.

The models are methods of the zoo, or any Keras model with the methods that a picture names. Where a model keeps data as
they are (its own `value_range` is None), `value_range` says their range; a decoder's overshoot is clipped.
"""

import matplotlib
import numpy as np
from scipy.stats import norm

from keras_sslzoo.viz.figure import Figure, check_images, columns, number, show, to_numpy
from keras_sslzoo.viz.grids import image_grid, image_rows

OVERSHOOT = 0.5  # how far beyond its range, in units of it, a decoder may go: a tanh's goes further


def reconstructions(model, images, value_range=None):
    """Images over what an autoencoder makes of them, and how much the two differ.

    Args:
        model: with `reconstruct(images)`.
        images: (N, H, W, C) as the model takes them; a column each, so pass a few.
        value_range: see the module.

    Returns:
        Figure of three rows.
    """
    _check_methods(model, "reconstructions", "reconstruct")
    original = _in_unit_range("images", images, value_range or getattr(model, "value_range", None))
    decoded = _decoded(model, model.reconstruct(images), value_range)
    original = original / 255 if original.dtype == np.uint8 else original
    return image_rows({"image": original, "reconstruction": decoded, "difference": np.abs(original - decoded)})


def samples(model, n=64, seed=0, value_range=None):
    """Images that a generative model makes, about a square of them.

    Args:
        model: with `generate(n, seed=seed)`.
        n: number of images.
        seed: of their noise.
        value_range: see the module.

    Returns:
        Figure with one axes per image.
    """
    _check_methods(model, "samples", "generate")
    return image_grid(_decoded(model, model.generate(n, seed=seed), value_range))


def traversals(model, image, dimensions=8, span=3.0, steps=9, value_range=None):
    """The code of one image with one of its numbers moved at a time, decoded: what that number stands for.

    Args:
        model: with `encode(images)`, vectors (N, Z), and `decode(codes)`.
        image: (H, W, C), as the model takes it.
        dimensions: how many numbers of the code to move, those that change the picture most, most first; or which.
        span: a number goes from -span to span; 3 covers the prior of a VAE, other codes may be larger.
        steps: number of values.
        value_range: see the module.

    Returns:
        Figure with a row for each number of the code.

    Source: Higgins et al. 2017 (beta-VAE), openreview.net/forum?id=Sy2fzU9gl, figures 1 to 3.
    """
    _check_methods(model, "traversals", "encode", "decode")
    if steps < 2 or not span > 0:
        raise ValueError(f"`steps` must be at least 2 and `span` positive. Received: steps={steps}, span={span}.")
    code = _encode(model, image)
    if len(code) != 1:
        raise ValueError(f"`image` must be a single one, (H, W, C). Received: {len(code)} images. Pass `images[0]`.")
    z = code.shape[1]
    counted = isinstance(dimensions, (int, np.integer))
    which = [] if counted else to_numpy(dimensions).reshape(-1).tolist()
    if (dimensions < 1) if counted else not (which and set(which) <= set(range(z))):
        raise ValueError(
            f"`dimensions` must be a positive number, or some of 0 ... {z - 1}. Received: dimensions={dimensions}."
        )
    values = np.linspace(-span, span, steps, dtype="float32")
    codes = np.tile(code, (z, steps, 1))
    codes[np.arange(z), :, np.arange(z)] = values
    decoded = _decoded(model, model.decode(codes.reshape(-1, z)), value_range)
    decoded = decoded.reshape(z, steps, *decoded.shape[1:])
    if counted:
        which = decoded.var(axis=1).mean(axis=(1, 2, 3)).argsort()[::-1][:dimensions]
    return image_rows({f"z{i} =": decoded[i] for i in which}, titles=[number(v, ".3g") for v in values])


def morph(model, a, b, steps=8, kind=None, value_range=None):
    """From one image to another through the latent space: both images, and what is decoded on the way between their codes.

    Args:
        model: with `encode(images)` and `interpolate(z1, z2, steps, kind)`.
        a, b: images (N, H, W, C), a row for each pair, or single ones (H, W, C), as the model takes them.
        steps: points on the way, both codes among them.
        kind: "slerp", "lerp", or None for the model's default: see `interpolate`.
        value_range: see the module.

    Returns:
        Figure with the images in the outer columns.
    """
    _check_methods(model, "morph", "encode", "interpolate")
    codes, shown = [], []
    for name, images in (("a", a), ("b", b)):
        codes.append(_encode(model, images))
        shown.append(_in_unit_range(name, _batch(images), value_range or getattr(model, "value_range", None)))
    if len(codes[0]) != len(codes[1]):
        raise ValueError(f"`a` and `b` must be pairs. Received: {len(codes[0])} and {len(codes[1])} images.")
    path = model.interpolate(*codes, steps, kind)
    decoded = _decoded(model, path.reshape(-1, *path.shape[2:]), value_range)
    decoded = decoded.reshape(path.shape).swapaxes(0, 1)
    between = [(f"{t:.2g}", images) for t, images in zip(np.linspace(0, 1, steps), decoded, strict=True)]
    return columns([("a", shown[0]), *between, ("b", shown[1])])


def manifold(model, n=15, value_range=None):
    """The plane of a latent space of two numbers, decoded on a grid that the prior N(0, I) fills evenly.

    The numbers are quantiles of N(0, 1): z = inverse CDF of (i + 1/2) / n.

    Args:
        model: with `decode(codes)` for codes (N, 2), such as `zoo.VAE(latent_dim=2)`.
        n: images on each side.
        value_range: see the module.

    Returns:
        Figure with one axes.

    Source: Kingma and Welling 2013, arXiv:1312.6114, figure 4.
    """
    _check_methods(model, "manifold", "decode")
    if n < 2:
        raise ValueError(f"`n` must be at least 2. Received: n={n}.")
    size = getattr(model, "latent_dim", 2)
    if size != 2:
        raise ValueError(
            f"`manifold` needs a latent space of two numbers. Received: {type(model).__name__} with latent_dim={size}. "
            "`traversals` shows larger ones."
        )
    z = norm.ppf((np.arange(n) + 0.5) / n).astype("float32")
    codes = np.stack(np.meshgrid(z, z[::-1]), axis=-1)  # row 0 is drawn on top: the largest z_2
    images = _decoded(model, model.decode(codes.reshape(-1, 2)), value_range)
    height, width, channels = images.shape[1:]
    tiles = images.reshape(n, n, height, width, channels).swapaxes(1, 2).reshape(n * height, n * width, channels)
    figure = Figure(figsize=(7, 7 * height / width), dpi=120, layout="constrained")
    ax = figure.add_subplot()
    show(ax, tiles)
    ax.set_axis_on()
    ax.spines[:].set_visible(False)
    labelled = np.arange(n)[:: max(1, n // 8)]
    names = [number(v, ".1f") for v in z[labelled]]
    ax.set_xticks((labelled + 0.5) * width - 0.5, names)
    ax.set_yticks((n - labelled - 0.5) * height - 0.5, names)
    ax.tick_params(length=0)
    ax.set(xlabel="$z_1$", ylabel="$z_2$")
    return figure


def filters(encoder, n=64):
    """The weights of the first layer as images, each scaled to its own largest weight, the strongest filters first.

    Args:
        encoder: Keras model whose first layer with weights is a convolution or patch embedding of grey or RGB images, or
            a dense layer on flattened ones.
        n: the largest number of filters to draw.

    Returns:
        Figure with one axes per filter: of grey images blue below 0 and red above, of RGB images grey at 0.
    """
    if n < 1:
        raise ValueError(f"`n` must be at least 1. Received: n={n}.")
    layer = next((layer for layer in _leaves(encoder) if getattr(layer, "kernel", None) is not None), None)
    kernel = np.zeros(()) if layer is None else to_numpy(layer.kernel).astype("float32")
    shape = tuple(encoder.input_shape[1:])
    if kernel.ndim == 2 and None not in shape and kernel.shape[0] == np.prod(shape):
        kernel = kernel.reshape(*shape, -1)
    if kernel.ndim != 4 or kernel.shape[2] not in (1, 3):
        received = "no layer with a kernel" if layer is None else f"{layer.name} with a kernel {kernel.shape}"
        raise ValueError(
            "`filters` needs an encoder that begins with a convolution of grey or RGB images, or a dense layer on them. "
            f"Received: {received}, in an encoder of {shape}."
        )
    weights = np.moveaxis(kernel, -1, 0)
    strongest = np.linalg.norm(weights.reshape(len(weights), -1), axis=1).argsort()[::-1][:n]
    weights = weights[strongest]
    images = 0.5 + 0.5 * weights / np.maximum(np.abs(weights).max(axis=(1, 2, 3), keepdims=True), 1e-12)
    grey = images.shape[-1] == 1
    if grey:
        images = matplotlib.colormaps["RdBu_r"](images[..., 0])[..., :3]
    of_all = "" if len(images) == kernel.shape[-1] else f" of {kernel.shape[-1]}"
    key = "blue < 0 < red" if grey else "grey is 0"
    return image_grid(images, title=f"{layer.name}: {len(images)}{of_all} filters, {key}")


def _leaves(net):
    """The layers of a model in order, nested models opened."""
    for layer in net.layers:
        yield from _leaves(layer) if hasattr(layer, "layers") else [layer]


def _check_methods(model, picture, *names):
    missing = [name for name in names if not callable(getattr(model, name, None))]
    if missing:
        raise ValueError(
            f"`{picture}` needs a model with {' and '.join(f'`{name}`' for name in names)}. Received: a "
            f"{type(model).__name__} without {' and '.join(f'`{name}`' for name in missing)}. "
            'Pass the whole method, such as `zoo.from_pretrained(name, part="method")`.'
        )


def _batch(images):
    images = to_numpy(images)
    return images[None] if images.ndim == 3 else images


def _encode(model, images):
    """Codes (N, Z) of images, or of a single one."""
    codes = to_numpy(model.encode(_batch(images)))
    if codes.ndim != 2:
        raise ValueError(f"`encode` must return vectors (N, Z). Received: {type(model).__name__}, codes {codes.shape}.")
    return codes.astype("float32")


def _in_unit_range(name, images, value_range):
    """Checked images: bytes as they are, floats of that range in [0, 1]."""
    images = to_numpy(images)
    if images.dtype != np.uint8 and value_range is not None:
        low, high = value_range
        images = (images.astype("float32") - low) / (high - low)
    return check_images(name, images)


def _decoded(model, images, value_range):
    """What a model made, in [0, 1]; the zoo's methods map their own `value_range` there themselves."""
    low, high = (0, 1) if value_range is None or getattr(model, "value_range", None) else value_range
    images = (to_numpy(images).astype("float32") - low) / (high - low)
    least, most = images.min(), images.max()
    if not (least > -OVERSHOOT and most < 1 + OVERSHOOT):  # written so that NaN fails
        raise ValueError(
            f"What the model makes must lie in [{low:g}, {high:g}]. Received: {type(model).__name__}, values in "
            f"[{least * (high - low) + low:.3g}, {most * (high - low) + low:.3g}]. Say the range of its data, such as "
            "value_range=(-1, 1) for a decoder that ends with a tanh."
        )
    return check_images("images of the model", images.clip(0, 1))
