"""BYOL: the online network predicts, from one view, what the target network makes of the other.

    v1 --encoder--> h --projector--> z --predictor--> q(z)      online: trained
    v2 --target encoder--> h' --target projector--> z'          target: moving average of the online network

    L   = || q / |q| - sg(z' / |z'|) ||^2  +  the same with the views exchanged            (equations 2 and 3)
    xi <- tau xi + (1 - tau) theta,   tau = 1 - (1 - tau_base) (cos(pi k / K) + 1) / 2     (equation 4, section 3.1)

No negatives. The predictor and the target's slow movement together prevent collapse, in which `embedding_std` goes to 0.
"""

from keras import ops

from keras_sslzoo import views as presets
from keras_sslzoo.engine.embedding import EmbeddingMethod, default_views, view_pairs
from keras_sslzoo.engine.momentum import momentum_copy, momentum_update
from keras_sslzoo.engine.networks import check_head
from keras_sslzoo.engine.paper import Paper, Recipe, adam, lars
from keras_sslzoo.losses import normalized_mean_squared_error
from keras_sslzoo.nets import Head
from keras_sslzoo.ops.diagnostics import embedding_std
from keras_sslzoo.ops.schedules import cosine


class BYOL(EmbeddingMethod):
    """Bootstrap your own latent.

    Args:
        encoder: Built Keras model `(B, H, W, C) -> (B, D)` for images in [0, 1]: the online encoder, the one to keep.
        views: Two views of each image or more; by default the paper's asymmetric pair, at the encoder's input size.
        projector: Keras model `(B, D) -> (B, P)`; by default the paper's, D -> 4096 -> 256.
        predictor: Keras model `(B, P) -> (B, P)`; by default the paper's, 256 -> 4096 -> 256.
        momentum: tau_base, the target's momentum at the start; it rises to 1 along a cosine. The paper's is 0.996 for
            1000 epochs, the official code's 0.99 for 100 and 300 and 0.97 for 40.
        **kwargs: `value_range`, `seed`, `name`, `dtype`: see `EmbeddingMethod`.

    Call arguments:
        images: `(B, H, W, C)`. Returns features of the online encoder, `(B, D)`.

    Fit data:
        Images `(B, H, W, C)`, or `{"views": (v1, v2)}`. Labels are ignored.
    """

    paper = Paper(
        title="Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning",
        authors="Grill et al.",
        year=2020,
        url="https://arxiv.org/abs/2006.07733",
        code="google-deepmind/deepmind-research: byol/byol_experiment.py",
    )
    recipe = Recipe(
        source="section 3.2: batch 4096, 1000 epochs, LARS 0.2 B/256, decay 1.5e-6, 10 epochs warm-up, cosine",
        batch_size=4096,
        epochs=1000,
        players={"model": lars(0.2 * 4096 / 256, weight_decay=1.5e-6, warmup_epochs=10)},
        laptop={"model": adam(1e-3)},
        values={"momentum": 0.996, "projection": 256, "hidden": 4096},
    )
    log_names = ("target_momentum", "embedding_std")

    def __init__(self, encoder, views=None, projector=None, predictor=None, momentum=0.996, **kwargs):
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(f"`momentum` must lie in [0, 1]. Received: momentum={momentum}. The paper uses 0.996.")
        super().__init__(encoder, default_views(presets.byol, encoder) if views is None else views, **kwargs)
        self.projector = projector or Head(encoder.output_shape[-1], (4096,), 256, name="projector")
        check_head(self.projector, encoder.output_shape[-1], "projector")
        width = self.projector.output_shape[-1]
        self.predictor = predictor or Head(width, (4096,), width, name="predictor")
        check_head(self.predictor, width, "predictor")
        if self.predictor.output_shape[-1] != width:
            raise ValueError(
                f"`predictor` must return what `projector` returns, {width} numbers. Received: output shape "
                f"{self.predictor.output_shape}."
            )
        self.momentum = momentum
        self.target_encoder = momentum_copy(self.encoder, "target_encoder")
        self.target_projector = momentum_copy(self.projector, "target_projector")

    def frozen_networks(self):
        """The target."""
        return [self.target_encoder, self.target_projector]

    def online(self, view, training):
        """q(z): `(B, h, w, C) -> (B, P)`."""
        z = self.projector(self.encoder(view, training=training), training=training)
        return self.predictor(z, training=training)

    def target(self, view, training):
        """z', without gradient: `(B, h, w, C) -> (B, P)`."""
        z = self.target_projector(self.target_encoder(view, training=training), training=training)
        return ops.stop_gradient(z)

    @property
    def current_momentum(self):
        """tau at this step of the run."""
        return cosine(self.progress, self.momentum, 1.0)

    def objective(self, views, training=True):
        """The symmetric loss, `(B,)`, in [0, 8]; of more than two views, twice its mean over the pairs."""
        pairs = view_pairs(views)
        q = [self.online(view, training) for view in views]
        targets = {g: self.target(views[g], training) for g in sorted({g for g, _ in pairs})}
        loss = sum(normalized_mean_squared_error(q[v], targets[g]) for g, v in pairs)
        spread = embedding_std(targets[0])
        return loss * (2 / len(pairs)), {"target_momentum": self.current_momentum, "embedding_std": spread}

    def after_update(self):
        """The target follows the online network."""
        targets, sources = [self.target_encoder, self.target_projector], [self.encoder, self.projector]
        momentum_update(targets, sources, self.current_momentum)
