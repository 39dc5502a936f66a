"""Anomalies: how well a score that is made from normal data alone ranks abnormal samples above normal ones."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.metrics import average_precision_score, roc_auc_score

from keras_sslzoo.eval.features import samples
from keras_sslzoo.eval.knn import nearest
from keras_sslzoo.eval.labels import class_numbers, feature_pair, labels
from keras_sslzoo.eval.nll import log_importance_weights
from keras_sslzoo.eval.reconstruction import reconstructed, squared_errors
from keras_sslzoo.eval.result import Result, shown


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnomalyResult(Result):
    """How well a score finds anomalies; see `Result`.

    Args:
        auroc: area under the ROC curve: how often an anomaly scores above a normal sample. 0.5 is chance.
        aupr: average precision with anomalies as positives. The fraction of anomalies is chance.
        n_train: number of normal samples that the score was made from, or None.
        n_test: number of test samples.
        n_anomalies: number of anomalies among them.
        scores: score of each test sample, (n_test,), higher is more abnormal; not in `as_dict`.
    """

    auroc: float = shown("AUROC {:.3f}")
    aupr: float = shown("AUPR {:.3f}")
    n_train: int | None = shown("{:,} train")
    n_test: int = shown("{:,} test")
    n_anomalies: int = shown("{:,} anomalies")
    scores: np.ndarray = dataclasses.field(repr=False, compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnomalyPerClassResult(Result):
    """How well a score finds the other classes, each class being the normal one in turn; see `Result`.

    Args:
        auroc: mean over classes.
        std: sample standard deviation over classes.
        per_class: area under the ROC curve, by the normal class as a string.
        n_train: number of normal samples, mean over classes.
        n_test: number of test samples, the same for each class.
    """

    auroc: float = shown("AUROC {:.3f}")
    std: float = shown("deviation {:.3f}")
    per_class: Mapping
    n_train: float = shown("{:,.0f} train")
    n_test: int = shown("{:,} test")


def anomaly(model, x, xt, yt, by="knn", k=2, importance_samples=10, seed=0, batch_size=256):
    """Score test samples by how unlike normal data they are.

    by="knn": 1 - mean cosine similarity to the k nearest normal samples (Bergman, Cohen, Hoshen 2020, arXiv:2002.10445,
        which takes k=2).
    by="mahalanobis": squared distance to the mean of normal features under their covariance, which is shrunk as Ledoit and
        Wolf (2004) do, so that fewer samples than dimensions are enough (Lee et al. 2018, arXiv:1807.03888, with one class).
    by="reconstruction": mean squared error of an autoencoder's reconstruction.
    by="elbo": -ELBO of a variational autoencoder, mean over `importance_samples` draws of z.

    Args:
        model: for "knn" and "mahalanobis" an encoder, or None (`x` and `xt` are features already), see `features`; for
            "reconstruction" a Keras model (B, ...) -> (B, ...); for "elbo" a variational autoencoder, see `nll`.
        x: normal samples, or features (N, D). The model's scores, "reconstruction" and "elbo", take None: it was trained on
            normal data.
        xt: test samples.
        yt: 1 (or True) for an anomaly, 0 for a normal sample, (Nt,).
        by: the score.
        k: number of neighbours of "knn".
        importance_samples: draws of "elbo".
        seed: of these draws.
        batch_size: samples in a forward pass.

    Returns:
        `AnomalyResult`, protocol "anomaly_knn/1" and so on.
    """
    if by not in ("knn", "mahalanobis", "reconstruction", "elbo"):
        raise ValueError(f'`by` must be "knn", "mahalanobis", "reconstruction" or "elbo". Received: by={by!r}.')
    xt = samples(xt)
    yt = labels("yt", yt, xt)
    if not np.array_equal(np.unique(yt), [0, 1]):
        raise ValueError(
            "`yt` must hold 1 for anomalies and 0 for normal samples, and some of both. "
            f"Received: {np.unique(yt)[:5].tolist()}. Use for example `(classes == 3).astype(int)`."
        )
    settings = {}
    if by in ("knn", "mahalanobis"):
        if x is None:
            raise ValueError(f"by={by!r} compares with normal samples. Received: x=None. Pass them as `x`.")
        f, ft = feature_pair(model, samples(x), xt, batch_size, names=("Normal", "test"))
        if by == "knn":
            settings["k"] = int(k)
            scores = 1.0 - nearest(ft, f, k)[0].mean(axis=1, dtype="float64")
        else:
            scores = LedoitWolf().fit(f.astype("float64")).mahalanobis(ft.astype("float64"))
    elif by == "reconstruction":
        scores = squared_errors(*reconstructed(model, xt, xt, batch_size))
    else:
        settings |= {"importance_samples": int(importance_samples), "seed": int(seed)}
        draws = log_importance_weights(model, xt, importance_samples, seed, batch_size)
        scores = np.array([-w.mean() for w in draws])
    return AnomalyResult(
        protocol=f"anomaly_{by}/1",
        settings=settings,
        auroc=float(roc_auc_score(yt, scores)),
        aupr=float(average_precision_score(yt, scores)),
        n_train=len(x) if by in ("knn", "mahalanobis") else None,
        n_test=len(xt),
        n_anomalies=int(np.sum(yt)),
        scores=scores,
    )


def anomaly_per_class(train, x, y, xt, yt, by="reconstruction", **options):
    """The one-class protocol of the literature: one class is normal, each in turn, all others are anomalies.

    For each class a model is trained on the training samples of that class alone, and every test sample is scored.
    So Golan and El-Yaniv 2018, arXiv:1805.10917, and those after them report Fashion-MNIST.

    Args:
        train: function `(normal samples, class) -> model`, the model as `anomaly` takes it; it may return None for "knn" and
            "mahalanobis" on the samples themselves.
        x: training samples (N, ...).
        y: their classes (N,).
        xt: test samples.
        yt: their classes.
        by: the score, see `anomaly`.
        **options: further arguments of `anomaly`.

    Returns:
        `AnomalyPerClassResult`, protocol "anomaly_per_class_reconstruction/1" and so on.

    Example:
        ```python
        def train(x, label):
            model = zoo.AutoEncoder(latent_dim=16)
            model.compile()
            model.fit(x, epochs=20)
            return model

        zoo.eval.anomaly_per_class(train, x, y, xt, yt)
        ```
    """
    x, xt = samples(x), samples(xt)
    y, yt = labels("y", y, x), labels("yt", yt, xt)
    classes, _ = class_numbers(y)
    results = {}
    for label in classes.tolist():
        normal = x[y == label]
        results[label] = anomaly(train(normal, label), normal, xt, (yt != label).astype(int), by, **options)
    aurocs = [result.auroc for result in results.values()]
    return AnomalyPerClassResult(
        protocol=f"anomaly_per_class_{by}/1",
        settings=results[label].settings,
        auroc=float(np.mean(aurocs)),
        std=float(np.std(aurocs, ddof=1)),
        per_class={str(label): result.auroc for label, result in results.items()},
        n_train=len(x) / len(classes),
        n_test=len(xt),
    )
