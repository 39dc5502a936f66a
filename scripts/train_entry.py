"""Train an entry of the zoo from its configuration file, measure it, and register it in the manifest.

    python scripts/train_entry.py configs/vae_convnet_fashion_mnist.yaml

    config -> fit (goes on where it was stopped: runs/NAME) -> keras_sslzoo/assets/weights/NAME -> load it again -> zoo.eval
           -> weights_manifest.json and the model card

What is measured is what is shipped: the metrics are those of the files, half precision included.
"""

import argparse
import datetime
import json
import platform
import time
from pathlib import Path

import keras
import numpy as np
import yaml

import keras_sslzoo as zoo
from keras_sslzoo.hub import layout
from keras_sslzoo.hub.card import card
from keras_sslzoo.hub.files import read_bytes, sha256
from keras_sslzoo.hub.manifest import parse_manifest
from keras_sslzoo.hub.pretrained import bundled_folder
from keras_sslzoo.hub.publish import write_manifest

ROOT = Path(__file__).resolve().parent.parent


def build(config):
    """The method that a configuration describes, compiled."""
    keras.utils.set_random_seed(config["seed"])
    model = getattr(zoo, config["method"])(**{name: build_part(part) for name, part in config["arguments"].items()})
    options = dict(config["optimizer"])
    make = getattr(keras.optimizers, options.pop("class"))
    rate = zoo.optimizers.WarmupCosine(options.pop("peak"), warmup=options.pop("warmup"))
    model.compile(make(rate, **options))
    return model


def build_part(part):
    """A net `{net: ConvNet, ...}`, a preset of views `{preset: simclr, ...}`, or a plain value."""
    if not isinstance(part, dict):
        return part
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in part.items()}
    for kind, module in (("net", zoo.nets), ("preset", zoo.views)):
        if kind in options:
            return getattr(module, options.pop(kind))(**options)
    raise ValueError(f"A part of a configuration names a `net` or a `preset`. Received: {part}.")


def train(config, folder):
    """The trained method, and the minutes of all its epochs, those before a stop included."""
    model = build(config)
    (images, _), _ = getattr(zoo.data, config["data"])()
    clock = Clock(folder / "minutes.json")
    model.fit(
        images,
        batch_size=config["batch_size"],
        epochs=config["epochs"],
        callbacks=[zoo.callbacks.Checkpoint(folder), clock],
        verbose=2,
    )
    return model, clock.minutes


class Clock(keras.callbacks.Callback):
    """Adds up the time of the epochs, in a file beside the checkpoints."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.minutes = json.loads(path.read_text()) if path.exists() else 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.minutes += (time.monotonic() - self.start) / 60
        self.path.write_text(json.dumps(self.minutes))


def measure(name, config):
    """Metrics of the saved files, as the manifest lists them, and the first features of a test image."""
    (x, y), (xt, yt) = getattr(zoo.data, config["data"])()
    folder = bundled_folder(name)
    encoder = zoo.from_pretrained(folder)
    test = xt.astype("float32") / 255
    fixed = {
        "dataset": "Fashion-MNIST, 60,000 training images",
        "split": f"test, {len(xt):,} images",
        "source": "measured",
        "command": f"python scripts/train_entry.py configs/{name}.yaml",
    }
    metrics = []
    if config["method"] in ("AutoEncoder", "VAE"):
        model = zoo.from_pretrained(folder, part="method")
        error, mean_image = (float(np.mean((test - r) ** 2)) for r in (model.reconstruct(xt), x.mean(axis=0) / 255))
        metrics.append(
            {
                **fixed,
                "protocol": "reconstruction-v1",
                "name": "mean squared error of a pixel in [0, 1]",
                "value": round(error, 6),
                "baselines": {"the mean training image": round(mean_image, 6)},
            }
        )
    features = {"encoder": [zoo.eval.features(encoder, images) for images in (x, xt)]}
    features["raw pixels"] = [images.reshape(len(images), -1).astype("float32") / 255 for images in (x, xt)]
    for probe in (zoo.eval.linear_probe, zoo.eval.few_label, zoo.eval.knn):
        # the linear probe of 60,000 images' raw pixels is too slow on two cores
        linear = probe is zoo.eval.linear_probe
        kinds, labels = (["encoder"], config.get("linear_labels", len(y))) if linear else (list(features), len(y))
        results = {kind: probe(None, features[kind][0][:labels], y[:labels], features[kind][1], yt) for kind in kinds}
        print(*(f"{kind}: {result}" for kind, result in results.items()), sep="\n")
        result = results.pop("encoder")
        metric = {**fixed, "protocol": result.protocol, "name": "accuracy", "value": round(100 * result.accuracy, 2)}
        metric["unit"] = "%"
        if labels < len(y):
            metric["note"] = f"on the first {labels:,} training labels"
        if result.std is not None:
            metric["std"] = round(100 * result.std, 2)
        if results:
            metric["baselines"] = {kind: round(100 * r.accuracy, 2) for kind, r in results.items()}
        metrics.append(metric)
    golden = [round(float(v), 6) for v in zoo.eval.features(encoder, xt[:1])[0, :8]]
    return metrics, {"input": "the first test image of Fashion-MNIST", "output": golden, "tolerance": 1e-4}


def register(model, minutes, config, config_path):
    """Save the files, measure them, and write the entry and its card."""
    name = config["name"]
    folder = bundled_folder(name)
    saved = layout.save(model, folder, name, storage="float16")
    metrics, golden = measure(name, config)
    encoder = zoo.from_pretrained(folder)
    paths = [(layout.CONFIG, {"role": "config"})]
    paths += [(p["file"], {"role": "weights", "part": part, "dtype": p["dtype"]}) for part, p in saved["parts"].items()]
    entry = {
        "status": "bundled",
        "version": "1.0",
        "summary": config["summary"],
        "method": config["method"],
        "architecture": {"name": config["network"]},
        "modality": config["modality"],
        "params": encoder.count_params(),
        "layout": "sslzoo",
        "files": [
            {"path": path, "sha256": sha256(folder / path), "size": (folder / path).stat().st_size, **more}
            for path, more in paths
        ],
        "license": {
            "spdx": "Apache-2.0",
            "commercial_use": True,
            "redistributable": True,
            "attribution": "Trained on Fashion-MNIST (MIT, Copyright (c) 2017 Zalando SE).",
        },
        "origin": {"kind": "trained-here", "paper": model.paper.url},
        "preprocessing": {k: v for k, v in saved["preprocessing"].items()},
        "metrics": metrics,
        "limits": config["limits"],
        "training": {
            "config": f"configs/{config_path.name}",
            "dataset": "Fashion-MNIST",
            "seed": config["seed"],
            "backend": keras.config.backend(),
            "minutes": round(minutes, 1),
            "environment": {"keras": keras.__version__, "python": platform.python_version()},
        },
        "golden": golden,
    }
    path = ROOT / "weights_manifest.json"
    manifest = parse_manifest(path.read_bytes())
    manifest["weights"][name] = entry
    manifest["generated"] = datetime.date.today().isoformat()
    write_manifest(path, manifest)
    write_cards()


def write_cards():
    """Write the model cards of all bundled entries anew, from the manifest."""
    for name, entry in parse_manifest((ROOT / "weights_manifest.json").read_bytes())["weights"].items():
        if entry["status"] == "bundled":
            folder = bundled_folder(name)
            config = layout.parse_config(read_bytes(folder / layout.CONFIG), name)
            layout.write(folder / layout.CARD, card(name, config, entry).encode("utf-8"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, nargs="?", help="without it, the cards are written anew")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="folder of checkpoints")
    args = parser.parse_args()
    if ROOT not in Path(zoo.__file__).resolve().parents:
        parser.error(
            f"The package that is imported must be this checkout's. Received: {zoo.__file__}. Set PYTHONPATH={ROOT}."
        )
    if args.config is None:
        return write_cards()
    config = yaml.safe_load(args.config.read_text(encoding="utf-8"))
    model, minutes = train(config, args.runs / config["name"])
    return register(model, minutes, config, args.config)


if __name__ == "__main__":
    main()
