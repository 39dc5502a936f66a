"""BYOL on 1,300 emoji without labels: it does not collapse, but so short a run does not beat raw pixels.

python examples/byol.py        # under two minutes of CPU; writes examples/byol.png
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

    model = zoo.BYOL(
        zoo.nets.ConvNet((32, 32, 3)),
        # milder than the paper's views: an emoji is its colour and its outline
        zoo.views.byol((32, 32, 3), color_strength=0.5, crop_scale=(0.3, 1.0), blur=(0.0, 0.0)),
        projector=zoo.nets.Head(512, (512,), 128, name="projector"),  # the paper's are 4096 and 256
        predictor=zoo.nets.Head(128, (512,), 128, name="predictor"),
        momentum=0.97,  # of the official code for its shortest run
    )
    model.compile()

    print("k-NN, 8 categories, on held-out emoji")
    print(f"raw pixels:        {zoo.eval.knn(None, *split).accuracy:.3f}")
    print(f"untrained encoder: {zoo.eval.knn(model, *split).accuracy:.3f}")
    model.fit(data.images[data.train], batch_size=130, epochs=epochs, verbose=2)
    print(f"BYOL's encoder:    {zoo.eval.knn(model, *split).accuracy:.3f}")

    features = zoo.eval.features(model, data.images)
    zoo.viz.feature_map(features, y, categories, method="tsne", images=data.images).savefig(picture, dpi=80)


if __name__ == "__main__":
    main()
