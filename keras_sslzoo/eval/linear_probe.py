"""The linear evaluation of the self-supervised literature: by L-BFGS on features, or by SGD on augmented images."""

import keras
import numpy as np
from sklearn.preprocessing import StandardScaler

from keras_sslzoo.eval.features import as_model, scaling
from keras_sslzoo.eval.labels import Split
from keras_sslzoo.eval.logistic import draw, fit_logistic, standardise
from keras_sslzoo.eval.training import LabelledBatches, check_training, fit, linear_head, view

# Part of the protocol: a change of any of these asks for a new version.
LINEAR_C = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
LINEAR_HELD_OUT = 0.2


def linear_probe(
    encoder,
    x,
    y,
    xt,
    yt,
    method="lbfgs",
    views=None,
    epochs=90,
    learning_rate=0.1,
    train_batch_size=256,
    seed=0,
    batch_size=256,
):
    """A linear classifier on the frozen encoder, trained on all labels.

    method="lbfgs": logistic regression on features, standardised with the mean and deviation of the training features.
    The inverse L2 strength C is the one of (1e-4, 1e-3, 1e-2, 1e-1, 1) that classifies best a stratified 20 % of the
    TRAINING set, fitted on the other 80 % (of equals, the likeliest); the probe is then fitted on all. Solver:
    scikit-learn's L-BFGS, 1,000 steps at most.

    method="sgd": as papers do, a linear layer trained by Keras' `fit` on new views of the images in each epoch, with SGD,
    Nesterov momentum 0.9, no weight decay (SimCLR, arXiv:2002.05709, appendix B.6) and a cosine to 0. It starts from zeros
    and sees features standardised with the statistics of the training images without views, which is ours. The score is
    that of the last epoch, on the test images without views.

    Args:
        encoder: Keras model, training method, or None (`x` and `xt` are features already); see `features`.
        x: training images, or features (N, D).
        y: their classes (N,).
        xt: test images, or features.
        yt: their classes.
        method: "lbfgs" or "sgd".
        views: of "sgd": any callable `(images, key) -> images`, such as a `views.Pipeline` (of a tuple the first is
            taken), or None: no augmentation, and features are extracted once.
        epochs: of "sgd".
        learning_rate: of "sgd", at 256 samples a batch; it is scaled with `train_batch_size`.
        train_batch_size: of "sgd"; at most N.
        seed: of the held-out split; of the order and the views.
        batch_size: images in a forward pass.

    Returns:
        `ProbeResult`. Protocol "linear_probe/1": its details hold the chosen `C`, the held-out accuracy of each, and
        whether the fit converged. Protocol "linear_probe_sgd/1": they hold the training loss of each epoch.
    """
    if method not in ("lbfgs", "sgd"):
        raise ValueError(f'`method` must be "lbfgs" or "sgd". Received: method={method!r}.')
    if views is not None and (method == "lbfgs" or encoder is None):
        raise ValueError(
            '`views` augment images, under method="sgd" with an encoder. '
            f"Received: method={method!r}, encoder={encoder!r}. Leave `views` out, or change these."
        )
    split = Split(encoder, x, y, xt, yt, batch_size)
    if method == "lbfgs":
        return _by_lbfgs(split, seed)
    check_training(epochs, learning_rate, train_batch_size)
    return _by_sgd(split, views, epochs, learning_rate, min(train_batch_size, len(split.x)), seed)


def _by_lbfgs(split, seed):
    counts = np.bincount(split.y)
    # a class of one sample stays in the fitted part
    held_out_counts = np.where(counts > 1, np.maximum(1, np.rint(LINEAR_HELD_OUT * counts)), 0).astype(int)
    if not held_out_counts.any():
        raise ValueError(
            "`linear_probe` holds out training samples, so a class needs at least 2. Received: 1 sample of each of "
            f"{split.n_classes} classes. Use `knn`, or more labels."
        )
    f, ft = split.features
    held_out = np.zeros(len(f), bool)
    held_out[draw(split.y, held_out_counts, np.random.default_rng(seed))] = True
    # scaled by the fitted part alone: the held-out one then plays the test set's role
    fit, validation = standardise(f[~held_out], f[held_out])
    scores = {}
    for C in LINEAR_C:
        probe, _ = fit_logistic(fit, split.y[~held_out], C)
        p = probe.predict_proba(validation)[np.arange(len(validation)), split.y[held_out]]
        likelihood = np.log(np.maximum(p, 1e-30)).mean()
        scores[C] = float(probe.score(validation, split.y[held_out])), float(likelihood)
    C = max(scores, key=scores.get)
    fit, test = standardise(f, ft)
    probe, converged = fit_logistic(fit, split.y, C)
    held_out_accuracy = {f"{c:g}": accuracy for c, (accuracy, _) in scores.items()}
    details = {"C": C, "held_out_accuracy": held_out_accuracy, "converged": converged}
    return split.result("linear_probe/1", probe.score(test, split.yt), {"seed": int(seed)}, details)


def _by_sgd(split, views, epochs, learning_rate, batch, seed):
    f, ft = split.features
    scaler = StandardScaler().fit(f)
    if views is None:
        batches = LabelledBatches(scaler.transform(f), split.y, batch, seed)
    else:
        encoder, prepare = as_model(split.encoder), view(scaling(split.encoder), views)

        def seen(x, key):
            return scaler.transform(encoder.predict_on_batch(prepare(x, key)))

        batches = LabelledBatches(split.x, split.y, batch, seed, seen)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate * batch / 256, epochs * len(batches))
    classifier = keras.Sequential([keras.Input((f.shape[1],)), linear_head(split.n_classes)])
    loss = fit(classifier, batches, keras.optimizers.SGD(rate, momentum=0.9, nesterov=True), epochs)
    predicted = classifier.predict(scaler.transform(ft), verbose=0).argmax(axis=1)
    settings = {
        "epochs": int(epochs),
        "learning_rate": float(learning_rate),
        "train_batch_size": int(batch),
        "views": None if views is None else type(views).__name__,
        "seed": int(seed),
    }
    return split.result("linear_probe_sgd/1", np.mean(predicted == split.yt), settings, {"loss": loss})
