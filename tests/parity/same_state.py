"""`python same_state.py SimCLR,BYOL OUT`, OUT a folder: runs methods on one backend from a seed and given views, and writes
down everything that moves."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

import keras_sslzoo as zoo
from keras_sslzoo import backend

SHAPE = (12, 12, 1)
STEPS = 20


def head(width, name):
    return zoo.nets.Head(width, (16,), 8, name=name)


def build(name):
    encoder = zoo.nets.ConvNet(SHAPE, width=4, features=16, grid=1)
    if name == "SimCLR":
        return zoo.SimCLR(encoder, projector=head(16, "projector"), temperature=0.5, seed=1)
    if name == "BYOL":
        return zoo.BYOL(encoder, projector=head(16, "projector"), predictor=head(8, "predictor"), momentum=0.9, seed=1)
    if name == "DINO":
        return zoo.DINO(encoder, projector=zoo.nets.DINOHead(16, 24, (16,), 8), momentum=0.9, seed=1)
    if name in ("CLIP", "SigLIP"):
        text = zoo.nets.TextTransformer(64, 7, 16, depth=2, heads=2)
        return getattr(zoo, name)(encoder, text, projection_dim=8, chunk_size=12, seed=1)
    if name in ("GAN", "LSGAN"):
        return getattr(zoo, name)(image_shape=SHAPE, latent_dim=8, seed=1)
    if name == "Pix2Pix":
        return zoo.Pix2Pix(image_shape=SHAPE, width=4, seed=1)
    if name == "KSparseAutoEncoder":
        return zoo.KSparseAutoEncoder(image_shape=SHAPE, latent_dim=24, k=4, first_k=12, seed=1)
    if name == "ContractiveAutoEncoder":  # a deep encoder: the gradient of a gradient, with random projections
        encoder = zoo.nets.MLP(SHAPE, (16, 20), "tanh", output_activation="sigmoid")
        return zoo.ContractiveAutoEncoder(encoder, weight=10.0, penalty="stochastic", image_shape=SHAPE, seed=1)
    if name == "ContextEncoder":
        nets = zoo.nets.InpaintingEncoder(SHAPE, width=4), zoo.nets.InpaintingDecoder(SHAPE, width=4)
        discriminator = zoo.nets.DCGANDiscriminator(SHAPE, width=4)
        return zoo.ContextEncoder(*nets, discriminator, region="random", overlap=1, adversarial_weight=0.1, seed=1)
    return getattr(zoo, name)(image_shape=SHAPE, latent_dim=4, seed=1)


def optimizer(model):
    rate = {"VAE": 1e-3, "LSGAN": 1e-2, "GAN": 1e-2, "Pix2Pix": 1e-4, "ContextEncoder": 1e-4}.get(
        type(model).__name__, 3e-3
    )  # below chaos: rounding must not grow
    make = lambda: keras.optimizers.SGD(rate, momentum=0.9)  # noqa: E731
    players = list(model.player_networks())
    return make() if len(players) == 1 else {player: make() for player in players}


def batches(name):
    """Fed data: real images, and views for methods that take them, so that only the method is compared."""
    rng = np.random.default_rng(5)
    (images, _), _ = zoo.data.fashion_mnist(mini=True)
    images = images[:, 2:-2:2, 2:-2:2].astype("float32") / 255
    for step in range(STEPS):
        x = images[32 * step : 32 * step + 32]
        if name in ("SimCLR", "BYOL", "DINO"):
            shade = rng.uniform(0.6, 1.0, (32, 1, 1, 1)).astype("float32")
            yield ({"views": (x, shade * x[:, :, ::-1])},)
        elif name in ("CLIP", "SigLIP"):
            yield ({"image": x, "text": rng.integers(0, 64, (32, 7), "int32")},)
        elif name == "Pix2Pix":
            yield x, 1 - x
        else:
            yield (x,)


def numbers(variables):
    return [np.asarray(ops.convert_to_numpy(v.value), "float64") for v in variables]


def gradients(model, data):
    """Of the first player to move, at the initial weights."""
    model._now.training = True
    inputs = model.prepare(*(*data, None)[:2])
    player = model._players[0]
    if player.name == "model":
        objective = lambda: model.objective(inputs)  # noqa: E731
    elif isinstance(model, zoo.Pix2Pix):
        fake = ops.stop_gradient(model.generator(inputs[0], training=True))
        objective = lambda: model.discriminator_loss(*inputs, fake, True)  # noqa: E731
    else:
        paints = isinstance(model, zoo.ContextEncoder)
        fake = model.paint(inputs, model.block(32), True) if paints else model.fake("discriminator", 32, True)
        fake = ops.stop_gradient(fake)
        objective = lambda: model.discriminator_loss(inputs, fake, True)  # noqa: E731
    (loss, _), grads = backend.value_and_grad(model, lambda: (ops.mean(objective()[0]), {}), player.variables)
    model._now.training = False
    return [ops.convert_to_numpy(loss)] + [ops.convert_to_numpy(g) for g in grads]


def trace(name, out):
    """The state of a method at the start, after one step and after all, to `out`, an `.npz` file."""
    keras.utils.set_random_seed(0)
    model = build(name)
    model.compile(optimizer(model))
    model.set_run_length(STEPS)
    record, losses = {f"initial/{v.path}": w for v, w in zip(model.weights, numbers(model.weights), strict=True)}, []
    for step, data in enumerate(batches(name), start=1):
        if step == 1:
            before = numbers(model.weights)
            record |= {f"gradient/{i}": g for i, g in enumerate(gradients(model, data))}
            for v, w in zip(model.weights, before, strict=True):  # batch norm moved its statistics
                v.assign(w)
        logs = model.train_on_batch(*data, return_dict=True)
        model.reset_metrics()
        losses.append([float(logs[k]) for k in sorted(logs)])
        if step in (1, STEPS):
            for v, w in zip(model.weights, numbers(model.weights), strict=True):
                record[f"step{step}/{v.path}"] = w
    record["losses"] = np.array(losses)
    np.savez(out, **record)


if __name__ == "__main__":
    methods, out = sys.argv[1:]
    for method in methods.split(","):
        trace(method, f"{out}/{method}.npz")
