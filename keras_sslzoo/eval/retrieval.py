"""Retrieval between two kinds of embeddings, of which row i of both belong together."""

from typing import NamedTuple

import numpy as np

from keras_sslzoo.eval.features import samples


class CrossModalRecall(NamedTuple):
    """R@k both ways: dicts from k, as a string, to a fraction of the pairs."""

    image_to_text: dict
    """Given the image, find its text."""
    text_to_image: dict
    """Given the text, find its image."""


def cross_modal_recall(image_embeddings, text_embeddings, ks=(1, 5, 10), block_size=4096):
    """How often the partner is among the k most similar ones, both ways: R@k.

    By cosine similarity, in blocks of `block_size` rows. Where similarities are equal each order is as likely, and the
    result is the mean over the orders: embeddings that are all alike score k / N.

    Args:
        image_embeddings: (N, P).
        text_embeddings: (N, P), row i the text of image i.
        ks: numbers k.
        block_size: queries that are compared at a time.

    Returns:
        `CrossModalRecall`.

    Example:
        >>> r = cross_modal_recall(clip.encode_image(images), clip.encode_text(texts))
        >>> r.image_to_text["10"]
    """
    x, y = (_unit(e) for e in (image_embeddings, text_embeddings))
    if x.shape != y.shape:
        raise ValueError(
            f"Row i of both arrays must be a pair (N, P). Received: shapes {x.shape} and {y.shape}. Repeat an image that "
            "has several texts."
        )
    if not len(ks) or not all(k == int(k) and 1 <= k <= len(x) for k in ks):
        raise ValueError(f"`ks` must be integers from 1 to N. Received: ks={ks} for N={len(x)}.")
    return CrossModalRecall(_recall(x, y, ks, block_size), _recall(y, x, ks, block_size))


def _recall(queries, gallery, ks, block_size):
    hits = np.zeros(len(ks))
    for start in range(0, len(queries), block_size):
        s = queries[start : start + block_size] @ gallery.T
        own = s[np.arange(len(s)), start + np.arange(len(s))][:, None]
        before, equal = (s > own).sum(1), (s == own).sum(1)  # the partner itself is among the equal ones
        hits += [np.clip((k - before) / equal, 0, 1).sum() for k in ks]
    return {str(k): float(h / len(queries)) for k, h in zip(ks, hits, strict=True)}


def _unit(embeddings):
    x = samples(embeddings).astype("float32")
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError(f"Embeddings must be finite and (N, P). Received: shape {x.shape}, or NaN or infinity in it.")
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
