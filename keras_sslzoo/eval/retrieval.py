"""Retrieval by cosine similarity: of images of the same class, and across two modalities."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from keras_sslzoo.eval.features import features, finite, samples
from keras_sslzoo.eval.knn import unit
from keras_sslzoo.eval.labels import class_numbers, feature_pair, labels
from keras_sslzoo.eval.result import Result, shown

BLOCK = 2**24  # similarities that are held at a time: 64 MiB


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetrievalResult(Result):
    """How well neighbours share the class of a query; see `Result`.

    Args:
        recall: by k, as a string: fraction of queries with at least one image of their class among the k nearest.
        mean_average_precision: mean over queries of the average precision of the whole ranking.
        n_queries: number of queries.
        n_gallery: number of images that are ranked.
    """

    recall: Mapping = shown("R@{} {:.1%}")
    mean_average_precision: float = shown("mAP {:.1%}")
    n_queries: int = shown("{:,} queries")
    n_gallery: int = shown("{:,} gallery")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CrossModalResult(Result):
    """How well pairs find each other; see `Result`.

    Args:
        image_to_text: by k, as a string: fraction of images whose text is among the k nearest texts.
        text_to_image: by k: fraction of texts whose image is among the k nearest images.
        n_pairs: number of pairs.
    """

    image_to_text: Mapping = shown("image to text R@{} {:.1%}")
    text_to_image: Mapping = shown("text to image R@{} {:.1%}")
    n_pairs: int = shown("{:,} pairs")


def retrieval(encoder, x, y, xt=None, yt=None, ks=(1, 5, 10), batch_size=256):
    """Rank the gallery `x` for each query in `xt`; a hit is an image of the query's class.

    Without `xt` each image of `x` is a query for all the others. Equally similar images share one rank in the average
    precision, as in scikit-learn, so that a collapsed encoder gets the share of its class; in R@k the first in `x` wins.

    Args:
        encoder: Keras model, training method, or None (`x` and `xt` are features already); see `features`.
        x: gallery images, or features (N, D).
        y: their classes (N,).
        xt: query images, or features, or None.
        yt: their classes.
        ks: numbers of neighbours of R@k.
        batch_size: images in a forward pass.

    Returns:
        `RetrievalResult`, protocol "retrieval/1".
    """
    x = samples(x)
    y = labels("y", y, x)
    class_numbers(y)
    leave_one_out = xt is None
    if leave_one_out:
        f = queries = features(encoder, x, batch_size)
        yt = y
    else:
        xt = samples(xt)
        yt = labels("yt", yt, xt)
        f, queries = feature_pair(encoder, x, xt, batch_size, names=("Gallery", "query"))
    n_ranked = len(f) - leave_one_out
    check_ks(ks, n_ranked)
    relevant_classes, counts = np.unique(y, return_counts=True)
    lonely = np.setdiff1d(yt, relevant_classes[counts > leave_one_out])
    if len(lonely):
        raise ValueError(
            "The gallery must hold an image of each query's class, besides the query itself. "
            f"Received: none of class {lonely[0]}. Drop these queries."
        )
    f, queries = unit(f), unit(queries)
    ranks, precisions = [], []
    block = max(1, BLOCK // len(f))
    for i in range(0, len(queries), block):
        similarity = queries[i : i + block] @ f.T
        for row, query in zip(similarity, range(i, i + block), strict=False):
            keep = np.arange(len(f)) != query if leave_one_out else slice(None)
            order = np.argsort(-row[keep], kind="stable")
            hits = (y[keep] == yt[query])[order]
            ranks.append(hits.argmax())
            precisions.append(_average_precision(hits, row[keep][order]))
    ranks = np.array(ranks)
    return RetrievalResult(
        protocol="retrieval/1",
        settings={"leave_one_out": leave_one_out},
        recall=_recall(ranks, ks),
        mean_average_precision=float(np.mean(precisions)),
        n_queries=len(queries),
        n_gallery=n_ranked,
    )


def cross_modal_recall(image_embeddings, text_embeddings, ks=(1, 5, 10)):
    """R@k by cosine similarity, both ways, where row i of both belongs together. Of equals, the first row is nearer.

    Args:
        image_embeddings: (N, D).
        text_embeddings: (N, D).
        ks: numbers of neighbours.

    Returns:
        `CrossModalResult`, protocol "cross_modal_recall/1".
    """
    images, texts = embeddings("image_embeddings", image_embeddings), embeddings("text_embeddings", text_embeddings)
    if images.shape != texts.shape:
        raise ValueError(
            "Row i of `image_embeddings` and of `text_embeddings` must belong together. "
            f"Received: shapes {images.shape} and {texts.shape}. Repeat an image for each of its texts."
        )
    check_ks(ks, len(images))
    images, texts = unit(images), unit(texts)
    return CrossModalResult(
        protocol="cross_modal_recall/1",
        settings={},
        image_to_text=_recall(_ranks_of_pairs(images, texts), ks),
        text_to_image=_recall(_ranks_of_pairs(texts, images), ks),
        n_pairs=len(images),
    )


def embeddings(name, x):
    """A checked float32 array (N, D)."""
    x = samples(x)
    if x.ndim != 2:
        raise ValueError(f"`{name}` must be one vector a row, (N, D). Received: shape {x.shape}.")
    return finite(np.asarray(x, "float32"), f"`{name}`")


def check_ks(ks, n):
    """Refuse numbers of neighbours that a ranking of n does not have."""
    if not len(ks) or any(k != int(k) or not 1 <= k <= n for k in ks):
        raise ValueError(
            f"`ks` must be whole numbers from 1 to the number of ranked samples. Received: ks={tuple(ks)}, {n:,} samples. "
            "Use smaller ones, or more samples."
        )


def _recall(ranks, ks):
    return {str(int(k)): float(np.mean(ranks < k)) for k in ks}


def _ranks_of_pairs(queries, gallery):
    """How many rows of the gallery are nearer to query i than row i, from 0: (N,)."""
    ranks = []
    block = max(1, BLOCK // len(gallery))
    for i in range(0, len(queries), block):
        similarity = queries[i : i + block] @ gallery.T
        own = np.arange(i, i + len(similarity))
        paired = similarity[np.arange(len(similarity)), own][:, None]
        before = np.arange(len(gallery)) < own[:, None]
        ranks.append(((similarity > paired) | ((similarity == paired) & before)).sum(axis=1))
    return np.concatenate(ranks)


def _average_precision(hits, similarity):
    """Sum of precision times the gain in recall, of a ranking in which equal similarities count as one step."""
    ends = np.append(np.flatnonzero(similarity[1:] != similarity[:-1]), len(hits) - 1)
    found = np.cumsum(hits)[ends]
    return np.sum(np.diff(found, prepend=0) * found / (ends + 1)) / found[-1]
