"""SimCLR on 5,000 images of clothes, without labels, and three measures of what it has learned.

    python examples/demo.py            # about 3 minutes on two CPU cores; writes demo/results.json and pictures

Each measure compares three kinds of features: the raw pixels, an encoder with random weights, the same one trained.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import keras
import numpy as np

import keras_sslzoo as zoo

# Chosen on training images that were held out: see README.md in this folder.
RECIPE = {
    "crop_scale": (0.3, 1.0),
    "color_strength": 0.8,
    "flip": 0.5,
    "temperature": 0.1,
    "learning_rate": 2e-3,
    "warmup": 0.1,
    "weight_decay": 1e-4,
    "batch_size": 128,
    "epochs": 60,
}


def build():
    """The encoder, and the method that trains it."""
    shape = (28, 28, 1)
    encoder = zoo.nets.ConvNet(shape)  # any Keras model from images to vectors would do
    views = zoo.views.simclr(shape, RECIPE["color_strength"], RECIPE["crop_scale"], RECIPE["flip"])
    model = zoo.SimCLR(encoder, views, temperature=RECIPE["temperature"])
    rate = zoo.optimizers.WarmupCosine(RECIPE["learning_rate"], warmup=RECIPE["warmup"])
    model.compile(keras.optimizers.AdamW(rate, weight_decay=RECIPE["weight_decay"]))
    return encoder, model


def measure(features, y, test_features, y_test):
    """The three columns of the table. No encoder is given: the features are made already."""
    data = (None, features, y, test_features, y_test)
    return {
        "linear probe": zoo.eval.linear_probe(*data),
        "10 labels a class": zoo.eval.few_label(*data, labels_per_class=10, draws=5),
        "k-NN": zoo.eval.knn(*data, k=5),
    }


def print_table(rows):
    print("\n" + " " * 20 + "".join(f"{column:>20}" for column in rows["raw pixels"]))
    for row, results in rows.items():
        cells = [f"{r.accuracy:.3f}" + ("" if r.std is None else f" ± {r.std:.3f}") for r in results.values()]
        print(f"{row:20}" + "".join(f"{cell:>20}" for cell in cells))
    raw, trained = rows["raw pixels"]["k-NN"].accuracy, rows["SimCLR encoder"]["k-NN"].accuracy
    if trained < raw:
        print(f"\nk-NN with the trained features is below raw pixels here: {trained:.3f} against {raw:.3f}.")


def save_pictures(folder, model, x, y, x_test, y_test, features, test_features):
    folder.mkdir(parents=True, exist_ok=True)
    names = zoo.data.FASHION_MNIST_CLASSES
    images = x[:8].astype("float32") / 255
    pairs = [model.views(images, zoo.ops.random.Key(model.seed, step)) for step in (0, 1)]
    zoo.viz.views_grid(images, pairs[0] + pairs[1]).savefig(folder / "views.png")
    query = [np.flatnonzero(y_test == c)[0] for c in range(10)]  # the first test image of each class
    _, nearest = zoo.eval.nearest(test_features[query], features, k=8)
    zoo.viz.neighbours(x_test[query], x, nearest, y_test[query], y, names).savefig(folder / "neighbours.png")
    figure = zoo.viz.feature_map(test_features[:1000], y_test[:1000], names, method="tsne", images=x_test[:1000])
    figure.savefig(folder / "feature_map.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=RECIPE["epochs"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", choices=["mini", "full"], default="mini", help="5,000 or 60,000 training images")
    parser.add_argument("--output", type=Path, default=Path("demo"))
    args = parser.parse_args()
    start = time.time()

    (x, y), (x_test, y_test) = zoo.data.fashion_mnist(mini=args.data == "mini")
    keras.utils.set_random_seed(args.seed)
    encoder, model = build()

    print("Measuring raw pixels and the untrained encoder ...")
    rows = {"raw pixels": measure(x, y, x_test, y_test)}
    rows["untrained encoder"] = measure(zoo.eval.features(encoder, x), y, zoo.eval.features(encoder, x_test), y_test)
    print(f"Training SimCLR on {len(x):,} images without their labels ...")
    model.fit(x, batch_size=RECIPE["batch_size"], epochs=args.epochs)
    features, test_features = zoo.eval.features(encoder, x), zoo.eval.features(encoder, x_test)
    rows["SimCLR encoder"] = measure(features, y, test_features, y_test)
    print_table(rows)

    save_pictures(args.output, model, x, y, x_test, y_test, features, test_features)
    report = {
        "results": {row: {column: r.as_dict() for column, r in results.items()} for row, results in rows.items()},
        "recipe": {**RECIPE, "epochs": args.epochs},
        "data": args.data,
        "seed": args.seed,
        "backend": keras.backend.backend(),
        "versions": {"keras_sslzoo": zoo.__version__, "keras": keras.__version__, "python": platform.python_version()},
        "seconds": round(time.time() - start, 1),
    }
    (args.output / "results.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{report['seconds']:.0f} seconds. Numbers and pictures are in {args.output}/")


if __name__ == "__main__":
    main()
