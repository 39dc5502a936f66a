"""The common part of methods with an encoder and a decoder over data of any rank."""

import math

from keras import ops

from keras_sslzoo import nets
from keras_sslzoo.engine import feed
from keras_sslzoo.engine.latent import LatentSpace
from keras_sslzoo.engine.method import Method
from keras_sslzoo.engine.networks import check_built, check_unit_range, check_vectors, ends_with


class AutoEncodingMethod(LatentSpace, Method):
    """A method that encodes `(B, ...)` to a vector and decodes it back. Its constructor calls `set_networks`."""

    batch_size = 128
    shallow = False  # whether the default networks have one layer each
    output_activation = "sigmoid"  # of the default decoder

    def set_networks(self, encoder, decoder, image_shape, latent_dim, code_width, logits, code_activation=None):
        """Take the user's networks, or build the default ones for `image_shape`.

        Args:
            encoder, decoder, image_shape, latent_dim: See the methods.
            code_width: Size of the default encoder's output.
            logits: Whether the decoder's output is logits.
            code_activation: Of the default encoder's last layer.
        """
        if encoder is None:
            encoder = default_encoder(tuple(image_shape), code_width, code_activation, self.shallow)
        check_built(encoder, "encoder")
        check_vectors(encoder, "encoder")
        self.encoder = encoder
        self.image_shape = tuple(encoder.input_shape[1:])
        if decoder is None:
            activation = None if logits else self.output_activation
            decoder = default_decoder(latent_dim, self.image_shape, activation, self.shallow)
        check_built(decoder, "decoder", "(B, D) -> (B, ...)")
        if tuple(decoder.output_shape[1:]) != self.image_shape:
            raise ValueError(
                "`decoder` must return samples of the shape that `encoder` takes. Received: decoder output "
                f"{decoder.output_shape}, encoder input {encoder.input_shape}. Change one of them."
            )
        if logits and ends_with(decoder, "sigmoid"):
            raise ValueError(
                "`decoder` must return logits: the loss applies the sigmoid. Received: a decoder that ends with a "
                "sigmoid. Remove its last activation."
            )
        check_unit_range(decoder, "decoder", self.value_range)
        self.decoder = decoder
        self.latent_dim = decoder.input_shape[-1]
        self.returns_logits = logits

    @property
    def elements(self):
        """Number of elements of a sample: losses are means over them, a paper's weights stand beside sums."""
        return math.prod(self.image_shape)

    def call(self, x, training=False):
        """The reconstruction."""
        return self.decode_tensor(self.pretrained_encoder(x, training=training), training)

    def decode_tensor(self, z, training=False):
        """The decoder's mean: after the sigmoid where the decoder returns logits."""
        output = self.decoder(z, training=training)
        return ops.sigmoid(output) if self.returns_logits else output

    @property
    def pretrained_encoder(self):
        """The encoder to keep after training: `(B, ...) -> (B, D)`."""
        return self.encoder

    def prepare(self, x, y):
        """`(x, target)`: y where it has the shape of x, else x itself."""
        feed.check_shape(x.shape, self.image_shape, "Data")
        x = self.to_unit_range(x)
        same = y is not None and tuple(y.shape)[1:] == tuple(x.shape)[1:]
        return x, self.to_unit_range(y) if same else x

    def check_targets(self, x, y):
        """A target of the shape of x is data too; one of another shape, unless it looks like labels, is a slip."""
        if y.shape[1:] == x.shape[1:]:
            feed.check_values(y, self.value_range, "Targets")
        elif y.ndim > 2:
            feed.check_shape(y.shape, x.shape[1:], "Targets")

    def check_input(self, x):
        """See `Method.check_input`."""
        feed.check_array(x, self.image_shape, self.value_range, type(self).__name__)

    def encode(self, x, batch_size=256):
        """Codes: NumPy `(N, D)`."""
        return self.in_batches(lambda x: self.pretrained_encoder(self.to_unit_range(x)), x, batch_size)

    def decode(self, z, batch_size=256):
        """Data decoded from codes `(N, D)`: NumPy `(N, ...)`, probabilities where the decoder returns logits."""
        return self.in_batches(self.decode_tensor, z, batch_size)

    def reconstruct(self, x, batch_size=256):
        """Reconstructions: NumPy `(N, ...)`, the same as `predict`; in [0, 1] where `value_range` maps the data there."""
        return self.predict(x, batch_size=batch_size, verbose=0)


def default_range(value_range, decoder, logits):
    """(0, 1) where the default decoder or logits bound the data, if the user did not say otherwise."""
    return (0.0, 1.0) if value_range is None and (decoder is None or logits) else value_range


def default_encoder(shape, width, activation, shallow):
    """`nets.ConvEncoder` for images, else `nets.MLP`; one dense layer where `shallow`."""
    if shallow:
        return nets.MLP(shape, (width,), output_activation=activation)
    if len(shape) == 3:
        return nets.ConvEncoder(shape, width, output_activation=activation)
    return nets.MLP(shape, (512, 256, width), output_activation=activation)


def default_decoder(latent_dim, shape, activation, shallow):
    """`nets.ConvDecoder` for images, else `nets.MLP`; one dense layer where `shallow`."""
    if len(shape) == 3 and not shallow:
        return nets.ConvDecoder(latent_dim, shape, output_activation=activation)
    units = (math.prod(shape),) if shallow else (256, 512, math.prod(shape))
    return nets.MLP((latent_dim,), units, output_activation=activation, output_shape=shape)
