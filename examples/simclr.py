"""SimCLR on 1,300 emoji without labels: does it find the emoji's kin better than raw pixels?

python examples/simclr.py        # about a minute of CPU; writes examples/simclr.png
"""

from pathlib import Path

import keras
import numpy as np

import keras_sslzoo as zoo

PICTURE = Path(__file__).with_suffix(".png")


def main(epochs=30, seed=0, picture=PICTURE):
    keras.utils.set_random_seed(seed)
    data = zoo.data.emoji()
    categories, y = np.unique(data.categories, return_inverse=True)
    split = data.images[data.train], y[data.train], data.images[~data.train], y[~data.train]

    encoder = zoo.nets.ConvNet((32, 32, 3))
    # milder than the paper's views: an emoji is its colour and its outline
    views = zoo.views.simclr((32, 32, 3), color_strength=0.25, crop_scale=(0.3, 1.0))
    model = zoo.SimCLR(encoder, views, temperature=0.2)
    model.compile()

    print("k-NN, 8 categories, on held-out emoji")
    print(f"most frequent category: {np.mean(split[3] == np.bincount(split[1]).argmax()):.3f}")
    print(f"raw pixels:             {zoo.eval.knn(None, *split).accuracy:.3f}")
    print(f"untrained encoder:      {zoo.eval.knn(model, *split).accuracy:.3f}")
    model.fit(split[0], batch_size=130, epochs=epochs, verbose=2)
    print(f"SimCLR's encoder:       {zoo.eval.knn(model, *split).accuracy:.3f}")

    features, queries = zoo.eval.features(model, split[0]), zoo.eval.features(model, split[2])
    rows = np.linspace(0, len(queries) - 1, 6).astype(int)
    _, nearest = zoo.eval.nearest(queries[rows], features, k=7)
    images, labels, test_images, test_labels = split
    figure = zoo.viz.neighbours(test_images[rows], images, nearest, test_labels[rows], labels, categories)
    figure.savefig(picture)


if __name__ == "__main__":
    main()
