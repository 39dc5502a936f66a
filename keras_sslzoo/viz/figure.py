"""What the pictures share: the figure, the check of images, and a grid of axes."""

import io

import matplotlib.figure
import numpy as np
from keras import ops


class Figure(matplotlib.figure.Figure):
    """A matplotlib figure that a notebook shows even where pyplot was never used."""

    def _repr_png_(self):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def to_numpy(x):
    """A tensor of the backend, or anything that NumPy understands."""
    return ops.convert_to_numpy(x) if ops.is_tensor(x) else np.asarray(x)


def check_images(name, images):
    """Images (N, H, W, C) as a NumPy array that `show` draws."""
    images = to_numpy(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        hint = "Add the missing axis: `images[..., None]` for grey images, `images[None]` for a single one."
        if images.ndim == 4:
            hint = "Channels come last: use `images.transpose(0, 2, 3, 1)` on (N, C, H, W)."
        raise ValueError(
            f"`{name}` must be grey or RGB images (N, H, W, C) with C = 1 or 3. Received: shape {images.shape}. {hint}"
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind in "iub":
        raise ValueError(
            f"`{name}` must be uint8 in [0, 255] or floats in [0, 1]. Received: dtype {images.dtype}. "
            "Use `images.astype('uint8')` if the values are bytes."
        )
    images = images.astype("float32")
    low, high = images.min(), images.max()
    if not (low >= -1e-3 and high <= 1 + 1e-3):  # written so that NaN fails
        raise ValueError(
            f"`{name}` must be uint8 in [0, 255] or floats in [0, 1]. Received: values in [{low:.3g}, {high:.3g}]. "
            "Use `(images + 1) / 2` on [-1, 1], `images / 255` on bytes, `images.clip(0, 1)` on a decoder's overshoot."
        )
    return images.clip(0, 1)


def class_name(label, class_names):
    """The name of a class, or the label itself where there are no names."""
    if class_names is None:
        return str(label)
    if not isinstance(label, (int, np.integer)) or not 0 <= label < len(class_names):
        raise ValueError(
            f"`class_names` is indexed by the labels. Received: label {label}, {len(class_names)} names. "
            "Pass a name for each class, and labels from 0."
        )
    return str(class_names[label])


def show(axes, image):
    """Draw one checked image."""
    top = 255 if image.dtype == np.uint8 else 1
    grey = image.shape[-1] == 1
    axes.imshow(image[..., 0] if grey else image, cmap="gray" if grey else None, vmin=0, vmax=top)
    axes.set_axis_off()


def number(value, form):
    """A number as text, with a minus sign as long as a plus."""
    return format(value, form).replace("-", "\N{MINUS SIGN}")


def grid(rows, columns, cell=1.0, aspect=1.0, left=0.1, head=0.1, row_head=0.0):
    """A figure with rows x columns axes, laid out in inches: an automatic layout takes seconds for a hundred images.

    Args:
        rows: number of rows.
        columns: number of columns.
        cell: width of an image.
        aspect: height over width of an image.
        left: margin for text left of the first column.
        head: margin for text over the first row.
        row_head: room for text over each image.

    Returns:
        The figure, and an array of axes (rows, columns).
    """
    gap, margin = 0.06, 0.1
    step_x, step_y = cell + gap, cell * aspect + gap + row_head
    width = left + columns * step_x - gap + margin
    height = head + rows * step_y - gap + margin
    figure = Figure(figsize=(width, height), dpi=120)
    axes = np.empty((rows, columns), object)
    for r, c in np.ndindex(rows, columns):
        bottom = height - head - (r + 1) * step_y + gap
        box = [(left + c * step_x) / width, bottom / height, cell / width, cell * aspect / height]
        axes[r, c] = figure.add_axes(box)
        axes[r, c].set_axis_off()
    return figure, axes


def columns(named):
    """A figure with columns of checked images (N, H, W, C), a text over each: `named` holds pairs of text and images."""
    height, width = named[0][1].shape[1:3]
    figure, axes = grid(len(named[0][1]), len(named), aspect=height / width, head=0.3)
    for column, (text, images) in zip(axes.T, named, strict=True):
        column[0].set_title(text, fontsize=9, pad=4)
        for ax, image in zip(column, images, strict=True):
            show(ax, image)
    return figure
