"""DINO: a student matches, from any view, the class probabilities that its own moving average gives to the large views.

    views (B, h, w, C) --encoder--> (B, D) --projector--> s (B, K)               student: all views
    global views --teacher encoder--> --teacher projector--> t (B, K)            teacher: moving average of the student

    p = softmax((t - c) / T_t),  q = softmax(s / T_s)                                                   (equation 1)
    L = mean of -p log q over the pairs of a global view at the teacher and another view at the student (equation 3)
    c <- m c + (1 - m) mean of t over the batch                                                         (equation 4)
    teacher <- lambda teacher + (1 - lambda) student,  lambda from 0.996 to 1 along a cosine

Centering keeps one class from dominating and pulls p to uniform; sharpening (a low T_t) pulls p to one class. Together they
prevent both collapses; `teacher_entropy` goes to 0 without the first and to log K without the second, and `kl` to 0. So
does the difference to `class_entropy`, that of the mean of p over the batch: what the classes tell of the images, in nats.
"""

from keras import ops

from keras_sslzoo import views as presets
from keras_sslzoo.engine.embedding import EmbeddingMethod, default_views, encode_views, view_pairs
from keras_sslzoo.engine.momentum import momentum_copy, momentum_update
from keras_sslzoo.engine.networks import check_head
from keras_sslzoo.engine.paper import Paper, Recipe, adamw
from keras_sslzoo.layers import Centering
from keras_sslzoo.losses import entropy, soft_cross_entropy, soft_targets
from keras_sslzoo.nets import DINOHead
from keras_sslzoo.ops.schedules import cosine, ramp


class DINO(EmbeddingMethod):
    """Self-distillation with no labels.

    Args:
        encoder: Built Keras model `(B, H, W, C) -> (B, D)` for images in [0, 1]: the student's. Its dropout and drop path
            act on the student alone. For multi-crop it must take several sizes.
        views: The paper's multi-crop is `views.dino((H, W, C))`, for an encoder that takes several sizes. By default only
            its two global views, at the encoder's input size, with the official code's scale for that case (0.14, 1).
        projector: Keras model `(B, D) -> (B, K)`; by default the paper's, `nets.DINOHead`.
        prototypes: K of the default projector. None: the paper's 65536; a few thousand suit small data.
        momentum: lambda at the start; it rises to 1. The paper's is 0.996; its code advises 0.9995 for batches of 256.
        center_momentum: m of the centre.
        student_temperature: T_s.
        teacher_temperature: T_t, (at the start, after the warm-up), or one number.
        temperature_warmup: Fraction of the run in which T_t rises linearly: the paper's 30 of 300 epochs. The official
            code holds T_t still within an epoch, and by default does not raise it from 0.04.
        freeze: Fraction of the run in which the projector's last layer is held still: the official code's one epoch, of
            300. Longer where the loss does not decrease. Adam counts these steps too, where torch's would not.
        **kwargs: `value_range`, `seed`, `name`, `dtype`: see `EmbeddingMethod`.

    Call arguments:
        images: `(B, H, W, C)`. Returns features of the teacher's encoder, `(B, D)`: the one to keep (section 3.1).

    Fit data:
        Images `(B, H, W, C)`, or `{"views": (v1, v2, ...)}`, global views first. Labels are ignored.
    """

    paper = Paper(
        title="Emerging Properties in Self-Supervised Vision Transformers",
        authors="Caron et al.",
        year=2021,
        url="https://arxiv.org/abs/2104.14294",
        code="facebookresearch/dino: main_dino.py",
    )
    recipe = Recipe(
        source="section 3.2: batch 1024, AdamW 5e-4 B/256, decay 0.04 to 0.4, 10 epochs warm-up, cosine; 300 epochs",
        batch_size=1024,
        epochs=300,
        players={"model": adamw(5e-4 * 1024 / 256, (0.04, 0.4), 10, end=1e-6, epsilon=1e-8, clipnorm=3.0)},
        laptop={"model": lambda: adamw(1e-3, (0.04, 0.4), warmup_epochs=1, clipnorm=3.0)(1.0, 10)},
        values={"momentum": 0.996, "prototypes": 65536, "hidden": (2048, 2048), "bottleneck": 256, "drop_path": 0.1},
    )
    log_names = ("teacher_entropy", "class_entropy", "kl", "teacher_temperature", "target_momentum")

    def __init__(
        self,
        encoder,
        views=None,
        projector=None,
        prototypes=None,
        momentum=0.996,
        center_momentum=0.9,
        student_temperature=0.1,
        teacher_temperature=(0.04, 0.07),
        temperature_warmup=0.1,
        freeze=1 / 300,
        **kwargs,
    ):
        fractions = {"momentum": momentum, "center_momentum": center_momentum, "freeze": freeze}
        fractions["temperature_warmup"] = temperature_warmup
        for name, value in fractions.items():
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"`{name}` must lie in [0, 1]. Received: {name}={value}.")
        span = teacher_temperature if isinstance(teacher_temperature, (tuple, list)) else (teacher_temperature,) * 2
        if len(span) != 2 or not min(student_temperature, *span) > 0:
            raise ValueError(
                "Temperatures must be positive, `teacher_temperature` one number or (first, last). Received: "
                f"{student_temperature=}, {teacher_temperature=}. The paper uses 0.1 and (0.04, 0.07)."
            )
        if views is None:
            views = default_views(presets.dino, encoder, num_local=0, global_scale=(0.14, 1.0))
        super().__init__(encoder, views, **kwargs)
        width = encoder.output_shape[-1]
        self.projector = projector or DINOHead(width, 65536 if prototypes is None else prototypes)
        check_head(self.projector, width, "projector")
        self.prototypes = self.projector.output_shape[-1]
        if prototypes not in (None, self.prototypes):
            raise ValueError(
                "`prototypes` is the size of the default projector; leave it out beside `projector`. Received: "
                f"{prototypes=} and a projector with {self.prototypes} outputs."
            )
        self.momentum, self.center_momentum = momentum, center_momentum
        self.student_temperature, self.teacher_temperature = student_temperature, tuple(span)
        self.temperature_warmup, self.freeze = temperature_warmup, freeze
        self.teacher_encoder = momentum_copy(self.encoder, "teacher_encoder", dropout=False)
        self.teacher_projector = momentum_copy(self.projector, "teacher_projector", dropout=False)
        self.centering = Centering(self.prototypes, center_momentum, name="centering")

    @property
    def pretrained_encoder(self):
        """The teacher's."""
        return self.teacher_encoder

    def frozen_networks(self):
        """The teacher."""
        return [self.teacher_encoder, self.teacher_projector]

    def student(self, views, training):
        """s of each view: V tensors `(B, h, w, C)` -> `(V B, K)`, view after view."""
        features = encode_views(self.encoder, views, training)
        return self.projector(ops.concatenate(features, axis=0), training=training)

    def teacher(self, views, training):
        """t of each global view, without gradient: G tensors `(B, H, W, C)` -> `(G B, K)`."""
        features = encode_views(self.teacher_encoder, views, training)
        return ops.stop_gradient(self.teacher_projector(ops.concatenate(features, axis=0), training=training))

    @property
    def current_momentum(self):
        """lambda at this step of the run."""
        return cosine(self.progress, self.momentum, 1.0)

    @property
    def current_temperature(self):
        """T_t at this step of the run."""
        return ramp(self.progress, *self.teacher_temperature, self.temperature_warmup)

    def objective(self, views, training=True):
        """The mean cross entropy over the pairs of `view_pairs`, `(B,)` nats."""
        pairs = view_pairs(views)
        large = sorted({g for g, _ in pairs})
        t = self.centering(self.teacher([views[g] for g in large], training), training=training)
        p = dict(zip(large, ops.split(soft_targets(t, self.current_temperature), len(large)), strict=True))
        s = ops.split(self.student(views, training), len(views))
        targets = [sum(p[g] for g, other in pairs if other == v) for v in range(len(views))]
        losses = [soft_cross_entropy(target, s[v], self.student_temperature) for v, target in enumerate(targets)]
        loss, h = sum(losses) / len(pairs), sum(entropy(p[g]) for g in large) / len(large)
        mean = sum(ops.mean(p[g], axis=0, keepdims=True) for g in large) / len(large)
        schedules = {"teacher_temperature": self.current_temperature, "target_momentum": self.current_momentum}
        return loss, {"teacher_entropy": h, "class_entropy": entropy(mean), "kl": loss - h, **schedules}

    def step(self, views, training=True):
        """The student moves; in the first part of the run its last layer does not."""
        last = [layer.trainable_variables for layer in self.projector.layers if layer.trainable_variables][-1]
        hold = [(last, self.progress < self.freeze)]
        return self.minimize("model", lambda: self.objective(views, training), hold=hold)

    def after_update(self):
        """The centre moves, and the teacher follows the student."""
        self.centering.update()
        targets, sources = [self.teacher_encoder, self.teacher_projector], [self.encoder, self.projector]
        momentum_update(targets, sources, self.current_momentum)
