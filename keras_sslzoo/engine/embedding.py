"""The common part of methods that learn an encoder from views of images."""

from keras import ops

from keras_sslzoo.engine import feed
from keras_sslzoo.engine.method import Method
from keras_sslzoo.engine.networks import check_encoder


class EmbeddingMethod(Method):
    """A method with an encoder `(B, H, W, C) -> (B, D)` that is trained on views of unlabelled images.

    Fit data: images `(B, H, W, C)`, uint8 or floats in `value_range`; views are made on the device, inside the step.
    Views made elsewhere come as one element `{"views": (v1, v2, ...)}`. Labels are accepted and ignored. Of more than two
    views, those of the first one's size are global crops, the others local ones (`views.MultiCrop`).

    Args:
        encoder: Any built Keras model `(B, H, W, C) -> (B, D)`. It takes images in [0, 1].
        views: `keras_sslzoo.views.MultiView` or any callable `(images, key) -> tuple of views`.
        value_range: Of float images, mapped to [0, 1].
        **kwargs: See `Method`.
    """

    full_batches = True
    smallest_batch = 2  # the samples of a batch are compared
    batch_size = 256
    least_views = 2

    def __init__(self, encoder, views, value_range=(0.0, 1.0), **kwargs):
        check_encoder(encoder)
        if value_range is None:
            raise ValueError(
                "Views are made of images in [0, 1]. Received: value_range=None. Say what range the images have, and let "
                "the encoder standardise them in its first layer."
            )
        super().__init__(value_range=value_range, **kwargs)
        self.encoder = encoder
        self.views = views

    def call(self, images, training=False):
        """Features of the encoder to keep: `(B, H, W, C)` -> `(B, D)`."""
        return self.pretrained_encoder(images, training=training)

    @property
    def pretrained_encoder(self):
        """The encoder to keep after training."""
        return self.encoder

    def prepare(self, x, y):
        """Views of the images, or the views that came as `{"views": ...}`. Labels `y` are ignored."""
        if isinstance(x, dict):
            views = tuple(self.to_unit_range(v) for v in _views_of(x))
        else:
            feed.check_shape(x.shape, (None, None, self.encoder.input_shape[-1]), "Images")
            views = tuple(self.views(self.to_unit_range(x), self.key))
        if len(views) < self.least_views:
            raise ValueError(
                f"{type(self).__name__} compares views of an image, at least {self.least_views}. Received: {len(views)}. "
                "Use for example `views.simclr(image_shape)`."
            )
        for view in views:
            feed.check_shape(view.shape, self.encoder.input_shape[1:], "Views")
        return views

    def check_input(self, x):
        """See `Method.check_input`."""
        if isinstance(x, dict):
            for view in _views_of(x):
                feed.check_shape(view.shape, self.encoder.input_shape[1:], "Views")
                feed.check_values(view, self.value_range, "Views")
            return
        if not hasattr(x, "shape"):
            raise ValueError(
                f"{type(self).__name__} takes images as one array (B, H, W, C), or views made elsewhere as "
                f"{{'views': (v1, v2)}}. Received: {type(x).__name__} of {len(x)} entries."
            )
        feed.check_shape(x.shape, (None, None, self.encoder.input_shape[-1]), "Images")
        feed.check_values(x, self.value_range, "Images")


def view_pairs(views):
    """Which views are compared: pairs (g, v) of numbers, g a view of the first one's size (global), v any other view.

    As multi-crop does (Caron et al. 2020, arXiv:2006.09882, section 3.2). Two views give (0, 1) and (1, 0).
    """
    size = views[0].shape[1:]
    return [(g, v) for g, view in enumerate(views) if view.shape[1:] == size for v in range(len(views)) if v != g]


def encode_views(encoder, views, training):
    """Features of each view, a list of `(B, D)`; views of one size go through the encoder as one batch.

    So batch norm sees them together, as in the official code of multi-crop (facebookresearch/swav, facebookresearch/dino).
    """
    features = [None] * len(views)
    for size in dict.fromkeys(tuple(view.shape[1:]) for view in views):
        at = [i for i, view in enumerate(views) if tuple(view.shape[1:]) == size]
        together = encoder(ops.concatenate([views[i] for i in at], axis=0), training=training)
        for i, part in zip(at, ops.split(together, len(at)), strict=True):
            features[i] = part
    return features


def _views_of(element):
    if set(element) != {"views"}:
        raise ValueError(
            f"Views made elsewhere come as {{'views': (v1, v2)}}. Received: a dict with the keys {sorted(element)}."
        )
    return element["views"]


def default_views(preset, encoder, **options):
    """The preset at the encoder's input size with these options, or an error where that size is not fixed."""
    check_encoder(encoder)
    shape = encoder.input_shape[1:]
    if None in shape:
        raise ValueError(
            f"Views need a fixed size. Received: an encoder with the input shape (B, {', '.join(map(str, shape))}). Pass "
            f"`views=keras_sslzoo.views.{preset.__name__}((height, width, channels))`."
        )
    return preset(shape, **options)
