"""The common part of methods that learn from images and their texts.

images (B, H, W, C) --encoder--> (B, D) --image_projection--> (B, P)
texts --tokenizer, on the host--> (B, T) --text_encoder--> (B, D') --text_projection--> (B, P)
"""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_sslzoo.data.tokenizer import SMALLEST, VOCABULARY, CLIPTokenizer
from keras_sslzoo.engine import feed
from keras_sslzoo.engine.method import Method
from keras_sslzoo.engine.momentum import freeze
from keras_sslzoo.engine.networks import check_built, check_encoder, check_vectors
from keras_sslzoo.layers import TextEmbedding
from keras_sslzoo.nets.initializers import Normal
from keras_sslzoo.ops import random
from keras_sslzoo.ops.normalize import l2_normalize


class ImageTextMethod(Method):
    """A method with a tower for images and one for texts, whose outputs are compared.

    Fit data: `{"image": images, "text": texts}`, row i of both a pair. Images `(N, H, W, C)` are uint8 or floats in
    `value_range`. Texts are strings, which the tokenizer turns into arrays before batches are made; or tokens `(N, T)`; or
    features `(N, F)` of a frozen sentence encoder, where `text_encoder` takes vectors. An image may have several texts: a
    list of lists of strings, or an array with a second axis for them, `(N, M, T)`; each step draws one. Batches of data sets
    hold the same. Labels are ignored.

    Args:
        encoder: Built Keras model `(B, H, W, C) -> (B, D)` for images in [0, 1]: the one to keep.
        text_encoder: Built Keras model from tokens `(B, T)` (`nets.TextTransformer`) or from features `(B, F)` to `(B, D')`.
            An identity, `keras.Sequential([Input((F,)), Identity()])`, compares features as they are.
        tokenizer: Callable from a list of N strings to tokens `(N, T)` or features `(N, F)`. By default
            `data.CLIPTokenizer` for the context and vocabulary of a `nets.TextTransformer`; for other towers none.
        projection_dim: P, of a dense layer without bias behind each tower; None for none, where the towers already return
            vectors of one size.
        locked: "image" or "text": a tower whose weights stay as they are, in inference mode (LiT, arXiv:2111.07991).
        augment: Callable `(images, key) -> images`, such as a `views.Pipeline`: what training does to images.
        value_range: Of float images, mapped to [0, 1].
        **kwargs: See `Method`.
    """

    full_batches = True
    smallest_batch = 2  # the pairs of a batch are compared
    batch_size = 256

    def __init__(
        self,
        encoder,
        text_encoder,
        tokenizer=None,
        projection_dim=512,
        locked=None,
        augment=None,
        value_range=(0.0, 1.0),
        **kwargs,
    ):
        check_encoder(encoder)
        check_built(text_encoder, "text_encoder", "(B, T) or (B, F) -> (B, D)")
        check_vectors(text_encoder, "text_encoder")
        widths = encoder.output_shape[-1], text_encoder.output_shape[-1]
        if projection_dim is None and widths[0] != widths[1]:
            raise ValueError(
                "Without projections both towers must return vectors of one size. Received: projection_dim=None, an encoder "
                f"of {widths[0]} numbers and a text encoder of {widths[1]}. Set projection_dim, or change a tower."
            )
        if locked not in (None, "image", "text"):
            raise ValueError(
                f"`locked` must be 'image', 'text' or None. Received: locked={locked!r}. LiT locks 'image'."
            )
        super().__init__(value_range=value_range, **kwargs)
        self.encoder, self.text_encoder = encoder, text_encoder
        self.tokenizer = _default_tokenizer(text_encoder) if tokenizer is None else tokenizer
        self.projection_dim, self.locked, self.augment = projection_dim, locked, augment
        self.image_projection = self.text_projection = None
        if projection_dim is not None:
            names = ("image_projection", "text_projection")
            self.image_projection, self.text_projection = map(self._projection, names, widths)
        for tower in self.frozen_networks():
            freeze(tower)

    def _projection(self, name, width):
        """A dense layer without bias, drawn as in openai/CLIP: clip/model.py."""
        layer = keras.layers.Dense(
            self.projection_dim, use_bias=False, kernel_initializer=Normal(width**-0.5), name=name
        )
        layer.build((None, width))
        return layer

    @property
    def pretrained_encoder(self):
        """The image tower."""
        return self.encoder

    def frozen_networks(self):
        """The locked tower."""
        return {None: [], "image": [self.encoder], "text": [self.text_encoder]}[self.locked]

    # ---- embeddings ----------------------------------------------------------------------------------------------------

    def embed_image(self, images, training=False):
        """`(B, H, W, C)` -> `(B, P)`, of any length."""
        return self._embed("image", self.encoder, self.image_projection, images, training)

    def embed_text(self, texts, training=False):
        """Tokens `(B, T)` or features `(B, F)` -> `(B, P)`, of any length."""
        return self._embed("text", self.text_encoder, self.text_projection, texts, training)

    def _embed(self, name, tower, projection, x, training):
        locked = name == self.locked
        features = tower(x, training=training and not locked)
        features = ops.stop_gradient(features) if locked else features
        return features if projection is None else projection(features)

    def call(self, inputs, training=False):
        """`{"image": (B, H, W, C), "text": (B, T)}`, or one of the two -> dict of embeddings `(B, P)` of length 1."""
        embed = {"image": self.embed_image, "text": self.embed_text}
        return {
            name: l2_normalize(ops.cast(embed[name](x, training=training), "float32")) for name, x in inputs.items()
        }

    def inference_input(self, x):
        """See `Method.inference_input`."""
        if not isinstance(x, dict) or not x or set(x) - {"image", "text"}:
            raise ValueError(
                f"{type(self).__name__} embeds {{'image': images}}, {{'text': tokens}} or both. Received: "
                f"{f'the keys {sorted(x)}' if isinstance(x, dict) else type(x).__name__}. `encode_image` takes images alone."
            )
        return {**x, "image": self.to_unit_range(x["image"])} if "image" in x else x

    def encode_image(self, images, batch_size=256):
        """Embeddings of images: NumPy `(N, P)`, of length 1."""
        images = feed.to_numpy(images)
        self._check_images(images)
        return self.predict({"image": images}, batch_size=batch_size, verbose=0)["image"]

    def encode_text(self, texts, batch_size=256):
        """Embeddings of strings, tokens or features: NumPy `(N, P)`, of length 1."""
        texts = feed.to_numpy(self.tokenize([texts] if isinstance(texts, str) else texts))
        self._check_texts(texts, several=False)
        return self.predict({"text": texts}, batch_size=batch_size, verbose=0)["text"]

    def zero_shot_classifier(self, class_names, templates=("a photo of a {}.",)):
        """A classifier of images from the names of the classes alone.

        Args:
            class_names: K strings.
            templates: Strings in which `{}` stands for the name; a class is the mean of its texts' embeddings
                (Radford et al. 2021, section 3.1.4).

        Returns:
            `ZeroShotClassifier`.
        """
        if isinstance(class_names, str) or isinstance(templates, str) or not len(class_names) or not len(templates):
            raise ValueError(
                "`class_names` and `templates` must be sequences of at least one string. Received: "
                f"{class_names=}, {templates=}. Pass for example templates=('a photo of a {{}}.',)."
            )
        if wrong := [t for t in templates if "{}" not in t]:
            raise ValueError(f"A template must hold {{}} for the name of the class. Received: {wrong[0]!r}.")
        z = self.encode_text([template.format(name) for name in class_names for template in templates])
        mean = z.reshape(len(class_names), len(templates), -1).mean(1)
        return ZeroShotClassifier(self, tuple(class_names), mean / np.linalg.norm(mean, axis=1, keepdims=True))

    # ---- data ----------------------------------------------------------------------------------------------------------

    def tokenize(self, texts):
        """Strings as the tokenizer's array, several of an image as `(N, M, ...)`; anything else as it is."""
        if not _are_strings(texts):
            return texts
        if self.tokenizer is None:
            raise ValueError(
                f"{type(self).__name__} has no tokenizer for this text encoder. Received: strings. Pass tokens or features, "
                "or a tokenizer: any function from a list of strings to an array."
            )
        if isinstance(texts[0], str):
            return np.asarray(self.tokenizer(list(texts)))
        if not all(len(several) for several in texts):
            raise ValueError("Each image must have at least one text. Received: an empty list.")
        most = max(map(len, texts))
        tokens = np.asarray(self.tokenizer([several[m % len(several)] for several in texts for m in range(most)]))
        return tokens.reshape(len(texts), most, -1)

    def to_arrays(self, x):
        """Strings tokenised, in arrays and in the batches of data sets."""
        if isinstance(x, dict):
            return {**x, "text": self.tokenize(x["text"])} if "text" in x else x
        element, x = feed.first_element(x)
        first = keras.utils.unpack_x_y_sample_weight(feed.as_tuples(element))[0]
        if isinstance(first, dict) and _are_strings(first.get("text")):
            return feed.mapped(x, self._tokenize_element)
        return x

    def _tokenize_element(self, element):
        return (self.to_arrays(element[0]), *element[1:]) if isinstance(element, tuple) else self.to_arrays(element)

    def prepare(self, x, y):
        """Images in [0, 1], augmented in training, and one text of each. Labels `y` are ignored."""
        images, texts = self.to_unit_range(x["image"]), x["text"]
        if self.augment is not None and self._now.training:
            images = self.augment(images, self.key)
        feed.check_shape(images.shape, self.encoder.input_shape[1:], "Images")
        if len(texts.shape) == 3:
            batch, several, _ = ops.shape(texts)
            which = ops.cast(random.uniform(self.key, "text", (batch, 1, 1), high=several), "int32")
            texts = ops.take_along_axis(texts, which, axis=1)[:, 0]
        return images, ops.cast(texts, self.text_encoder.inputs[0].dtype)

    def check_input(self, x):
        """See `Method.check_input`."""
        if not isinstance(x, dict) or set(x) != {"image", "text"}:
            received = f"a dict with the keys {sorted(x)}" if isinstance(x, dict) else type(x).__name__
            raise ValueError(
                f"{type(self).__name__} takes {{'image': images, 'text': texts}}, without other keys. Received: {received}."
            )
        for name, part in x.items():
            if not hasattr(part, "shape"):
                raise ValueError(
                    f"{name!r} must be one array. Received: {type(part).__name__} of {len(part)}. Stack the samples."
                )
        self._check_images(x["image"])
        self._check_texts(x["text"])
        if len(x["image"]) != len(x["text"]):
            raise ValueError(
                f"Each image must have its text. Received: {len(x['image'])} images and {len(x['text'])} texts. Several "
                "texts of an image are one row: a list of lists of strings, or (N, M, T)."
            )

    def _check_images(self, images):
        size = (None, None) if self.augment is not None else self.encoder.input_shape[1:3]
        feed.check_shape(images.shape, (*size, self.encoder.input_shape[-1]), "Images")
        feed.check_values(images, self.value_range, "Images")

    def _check_texts(self, texts, several=True):
        width, kind = self.text_encoder.input_shape[-1], texts.dtype.kind
        takes = "tokens" if keras.backend.is_int_dtype(self.text_encoder.inputs[0].dtype) else "features"
        if kind not in {"tokens": "iu", "features": "f"}[takes]:
            strings = " Tokenise strings of a data set in it." if kind in "USO" else ""
            raise ValueError(f"The text encoder takes {takes}. Received: texts of dtype {texts.dtype}.{strings}")
        if texts.ndim not in ((2, 3) if several else (2,)) or width not in (None, texts.shape[-1]):
            raise ValueError(
                f"The text encoder takes {takes} (B, {width}). Received: {texts.shape}. Set the tokenizer's context, or "
                "build the tower for this size."
            )
        layer = _text_embedding(self.text_encoder)
        if takes == "features":
            feed.check_values(texts, None, "Features of texts")
        elif layer is not None and texts.size and not 0 <= texts.min() <= texts.max() < layer.vocabulary:
            raise ValueError(
                f"Tokens must lie in [0, {layer.vocabulary}), the text encoder's vocabulary. Received: tokens in "
                f"[{texts.min()}, {texts.max()}]. Give tokenizer and tower one vocabulary."
            )


@dataclasses.dataclass(frozen=True)
class ZeroShotClassifier:
    """Classes of images by the nearest text.

    Args:
        model: What embeds the images.
        class_names: K strings.
        weights: Embeddings of the classes, `(K, P)`, of length 1.
    """

    model: ImageTextMethod
    class_names: tuple
    weights: np.ndarray

    def similarities(self, images):
        """Cosines of images `(N, H, W, C)` and classes: `(N, K)`."""
        return self.model.encode_image(images) @ self.weights.T

    def predict(self, images):
        """The most similar class of each image: integers `(N,)`."""
        return self.similarities(images).argmax(axis=1)


def _are_strings(texts):
    """Whether texts are strings, or lists of them."""
    if not isinstance(texts, (list, tuple, np.ndarray)) or not len(texts):
        return False
    first = texts[0]
    return isinstance(first, str) or (isinstance(first, (list, tuple)) and all(isinstance(t, str) for t in first))


def _text_embedding(text_encoder):
    """The layer that knows the vocabulary, or None."""
    return next((layer for layer in text_encoder.layers if isinstance(layer, TextEmbedding)), None)


def _default_tokenizer(text_encoder):
    """CLIP's for a text transformer whose vocabulary can be CLIP's, else None."""
    layer = _text_embedding(text_encoder)
    if layer is None or not SMALLEST <= layer.vocabulary <= VOCABULARY:
        return None
    return CLIPTokenizer(layer.context, layer.vocabulary)
