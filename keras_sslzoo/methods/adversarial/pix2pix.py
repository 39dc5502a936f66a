"""pix2pix: a U-Net learns from pairs to translate images; a PatchGAN tells its translations from the real ones.

    x (B, H, W, C) --U-Net with dropout--> G(x) (B, H, W, C');   [x, y] or [x, G(x)] --PatchGAN--> logits of D (B, h, w, 1)

    min_D  1/2 (-E[log D(x, y)] - E[log(1 - D(x, G(x)))])          halved, so that D learns more slowly (section 3.3)
    min_G  -E[log D(x, G(x))] + 100 E|y - G(x)|                     images in [-1, 1] (equations 1, 3, 4, section 3.3)

L1 gets the coarse structure right, the discriminator what L1 blurs. There is no z: dropout is the only noise. A step is that
of junyanz/pytorch-CycleGAN-and-pix2pix, models/pix2pix_model.py: one forward pass of G, D moves, then G against the moved D.
"""

from keras import ops

from keras_sslzoo import losses, nets
from keras_sslzoo.engine import feed
from keras_sslzoo.engine.method import Method
from keras_sslzoo.engine.networks import check_built, check_unit_range
from keras_sslzoo.engine.paper import Paper, Recipe, adam


class Pix2Pix(Method):
    """Image-to-image translation with a conditional adversarial network.

    Args:
        generator: Keras model `(B, H, W, C) -> (B, H, W, C')`; by default `nets.UNet`, images in [0, 1].
        discriminator: Keras model `(B, H, W, C + C') -> (B, ...)` without activation, the logits of D; by default
            `nets.PatchGAN` with the paper's receptive field of 70, or with 34 or 16 where the image is smaller than that.
        image_shape: `(H, W, C)` of the input, where the networks are the default ones.
        channels: C' of the default generator, by default C.
        width: Channels of the first layer of the default networks; the paper's 64.
        loss: "bce", or "least_squares": (D - label)^2 in the place of both cross-entropies, as the option `lsgan` of the
            official code (without LSGAN's factor 1/2).
        l1_weight: Of the L1 distance of images in [-1, 1], the paper's 100.
        value_range: Of float inputs and targets, mapped to [0, 1]. None: any values, as they are, for L1 too.
        **kwargs: `seed`, `name`, `dtype`: see `Method`.

    Call arguments:
        x: Images `(B, H, W, C)`. Returns translations `(B, H, W, C')`.

    Fit data:
        Aligned pairs `fit(x, y)`: inputs `(B, H, W, C)`, targets `(B, H, W, C')`; or a data set of `(x, y)`.
    """

    paper = Paper(
        title="Image-to-Image Translation with Conditional Adversarial Networks",
        authors="Isola et al.",
        year=2016,
        url="https://arxiv.org/abs/1611.07004",
        code="junyanz/pytorch-CycleGAN-and-pix2pix: models/pix2pix_model.py",
    )
    recipe = Recipe(
        source="sections 3.3 and 6.2 (facades): Adam with beta_1 0.5, rate 2e-4, batch 1, 200 epochs",
        batch_size=1,
        epochs=200,
        players={"discriminator": adam(2e-4, beta_1=0.5), "generator": adam(2e-4, beta_1=0.5)},
        laptop={"discriminator": adam(2e-4, beta_1=0.5), "generator": adam(2e-4, beta_1=0.5)},
        values={"l1_weight": 100, "receptive_field": 70, "dropout": 0.5},
    )
    needs_targets = True
    batch_size = 16
    log_names = ("d_real", "d_fake", "l1")

    def __init__(
        self,
        generator=None,
        discriminator=None,
        image_shape=(28, 28, 1),
        channels=None,
        width=64,
        loss="bce",
        l1_weight=100.0,
        value_range=(0.0, 1.0),
        **kwargs,
    ):
        if loss not in ("bce", "least_squares"):
            raise ValueError(f'`loss` must be "bce" or "least_squares". Received: loss={loss!r}.')
        super().__init__(value_range=value_range, **kwargs)
        if generator is None:
            generator = nets.UNet(tuple(image_shape), channels, width=width)
        check_built(generator, "generator", "(B, H, W, C) -> (B, H, W, C')")
        given, returned = generator.input_shape[1:], generator.output_shape[1:]
        if not len(given) == len(returned) == 3 or given[:2] != returned[:2]:
            raise ValueError(
                "`generator` must return images of the size that it takes. Received: input shape "
                f"{generator.input_shape}, output shape {generator.output_shape}. Pad or crop in it."
            )
        check_unit_range(generator, "generator", self.value_range)
        pair = (*given[:2], given[2] + returned[2])
        if discriminator is None:
            field = next((n for n in (70, 34) if all(side is None or side >= n for side in pair[:2])), 16)
            discriminator = nets.PatchGAN(pair, field, width)
        check_built(discriminator, "discriminator", "(B, H, W, C + C') -> (B, h, w, 1)")
        feed.check_shape(discriminator.input_shape, pair, "What `discriminator` takes, input and output together,")
        self.generator, self.discriminator = generator, discriminator
        self.image_shape, self.channels, self.width = given, returned[2], width
        self.loss, self.l1_weight = loss, l1_weight

    def player_networks(self):
        """The two players."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def call(self, x, training=False):
        """Translations: `(B, H, W, C) -> (B, H, W, C')`."""
        return self.generator(x, training=training)

    def judge(self, x, y, label, training):
        """The loss of D's answers for pairs with this label, `(B,)`, and the answers: probabilities, or scores."""
        pairs = ops.concatenate([x, ops.cast(y, "float32")], axis=-1)
        logits = ops.cast(self.discriminator(pairs, training=training), "float32")
        if self.loss == "bce":
            return losses.binary_cross_entropy(label, logits), ops.sigmoid(logits)
        return losses.mean_squared_error(label, logits), logits

    def discriminator_loss(self, x, y, fake, training):
        """Half of equation 1 with the sign turned, `(B,)`."""
        on_real, d_real = self.judge(x, y, 1.0, training)
        on_fake, d_fake = self.judge(x, fake, 0.0, training)
        return 0.5 * (on_real + on_fake), {"d_real": d_real, "d_fake": d_fake}

    def generator_loss(self, x, y, fake, training):
        """-log D(x, G(x)) + l1_weight |y - G(x)|, `(B,)`; the log `l1` is in the units of G's images."""
        fooled, _ = self.judge(x, fake, 1.0, training)
        l1 = losses.mean_absolute_error(y, fake)
        signed = l1 if self.value_range is None else 2.0 * l1  # [0, 1] is half as wide as the paper's [-1, 1]
        return fooled + self.l1_weight * signed, {"l1": l1}

    def step(self, inputs, training=True):
        """The generator translates once; the discriminator moves, then the generator against it."""
        x, y = inputs

        def objective():
            fake = self.generator(x, training=training)
            still = ops.stop_gradient(fake)
            logs = self.minimize("discriminator", lambda: self.discriminator_loss(x, y, still, training))
            loss, own = self.generator_loss(x, y, fake, training)
            return loss, logs | own

        return self.minimize("generator", objective)

    def prepare(self, x, y):
        """Inputs and targets."""
        return self.to_unit_range(x), self.to_unit_range(y)

    def check_input(self, x):
        """See `Method.check_input`."""
        feed.check_array(x, self.image_shape, self.value_range, type(self).__name__)

    def check_targets(self, x, y):
        """See `Method.check_targets`."""
        feed.check_shape(y.shape, (*x.shape[1:3], self.channels), "Targets")
        feed.check_values(y, self.value_range, "Targets")

    def translate(self, x, batch_size=32):
        """Translations: NumPy `(N, H, W, C')`, the same as `predict`, in [0, 1] with the default generator.

        Its batch norm takes the statistics of the batch, so a translation depends on `batch_size`; the paper's is 1 to 10.
        """
        return self.predict(x, batch_size=batch_size, verbose=0)
