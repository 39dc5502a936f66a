"""Retrieval by binary codes: the number of differing bits, eight bits a byte as `SemanticHashing.hash` packs them."""

import numpy as np


def hamming_distances(queries, gallery):
    """Number of differing bits of each query and each code of the gallery.

    Args:
        queries: codes, uint8 (Q, bits / 8).
        gallery: codes, uint8 (N, bits / 8).

    Returns:
        int32 (Q, N).
    """
    shapes = np.shape(queries), np.shape(gallery)
    queries, gallery = _words("queries", queries), _words("gallery", gallery)
    if shapes[0][1] != shapes[1][1]:
        raise ValueError(
            f"`queries` and `gallery` must be codes of one length. Received: shapes {shapes[0]} and {shapes[1]}. Hash both "
            "by one model."
        )
    distances = np.zeros((len(queries), len(gallery)), "int32")
    for word in range(queries.shape[1]):
        for row, query in zip(distances, queries[:, word], strict=True):
            row += _count(query ^ gallery[:, word])
    return distances


def hamming_nearest(queries, gallery, k=5, block_size=256):
    """The k codes of the gallery that differ in the fewest bits from each query, nearest first.

    Of equal distances the first in the gallery wins. Every code is looked at: 60,000 of 64 bits take some 0.4 ms.

    Args:
        queries: codes, uint8 (Q, bits / 8).
        gallery: codes, uint8 (N, bits / 8).
        k: number of neighbours, at most N.
        block_size: queries that are compared at a time, for the sake of memory.

    Returns:
        Pair of arrays (Q, k): distances in bits, int32, and row numbers of the gallery.
    """
    if k != int(k) or not 1 <= k <= len(gallery):
        raise ValueError(
            f"`k` must be a whole number from 1 to the size of the gallery. Received: k={k}, {len(gallery):,} codes."
        )
    distances, index = [], []
    for start in range(0, len(queries), block_size):
        for row in hamming_distances(queries[start : start + block_size], gallery):
            # there are few distances: counting them is quicker than sorting
            radius = np.searchsorted(np.cumsum(np.bincount(row)), k)
            near = np.flatnonzero(row <= radius)
            best = near[np.argsort(row[near], kind="stable")[:k]]
            distances.append(row[best])
            index.append(best)
    return np.array(distances), np.array(index)


def count_bits(words):
    """Number of ones in each uint64: sums of 1, 2, 4 and 8 bits beside each other, then of the bytes."""
    words = words - ((words >> np.uint64(1)) & np.uint64(0x5555555555555555))
    words = (words & np.uint64(0x3333333333333333)) + ((words >> np.uint64(2)) & np.uint64(0x3333333333333333))
    words = (words + (words >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (words * np.uint64(0x0101010101010101)) >> np.uint64(56)


_count = getattr(np, "bitwise_count", lambda words: count_bits(words).astype("uint8"))  # NumPy 2 has its own


def _words(name, codes):
    """Codes as uint64 (N, words), filled up with zeros."""
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.dtype != np.uint8:
        raise ValueError(
            f"`{name}` must be packed codes, uint8 (N, bits / 8). Received: {codes.dtype} of shape {codes.shape}. Use "
            "`model.hash(x)`, or `np.packbits(bits, axis=1)`."
        )
    filled = np.pad(codes, ((0, 0), (0, -codes.shape[1] % 8)))
    return np.ascontiguousarray(filled).view("uint64")
