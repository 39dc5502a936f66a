"""Retrieval by short codes: how good the first neighbours are, and how long it takes to find them.

    AP@R of a query = sum over ranks i <= R of hit_i * precision@i, divided by the number of hits among the first R

mAP@R, its mean over queries, is the score of the hashing literature (HashNet: Cao et al. 2017, arXiv:1702.00758), with its
divisor, which does not ask how many images of the class were missed. A query without a hit counts as 0; some codes leave it
out.
"""

import dataclasses
import time

import numpy as np

from keras_sslzoo.eval.features import samples
from keras_sslzoo.eval.hamming import hamming_nearest
from keras_sslzoo.eval.knn import nearest
from keras_sslzoo.eval.labels import labels
from keras_sslzoo.eval.result import Result, shown


@dataclasses.dataclass(frozen=True, kw_only=True)
class CodeRetrievalResult(Result):
    """How well the nearest codes share the class of a query; see `Result`.

    Args:
        mean_average_precision: mAP@R.
        precision: hits among the first R, mean over queries.
        n_queries: number of queries.
        n_gallery: number of codes that are ranked.
        bytes_per_code: of the gallery.
        seconds_per_query: processor time of the search, all threads, over the number of queries, which are searched at
            once; of this machine, and no part of a comparison of results.
    """

    mean_average_precision: float = shown("mAP {:.1%}")
    precision: float = shown("precision {:.1%}")
    n_queries: int = shown("{:,} queries")
    n_gallery: int = shown("{:,} gallery")
    bytes_per_code: int = shown("{:,} bytes a code")
    seconds_per_query: float = shown("{:.2g} s a query", compare=False)


def code_retrieval(codes, y, queries, yq, top=1000):
    """Rank the gallery for each query; a hit is a code of the query's class.

    The codes say how they are compared: packed bits (uint8) by the number of differing bits, floats by cosine similarity.
    Of equally near codes the first in the gallery wins, so a gallery that is sorted by class flatters short codes.

    Args:
        codes: gallery, uint8 (N, bits / 8) such as `SemanticHashing.hash` packs them, or floats (N, D).
        y: their classes (N,).
        queries: codes of the same kind, (Q, bits / 8) or (Q, D).
        yq: their classes (Q,).
        top: R, the neighbours that count, at most N.

    Returns:
        `CodeRetrievalResult`, protocol "code_retrieval_hamming/1" or "code_retrieval_cosine/1".
    """
    codes, queries = samples(codes), samples(queries)
    y, yq = labels("y", y, codes), labels("yq", yq, queries)
    packed = codes.dtype == np.uint8
    if codes.ndim != 2 or codes.shape[1:] != queries.shape[1:] or (queries.dtype == np.uint8) != packed:
        raise ValueError(
            "`codes` and `queries` must be packed bits, uint8 (N, bits / 8), or floats (N, D), both the same. Received: "
            f"{codes.dtype} of shape {codes.shape} and {queries.dtype} of shape {queries.shape}. Make both by one model."
        )
    start = time.process_time()
    _, index = (hamming_nearest if packed else nearest)(queries, codes, top)
    seconds = time.process_time() - start
    hits = y[index] == yq[:, None]
    precision = np.cumsum(hits, axis=1) / np.arange(1, top + 1)
    return CodeRetrievalResult(
        protocol=f"code_retrieval_{'hamming' if packed else 'cosine'}/1",
        settings={"top": int(top)},
        mean_average_precision=float(np.mean((precision * hits).sum(axis=1) / np.maximum(hits.sum(axis=1), 1))),
        precision=float(precision[:, -1].mean()),
        n_queries=len(queries),
        n_gallery=len(codes),
        bytes_per_code=codes.itemsize * codes.shape[1],
        seconds_per_query=seconds / len(queries),
    )
