"""Pictures of images: a batch, its views, its neighbours in feature space, and where a transformer looks."""

import math

import numpy as np
from matplotlib.patches import Rectangle

from keras_sslzoo.viz.figure import check_images, class_name, columns, grid, show, to_numpy

DARK = 0.1  # what is left of a pixel without attention
SAME, OTHER = "#2ca02c", "#d62728"  # frame of a neighbour of the query's class, and of another


def image_grid(images, columns=None, titles=None, title=None):
    """Images side by side, as many as are given.

    Args:
        images: (N, H, W, C), grey or RGB, uint8 or floats in [0, 1].
        columns: number of columns; by default about a square.
        titles: N short texts, drawn over the images.
        title: a text over them all.

    Returns:
        Figure with one axes per image.

    Example:
        ```python
        zoo.viz.image_grid(gan.generate(64, seed=0)).savefig("samples.png")
        ```
    """
    images = check_images("images", images)
    n = len(images)
    if titles is not None and len(titles) != n:
        raise ValueError(f"`titles` must hold a text for each image. Received: {len(titles)} titles, {n} images.")
    if columns is not None and columns < 1:
        raise ValueError(f"`columns` must be at least 1. Received: columns={columns}.")
    columns = min(columns or math.ceil(math.sqrt(n)), n)
    aspect = images.shape[1] / images.shape[2]
    heads = {"head": 0.1 if title is None else 0.35, "row_head": 0 if titles is None else 0.2}
    figure, axes = grid(math.ceil(n / columns), columns, aspect=aspect, **heads)
    if title is not None:
        figure.suptitle(title, x=0.5, y=1 - 0.1 / figure.get_figheight(), va="top", fontsize=9)
    for i, ax in enumerate(axes.flat):
        if i >= n:
            ax.remove()
            continue
        show(ax, images[i])
        if titles is not None:
            ax.set_title(str(titles[i]), fontsize=8, pad=2)
    return figure


def image_rows(rows, titles=None):
    """Rows of images with a name each: originals over reconstructions, samples after more and more epochs.

    Args:
        rows: dict from a short text to images (N, H, W, C), the same N in each row.
        titles: N short texts, drawn over the columns.

    Returns:
        Figure with one axes per image, the texts left of the rows.

    Example:
        ```python
        zoo.viz.image_rows({"original": x[:10], "reconstruction": ae.reconstruct(x[:10])}).savefig("rows.png")
        ```
    """
    rows = {name: check_images(f"rows[{name!r}]", images) for name, images in rows.items()}
    lengths = [len(images) for images in rows.values()]
    if len(set(lengths)) != 1:
        raise ValueError(f"Each of `rows` must hold as many images as the others. Received: {lengths}. Cut them.")
    if titles is not None and len(titles) != lengths[0]:
        raise ValueError(
            f"`titles` must hold a text for each column. Received: {len(titles)}, of {lengths[0]} columns."
        )
    first = next(iter(rows.values()))
    left = 0.2 + 0.07 * max(len(name) for name in rows)
    head = 0.1 if titles is None else 0.3
    figure, axes = grid(len(rows), lengths[0], aspect=first.shape[1] / first.shape[2], left=left, head=head)
    for ax, title in zip(axes[0], titles or (), strict=False):
        ax.set_title(title, fontsize=9, pad=4)
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        offset = {"xytext": (-6, 0), "textcoords": "offset points"}
        line[0].annotate(name, (0, 0.5), xycoords="axes fraction", ha="right", va="center", fontsize=8, **offset)
        for ax, image in zip(line, images, strict=True):
            show(ax, image)
    return figure


def views_grid(images, views):
    """Each image and its augmented views: the first thing to look at when a method does not learn.

    Args:
        images: originals (B, H, W, C); a row each, so pass a few: `images[:8]`.
        views: sequence of arrays (B, h, w, C), which may differ in size (local crops). As given to the method: before
            any normalisation.

    Returns:
        Figure with the originals in the first column and one more column per view.
    """
    images = check_images("images", images)
    if getattr(views, "ndim", None) == 4:
        raise ValueError(
            f"`views` must be a sequence of arrays (B, h, w, C). Received: one array of shape {tuple(views.shape)}. "
            "Pass `[views]`."
        )
    views = [check_images(f"views[{i}]", view) for i, view in enumerate(views)]
    lengths = [len(view) for view in views]
    if not views or set(lengths) != {len(images)}:
        raise ValueError(
            f"Each of `views` must hold a view of each image. Received: {len(images)} images, views of {lengths}."
        )
    return columns([("image", images), *((f"view {i + 1}", view) for i, view in enumerate(views))])


def neighbours(queries, gallery, indices, query_labels=None, gallery_labels=None, class_names=None):
    """Each query and its nearest gallery images; with labels, framed green (same class) or red (another).

    Args:
        queries: images (Q, H, W, C); a row each, so pass a few.
        gallery: images (N, H, W, C).
        indices: (Q, k) rows of the gallery, nearest first, such as `zoo.eval.nearest(f[:8], gallery_f, k=6)[1]`.
        query_labels: classes (Q,), or None.
        gallery_labels: classes (N,), or None; both or neither.
        class_names: names, indexed by the labels, or None to print the labels.

    Returns:
        Figure with the queries in the first column and the neighbours in the next k.
    """
    queries, gallery = check_images("queries", queries), check_images("gallery", gallery)
    indices = to_numpy(indices)
    if indices.ndim != 2 or len(indices) != len(queries) or indices.dtype.kind not in "iu":
        raise ValueError(
            f"`indices` must be whole numbers (Q, k), a row for each query. Received: shape {indices.shape}, dtype "
            f"{indices.dtype}, for {len(queries)} queries."
        )
    if indices.size == 0 or indices.min() < 0 or indices.max() >= len(gallery):
        raise ValueError(
            f"`indices` must lie in [0, {len(gallery)}), the rows of `gallery`. "
            f"Received: {'none' if indices.size == 0 else f'[{indices.min()}, {indices.max()}]'}. "
            "Pass the gallery that was searched."
        )
    if (query_labels is None) != (gallery_labels is None):
        missing = "query_labels" if query_labels is None else "gallery_labels"
        raise ValueError(f"`query_labels` and `gallery_labels` come together. Received: {missing}=None.")
    labelled = query_labels is not None
    if labelled:
        query_labels, gallery_labels = to_numpy(query_labels).reshape(-1), to_numpy(gallery_labels).reshape(-1)
        if (len(query_labels), len(gallery_labels)) != (len(queries), len(gallery)):
            raise ValueError(
                f"There must be a label for each image. Received: {len(query_labels)} labels for {len(queries)} "
                f"queries, {len(gallery_labels)} for {len(gallery)} gallery images."
            )
    aspect = queries.shape[1] / queries.shape[2]
    figure, axes = grid(len(queries), 1 + indices.shape[1], aspect=aspect, head=0.3, row_head=0.2 if labelled else 0)
    for column, text in enumerate(["query", "nearest first"]):
        xy = {"xy": (0, 1), "xycoords": "axes fraction", "textcoords": "offset points"}
        axes[0, column].annotate(text, xytext=(0, 18 if labelled else 4), fontsize=9, **xy)
    for row, ax in enumerate(axes):
        show(ax[0], queries[row])
        for column, index in enumerate(indices[row], start=1):
            show(ax[column], gallery[index])
            if labelled:
                same = bool(gallery_labels[index] == query_labels[row])
                color = SAME if same else OTHER
                frame = Rectangle(
                    (0, 0), 1, 1, transform=ax[column].transAxes, fill=False, ec=color, lw=2.5, clip_on=False
                )
                ax[column].add_patch(frame)
                # a mark as well, for those who do not tell red from green
                mark = "" if same else "≠ "
                ax[column].set_title(mark + class_name(gallery_labels[index], class_names), fontsize=7, pad=3)
        if labelled:
            ax[0].set_title(class_name(query_labels[row], class_names), fontsize=7, pad=3)
    return figure


def attention(images, maps):
    """Each image and where each head of an encoder looks: bright where it attends, the rest of the image darkened.

    Every map is scaled to its own maximum, so brightness compares places within a picture, not pictures.

    Args:
        images: (N, H, W, C); a row each, so pass a few.
        maps: (N, heads, h, w), not negative, such as `zoo.nets.class_attention(encoder, images)`; a map's cell covers
            H/h x W/w pixels.

    Returns:
        Figure with the images in the first column, one more column for each head, and the mean over the heads.

    Source: Caron et al. 2021 (DINO), arXiv:2104.14294, figures 1 and 3.
    """
    images, maps = check_images("images", images), to_numpy(maps).astype("float32")
    if maps.ndim != 4 or len(maps) != len(images) or 0 in maps.shape:
        raise ValueError(
            f"`maps` must be (N, heads, h, w), for each image a map of each head. Received: shape {maps.shape}, for "
            f"{len(images)} images. `zoo.nets.class_attention(encoder, images)` returns such maps."
        )
    if not (np.isfinite(maps).all() and maps.min() >= 0):
        raise ValueError(
            f"`maps` must be finite and not negative. Received: values in [{maps.min():.3g}, {maps.max():.3g}]. "
            "Pass attention after its softmax."
        )
    height, width = images.shape[1:3]
    h, w = maps.shape[2:]
    if height % h or width % w:
        raise ValueError(
            f"`maps` must divide the images into equal cells. Received: maps of {h} x {w}, images of {height} x {width}."
        )
    heads = maps.shape[1]
    maps = np.concatenate([maps, maps.mean(axis=1, keepdims=True)], axis=1)
    maps /= np.maximum(maps.max(axis=(2, 3), keepdims=True), 1e-12)
    maps = maps.repeat(height // h, axis=2).repeat(width // w, axis=3)[..., None]
    images = images / 255 if images.dtype == np.uint8 else images
    names = [*(f"head {i + 1}" for i in range(heads)), "mean"]
    lit = images * (DARK + (1 - DARK) * maps.swapaxes(0, 1))
    return columns([("image", images), *zip(names, lit, strict=True)])
