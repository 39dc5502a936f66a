"""LSGAN: a generative adversarial network whose discriminator regresses to labels.

    z ~ N(0, I) (B, Z) --generator--> fake (B, ...);   x or fake --discriminator--> score (B, 1)

    min_D  1/2 E[(D(x) - b)^2] + 1/2 E[(D(G(z)) - a)^2]
    min_G  1/2 E[(D(G(z)) - c)^2]                                                          (equation 2)

A sample that fools the discriminator but lies far from the boundary is still pulled back, so the gradient does not vanish.
"""

from keras_sslzoo.engine.game import GenerativeGame
from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.losses import least_squares


class LSGAN(GenerativeGame):
    """Least squares generative adversarial network, for data of any rank.

    Args:
        generator: Keras model `(B, Z) -> (B, *image_shape)`; by default `nets.DCGANGenerator`, images in [0, 1].
        discriminator: Keras model `(B, *image_shape) -> (B, 1)` without activation; by default
            `nets.DCGANDiscriminator`.
        image_shape: Of one sample, where the networks are the default ones.
        latent_dim: Z, where the generator is the default one.
        a, b, c: Labels of fake and of real data, and what the generator wants its data to be taken for. The paper's
            0, 1, 1 (equation 9); its alternative is -1, 1, 0 (equation 8), the Pearson divergence.
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
        title="Least Squares Generative Adversarial Networks",
        authors="Mao et al.",
        year=2016,
        url="https://arxiv.org/abs/1611.04076",
        code="xudonmao/LSGAN",
    )
    recipe = Recipe(
        source="section 4 and train_lsun.py of the official code: Adam with beta_1 0.5, rate 1e-3, batch 64",
        batch_size=64,
        epochs=None,
        players={"discriminator": adam(1e-3, beta_1=0.5), "generator": adam(1e-3, beta_1=0.5)},
        laptop={"discriminator": adam(2e-4, beta_1=0.5), "generator": adam(2e-4, beta_1=0.5)},
        values={"a": 0, "b": 1, "c": 1},
    )

    def __init__(
        self,
        generator=None,
        discriminator=None,
        image_shape=(28, 28, 1),
        latent_dim=64,
        a=0.0,
        b=1.0,
        c=1.0,
        generator_momentum=None,
        value_range=None,
        **kwargs,
    ):
        if a == b:
            raise ValueError(f"The labels of fake and real data must differ. Received: a={a}, b={b}.")
        super().__init__(value_range=(0.0, 1.0) if value_range is None and generator is None else value_range, **kwargs)
        self.set_networks(generator, discriminator, image_shape, latent_dim, generator_momentum)
        self.a, self.b, self.c = a, b, c

    def discriminator_loss(self, real, fake, training):
        """Equation 2, first line, `(B,)`."""
        d_real = self.discriminator(real, training=training)
        d_fake = self.discriminator(fake, training=training)
        return least_squares(d_real, self.b) + least_squares(d_fake, self.a), {"d_real": d_real, "d_fake": d_fake}

    def generator_loss(self, fake, training):
        """Equation 2, second line, `(B,)`."""
        return least_squares(self.discriminator(fake, training=training), self.c), {}
