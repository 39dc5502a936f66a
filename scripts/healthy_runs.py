"""Runs each method healthy and ill, and records its logs: the numbers and the picture of docs/healthy.md.

    python scripts/healthy_runs.py                    # all runs, some minutes on two CPU cores
    python scripts/healthy_runs.py BYOL "GAN, h"      # those whose name begins so
    python scripts/healthy_runs.py --write            # tables and picture again, from the recorded logs

Seed 0; the first 2,000 images of the bundled Fashion-MNIST, for CLIP the bundled emoji. The logs of all runs are kept in
docs/healthy_runs.json.
"""

import argparse
import json
import math
import pathlib
import re
import time

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure

import keras_sslzoo as zoo

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORDS, PAGE, PICTURE = (ROOT / "docs" / name for name in ("healthy_runs.json", "healthy.md", "healthy.png"))


def adam(rate, **options):
    return keras.optimizers.Adam(rate, **options)


def encoder(shape=(28, 28, 1)):
    return zoo.nets.ConvNet(shape, width=8, features=64)


def heads():
    return {
        "projector": zoo.nets.Head(64, (128,), 32, name="projector"),
        "predictor": zoo.nets.Head(32, (128,), 32, name="predictor"),
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


def equal(images, key):
    """Two views that are the image: the augmentation was forgotten."""
    return images, images


def simclr(views=None):
    return zoo.SimCLR(encoder(), views or zoo.views.simclr((28, 28, 1), crop_scale=(0.3, 1.0)), temperature=0.2)


def dino(**options):
    head = zoo.nets.DINOHead(64, 128, (128,), 32)
    views = zoo.views.dino((28, 28, 1), num_local=0, global_scale=(0.3, 1.0))
    options = {"momentum": 0.97, "teacher_temperature": 0.04, "freeze": 0.0, **options}
    return zoo.DINO(encoder(), views, head, **options)


def autoencoder(activation=None):
    """Dense, with this activation of the code."""
    coder = zoo.nets.MLP((28, 28, 1), (256, 32), output_activation=activation)
    return zoo.AutoEncoder(
        coder, zoo.nets.MLP((32,), (256, 784), output_activation="sigmoid", output_shape=(28, 28, 1))
    )


def unbounded_autoencoder():
    """Its decoder ends without activation."""
    coder = zoo.nets.MLP((28, 28, 1), (64,))
    return zoo.AutoEncoder(coder, zoo.nets.MLP((64,), (784,), output_shape=(28, 28, 1)))


def vae(**options):
    coder = zoo.nets.MLP((28, 28, 1), (256, 128))
    return zoo.VAE(coder, zoo.nets.MLP((16,), (256, 784), output_shape=(28, 28, 1)), **options)


def clip():
    image = encoder((32, 32, 3))
    text = zoo.nets.TextTransformer(vocabulary=2048, context=24, width=32, depth=1, heads=2)
    return zoo.CLIP(image, text, projection_dim=32)


def gan(method=zoo.GAN, **options):
    shape = (28, 28, 1)
    return method(zoo.nets.DCGANGenerator(64, shape, width=16), zoo.nets.DCGANDiscriminator(shape, width=16), **options)


def pix2pix():
    return zoo.Pix2Pix(image_shape=(32, 32, 1), width=8)


def players(discriminator=2e-4, generator=2e-4):
    return lambda: {"discriminator": adam(discriminator, beta_1=0.5), "generator": adam(generator, beta_1=0.5)}


# name: (method, optimizer, what `fit` takes beside the data)
RUNS = {
    "AutoEncoder, healthy": (autoencoder, lambda: adam(1e-3), {}),
    "AutoEncoder, dead encoder": (lambda: autoencoder("relu"), lambda: adam(0.3), {}),
    "AutoEncoder, rate too high": (unbounded_autoencoder, lambda: keras.optimizers.SGD(30.0), {}),
    "VAE, healthy": (vae, lambda: adam(1e-3), {}),
    "VAE, beta 100": (lambda: vae(beta=100.0), lambda: adam(1e-3), {}),
    "GAN, healthy": (gan, players(), {}),
    "GAN, discriminator too strong": (lambda: gan(saturating=True), players(2e-3, 2e-5), {}),
    "LSGAN, healthy": (lambda: gan(zoo.LSGAN), players(), {}),
    "LSGAN, discriminator too strong": (lambda: gan(zoo.LSGAN), players(2e-3, 2e-6), {}),
    "Pix2Pix, healthy": (pix2pix, players(), {}),
    "Pix2Pix, discriminator too strong": (pix2pix, players(5e-3, 1e-6), {}),
    "SimCLR, healthy": (simclr, lambda: adam(1e-3), {}),
    "SimCLR, batch of 4": (simclr, lambda: adam(1e-3), {"batch_size": 4, "steps_per_epoch": 60}),
    "SimCLR, equal views": (lambda: simclr(equal), lambda: adam(1e-3), {}),
    "BYOL, healthy": (byol, lambda: adam(2e-3), {}),
    "BYOL, no stop-gradient": (lambda: byol(NoStopGradient), lambda: adam(2e-3), {}),
    "BYOL, no predictor": (lambda: byol(NoPredictor), lambda: adam(2e-3), {}),
    "DINO, healthy": (dino, lambda: adam(1e-3), {"epochs": 12}),
    "DINO, no centering": (lambda: dino(center_momentum=1.0), lambda: adam(1e-3), {"epochs": 12}),
    "DINO, no sharpening": (lambda: dino(teacher_temperature=0.3), lambda: adam(1e-3), {"epochs": 12}),
    "CLIP, healthy": (clip, lambda: adam(3e-3), {"epochs": 12}),
    "CLIP, batch of 4": (clip, lambda: adam(3e-3), {"epochs": 12, "batch_size": 4, "steps_per_epoch": 60}),
    "CLIP, rate too high": (clip, lambda: adam(3.0), {"epochs": 12}),
}
OPTIONS = {"epochs": 8, "batch_size": 128}


def data_for(name):
    """What `fit` takes, images to watch, and a labelled split of training and test images."""
    if name.startswith("CLIP"):
        emoji = zoo.data.emoji()
        texts, train, test = emoji.captions(), np.flatnonzero(emoji.train), np.flatnonzero(~emoji.train)
        split = [part for rows in (train, test) for part in (emoji.images[rows], emoji.categories[rows])]
        return ({"image": emoji.images[train], "text": [texts[i] for i in train]},), split
    (x, y), (xt, yt) = zoo.data.fashion_mnist(mini=True)
    x, y = x[:2000], y[:2000]
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
    callbacks = [zoo.callbacks.CollapseMonitor(None if split is None else split[2], gradient_norm=True, limit=256)]
    if hasattr(model, "pretrained_encoder"):
        callbacks.append(zoo.callbacks.KNNMonitor(*split, limit=1000))
    start = time.perf_counter()
    logs = model.fit(*data, verbose=2, callbacks=callbacks, **{**OPTIONS, **options}).history
    record = {"seconds": round(time.perf_counter() - start), "backend": keras.config.backend()}
    record["found"] = list(callbacks[0].found.values())
    record["logs"] = {log: [rounded(value) for value in values] for log, values in logs.items()}
    records = recorded() | {name: record}
    lines = (f"{json.dumps(name)}: {json.dumps(records[name])}" for name in RUNS if name in records)
    RECORDS.write_text("{" + ",\n".join(lines) + "}\n")
    print(f"{name}: {record['seconds']} s", *record["found"], sep="\n  ")


def rounded(value):
    return float(f"{value:.4g}") if math.isfinite(value) else None


def recorded():
    return json.loads(RECORDS.read_text()) if RECORDS.exists() else {}


# what the page shows of each method
SHOWN = {
    "AutoEncoder": ("loss", "feature_std", "rankme", "gradient_norm", "knn"),
    "VAE": ("loss", "reconstruction", "kl", "active_units", "knn"),
    "GAN": ("discriminator_loss", "generator_loss", "d_real", "d_fake", "sample_std"),
    "LSGAN": ("discriminator_loss", "generator_loss", "d_real", "d_fake", "sample_std"),
    "Pix2Pix": ("discriminator_loss", "generator_loss", "d_real", "d_fake", "l1"),
    "SimCLR": ("loss", "information", "positive_similarity", "feature_std", "knn"),
    "BYOL": ("loss", "embedding_std", "gradient_norm", "feature_std", "knn"),
    "DINO": ("loss", "teacher_entropy", "class_entropy", "kl", "knn"),
    "CLIP": ("loss", "information", "positive_similarity", "temperature", "knn"),
}
# the log that tells the healthy run from the ill ones
TELLING = {
    "AutoEncoder": "feature_std", "VAE": "active_units", "GAN": "d_fake", "LSGAN": "d_fake", "Pix2Pix": "d_fake",
    "SimCLR": "information", "BYOL": "embedding_std", "DINO": "class_entropy", "CLIP": "information",
}  # fmt: skip


def of_method(method):
    """The recorded runs of a method by what is the matter with them."""
    runs = {name.split(", ", 1)[1]: record for name, record in recorded().items() if name.startswith(f"{method}, ")}
    return {what: runs[what] for what in sorted(runs, key=lambda what: what != "healthy")}


def number(value):
    return "NaN" if value is None else f"{value:.3g}"


def table(method):
    """Each log at the first epoch, in the middle and at the last one, and what the monitor said."""
    runs = of_method(method)
    lines = ["| log | " + " | ".join(runs) + " |", "|---" * (1 + len(runs)) + "|"]
    for log in SHOWN[method]:
        cells = []
        for record in runs.values():
            values = record["logs"].get(log)
            cells.append(" → ".join(map(number, (values[0], values[len(values) // 2], values[-1]))) if values else "")
        lines.append(f"| `{log}` | " + " | ".join(cells) + " |")
    epochs = [f"{len(record['logs'][SHOWN[method][0]])}" for record in runs.values()]
    lines.append("| epochs | " + " | ".join(epochs) + " |")
    said = [", ".join(map(short, record["found"])) or "nothing" for record in runs.values()]
    lines.append("| the monitor said | " + " | ".join(said) + " |")
    return "\n".join(lines)


def short(line):
    """`collapse`, epoch 4: the name and the place of a line of the monitor."""
    epoch, name = re.match(r"CollapseMonitor, epoch (\d+): ([^(:]+)", line).groups()
    return f"{name.strip()}, epoch {epoch}"


def write():
    """The tables between the page's marks, and the picture."""
    page = PAGE.read_text()
    for method in SHOWN:
        marks = f"<!-- {method} -->", f"<!-- /{method} -->"
        before, rest = page.split(marks[0])
        page = f"{before}{marks[0]}\n{table(method)}\n{marks[1]}{rest.split(marks[1])[1]}"
    PAGE.write_text(page)
    figure = Figure(figsize=(11, 8), dpi=100, layout="constrained")
    for axis, (method, log) in zip(figure.subplots(3, 3).flat, TELLING.items(), strict=True):
        for i, (what, record) in enumerate(of_method(method).items()):
            style = {"color": "#117733", "linewidth": 2.5} if i == 0 else {"color": ILL[i - 1], "linestyle": "--"}
            values = record["logs"].get(log)
            if values is None:
                continue
            axis.plot(range(1, len(values) + 1), values, marker="o", markersize=3, label=what, **style)
        axis.set_title(f"{method}: {log.replace('_', ' ')}", fontsize=10)
        axis.set_xlabel("epoch", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8)
    figure.savefig(PICTURE)


ILL = "#cc6677", "#882255", "#ddcc77"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", default=[""])
    parser.add_argument("--write", action="store_true", help="no run: tables and picture from the records")
    args = parser.parse_args()
    for name in () if args.write else RUNS:
        if name.startswith(tuple(args.name)):
            run(name)
            keras.utils.clear_session()
    if set(recorded()) == set(RUNS):
        write()


if __name__ == "__main__":
    main()
