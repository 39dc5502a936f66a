"""Losses that tell the positive pair from the other pairs of the batch."""

from keras import ops

from keras_sslzoo.ops.normalize import l2_normalize


def nt_xent(z1, z2, temperature):
    """Normalised temperature-scaled cross entropy: one positive against the 2B - 2 other views of the batch.

    l(i, j) = -log( exp(s_ij / T) / sum_{k != i} exp(s_ik / T) ),  s = cosine similarity.

    Args:
        z1: Projections of the first views, `(B, P)`; normalised here.
        z2: Projections of the second views, `(B, P)`.
        temperature: T > 0.

    Returns:
        `(B,)`: (l(z1, z2) + l(z2, z1)) / 2 for each image. Its mean is the paper's L, log(2B - 1) where all embeddings
        are equal. The official code's scalar is twice that mean.

    Source: Chen et al. 2020, arXiv:2002.05709, equation 1.
    """
    z1, z2 = (l2_normalize(ops.cast(z, "float32")) for z in (z1, z2))
    z = ops.concatenate([z1, z2], axis=0)  # (2B, P)
    similarity = ops.matmul(z, ops.transpose(z)) / temperature  # (2B, 2B)
    itself = ops.eye(ops.shape(z)[0], dtype="float32")
    normaliser = ops.logsumexp(similarity - 1e9 * itself, axis=1)  # (2B,)
    positive = ops.sum(z1 * z2, axis=1) / temperature  # (B,)
    n1, n2 = ops.split(normaliser, 2)
    return 0.5 * (n1 + n2) - positive


def symmetric_info_nce(x, y, scale, chunk_size=None):
    """Cross entropy of finding y_i among all y given x_i, and x_i among all x given y_i; the mean of the two.

    s_ij = t cos(x_i, y_j),  l_i = 1/2 [log sum_j exp(s_ij) + log sum_j exp(s_ji)] - s_ii.

    Args:
        x: Embeddings, `(B, P)`; normalised here.
        y: Those of the other modality, `(B, P)`.
        scale: t > 0, 1 / temperature: number or scalar tensor.
        chunk_size: Rows of the `(B, B)` similarities that are held at once, recomputed for the gradient; None holds all.
            Value and gradient are the same up to rounding. There is no gradient of the gradient.

    Returns:
        `(B,)`, whose mean is the paper's loss: log B where all similarities are equal.

    Source: Radford et al. 2021 (CLIP), arXiv:2103.00020, figure 3.
    """
    x, y, scale = _pairs(x, y, scale)
    normaliser = _log_sums(x, y, scale) if chunk_size is None else _chunked_log_sums(x, y, scale, chunk_size)
    return normaliser - scale * ops.sum(x * y, axis=1)


def sigmoid_pairwise(x, y, scale, bias, chunk_size=None):
    """Binary cross entropy of each of the B^2 pairs, of which B belong together, summed over the pairs of x_i.

    s_ij = t cos(x_i, y_j) + b,  l_i = -log sigma(s_ii) - sum_{j != i} log sigma(-s_ij).

    Args:
        x: Embeddings, `(B, P)`; normalised here.
        y: Those of the other modality, `(B, P)`.
        scale: t > 0: number or scalar tensor.
        bias: b: number or scalar tensor.
        chunk_size: As in `symmetric_info_nce`.

    Returns:
        `(B,)`, whose mean is the paper's loss: divided by B, not by the B^2 pairs.

    Source: Zhai et al. 2023 (SigLIP), arXiv:2303.15343, section 3.2 and algorithm 1.
    """
    x, y, scale = _pairs(x, y, scale)
    bias = ops.cast(bias, "float32")
    of_all = _softplus_sums(x, y, scale, bias) if chunk_size is None else _chunked_sums(x, y, scale, bias, chunk_size)
    own = scale * ops.sum(x * y, axis=1) + bias
    return of_all - own  # softplus(-s) = softplus(s) - s for those that belong together


def _pairs(x, y, scale):
    x, y = (l2_normalize(ops.cast(z, "float32")) for z in (x, y))
    return x, y, ops.cast(scale, "float32")


def _log_sums(x, y, scale):
    """1/2 (log sum_j exp(s_ij) + log sum_j exp(s_ji)): `(B,)`."""
    s = scale * ops.matmul(x, ops.transpose(y))
    return 0.5 * (ops.logsumexp(s, axis=1) + ops.logsumexp(s, axis=0))


def _softplus_sums(x, y, scale, bias):
    """sum_j log(1 + exp(s_ij)): `(B,)`."""
    return ops.sum(ops.softplus(scale * ops.matmul(x, ops.transpose(y)) + bias), axis=1)


class _Chunks:
    """Rows of an array of B, `size` at once; the last chunk is moved back to the rows before it, which are not `fresh`."""

    def __init__(self, batch, size):
        self.batch = batch
        self.size = min(size, batch) if isinstance(batch, int) else ops.minimum(size, batch)
        self.number = (batch + self.size - 1) // self.size

    def start(self, i):
        """Where chunk i begins."""
        return ops.minimum(i * self.size, self.batch - self.size)

    def rows(self, array, i):
        """Chunk i of `(B, ...)`."""
        start, rest = self.start(i), array.shape[1:]
        return ops.slice(array, (start, *(0 for _ in rest)), (self.size, *rest))

    def put(self, array, i, rows):
        """The array with its chunk i replaced."""
        return ops.slice_update(array, (self.start(i), *(0 for _ in array.shape[1:])), rows)

    def fresh(self, i):
        """Which rows of chunk i no chunk before it had: bool `(size, 1)`."""
        return (ops.arange(self.size) + self.start(i) >= i * self.size)[:, None]

    def loop(self, body, *state):
        """The state after `body(i, chunk's state) -> state` for each chunk in turn."""
        return ops.fori_loop(0, self.number, lambda i, state: body(i, *state), state)


def _chunked_log_sums(x, y, scale, chunk_size):
    """`_log_sums` of which `chunk_size` rows are held at once."""
    chunks = _Chunks(ops.shape(x)[0], chunk_size)

    def similarities(x, y, scale, i):
        return scale * ops.matmul(chunks.rows(x, i), ops.transpose(y))

    @ops.custom_gradient
    def log_sums(x, y, scale):
        def sums(i, of_rows, of_columns):
            s = similarities(x, y, scale, i)
            fresh = ops.where(chunks.fresh(i), s, float("-inf"))
            return chunks.put(of_rows, i, ops.logsumexp(s, 1)), ops.logaddexp(of_columns, ops.logsumexp(fresh, 0))

        zeros = ops.zeros_like(x[:, 0])
        of_rows, of_columns = chunks.loop(sums, zeros, zeros + float("-inf"))

        def gradient(*args, upstream=None):  # on torch the inputs come before the upstream gradient
            upstream = args[0] if upstream is None else upstream

            def sums(i, dx, dy):
                s = similarities(x, y, scale, i)
                row, weight = chunks.rows(of_rows, i)[:, None], chunks.rows(upstream, i)[:, None]
                ds = 0.5 * (weight * ops.exp(s - row) + upstream * ops.exp(s - of_columns))
                return _add_gradients(chunks, i, ds, x, y, dx, dy)

            dx, dy = chunks.loop(sums, ops.zeros_like(x), ops.zeros_like(y))
            return scale * dx, scale * dy, ops.sum(x * dx)

        return 0.5 * (of_rows + of_columns), gradient

    return log_sums(x, y, scale)


def _chunked_sums(x, y, scale, bias, chunk_size):
    """`_softplus_sums` of which `chunk_size` rows are held at once."""
    chunks = _Chunks(ops.shape(x)[0], chunk_size)

    def logits(x, y, scale, bias, i):
        return scale * ops.matmul(chunks.rows(x, i), ops.transpose(y)) + bias

    @ops.custom_gradient
    def softplus_sums(x, y, scale, bias):
        def sums(i, of_rows):
            return (chunks.put(of_rows, i, ops.sum(ops.softplus(logits(x, y, scale, bias, i)), axis=1)),)

        (of_rows,) = chunks.loop(sums, ops.zeros_like(x[:, 0]))

        def gradient(*args, upstream=None):  # on torch the inputs come before the upstream gradient
            upstream = args[0] if upstream is None else upstream

            def sums(i, dx, dy, db):
                ds = chunks.rows(upstream, i)[:, None] * ops.sigmoid(logits(x, y, scale, bias, i))
                fresh = ops.sum(ops.where(chunks.fresh(i), ds, 0.0))
                return *_add_gradients(chunks, i, ds, x, y, dx, dy), db + fresh

            dx, dy, db = chunks.loop(sums, ops.zeros_like(x), ops.zeros_like(y), ops.zeros_like(bias))
            return scale * dx, scale * dy, ops.sum(x * dx), db

        return of_rows, gradient

    return softplus_sums(x, y, scale, bias)


def _add_gradients(chunks, i, ds, x, y, dx, dy):
    """With ds, chunk i of dL/ds: the chunk's rows of ds y, and its share of ds^T x."""
    fresh = ops.where(chunks.fresh(i), ds, 0.0)
    dy = dy + ops.matmul(ops.transpose(fresh), chunks.rows(x, i))
    return chunks.put(dx, i, ops.matmul(ds, y)), dy
