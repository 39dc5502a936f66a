"""Our side of `methods.py`: each method under `fit`, on the backend that KERAS_BACKEND names."""

import math
import os
import time

import keras
import methods as bench

import keras_sslzoo as zoo

BACKEND = keras.config.backend()
if BACKEND == "tensorflow":
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["SIDE_THREADS"]))
    tf.config.threading.set_inter_op_parallelism_threads(int(os.environ["SIDE_THREADS"]))


class Clock(keras.callbacks.Callback):
    """Seconds from the begin of an epoch to its end."""

    def on_epoch_begin(self, epoch, logs=None):
        """Start."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Stop. The logs are numbers by now, so the last step is done."""
        self.taken = time.perf_counter() - self.start


def resnet(case):
    """The encoder of SimCLR, BYOL and DINO; any size where crops differ."""
    return zoo.nets.ResNet18((None, None, 3) if "crops" in case else tuple(case["shape"]), stem="small")


def autoencoder(case):
    """Mean squared error."""
    shape = tuple(case["shape"])
    return zoo.AutoEncoder(zoo.nets.ConvEncoder(shape, bench.CODE), zoo.nets.ConvDecoder(bench.CODE, shape))


def vae(case):
    """Bernoulli likelihood."""
    shape = tuple(case["shape"])
    decoder = zoo.nets.ConvDecoder(bench.CODE, shape, output_activation=None)
    return zoo.VAE(zoo.nets.ConvEncoder(shape, bench.FEATURES), decoder, latent_dim=bench.CODE)


def pix2pix(case):
    """The default networks."""
    return zoo.Pix2Pix(image_shape=tuple(case["shape"]), width=case["width"])


def simclr(case):
    """The paper's head."""
    return zoo.SimCLR(resnet(case), temperature=bench.TEMPERATURE)


def byol(case):
    """The paper's heads, smaller."""
    projector = zoo.nets.Head(512, (bench.HIDDEN,), bench.PROJECTION, name="projector")
    predictor = zoo.nets.Head(bench.PROJECTION, (bench.HIDDEN,), bench.PROJECTION, name="predictor")
    return zoo.BYOL(resnet(case), projector=projector, predictor=predictor)


def dino(case):
    """The paper's head, smaller; two global views and local ones."""
    head = zoo.nets.DINOHead(512, bench.PROTOTYPES, (bench.HIDDEN,) * 2, bench.PROJECTION)
    shape = tuple(case["shape"])
    return zoo.DINO(resnet(case), zoo.views.dino(shape, num_local=case["crops"]), head)


def clip(case):
    """Two transformers."""
    clip_vit = zoo.nets.vit.FAMILIES["clip"]
    sizes = {"width": case["width"], "depth": case["depth"]}
    image = zoo.nets.ViT(**{**clip_vit, "input_shape": tuple(case["shape"]), "patch_size": case["patch"], **sizes})
    text = zoo.nets.TextTransformer(case["vocabulary"], case["context"], **sizes)
    return zoo.CLIP(image, text, projection_dim=case["width"])


def game(cls):
    """A game of DCGAN's networks."""
    return lambda case: cls(image_shape=tuple(case["shape"]), latent_dim=bench.LATENT)


METHODS = {
    "AutoEncoder": autoencoder,
    "VAE": vae,
    "GAN": game(zoo.GAN),
    "LSGAN": game(zoo.LSGAN),
    "Pix2Pix": pix2pix,
    "SimCLR": simclr,
    "BYOL": byol,
    "DINO": dino,
    "CLIP": clip,
}


def build(name, case, steps, device, jit):
    """See `methods.serve`."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(bench.SEED)
    method = METHODS[name](case)
    players = list(method.player_networks())
    optimizers = {player: keras.optimizers.Adam(bench.RATE) for player in players}
    options = {"jit_compile": True} if jit else {}
    method.compile(optimizers if len(players) > 1 else optimizers[players[0]], **options)
    data = bench.arrays(name, case, steps)
    views = tuple(array for key, array in data.items() if key.startswith("view"))
    fed = {"views": views} if views else data if name == "CLIP" else data["x"]
    clock = Clock()

    def run():
        method.fit(fed, data.get("y"), batch_size=case["batch"], verbose=0, callbacks=[clock])
        return clock.taken

    return run, sum(math.prod(v.shape) for v in method.trainable_variables)


def versions():
    """The framework's name and version, and Keras'."""
    framework = __import__(BACKEND)
    return f"{BACKEND} {framework.__version__}, Keras {keras.__version__}"


if __name__ == "__main__":
    bench.serve(versions, build)
