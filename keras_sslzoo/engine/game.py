"""The common part of two-player games that learn to generate data of any rank."""

from keras import ops

from keras_sslzoo import nets
from keras_sslzoo.engine import feed
from keras_sslzoo.engine.method import Method
from keras_sslzoo.engine.networks import check_built, check_unit_range
from keras_sslzoo.ops import random


class GenerativeGame(Method):
    """A generator against a discriminator.

    The constructor calls `set_networks`; a method defines `discriminator_loss(real, fake, training)` and
    `generator_loss(fake, training)`, each `-> ((B,), logs)`.
    """

    full_batches = True
    batch_size = 64
    log_names = ("d_real", "d_fake")

    def set_networks(self, generator, discriminator, image_shape, latent_dim):
        """Take the user's networks, or build the default ones for `image_shape`."""
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

    def player_networks(self):
        """The two players."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def call(self, z, training=False):
        """Samples for given noise: `(B, Z) -> (B, ...)`."""
        return self.generator(z, training=training)

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

    def generate(self, n, seed=0, batch_size=256):
        """n samples: NumPy `(n, ...)`, the same for the same seed on every backend, up to rounding.

        The default generator's lie in [0, 1].
        """
        z = ops.convert_to_numpy(random.normal(random.Key(seed, 0), "generate", (n, self.latent_dim)))
        return self.predict(z, batch_size=batch_size, verbose=0)
