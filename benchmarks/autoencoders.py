"""What autoencoders do on Fashion-MNIST: 60,000 training and 10,000 test images, the official split.

    KERAS_BACKEND=tensorflow python benchmarks/autoencoders.py                       # every row that is missing
    KERAS_BACKEND=tensorflow python benchmarks/autoencoders.py code_size conv 32 0   # one: section, what, size, seed
    python benchmarks/autoencoders.py --table                                        # none

    code_size   test error of a pixel and a linear probe of the code: PCA, MLP and convolutional autoencoders
    elbo        a VAE on binarised images, nats
    anomaly     one class is normal, each in turn; AUROC of the 10,000 test images, mean over the ten classes
    hashing     mAP@1000 of binary codes by Hamming distance: semantic hashing, ITQ, LSH; and time per query
    generation  images decoded from N(0, I) and from a Gaussian mixture on an autoencoder's code, and a VAE's

A row is written to benchmarks/autoencoders.json when it is done, so a run that was stopped goes on where it was, and the
table of its section in autoencoders.md is written from the rows that are there. Remove rows to measure them again. Nothing
was chosen by test figures: networks, rates and lengths were fixed beforehand, the same for all rows of a section.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

import keras_sslzoo as zoo

PAGE = Path(__file__).resolve().with_suffix(".md")
ROWS = PAGE.with_suffix(".json")
SHAPE, PIXELS = (28, 28, 1), 784
BATCH, EPOCHS = 256, {"code_size": 6, "elbo": 5, "anomaly": 20, "hashing": 6}
LABELS = 10_000  # of the linear probe: 60,000 are too slow on two cores
CODES, BITS, SEEDS = (2, 4, 8, 16, 32, 64), (16, 32, 64), (0, 1, 2)
HEADLINE = 32  # the code size of which each seed is trained


def data():
    """Training and test images in [0, 1], each with their classes."""
    (x, y), (xt, yt) = zoo.data.fashion_mnist()
    return x / np.float32(255), y, xt / np.float32(255), yt


def mlp(dim, activation="sigmoid"):
    """784-512-256-D and back."""
    return (
        zoo.nets.MLP(SHAPE, (512, 256, dim), name="encoder"),
        zoo.nets.MLP((dim,), (256, 512, PIXELS), output_activation=activation, output_shape=SHAPE, name="decoder"),
    )


def conv(dim):
    """Two convolutions of stride 2, of 16 and 32 channels, and a dense layer to D; and back."""
    return (
        zoo.nets.ConvEncoder(SHAPE, dim, width=16, name="encoder"),
        zoo.nets.ConvDecoder(dim, SHAPE, width=16, name="decoder"),
    )


def train(model, x, section):
    """Adam in batches of 256, the rate rising to 1e-3 and falling in a cosine."""
    model.compile(keras.optimizers.Adam(zoo.optimizers.WarmupCosine(1e-3, warmup=0.05)))
    model.fit(x, batch_size=min(BATCH, len(x)), epochs=EPOCHS[section], verbose=0)
    return model


def code_size(kind, dim, seed):
    """Error of a test pixel, and the accuracy of a linear probe of the code."""
    x, y, xt, yt = data()
    flat, flat_test = x.reshape(len(x), -1), xt.reshape(len(xt), -1)
    row = {}
    if kind == "pixels":
        codes = flat, flat_test
    elif kind == "PCA":
        pca = PCA(dim, random_state=seed).fit(flat)
        codes = pca.transform(flat), pca.transform(flat_test)
        row["error"] = zoo.eval.reconstruction(None, pca.inverse_transform(codes[1]), flat_test).mse
    else:
        model = train(zoo.AutoEncoder(*(mlp if kind == "MLP" else conv)(dim)), x, "code_size")
        codes = model.encode(x), model.encode(xt)
        row["error"] = zoo.eval.reconstruction(model, xt).mse
    probe = zoo.eval.linear_probe(None, codes[0][:LABELS], y[:LABELS], codes[1], yt)
    return row | {"probe": probe.accuracy}


def binarised(x, seed):
    """Each pixel 1 with its grey value as the probability, drawn once: 0.0 and 1.0."""
    return (np.random.default_rng(seed).random(x.shape) < x).astype("float32")


def elbo(kind, dim, seed):
    """ELBO, and the importance-weighted bound of the first 1,000 test images, nats an image."""
    x, _, xt, _ = data()
    x, xt = binarised(x, 0), binarised(xt, 1)  # the same binary images for each seed of the training
    if kind == "mean image":
        p = x.mean(axis=0).clip(1e-6, 1 - 1e-6)
        likelihood = (xt * np.log(p) + (1 - xt) * np.log1p(-p)).reshape(len(xt), -1).sum(axis=1).mean()
        return {"elbo": float(likelihood)}
    encoder = zoo.nets.MLP(SHAPE, (512, 256), name="encoder")
    model = train(zoo.VAE(encoder, mlp(dim, activation=None)[1]), x, "elbo")
    logs = model.evaluate(xt, batch_size=250, verbose=0, return_dict=True)
    return {"elbo": logs["elbo"], "kl": logs["kl"], "bound": -zoo.eval.nll(model, xt[:1000], 100).nll}


def linear(normal, dim, seed):
    """PCA as an autoencoder."""
    pca = PCA(dim, random_state=seed).fit(normal.reshape(len(normal), -1))
    model = zoo.LinearAutoEncoder(SHAPE, dim)
    model.encoder.set_weights([pca.components_.T, -pca.components_ @ pca.mean_])
    model.decoder.set_weights([pca.components_, pca.mean_])
    model.compile()
    return model


def anomaly(kind, dim, seed):
    """Mean AUROC over the ten normal classes, by each score; and the one of each class by reconstruction."""
    x, y, xt, yt = data()
    models = {}

    def model_of(normal, label):
        if label not in models and kind != "pixels":
            keras.backend.clear_session()
            models[label] = (
                linear(normal, dim, seed) if kind == "PCA" else train(zoo.AutoEncoder(*mlp(dim)), normal, "anomaly")
            )
        return models.get(label)

    scores = ("knn", "mahalanobis") if kind == "pixels" else ("reconstruction", "knn", "mahalanobis")
    results = {by: zoo.eval.anomaly_per_class(model_of, x, y, xt, yt, by) for by in scores}
    row = {by: result.auroc for by, result in results.items()}
    return row | {"per_class": results[scores[0]].per_class}


def lsh(x, bits, rng):
    """Random hyperplanes through the mean: Charikar 2002, doi:10.1145/509907.509965."""
    mean, planes = x.mean(axis=0), rng.normal(size=(x.shape[1], bits))
    return lambda x: (x - mean) @ planes > 0


def itq(x, bits, rng, iterations=50):
    """The rotation of the leading principal components that is nearest to the corners of a cube.

    Gong and Lazebnik 2011, doi:10.1109/CVPR.2011.5995432: B = sign(V R), then R from the SVD of B^T V, 50 times.
    """
    pca = PCA(bits, random_state=0).fit(x)
    v = pca.transform(x)
    rotation = np.linalg.qr(rng.normal(size=(bits, bits)))[0]
    for _ in range(iterations):
        u, _, w = np.linalg.svd(np.sign(v @ rotation).T @ v)
        rotation = (u @ w).T
    return lambda x: pca.transform(x) @ rotation > 0


def hashing(kind, bits, seed):
    """mAP@1000 of the 10,000 test images as queries for the 60,000 training images; milliseconds a query."""
    x, y, xt, yt = data()
    flat = [part.reshape(len(part), -1) for part in (x, xt)]
    if kind == "semantic":
        model = train(zoo.SemanticHashing(*mlp(bits, activation=None), loss="bce"), x, "hashing")
        codes = [model.hash(part) for part in (x, xt)]
    elif kind == "pixels":
        codes = flat
    elif kind == "AE floats":
        model = zoo.from_pretrained("autoencoder_convnet_fashion_mnist")
        codes = [zoo.eval.features(model, part) for part in (x, xt)]
    else:
        hasher = {"LSH": lsh, "ITQ": itq}[kind](flat[0], bits, np.random.default_rng(seed))
        codes = [np.packbits(hasher(part), axis=1) for part in flat]
    result = zoo.eval.code_retrieval(codes[0], y, codes[1], yt)
    milliseconds = 1000 * result.seconds_per_query
    return {"map": result.mean_average_precision, "bytes": result.bytes_per_code, "milliseconds": milliseconds}


def generation(kind, components, seed, n=5000):
    """Frechet distance (not FID), density and coverage, by features of the bundled SimCLR encoder; n against n images."""
    x, _, xt, _ = data()
    if kind == "real":
        fake = x[seed * n : (seed + 1) * n]
    elif kind == "VAE":
        fake = zoo.from_pretrained("vae_convnet_fashion_mnist", part="method").generate(n, seed)
    else:
        model = zoo.from_pretrained("autoencoder_convnet_fashion_mnist", part="method")
        if kind == "AE:normal":
            z = np.random.default_rng(seed).normal(size=(n, model.latent_dim)).astype("float32")
        else:
            mixture = GaussianMixture(components, random_state=seed).fit(model.encode(x[:20_000]).astype("float64"))
            z = mixture.sample(n)[0].astype("float32")
        fake = model.decode(z)
    result = zoo.eval.generation(zoo.from_pretrained("simclr_convnet_fashion_mnist"), xt[:n], fake)
    return {"distance": result.frechet_distance, "density": result.density, "coverage": result.coverage}


# of each section: the function, its rows (what, size, seeds), and the columns (title, key, form)
SECTIONS = {
    "code_size": (
        code_size,
        [("pixels", PIXELS, (0,))]
        + [("PCA", dim, (0,)) for dim in CODES]
        + [(kind, dim, SEEDS if dim == HEADLINE else (0,)) for kind in ("MLP", "conv") for dim in CODES],
        [("error of a pixel", "error", "{:.5f}"), ("linear probe", "probe", "{:.3f}")],
    ),
    "elbo": (
        elbo,
        [("mean image", PIXELS, (0,)), ("VAE", 20, SEEDS)],
        [("ELBO", "elbo", "{:.2f}"), ("KL", "kl", "{:.2f}"), ("bound, 100 samples", "bound", "{:.2f}")],
    ),
    "anomaly": (
        anomaly,
        [("pixels", PIXELS, (0,)), ("PCA", 16, (0,)), ("MLP", 16, SEEDS)],
        [(f"by {by}", by, "{:.3f}") for by in ("reconstruction", "knn", "mahalanobis")],
    ),
    "hashing": (
        hashing,
        [(kind, bits, SEEDS) for kind in ("semantic", "ITQ", "LSH") for bits in BITS]
        + [("AE floats", 32, (0,)), ("pixels", PIXELS, (0,))],
        [("mAP@1000", "map", "{:.3f}"), ("bytes", "bytes", "{:.0f}"), ("ms a query", "milliseconds", "{:.2f}")],
    ),
    "generation": (
        generation,
        [("real", 0, SEEDS), ("VAE", 0, SEEDS), ("AE:normal", 0, SEEDS)]
        + [("AE:mixture", components, SEEDS) for components in (1, 10)],
        [
            ("Frechet distance", "distance", "{:.2f}"),
            ("density", "density", "{:.3f}"),
            ("coverage", "coverage", "{:.3f}"),
        ],
    ),
}


def name_of(section, *arguments):
    """The name of a row."""
    return " ".join(map(str, (section, *arguments)))


def rows_measured():
    """Dict from name to row."""
    return json.loads(ROWS.read_text(encoding="utf-8")) if ROWS.exists() else {}


def measure(section, *arguments):
    """Make a row, unless it is there."""
    name = name_of(section, *arguments)
    if name in rows_measured():
        return
    keras.backend.clear_session()
    keras.utils.set_random_seed(arguments[-1])
    start = time.monotonic()
    row = SECTIONS[section][0](*arguments)
    row |= {"seconds": round(time.monotonic() - start), "backend": keras.config.backend()}
    found = dict(sorted({**rows_measured(), name: row}.items()))
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in found.items())
    ROWS.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    print(name, row, file=sys.stderr, flush=True)


def cell(values, form):
    """The mean, and the sample deviation where there are several values."""
    if not values:
        return ""
    spread = f" ± {form.format(statistics.stdev(values))}" if len(values) > 1 and max(values) > min(values) else ""
    return form.format(statistics.mean(values)) + spread


def table(section):
    """The Markdown table of the rows that are there."""
    _, rows, columns = SECTIONS[section]
    measured = rows_measured()
    titles = ["what", "size", "seeds", *(title for title, _, _ in columns)]
    lines = [f"| {' | '.join(titles)} |", f"|---|---:|---|{'---:|' * len(columns)}"]
    for what, size, seeds in rows:
        names = {seed: name_of(section, what, size, seed) for seed in seeds}
        found = {seed: measured[name] for seed, name in names.items() if name in measured}
        if found:
            cells = [cell([row[key] for row in found.values() if key in row], form) for _, key, form in columns]
            lines.append(f"| {what} | {size or ''} | {', '.join(map(str, found))} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    """Measure the rows that are asked for, the first seed of each first, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", nargs="*", help="section, what, size, seed: as many of them as are wanted")
    parser.add_argument("--table", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    for seed in () if arguments.table else SEEDS:
        for section, (_, rows, _) in SECTIONS.items():
            for what, size, seeds in rows:
                row = (section, what, size, seed)
                if seed in seeds and all(str(v) == asked for v, asked in zip(row, arguments.row, strict=False)):
                    measure(*row)
    text = PAGE.read_text(encoding="utf-8")
    for section in SECTIONS:
        if not any(name.startswith(f"{section} ") for name in rows_measured()):
            continue  # the page keeps what it has
        begin, end = f"<!-- {section} -->", f"<!-- /{section} -->"
        text = f"{text.split(begin)[0]}{begin}\n{table(section)}\n{end}{text.split(end)[1]}"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
