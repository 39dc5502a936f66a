"""Clusters that k-means finds in the features, against classes that it did not see."""

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from threadpoolctl import threadpool_limits

from keras_sslzoo.eval.features import features, samples
from keras_sslzoo.eval.knn import unit
from keras_sslzoo.eval.labels import class_numbers, labels
from keras_sslzoo.eval.result import Result, shown


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusteringResult(Result):
    """How well clusters and classes agree; see `Result`.

    Args:
        nmi: mutual information, normalised by the arithmetic mean of the entropies.
        ari: adjusted Rand index, 0 for random clusters.
        accuracy: fraction of samples in the cluster that stands for their class, in the best matching of both, each
            cluster standing for at most one class (Hungarian method).
        n: number of samples.
        n_clusters: number of clusters.
        n_classes: number of classes.
    """

    nmi: float = shown("NMI {:.3f}")
    ari: float = shown("ARI {:.3f}")
    accuracy: float = shown("accuracy {:.1%}")
    n: int = shown("{:,} samples")
    n_clusters: int = shown("{} clusters")
    n_classes: int = shown("{} classes")


def clustering(encoder, x, y, n_clusters=None, restarts=10, seed=0, batch_size=256):
    """k-means on features of length 1 (scikit-learn's, Lloyd's algorithm from k-means++), compared with the classes.

    Args:
        encoder: Keras model, training method, or None (`x` is features already); see `features`.
        x: images, or features (N, D).
        y: their classes (N,).
        n_clusters: at most N; by default the number of classes.
        restarts: of k-means, of which the one with the least inertia counts.
        seed: of the restarts.
        batch_size: images in a forward pass.

    Returns:
        `ClusteringResult`, protocol "clustering/1".
    """
    x = samples(x)
    classes, y = class_numbers(labels("y", y, x))
    n_clusters = len(classes) if n_clusters is None else n_clusters
    if not 2 <= n_clusters <= len(x) or restarts < 1:
        raise ValueError(
            "`n_clusters` must lie between 2 and the number of samples, `restarts` be at least 1. "
            f"Received: n_clusters={n_clusters}, {len(x):,} samples, restarts={restarts}."
        )
    f = unit(features(encoder, x, batch_size))
    with threadpool_limits(1):  # the sums of more threads differ from run to run
        clusters = KMeans(n_clusters, n_init=restarts, random_state=seed).fit_predict(f)
    table = np.zeros((n_clusters, len(classes)), int)
    np.add.at(table, (clusters, y), 1)
    return ClusteringResult(
        protocol="clustering/1",
        settings={"restarts": int(restarts), "seed": int(seed)},
        nmi=float(normalized_mutual_info_score(y, clusters)),
        ari=float(adjusted_rand_score(y, clusters)),
        accuracy=float(table[linear_sum_assignment(-table)].sum() / len(x)),
        n=len(x),
        n_clusters=int(n_clusters),
        n_classes=len(classes),
    )
