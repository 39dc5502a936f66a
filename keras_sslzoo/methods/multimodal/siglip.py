"""SigLIP: each of the B^2 pairs of an image and a text is judged by itself, whether they belong together.

    s_ij = t cos(x_i, y_j) + b
    L = -1/B sum_ij log sigma(z_ij s_ij),  z_ii = 1, else -1                                     (section 3.2, algorithm 1)

The bias b starts at -10, so that the B - 1 of B pairs that do not belong together start as such; otherwise they dominate the
first steps.
"""

from keras_sslzoo.engine.paper import Paper, Recipe, adamw
from keras_sslzoo.losses import sigmoid_pairwise
from keras_sslzoo.methods.multimodal.clip import CLIP


class SigLIP(CLIP):
    """CLIP with the softmax over the batch replaced by a sigmoid for each pair.

    Args:
        encoder: See `CLIP`; the paper's is `nets.ViT(**nets.vit.FAMILIES["siglip"])`.
        text_encoder: See `CLIP`; the paper's is `nets.TextTransformer(**nets.text_transformer.FAMILIES["siglip"])`.
        temperature: 1 / t at the start.
        bias: b at the start. The official example that fine-tunes pretrained towers has -2.71.
        max_scale: What t is held below; None for no bound, as in the official code.
        **kwargs: `chunk_size`: see `CLIP`; further arguments as there.

    Call arguments:
        inputs: As in `CLIP`.

    Fit data:
        As in `CLIP`.
    """

    paper = Paper(
        title="Sigmoid Loss for Language Image Pre-Training",
        authors="Zhai et al.",
        year=2023,
        url="https://arxiv.org/abs/2303.15343",
        code="google-research/big_vision: big_vision/trainers/proj/image_text/siglip.py",
    )
    recipe = Recipe(
        source="official siglip_lit_coco.py, which locks a pretrained image tower: batch 512, 5,000 steps (31 epochs of "
        "COCO), Adam 1e-3, decay 0.01 a step (10 times the rate), 3 % warm-up, cosine, clipping at 1",
        batch_size=512,
        epochs=31,
        players={"model": adamw(1e-3, 10.0, 0.03 * 31, clipnorm=1.0)},
        laptop={"model": lambda: adamw(1e-3, 0.2, warmup_epochs=1, beta_2=0.95)(1.0, 10)},
        values={"temperature": 0.1, "bias": -10},
    )
    log_names = ("positive_similarity", "temperature", "bias")

    def __init__(self, encoder, text_encoder, temperature=0.1, bias=-10.0, max_scale=None, **kwargs):
        super().__init__(encoder, text_encoder, temperature=temperature, max_scale=max_scale, **kwargs)
        self.bias = bias
        self.logit_bias = self._scalar("logit_bias", bias)

    def pair_loss(self, x, y):
        """The binary cross entropies of the pairs of each image, `(B,)`."""
        return sigmoid_pairwise(x, y, self.scale, self.logit_bias.value, self.chunk_size)

    def objective(self, inputs, training=True):
        """As CLIP's; of the logs, the bias stands in the place of the information, which this loss does not bound."""
        loss, logs = super().objective(inputs, training)
        del logs["information"]
        return loss, {**logs, "bias": self.logit_bias.value}
