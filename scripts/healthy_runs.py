"""Runs each method healthy and ill, and records its logs: the numbers and the picture of docs/healthy.md.

    python scripts/healthy_runs.py                    # all runs, minutes of CPU
    python scripts/healthy_runs.py "BYOL"             # those whose name begins so
    python scripts/healthy_runs.py --draw             # docs/healthy.png, from the recorded logs

Seed 0; bundled Fashion-MNIST (5,000 images), for CLIP the bundled emoji. Each run writes docs/healthy_runs/<name>.json.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure

import keras_sslzoo as zoo

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORDS = ROOT / "docs" / "healthy_runs"


def adam(rate, **options):
    return keras.optimizers.Adam(rate, **options)


def encoder(shape=(28, 28, 1)):
    return zoo.nets.ConvNet(shape, width=16, features=128)


def heads():
    return {
        "projector": zoo.nets.Head(128, (256,), 64, name="projector"),
        "predictor": zoo.nets.Head(64, (256,), 64, name="predictor"),
    }


@keras.saving.register_keras_serializable("healthy_runs")
class NoStopGradient(zoo.BYOL):
    """BYOL without stop-gradient and predictor: both views go through the online network and are pulled together."""

    def online(self, view, training):
        return self.projector(self.encoder(view, training=training), training=training)

    def target(self, view, training):
        return self.online(view, training)


@keras.saving.register_keras_serializable("healthy_runs")
class NoPredictor(NoStopGradient):
    """BYOL without predictor: the target is the online network, without gradient."""

    def target(self, view, training):
        return ops.stop_gradient(self.online(view, training))


def byol(method=zoo.BYOL, **options):
    views = zoo.views.byol((28, 28, 1), color_strength=0.5, crop_scale=(0.3, 1.0), blur=(0.0, 0.0))
    return method(encoder(), views, **heads(), **{"momentum": 0.97, **options})


def simclr():
    return zoo.SimCLR(encoder(), zoo.views.simclr((28, 28, 1), crop_scale=(0.3, 1.0)), temperature=0.2)


def dino(**options):
    head = zoo.nets.DINOHead(128, 256, (256,), 64)
    views = zoo.views.dino((28, 28, 1), num_local=0, global_scale=(0.3, 1.0))
    options = {"momentum": 0.97, "teacher_temperature": 0.04, "freeze": 0.0, **options}
    return zoo.DINO(encoder(), views, head, **options)


def dead_autoencoder():
    layers = keras.layers
    coder = [layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(256, "relu"), layers.Dense(32, "relu")]
    return zoo.AutoEncoder(keras.Sequential(coder), zoo.nets.ConvDecoder(32, (28, 28, 1)))


def clip():
    image = zoo.nets.ConvNet((32, 32, 3), width=16, features=128)
    text = zoo.nets.TextTransformer(vocabulary=2048, context=24, width=64, depth=2)
    crops = zoo.views.RandomResizedCrop((32, 32), scale=(0.6, 1.0), flip=0.5)
    return zoo.CLIP(image, text, projection_dim=64, augment=crops)


def pix2pix():
    return zoo.Pix2Pix(image_shape=(32, 32, 1), width=16)


def players(discriminator=2e-4, generator=2e-4):
    return lambda: {"discriminator": adam(discriminator, beta_1=0.5), "generator": adam(generator, beta_1=0.5)}


# name: (method, optimizer, what `fit` takes beside the data)
RUNS = {
    "AutoEncoder, healthy": (zoo.AutoEncoder, lambda: adam(1e-3), {"epochs": 8}),
    "AutoEncoder, dead encoder": (dead_autoencoder, lambda: adam(0.3), {"epochs": 8}),
    "AutoEncoder, rate 1000 times too high": (zoo.AutoEncoder, lambda: keras.optimizers.SGD(1e5), {"epochs": 4}),
    "VAE, healthy": (zoo.VAE, lambda: adam(1e-3), {"epochs": 8}),
    "VAE, beta 30": (lambda: zoo.VAE(beta=30.0), lambda: adam(1e-3), {"epochs": 8}),
    "GAN, healthy": (zoo.GAN, players(), {"epochs": 8}),
    "GAN, discriminator too strong": (lambda: zoo.GAN(saturating=True), players(2e-3, 2e-5), {"epochs": 8}),
    "LSGAN, healthy": (zoo.LSGAN, players(), {"epochs": 8}),
    "LSGAN, discriminator too strong": (zoo.LSGAN, players(2e-3, 2e-6), {"epochs": 8}),
    "Pix2Pix, healthy": (pix2pix, players(), {"epochs": 6, "batch_size": 32}),
    "Pix2Pix, discriminator too strong": (pix2pix, players(5e-3, 1e-6), {"epochs": 6, "batch_size": 32}),
    "SimCLR, healthy": (simclr, lambda: adam(1e-3), {"epochs": 12}),
    "SimCLR, batch of 4": (simclr, lambda: adam(1e-3), {"epochs": 6, "batch_size": 4, "steps_per_epoch": 250}),
    "SimCLR, rate too high": (simclr, lambda: adam(3.0), {"epochs": 8}),
    "BYOL, healthy": (byol, lambda: adam(1e-3), {"epochs": 12}),
    "BYOL, no stop-gradient": (lambda: byol(NoStopGradient), lambda: adam(1e-3), {"epochs": 12}),
    "BYOL, no predictor": (lambda: byol(NoPredictor), lambda: adam(1e-3), {"epochs": 12}),
    "DINO, healthy": (dino, lambda: adam(5e-4), {"epochs": 12}),
    "DINO, no centering": (lambda: dino(center_momentum=1.0), lambda: adam(5e-4), {"epochs": 12}),
    "DINO, no sharpening": (lambda: dino(teacher_temperature=0.3), lambda: adam(5e-4), {"epochs": 12}),
    "CLIP, healthy": (clip, lambda: adam(2e-3), {"epochs": 12, "batch_size": 128}),
    "CLIP, batch of 4": (clip, lambda: adam(2e-3), {"epochs": 12, "batch_size": 4, "steps_per_epoch": 100}),
    "CLIP, rate too high": (clip, lambda: adam(1.0), {"epochs": 12, "batch_size": 128}),
}


def data_for(name):
    """What `fit` takes, images to watch, and a labelled split of training and test images."""
    if name.startswith("CLIP"):
        emoji = zoo.data.emoji()
        texts, train, test = emoji.captions(), np.flatnonzero(emoji.train), np.flatnonzero(~emoji.train)
        split = [part for rows in (train, test) for part in (emoji.images[rows], emoji.categories[rows])]
        return ({"image": emoji.images[train], "text": [texts[i] for i in train]},), split
    (x, y), (xt, yt) = zoo.data.fashion_mnist(mini=True)
    if name.startswith("Pix2Pix"):  # from the silhouette to the image
        images = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0))) / np.float32(255)
        return ((images > 0.2).astype("float32"), images), None
    return (x,), (x, y, xt, yt)


def run(name):
    build, optimizer, options = RUNS[name]
    data, split = data_for(name)
    keras.utils.set_random_seed(0)
    model = build()
    model.compile(optimizer())
    callbacks = [zoo.callbacks.CollapseMonitor(None if split is None else split[2], gradient_norm=True)]
    if hasattr(model, "pretrained_encoder"):
        callbacks.append(zoo.callbacks.KNNMonitor(*split))
    start = time.perf_counter()
    logs = model.fit(*data, verbose=2, callbacks=callbacks, **options).history
    record = {"run": name, "found": callbacks[0].found, "seconds": round(time.perf_counter() - start), "logs": {}}
    record["logs"] = {log: [float(f"{value:.4g}") for value in values] for log, values in logs.items()}
    RECORDS.mkdir(exist_ok=True)
    (RECORDS / f"{file_name(name)}.json").write_text(json.dumps(record, indent=1) + "\n")
    return record


def file_name(name):
    return name.replace(", ", "-").replace(" ", "_")


def show(record):
    print(f"\n{record['run']}: {record['seconds']} s")
    for log, values in record["logs"].items():
        shown = values if len(values) <= 4 else [*values[:2], values[len(values) // 2], values[-1]]
        print(f"  {log:30}", "  ".join(f"{value:10.4g}" for value in shown))
    print("  found:", *record["found"].values(), sep="\n    ")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prefix", nargs="*", default=[""])
    parser.add_argument("--draw", action="store_true")
    args = parser.parse_args()
    if args.draw:
        return draw()
    for name in RUNS:
        if name.startswith(tuple(args.prefix)):
            show(run(name))
            keras.utils.clear_session()


if __name__ == "__main__":
    main()
