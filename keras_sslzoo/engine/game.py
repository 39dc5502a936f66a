"""The common part of two-player games that learn to generate data of any rank."""

from keras import ops

from keras_sslzoo import nets
from keras_sslzoo.engine import feed
from keras_sslzoo.engine.latent import LatentPrior
from keras_sslzoo.engine.method import Method
from keras_sslzoo.engine.momentum import momentum_copy, momentum_update
from keras_sslzoo.engine.networks import check_built, check_unit_range
from keras_sslzoo.ops import random


class GenerativeGame(LatentPrior, Method):
    """A generator of samples from noise z ~ N(0, I) against a discriminator.

    The constructor calls `set_networks`; a method defines `discriminator_loss(real, fake, training)` and
    `generator_loss(fake, training)`, each `-> ((B,), logs)`.
    """

    full_batches = True
    batch_size = 64
    log_names = ("d_real", "d_fake")

    def set_networks(self, generator, discriminator, image_shape, latent_dim, generator_momentum):
        """Take the user's networks, or build the default ones for `image_shape`; copy the generator if it is averaged."""
        if generator_momentum is not None and not 0.0 <= generator_momentum < 1.0:
            raise ValueError(
                "`generator_momentum` must lie in [0, 1), or be None for no average. Received: "
                f"generator_momentum={generator_momentum}. Usual is 0.999."
            )
        if generator is None:
            if len(image_shape) != 3:
                raise ValueError(
                    f"The default networks make images (H, W, C). Received: image_shape={tuple(image_shape)}. Pass "
                    "`generator` and `discriminator`, for example nets.MLP."
                )
            generator = nets.DCGANGenerator(latent_dim, tuple(image_shape))
        check_built(generator, "generator", "(B, Z) -> (B, ...)")
        check_unit_range(generator, "generator", self.value_range)
        self.generator = generator
        self.latent_dim = generator.input_shape[-1]
        self.image_shape = tuple(generator.output_shape[1:])
        if discriminator is None:
            discriminator = nets.DCGANDiscriminator(self.image_shape)
        check_built(discriminator, "discriminator", "(B, ...) -> (B, 1)")
        if tuple(discriminator.input_shape[1:]) != self.image_shape:
            raise ValueError(
                "`discriminator` must take what `generator` returns. Received: generator output "
                f"{generator.output_shape}, discriminator input {discriminator.input_shape}. Change one of them."
            )
        self.discriminator = discriminator
        self.generator_momentum = generator_momentum
        self.average_generator = (
            None if generator_momentum is None else momentum_copy(generator, "average_generator", dropout=False)
        )

    def player_networks(self):
        """The two players."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def frozen_networks(self):
        """The averaged generator, where there is one."""
        return [] if self.average_generator is None else [self.average_generator]

    @property
    def sampler(self):
        """The generator that `predict` and `generate` take: the averaged one, where there is one."""
        return self.generator if self.average_generator is None else self.average_generator

    def call(self, z, training=False):
        """Samples for given noise: `(B, Z) -> (B, ...)`."""
        return self.sampler(z, training=training)

    def fake(self, player, n, training):
        """n samples for the move of `player`, from noise of its own."""
        return self.generator(random.normal(self.key, f"noise/{player}", (n, self.latent_dim)), training=training)

    def step(self, real, training=True):
        """The discriminator moves, then the generator, each against fresh noise."""
        n = ops.shape(real)[0]
        fake = ops.stop_gradient(self.fake("discriminator", n, training))
        logs = self.minimize("discriminator", lambda: self.discriminator_loss(real, fake, training))
        logs |= self.minimize("generator", lambda: self.generator_loss(self.fake("generator", n, training), training))
        return logs

    def after_update(self):
        """The averaged generator follows the one that plays, which moved last."""
        if self.average_generator is not None:
            nets = [self.average_generator], [self.generator]
            momentum_update(*nets, self.generator_momentum, statistics=True)

    def prepare(self, x, y):
        """The data; labels are ignored."""
        feed.check_shape(x.shape, self.image_shape, "Data")
        return self.to_unit_range(x)

    def check_input(self, x):
        """See `Method.check_input`."""
        feed.check_array(x, self.image_shape, self.value_range, type(self).__name__)

    def inference_input(self, x):
        """Noise is no data: `value_range` does not apply to it."""
        return x

    def decode(self, z, batch_size=256):
        """Samples for given noise: NumPy `(N, Z) -> (N, ...)`, the same as `predict`."""
        return self.predict(z, batch_size=batch_size, verbose=0)
