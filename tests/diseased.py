"""Tiny models, each healthy or with one disease: name -> (build, fit options)."""

import keras
import numpy as np
from contract import SHAPE, bright_squares, tiny_coders
from keras import ops

import keras_sslzoo as zoo

SQUARES = bright_squares(128)


def noisy(images, key):
    """Two views: the image under noise."""
    noise = [zoo.ops.random.normal_noise(key, name, ops.shape(images)) for name in ("first", "second")]
    return tuple(ops.clip(images + 0.1 * n, 0.0, 1.0) for n in noise)


def encoder():
    return zoo.nets.MLP(SHAPE, (32, 16), name="encoder")


def heads():
    return {
        "projector": zoo.nets.Head(16, (32,), 8, name="projector"),
        "predictor": zoo.nets.Head(8, (32,), 8, name="predictor"),
    }


class NoStopGradient(zoo.BYOL):
    """Two views through the same network, both with a gradient, without predictor."""

    def online(self, view, training):
        return self.projector(self.encoder(view, training=training), training=training)

    def target(self, view, training):
        return self.online(view, training)


class NoPredictor(NoStopGradient):
    """The target is the online network, without gradient; there is no predictor."""

    def target(self, view, training):
        return ops.stop_gradient(self.online(view, training))


def byol(method=zoo.BYOL, **options):
    return method(encoder(), noisy, **heads(), **{"momentum": 0.9, **options})


def equal(images, key):
    """Two views that are the image."""
    return images, images


def simclr(bias=0.0, views=noisy):
    """`bias`: added to each embedding; where it is large, all point the same way."""
    h = keras.layers.Input((16,))
    z = heads()["projector"](h)
    return zoo.SimCLR(encoder(), views, projector=keras.Model(h, z + bias))


def dino(**options):
    options = {"momentum": 0.95, "freeze": 0.0, "teacher_temperature": 0.04, **options}
    return zoo.DINO(encoder(), noisy, zoo.nets.DINOHead(16, 16, (32,), 16), **options)


def clip():
    texts = zoo.nets.TextTransformer(11, 5, 16, depth=1, heads=2)
    return zoo.CLIP(encoder(), texts, projection_dim=8)


def gan(deaf=False):
    """`deaf`: the generator's noise is multiplied by 0, and stays so."""
    generator = zoo.nets.MLP((8,), (32, 144), output_activation="sigmoid", output_shape=SHAPE)
    if deaf:
        noise = keras.layers.Input((8,))
        generator = keras.Model(noise, generator(keras.layers.Rescaling(0.0)(noise)))
    return zoo.GAN(generator, zoo.nets.MLP(SHAPE, (32, 1)))


def linear():
    return zoo.LinearAutoEncoder(image_shape=SHAPE, latent_dim=8)


def vae(**options):
    return zoo.VAE(zoo.nets.MLP(SHAPE, (32, 16)), zoo.nets.MLP((4,), (32, 144), output_shape=SHAPE), **options)


def autoencoder():
    return zoo.AutoEncoder(**tiny_coders(code_activation="relu"))


def dead():
    model = autoencoder()
    last = model.encoder.layers[-1] if model.encoder.layers[-1].weights else model.encoder.layers[-2]
    kernel, bias = last.get_weights()
    last.set_weights([kernel, bias - 100.0])
    return model


def adam(rate=3e-3):
    return keras.optimizers.Adam(rate)


def players(discriminator, generator):
    return {"discriminator": adam(discriminator), "generator": adam(generator)}


# name: (model, optimizer, epochs, batch size)
RUNS = {
    "BYOL": (byol, lambda: adam(3e-2), 12, 32),
    "SimCLR": (simclr, adam, 8, 64),
    "DINO": (dino, adam, 20, 32),
    "CLIP": (clip, adam, 8, 32),
    "GAN": (gan, lambda: players(1e-3, 3e-3), 16, 32),
    "VAE": (vae, lambda: adam(1e-2), 12, 16),
    "AutoEncoder": (autoencoder, adam, 12, 32),
    "no stop-gradient": (lambda: byol(NoStopGradient), lambda: adam(3e-2), 12, 32),
    "no predictor": (lambda: byol(NoPredictor), lambda: adam(3e-2), 12, 32),
    "no centering": (lambda: dino(center_momentum=1.0), adam, 20, 32),
    "no sharpening": (lambda: dino(teacher_temperature=0.3), adam, 20, 32),
    "KL weight too large": (lambda: vae(beta=30.0), lambda: adam(1e-2), 12, 16),
    "discriminator too strong": (gan, lambda: players(3e-2, 1e-5), 16, 32),
    "generator of one sample": (lambda: gan(deaf=True), lambda: players(1e-3, 3e-3), 8, 32),
    "batch too small": (simclr, adam, 4, 4),
    "no views": (lambda: simclr(views=equal), adam, 4, 64),
    "embeddings all alike": (lambda: simclr(1e3), adam, 8, 64),
    "rate too high": (linear, lambda: keras.optimizers.SGD(300.0), 8, 32),
    "dead encoder": (dead, adam, 8, 32),
}


def run(name, images=SQUARES[:64], **options):
    """The monitor and the logs."""
    build, optimizer, epochs, batch = RUNS[name]
    keras.utils.set_random_seed(0)
    model = build()
    model.compile(optimizer())
    monitor = zoo.callbacks.CollapseMonitor(images, **options)
    data = SQUARES
    if isinstance(model, zoo.CLIP):
        data = {"image": SQUARES, "text": np.array([[int(d) for d in f"{i:04d}"] + [10] for i in range(len(SQUARES))])}
    return monitor, model.fit(data, batch_size=batch, epochs=epochs, verbose=0, callbacks=[monitor]).history
