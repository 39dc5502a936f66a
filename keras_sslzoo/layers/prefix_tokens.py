"""Class and register tokens: learned vectors that stand before the patches."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_sslzoo")
class PrefixTokens(keras.Layer):
    """[class, registers, patches]: `(B, h, w, D)` or `(B, N, D)` -> `(B, P + N, D)`, with N = h w patches, row by row.

    The class token is that of Dosovitskiy et al. 2021, arXiv:2010.11929, section 3.1; registers are tokens that no one reads
    and that need no position (Darcet et al. 2024, arXiv:2309.16588, section 2.2). P counts both.

    Args:
        class_token: Whether there is one.
        class_position: Whether a learned position is added to it: the first row of the position embeddings of most
            checkpoints.
        registers: How many; 4 in DINOv2's checkpoints with registers.
        initializer: Of the class token and its position.
        register_initializer: Of the registers.
        **kwargs: `name`, `dtype` as in `keras.Layer`.

    Call arguments:
        x: Patches, `(B, h, w, D)` or `(B, N, D)`, positions added.
    """

    def __init__(
        self,
        class_token=True,
        class_position=True,
        registers=0,
        initializer="zeros",
        register_initializer="zeros",
        **kwargs,
    ):
        if not isinstance(registers, int) or isinstance(registers, bool) or registers < 0:
            raise ValueError(f"`registers` must be an integer >= 0. Received: registers={registers!r}. DINOv2 has 4.")
        super().__init__(**kwargs)
        self.class_token = class_token
        self.class_position = class_position
        self.registers = registers
        self.initializer = keras.initializers.get(initializer)
        self.register_initializer = keras.initializers.get(register_initializer)

    @property
    def count(self):
        """P, how many tokens stand before the patches."""
        return bool(self.class_token) + self.registers

    def build(self, input_shape):
        """Create the tokens."""
        width = input_shape[-1]
        self.cls_token = self.cls_position = self.reg_token = None
        if self.class_token:
            self.cls_token = self.add_weight(shape=(1, width), initializer=self.initializer, name="cls_token")
            if self.class_position:
                self.cls_position = self.add_weight(shape=(1, width), initializer=self.initializer, name="cls_position")
        if self.registers:
            shape, initializer = (self.registers, width), self.register_initializer
            self.reg_token = self.add_weight(shape=shape, initializer=initializer, name="reg_token")

    def call(self, x):
        """`(B, h, w, D)` or `(B, N, D)` -> `(B, P + N, D)`."""
        if len(x.shape) == 4:
            _, h, w, width = ops.shape(x)
            x = ops.reshape(x, (-1, h * w, width))
        tokens = []
        if self.class_token:
            tokens.append(self.cls_token if self.cls_position is None else self.cls_token + self.cls_position)
        if self.registers:
            tokens.append(self.reg_token)
        batch, _, width = ops.shape(x)
        tokens = [ops.broadcast_to(ops.cast(t, x.dtype)[None], (batch, t.shape[0], width)) for t in tokens]
        return ops.concatenate([*tokens, x], axis=1) if tokens else x

    def compute_output_shape(self, input_shape):
        """`(B, h, w, D)` or `(B, N, D)` -> `(B, P + N, D)`."""
        batch, *sides, width = input_shape
        patches = None if None in sides else sides[0] * (sides[1] if len(sides) == 2 else 1)
        return (batch, None if patches is None else self.count + patches, width)

    def get_config(self):
        """The constructor's arguments."""
        own = {
            "class_token": self.class_token,
            "class_position": self.class_position,
            "registers": self.registers,
            "initializer": keras.initializers.serialize(self.initializer),
            "register_initializer": keras.initializers.serialize(self.register_initializer),
        }
        return {**super().get_config(), **own}
