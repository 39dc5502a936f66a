"""Fine-tuning: a linear head on the frozen encoder first, then everything, lower layers with smaller steps."""

import dataclasses

import keras
import numpy as np

from keras_sslzoo.eval.features import as_model, check_vectors, scaling, vectors
from keras_sslzoo.eval.labels import ProbeResult, Split
from keras_sslzoo.eval.logistic import draw
from keras_sslzoo.eval.training import LabelledBatches, check_training, fit, linear_head, view
from keras_sslzoo.optimizers import AdamW, ScaledUpdates, layer_decay


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinetuneResult(ProbeResult):
    """A `ProbeResult` with the network that it measures.

    Args:
        classifier: Keras model from scaled images to logits (B, n_classes), encoder and head.
        classes: the label of each logit, (n_classes,).
    """

    classifier: keras.Model = dataclasses.field(repr=False, compare=False)
    classes: np.ndarray = dataclasses.field(repr=False, compare=False)


def finetune(
    encoder,
    x,
    y,
    xt,
    yt,
    epochs=20,
    warmup_epochs=2,
    learning_rate=1e-3,
    decay=0.75,
    weight_decay=0.05,
    views=None,
    train_batch_size=128,
    in_place=False,
    labels_per_class=None,
    seed=0,
    batch_size=256,
):
    """Train a classifier that starts from the encoder, on all labels or a few of each class, by Keras' `fit`.

    A linear head on the frozen encoder is trained for `warmup_epochs` at the constant `learning_rate`. Then all weights are
    trained for `epochs`, the rate rising over the first tenth of the steps and falling in a cosine to 0, with layer-wise
    decay as in BEiT and MAE (arXiv:2111.06377, table 9): see `optimizers.layer_decay`. The optimizer is AdamW, which spares
    biases and norms the weight decay. The score is that of the last epoch. The encoder passed in stays as it is.

    Args:
        encoder: Keras model (B, H, W, C) -> (B, D), or a training method, whose `pretrained_encoder` is taken.
        x: training images.
        y: their classes (N,).
        xt: test images.
        yt: their classes.
        epochs: in which all weights are trained.
        warmup_epochs: in which only the head is trained, 0 or more.
        learning_rate: of the head, and of a layer with scale 1.
        decay: factor of the learning rate from a group of layers to the one below, in (0, 1].
        weight_decay: decoupled.
        views: any callable `(images, key) -> images`, such as a `views.Pipeline` (of a tuple the first is taken), or None.
        train_batch_size: at most N.
        in_place: whether to train the encoder itself, in place of a copy.
        labels_per_class: labels of each class that are used, drawn by `seed`; None for all. With an encoder that was
            pretrained on all images, this is semi-supervised learning.
        seed: of the draw of labels, the order and the views. Dropout in the encoder draws from its own.
        batch_size: images in a forward pass of the test.

    Returns:
        `FinetuneResult`, protocol "finetune/1"; its details hold the training loss of each epoch.
    """
    check_training(epochs, learning_rate, train_batch_size)
    if warmup_epochs < 0 or not weight_decay >= 0:
        raise ValueError(
            "`warmup_epochs` and `weight_decay` must be at least 0. "
            f"Received: warmup_epochs={warmup_epochs}, weight_decay={weight_decay}."
        )
    if labels_per_class is not None and labels_per_class < 1:
        raise ValueError(f"`labels_per_class` must be at least 1, or None for all. Received: {labels_per_class}.")
    scale, model = scaling(encoder), as_model(encoder)
    split = Split(encoder, x, y, xt, yt, batch_size)
    images, classes = split.x, split.y
    if labels_per_class is not None:
        split.check_counts(labels_per_class)
        rows = draw(classes, np.full(split.n_classes, labels_per_class), np.random.default_rng(seed))
        images, classes = images[rows], classes[rows]
    batch = min(train_batch_size, len(images))
    batches = LabelledBatches(images, classes, batch, seed, view(scale, views))
    images, _ = batches[0]
    base = model if in_place else _copy(model, images[:1])
    was_trainable = base.trainable
    inputs = keras.Input(images.shape[1:])
    h = base(inputs)
    check_vectors(h.shape, images.shape)
    classifier = keras.Model(inputs, linear_head(split.n_classes)(h), name="classifier")
    losses = []
    if warmup_epochs:
        base.trainable = False
        losses += fit(classifier, batches, AdamW(learning_rate, weight_decay=weight_decay), warmup_epochs)
    base.trainable = True
    steps = epochs * len(batches)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=learning_rate, warmup_steps=steps // 10
    )
    scales = [*layer_decay(base, decay), 1.0, 1.0]  # the head's kernel and bias
    losses += fit(classifier, batches, ScaledUpdates(AdamW(rate, weight_decay=weight_decay), scales), epochs)
    base.trainable = was_trainable
    predicted = vectors(classifier, split.xt, batch_size, scale).argmax(axis=1)
    settings = {
        "epochs": int(epochs),
        "warmup_epochs": int(warmup_epochs),
        "learning_rate": float(learning_rate),
        "decay": float(decay),
        "weight_decay": float(weight_decay),
        "views": None if views is None else type(views).__name__,
        "train_batch_size": int(batch),
        "seed": int(seed),
    }
    if labels_per_class is not None:
        settings["labels_per_class"] = int(labels_per_class)
    return split.result(
        "finetune/1",
        np.mean(predicted == split.yt),
        settings,
        {"loss": losses},
        FinetuneResult,
        n_train=len(classes),
        dim=h.shape[-1],
        classifier=classifier,
        classes=split.classes,
    )


def _copy(model, images):
    """A model with the same layers and weights, and none in common."""
    try:
        copy = keras.models.clone_model(model)
        if not copy.built:
            copy(images)
        copy.set_weights(model.get_weights())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"The encoder must be copied, and {type(model).__name__} {model.name!r} cannot be. Received: "
            f"{type(error).__name__}: {error} Give it a `get_config`, or pass in_place=True to train the encoder itself."
        ) from error
    return copy
