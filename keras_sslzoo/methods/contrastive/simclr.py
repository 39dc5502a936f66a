"""SimCLR: two views of an image attract each other, views of different images repel.

    images (B, H, W, C) --views--> v1, v2 (B, h, w, C) --encoder--> h (B, D) --projector--> z (B, P)

    l(i, j) = -log( exp(s_ij / T) / sum_{k != i} exp(s_ik / T) ),   s = cosine similarity, over the 2B views
    L       = mean of l over both views of all images                                      (equation 1)

The other 2B - 2 views of the batch are the negatives: they prevent collapse, so batches should be large. The log
`information` = log(2B - 1) - L bounds what a view tells of the other, in nats, from below (van den Oord et al. 2018,
arXiv:1807.03748, section 2.3): 0 at chance, whatever B, and never above log(2B - 1).
"""

from keras import ops

from keras_sslzoo import views as presets
from keras_sslzoo.engine.embedding import EmbeddingMethod, default_views, view_pairs
from keras_sslzoo.engine.networks import check_head
from keras_sslzoo.engine.paper import Paper, Recipe, adam, lars
from keras_sslzoo.losses import nt_xent
from keras_sslzoo.nets import Head
from keras_sslzoo.ops.normalize import cosine_similarity


class SimCLR(EmbeddingMethod):
    """A simple framework for contrastive learning of visual representations.

    Args:
        encoder: Built Keras model `(B, H, W, C) -> (B, D)` for images in [0, 1].
        views: Two views of each image or more; by default the paper's two, at the encoder's input size.
        projector: Keras model `(B, D) -> (B, P)`; by default the paper's head with one hidden layer, D -> D -> 128,
            batch normalised as in the official code.
        temperature: T. The paper's 0.1 is for ImageNet; for CIFAR-10 it reports 0.5 (appendix B.9).
        **kwargs: `value_range`, `seed`, `name`, `dtype`: see `EmbeddingMethod`.

    Call arguments:
        images: `(B, H, W, C)`. Returns features `(B, D)`.

    Fit data:
        Images `(B, H, W, C)`, or `{"views": (v1, v2)}`. Labels are ignored.
    """

    paper = Paper(
        title="A Simple Framework for Contrastive Learning of Visual Representations",
        authors="Chen et al.",
        year=2020,
        url="https://arxiv.org/abs/2002.05709",
        code="google-research/simclr: tf2/objective.py",
    )
    recipe = Recipe(
        source="section 2.2 and appendix B.6: batch 4096, 100 epochs, LARS 0.3 B/256, decay 1e-6, 10 epochs warm-up",
        batch_size=4096,
        epochs=100,
        players={"model": lars(0.3 * 4096 / 256, weight_decay=1e-6, warmup_epochs=10)},
        laptop={"model": adam(1e-3)},
        values={"temperature": 0.1, "projection": 128},
    )
    log_names = ("positive_similarity", "information")

    def __init__(self, encoder, views=None, projector=None, temperature=0.1, **kwargs):
        if not temperature > 0:
            raise ValueError(
                f"`temperature` must be positive. Received: temperature={temperature}. The paper uses 0.1 to 0.5."
            )
        super().__init__(encoder, default_views(presets.simclr, encoder) if views is None else views, **kwargs)
        width = encoder.output_shape[-1]
        self.projector = projector or Head(width, (width,), 128, output_norm=True, name="projector")
        check_head(self.projector, width, "projector")
        self.temperature = temperature

    def project(self, view, training):
        """z: `(B, h, w, C) -> (B, P)`."""
        return self.projector(self.encoder(view, training=training), training=training)

    def objective(self, views, training=True):
        """NT-Xent over the projections of the two views, `(B,)`; of more than two, its mean over the pairs."""
        z = [self.project(view, training) for view in views]
        pairs = {tuple(sorted(pair)) for pair in view_pairs(views)}  # the loss is symmetric
        loss = sum(nt_xent(z[i], z[j], self.temperature) for i, j in sorted(pairs)) / len(pairs)
        others = ops.cast(2 * ops.shape(z[0])[0] - 1, "float32")
        logs = {"positive_similarity": cosine_similarity(z[0], z[1]), "information": ops.log(others) - loss}
        return loss, logs
