"""The picture to look at before training."""

from keras import ops

from keras_sslzoo.views.presets import simclr


def preview(images, views=None, seed=0):
    """A figure of images and their views, a row each.

    Args:
        images: a few, `(B, H, W, C)`, uint8 or floats in [0, 1].
        views: `MultiView`, `Pipeline` or operation; by default SimCLR's at the images' size.
        seed: of the views.

    Returns:
        matplotlib figure: a notebook shows it, `figure.savefig("views.png")` keeps it.
    """
    return (simclr(ops.shape(images)[1:]) if views is None else views).preview(images, seed)
