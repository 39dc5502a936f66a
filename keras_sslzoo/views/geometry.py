"""Mirror images, rotations and other moves of the whole image."""

import keras
from keras import ops

from keras_sslzoo.views.base import Coin, check_probability, choose


@keras.saving.register_keras_serializable("keras_sslzoo")
class RandomFlip(Coin):
    """Mirror horizontally with probability `p`. After a crop, `RandomResizedCrop(flip=p)` does it at no cost."""

    def __init__(self, p=0.5):
        self.p = check_probability("p", p)

    def _change(self, images, u, coin):
        return choose(None if coin is None else coin[:, None, None, None], ops.flip(images, axis=2), images)
