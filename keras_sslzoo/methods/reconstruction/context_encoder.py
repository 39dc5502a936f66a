"""Context encoder: paint what is missing in an image from what surrounds it.

    image x (B, H, W, C) --hole filled--> context --encoder--> maps (B, h, w, m)
    --channel-wise dense, 1x1 convolution--> (B, h, w, m) --decoder--> F(context) (B, H, W, C)

    L_rec = mean over the region R of omega (x - F)^2;  omega = 1 in the hole, 10 in the band of R around it
    min_D   -E[log D(x)] - E[log(1 - D(F))]
    min_F   0.999 L_rec + 0.001 L_adv,  L_adv = -E[log D(F)]                                   (section 3.2; the code)

The mean of all that may stand in the hole has the least squared error, and is a blur; the adversary asks for one of them.
The dense layer lets each place of the hole see the whole context.
"""

import dataclasses

from keras import ops

from keras_sslzoo import nets
from keras_sslzoo.engine.inpainting import InpaintingMethod
from keras_sslzoo.engine.networks import check_built
from keras_sslzoo.engine.paper import Paper, Recipe, adam
from keras_sslzoo.losses import binary_cross_entropy, masked_mean_squared_error


class ContextEncoder(InpaintingMethod):
    """Feature learning by inpainting. F returns the whole image, so that any hole can be painted; D looks at whole images.

    Args:
        encoder: Keras model `(B, H, W, C) -> (B, h, w, m)`; by default `nets.InpaintingEncoder`.
        decoder: Keras model `(B, h, w, m) -> (B, H, W, C)`; by default `nets.InpaintingDecoder`.
        discriminator: Keras model `(B, H, W, C) -> (B, 1)` without activation; by default `nets.DCGANDiscriminator`.
        image_shape: Of one sample, where the networks are the default ones.
        region: R, a block of half the image's height and width: "center", or "random", anywhere.
        overlap: Pixels by which the hole is smaller than R on each side. The official code's command has 4 of 128.
        overlap_weight: omega in the band between the two.
        fill: What stands in the hole. 0.5 is mid-grey; the official code takes ImageNet's mean colour.
        reconstruction_weight, adversarial_weight: Of the two terms. Without the second there is no discriminator, and one
            player.
        value_range: Of float images, mapped to [0, 1].
        **kwargs: `seed`, `name`, `dtype`: see `Method`.

    Call arguments:
        images: `(B, H, W, C)`. Returns them with the hole in the centre painted, `(B, H, W, C)`.

    Fit data:
        Images `(B, H, W, C)`. Labels are ignored.
    """

    paper = Paper(
        title="Context Encoders: Feature Learning by Inpainting",
        authors="Pathak et al.",
        year=2016,
        url="https://arxiv.org/abs/1604.07379",
        code="pathak22/context-encoder: train.lua, train_random.lua",
    )
    recipe = Recipe(
        source="train.lua of the official code: batch 64, Adam 2e-4 with beta_1 0.5, ten times that for the generator",
        batch_size=64,
        epochs=25,
        players={"discriminator": adam(2e-4, beta_1=0.5), "generator": adam(2e-3, beta_1=0.5)},
        laptop={"discriminator": adam(2e-4, beta_1=0.5), "generator": adam(2e-3, beta_1=0.5)},
    )
    full_batches = True
    batch_size = 64

    def __init__(
        self,
        encoder=None,
        decoder=None,
        discriminator=None,
        image_shape=(32, 32, 3),
        region="center",
        overlap=0,
        overlap_weight=10.0,
        fill=0.5,
        reconstruction_weight=0.999,
        adversarial_weight=0.001,
        value_range=(0.0, 1.0),
        **kwargs,
    ):
        if region not in ("center", "random"):
            raise ValueError(f'`region` must be "center" or "random". Received: region={region!r}.')
        if not reconstruction_weight > 0.0 or not adversarial_weight >= 0.0:
            raise ValueError(
                "`reconstruction_weight` must be positive and `adversarial_weight` at least 0. Received: "
                f"{reconstruction_weight=}, {adversarial_weight=}."
            )
        super().__init__(value_range=value_range, **kwargs)
        self.set_networks(encoder, decoder, image_shape)
        if not 0 <= 2 * overlap < min(self.image_shape[:2]) // 2:
            raise ValueError(
                f"`overlap` must leave a hole in a region of half the image. Received: {overlap=}, image {self.image_shape}."
            )
        self.region, self.overlap, self.overlap_weight, self.fill = region, overlap, overlap_weight, fill
        self.reconstruction_weight, self.adversarial_weight = reconstruction_weight, adversarial_weight
        if self.adversarial:
            self.discriminator = discriminator or nets.DCGANDiscriminator(self.image_shape)
            check_built(self.discriminator, "discriminator", "(B, H, W, C) -> (B, 1)")
        else:
            self.discriminator = None
            only = {"generator": self.recipe.players["generator"]}
            self.recipe = dataclasses.replace(self.recipe, players=only, laptop=only)

    @property
    def adversarial(self):
        """Whether there is a discriminator."""
        return self.adversarial_weight > 0.0

    @property
    def log_names(self):
        """The error, and the discriminator's probabilities where there is one."""
        return ("reconstruction", "d_real", "d_fake") if self.adversarial else ("reconstruction",)

    def player_networks(self):
        """The generator, after the discriminator where there is one."""
        discriminator = {"discriminator": self.discriminator} if self.adversarial else {}
        return {**discriminator, "generator": self.generator}

    def discriminator_loss(self, real, fake, training):
        """The second line, `(B,)`; `d_real` and `d_fake` are probabilities."""
        d_real, d_fake = (self.discriminator(x, training=training) for x in (real, fake))
        loss = binary_cross_entropy(1.0, d_real) + binary_cross_entropy(0.0, d_fake)
        return loss, {"d_real": ops.sigmoid(d_real), "d_fake": ops.sigmoid(d_fake)}

    def generator_loss(self, images, region, hole, training):
        """The third line, `(B,)`."""
        painted = self.paint(images, hole, training)
        omega = ops.where(hole, 1.0, self.overlap_weight)
        error = masked_mean_squared_error(images, painted, region, omega)
        loss = self.reconstruction_weight * error
        if self.adversarial:
            deceit = binary_cross_entropy(1.0, self.discriminator(painted, training=training))
            loss = loss + self.adversarial_weight * deceit
        return loss, {"reconstruction": error}

    def step(self, images, training=True):
        """The discriminator moves, where there is one, then the generator."""
        n = None if self.region == "center" else ops.shape(images)[0]
        region, hole = self.block(n), self.block(n, self.overlap)
        logs = {}
        if self.adversarial:
            fake = ops.stop_gradient(self.paint(images, hole, training))
            logs = self.minimize("discriminator", lambda: self.discriminator_loss(images, fake, training))
        return logs | self.minimize("generator", lambda: self.generator_loss(images, region, hole, training))
