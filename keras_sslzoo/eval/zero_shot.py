"""Classification by the nearest class embedding: no image of the classes was used as an example."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from keras_sslzoo.eval.features import samples
from keras_sslzoo.eval.knn import unit
from keras_sslzoo.eval.labels import labels
from keras_sslzoo.eval.result import Result, shown
from keras_sslzoo.eval.retrieval import check_ks, embeddings


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZeroShotResult(Result):
    """How often the right class is among the nearest; see `Result`.

    Args:
        accuracy: fraction of images whose class embedding is the nearest.
        top: by k, as a string: fraction of images whose class is among the k nearest.
        n_test: number of images.
        n_classes: number of classes.
    """

    accuracy: float = shown("accuracy {:.1%}")
    top: Mapping = shown("top-{} {:.1%}")
    n_test: int = shown("{:,} test")
    n_classes: int = shown("{} classes")


def zero_shot(model, x, classes, y, ks=(1, 5), templates=None):
    """Classify each image by the cosine similarity of its embedding to those of the classes.

    Args:
        model: dual encoder with `encode_image(x)` -> (N, D) and `zero_shot_classifier(names)`, whose `weights` are (K, D),
            such as `CLIP`; or None: `x` and `classes` are embeddings already.
        x: images, or embeddings (N, D).
        classes: names of the classes, or embeddings (K, D).
        y: the class of each image, its number in `classes`, (N,).
        ks: numbers of classes of the top-k accuracy; those above K are left out.
        templates: of the texts, as in `zero_shot_classifier`; None takes the model's own.

    Returns:
        `ZeroShotResult`, protocol "zero_shot/1".
    """
    x = samples(x)
    y = labels("y", y, x)
    if model is not None:
        missing = [name for name in ("encode_image", "zero_shot_classifier") if not hasattr(model, name)]
        if missing:
            raise TypeError(
                "`model` must be a dual encoder with `encode_image` and `zero_shot_classifier`, or None. "
                f"Received: {type(model).__name__} without {', '.join(missing)}."
            )
        options = {} if templates is None else {"templates": templates}
        x, classes = model.encode_image(x), model.zero_shot_classifier(classes, **options).weights
    images, classes = embeddings("x", x), embeddings("classes", classes)
    if images.shape[1] != classes.shape[1]:
        raise ValueError(
            "Embeddings of images and classes must be of one size, a class in a row. "
            f"Received: {images.shape} and {classes.shape}."
        )
    n_classes = len(classes)
    if y.dtype.kind not in "iufb" or y.min() < 0 or y.max() >= n_classes:
        raise ValueError(
            f"`y` must hold numbers of classes, 0 to {n_classes - 1}. Received: {np.unique(y)[-5:].tolist()} among them. "
            "Give each image the position of its class in `classes`."
        )
    ks = [k for k in ks if k <= n_classes] or [1]
    check_ks(ks, n_classes)
    order = np.argsort(-(unit(images) @ unit(classes).T), axis=1, kind="stable")
    ranks = (order == y[:, None]).argmax(axis=1)
    return ZeroShotResult(
        protocol="zero_shot/1",
        settings={} if templates is None else {"templates": tuple(templates)},
        accuracy=float(np.mean(ranks == 0)),
        top={str(int(k)): float(np.mean(ranks < k)) for k in ks if k > 1},
        n_test=len(images),
        n_classes=n_classes,
    )
