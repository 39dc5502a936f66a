"""CLIP: an image and its text find each other among all images and texts of the batch.

    images (B, H, W, C) --encoder--> (B, D) --image_projection--> x (B, P)
    texts (B, T) --text_encoder--> (B, D') --text_projection--> y (B, P)

    s_ij = t cos(x_i, y_j)
    L = 1/2 mean_i [-log exp(s_ii) / sum_j exp(s_ij)] + 1/2 mean_i [-log exp(s_ii) / sum_j exp(s_ji)]      (figure 3)

The other pairs of the batch are the negatives, which prevents collapse. The log `information` = log B - L bounds what an
image tells of its text, in nats, from below (van den Oord et al. 2018, arXiv:1807.03748, section 2.3): 0 at chance.
t = exp(s) is learned from 1 / 0.07 and held at 100 or below, so that training stays stable (section 2.5).
"""

import math

import keras
from keras import ops

from keras_sslzoo.engine.image_text import ImageTextMethod
from keras_sslzoo.engine.paper import Paper, Recipe, adamw
from keras_sslzoo.losses import symmetric_info_nce
from keras_sslzoo.nets import parts
from keras_sslzoo.ops.normalize import cosine_similarity


class CLIP(ImageTextMethod):
    """Contrastive language-image pre-training.

    Args:
        encoder: Built Keras model `(B, H, W, C) -> (B, D)` for images in [0, 1]. The paper's are ResNets and
            `nets.ViT(**nets.vit.FAMILIES["clip"])`.
        text_encoder: Built Keras model from tokens `(B, T)`, such as `nets.TextTransformer`, or from features `(B, F)` of a
            frozen sentence encoder, to `(B, D')`.
        temperature: 1 / t at the start.
        max_scale: What t is held below, after each update; None for no bound.
        chunk_size: Rows of the `(B, B)` similarities that are held at once, for large batches: see
            `losses.symmetric_info_nce`. The loss is the same; None holds all.
        **kwargs: `tokenizer`, `projection_dim`, `locked`, `augment`, `value_range`: see `ImageTextMethod`; `seed`, `name`,
            `dtype`: see `Method`.

    Call arguments:
        inputs: `{"image": (B, H, W, C), "text": (B, T)}` or one of the two. Returns a dict of embeddings `(B, P)`, of
            length 1.

    Fit data:
        `{"image": images, "text": texts}`: strings, tokens or features; see `ImageTextMethod`. Labels are ignored.
    """

    paper = Paper(
        title="Learning Transferable Visual Models From Natural Language Supervision",
        authors="Radford et al.",
        year=2021,
        url="https://arxiv.org/abs/2103.00020",
        code="openai/CLIP: clip/model.py (the training code is not public; mlfoundations/open_clip repeats it)",
    )
    recipe = Recipe(
        source="tables 18 and 20 (ViT-B): batch 32,768 of 400 million pairs, 32 epochs, Adam (0.9, 0.98), epsilon 1e-6, "
        "5e-4, decoupled decay 0.2 but for gains and biases, 2,000 steps warm-up, cosine",
        batch_size=32768,
        epochs=32,
        players={"model": adamw(5e-4, 0.2, 2000 * 32768 / 400e6, beta_2=0.98, epsilon=1e-6)},
        laptop={"model": lambda: adamw(1e-3, 0.2, warmup_epochs=1, beta_2=0.98, epsilon=1e-6)(1.0, 10)},
        values={"temperature": 0.07, "max_scale": 100},
    )
    log_names = ("positive_similarity", "temperature", "information")

    def __init__(self, encoder, text_encoder, temperature=0.07, max_scale=100.0, chunk_size=None, **kwargs):
        if not temperature > 0 or (max_scale is not None and max_scale * temperature < 1):
            raise ValueError(
                f"`temperature` must be positive, and 1 / temperature at most `max_scale`. Received: {temperature=}, "
                f"{max_scale=}. The paper's are 0.07 and 100."
            )
        if chunk_size is not None:
            parts.check_positive(chunk_size=chunk_size)
        super().__init__(encoder, text_encoder, **kwargs)
        self.temperature, self.max_scale, self.chunk_size = temperature, max_scale, chunk_size
        self.log_scale = self._scalar("log_scale", math.log(1 / temperature))

    def _scalar(self, name, value):
        """A learned number. `optimizers.AdamW` does not decay it."""
        return self.add_weight(shape=(), initializer=keras.initializers.Constant(value), autocast=False, name=name)

    @property
    def scale(self):
        """t, a scalar."""
        return ops.exp(self.log_scale.value)

    def pair_loss(self, x, y):
        """The loss of each pair of embeddings: `(B, P)`, `(B, P)` -> `(B,)`."""
        return symmetric_info_nce(x, y, self.scale, self.chunk_size)

    def objective(self, inputs, training=True):
        """The cross entropies of figure 3, `(B,)`."""
        images, texts = inputs
        x, y = self.embed_image(images, training), self.embed_text(texts, training)
        loss = self.pair_loss(x, y)
        return loss, {
            "positive_similarity": cosine_similarity(x, y),
            "temperature": 1.0 / self.scale,
            "information": ops.log(ops.cast(ops.shape(x)[0], "float32")) - loss,
        }

    def after_update(self):
        """t is clipped."""
        if self.max_scale is not None:
            self.log_scale.assign(ops.minimum(self.log_scale.value, math.log(self.max_scale)))
