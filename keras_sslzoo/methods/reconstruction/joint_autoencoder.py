"""Joint reconstruction and classification: all samples are reconstructed, those with a label are classified as well.

    x (B, ...) --encoder--> code (B, D) --decoder--> reconstruction (B, ...)
                                        --classifier--> logits (B, K)

    L = 1/n [ sum over elements of (x - x')^2 + weight * cross entropy ]     n elements: the mean error, as AutoEncoder's
                                                                             cross entropy: mean over labelled samples

A few labels say which of the ways to reconstruct the data matters; the data without labels keep the code from forgetting
the rest.
"""

import numpy as np
from keras import ops

from keras_sslzoo import nets
from keras_sslzoo.engine.networks import check_head
from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.methods.reconstruction.autoencoder import AutoEncoder


class JointAutoEncoder(AutoEncoder):
    """An autoencoder with a classifier on its code, for data of which some, or all, have labels.

    The paper trains and stacks such autoencoders layer by layer, on counts of words; here one deep one is trained.

    Args:
        encoder, decoder: See `AutoEncoder`.
        classes: K, where the classifier is the default one.
        classifier: Keras model `(B, D) -> (B, K)` without activation; by default one dense layer.
        weight: Of the cross entropy beside the error summed over elements.
        **kwargs: See `AutoEncoder`.

    Call arguments:
        x: `(B, ...)`. Returns the reconstruction, `(B, ...)`.

    Fit data:
        Data `(B, ...)` and labels `(B,)`, integers from 0 to K - 1, or -1 where there is none; without labels it is an
        `AutoEncoder`. `accuracy` is over the labelled samples of each batch, 0 where there are none.
    """

    paper = Paper(
        title="Semi-Supervised Learning of Compact Document Representations with Deep Networks",
        authors="Ranzato and Szummer",
        year=2008,
        url="https://doi.org/10.1145/1390156.1390256",
    )
    recipe = Recipe(
        source="ours: the paper trains layer by layer",
        batch_size=128,
        epochs=20,
        players={"model": adam(1e-3)},
        laptop={"model": adam(1e-3)},
    )
    log_names = ("reconstruction", "cross_entropy", "accuracy")

    def __init__(self, encoder=None, decoder=None, classes=10, classifier=None, weight=1.0, **kwargs):
        if not weight >= 0.0:
            raise ValueError(f"`weight` must be at least 0. Received: weight={weight}.")
        super().__init__(encoder, decoder, **kwargs)
        self.classifier = classifier or nets.MLP((self.latent_dim,), (classes,), name="classifier")
        check_head(self.classifier, self.latent_dim, "classifier")
        self.classes = self.classifier.output_shape[-1]
        self.weight = weight

    def prepare(self, x, y):
        """`(x, labels)`, -1 for each sample where no labels came."""
        x, _ = super().prepare(x, None)
        return x, -ops.ones(ops.shape(x)[:1], "int32") if y is None else ops.cast(ops.reshape(y, (-1,)), "int32")

    def check_targets(self, x, y):
        """Labels are integers in [-1, K)."""
        if y.size != len(x) or y.dtype.kind not in "iu" or y.min() < -1 or y.max() >= self.classes:
            found = f"{y.dtype} of shape {y.shape}" + (
                f", {y.min()} to {y.max()}" if y.size and y.dtype.kind in "iuf" else ""
            )
            raise ValueError(
                f"Labels must be integers from 0 to {self.classes - 1}, or -1 where there is none, one for each sample. "
                f"Received: {found}. Number the classes, or say `classes=`."
            )

    def objective(self, inputs, training=True):
        """The error, and the cross entropy as a mean over the labelled samples, `(B,)`."""
        x, labels = inputs
        code = self.encoder(x, training=training)
        error, logits = self.error(x, code, training), ops.cast(self.classifier(code, training=training), "float32")
        labelled = ops.cast(labels >= 0, "float32")
        labelled = labelled / ops.maximum(ops.mean(labelled), 1e-6)  # a mean over the batch is one over the labelled
        known = ops.maximum(labels, 0)
        entropy = labelled * ops.sparse_categorical_crossentropy(known, logits, from_logits=True)
        hits = labelled * ops.cast(ops.equal(ops.argmax(logits, axis=-1), known), "float32")
        loss = error + self.weight / self.elements * entropy
        return loss, {"reconstruction": error, "cross_entropy": entropy, "accuracy": hits}

    def predict_classes(self, x, batch_size=256):
        """The likeliest class of each sample: NumPy int64 `(N,)`."""
        classify = lambda x: self.classifier(self.encoder(self.to_unit_range(x)))  # noqa: E731
        return np.argmax(self.in_batches(classify, x, batch_size), axis=-1)
