"""GAN: a generator learns a distribution from a discriminator that tells its samples from data.

    z ~ N(0, I) (B, Z) --generator--> fake (B, ...);   x or fake --discriminator--> logit of D (B, 1)

    min_D  -E[log D(x)] - E[log(1 - D(G(z)))]                                              (equation 1)
    min_G  -E[log D(G(z))]               non-saturating (section 3, last paragraph): the same fixed point
    min_G   E[log(1 - D(G(z)))]          minimax (equation 1): vanishing gradients once D is confident

At its best D(x) = p_data(x) / (p_data(x) + p_G(x)) (proposition 1); where p_G = p_data, D is 1/2 and its loss log 4.
"""

from keras import ops

from keras_sslzoo.engine.game import GenerativeGame
from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.losses import binary_cross_entropy


class GAN(GenerativeGame):
    """Generative adversarial network, for data of any rank.

    Args:
        generator: Keras model `(B, Z) -> (B, *image_shape)`; by default `nets.DCGANGenerator`, images in [0, 1].
        discriminator: Keras model `(B, *image_shape) -> (B, 1)` without activation, the logit of D; by default
            `nets.DCGANDiscriminator`.
        image_shape: Of one sample, where the networks are the default ones.
        latent_dim: Z, where the generator is the default one.
        saturating: True: the generator minimises the minimax objective, False: the non-saturating one.
        label_smoothing: s in [0, 1): real data get the label 1 - s, fake ones keep 0 (one-sided; Salimans et al. 2016,
            arXiv 1606.03498, section 3.4, which uses 0.1). The paper's is 0.
        generator_momentum: m of a moving average of the generator, which `predict` and `generate` then use:
            average <- m average + (1 - m) generator, weights and running statistics. None, as in the paper: no average.
            Karras et al. 2018 (arXiv 1710.10196, appendix A.1) use 0.999; it forgets its start in some 5 / (1 - m) steps.
        value_range: Of float data, mapped to [0, 1]. By default (0, 1) with the default generator, else None: any
            values, as they are.
        **kwargs: `seed`, `name`, `dtype`: see `Method`.

    Call arguments:
        z: Noise `(B, Z)`. Returns samples `(B, *image_shape)`.

    Fit data:
        Data `(B, *image_shape)`. Labels are ignored.
    """

    paper = Paper(
        title="Generative Adversarial Nets",
        authors="Goodfellow et al.",
        year=2014,
        url="https://arxiv.org/abs/1406.2661",
        code="goodfeli/adversarial",
    )
    recipe = Recipe(
        source="DCGAN (Radford et al. 2015, arXiv 1511.06434, section 4): Adam with beta_1 0.5, rate 2e-4, batch 128",
        batch_size=128,
        epochs=None,
        players={"discriminator": adam(2e-4, beta_1=0.5), "generator": adam(2e-4, beta_1=0.5)},
        laptop={"discriminator": adam(2e-4, beta_1=0.5), "generator": adam(2e-4, beta_1=0.5)},
        values={"saturating": False, "label_smoothing": 0},
    )

    def __init__(
        self,
        generator=None,
        discriminator=None,
        image_shape=(28, 28, 1),
        latent_dim=64,
        saturating=False,
        label_smoothing=0.0,
        generator_momentum=None,
        value_range=None,
        **kwargs,
    ):
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(
                f"`label_smoothing` must lie in [0, 1). Received: label_smoothing={label_smoothing}. Usual is 0.1."
            )
        super().__init__(value_range=(0.0, 1.0) if value_range is None and generator is None else value_range, **kwargs)
        self.set_networks(generator, discriminator, image_shape, latent_dim, generator_momentum)
        self.saturating = saturating
        self.label_smoothing = label_smoothing

    def discriminator_loss(self, real, fake, training):
        """Equation 1 with the sign turned, `(B,)`; `d_real` and `d_fake` are probabilities."""
        d_real = self.discriminator(real, training=training)
        d_fake = self.discriminator(fake, training=training)
        loss = binary_cross_entropy(1.0 - self.label_smoothing, d_real) + binary_cross_entropy(0.0, d_fake)
        return loss, {"d_real": ops.sigmoid(d_real), "d_fake": ops.sigmoid(d_fake)}

    def generator_loss(self, fake, training):
        """-log D(G(z)) or log(1 - D(G(z))), `(B,)`."""
        d_fake = self.discriminator(fake, training=training)
        if self.saturating:
            return -binary_cross_entropy(0.0, d_fake), {}
        return binary_cross_entropy(1.0, d_fake), {}
