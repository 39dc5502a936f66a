"""DINO on 1,300 emoji without labels: a tiny vision transformer, multi-crop, and what its class token attends to.

python examples/dino.py        # minutes of CPU; writes examples/dino.png
"""

import math
from pathlib import Path

import keras

import keras_sslzoo as zoo

PICTURE = Path(__file__).with_suffix(".png")
SIZE, PROTOTYPES = 32, 256


def multi_crop():
    """Two crops of 32 pixels and two of 16; milder than the paper's views: an emoji is its colour and its outline."""

    def view(size, scale):
        jitter = zoo.views.ColorJitter(0.2, 0.2, 0.2, 0.05, p=0.8)
        return zoo.views.Pipeline([zoo.views.RandomResizedCrop((size, size), scale=scale, flip=0.5), jitter])

    return zoo.views.MultiCrop([view(SIZE, (0.4, 1.0))] * 2, view(SIZE // 2, (0.1, 0.5)), num_local=2)


def build(epochs):
    """A small ViT that takes crops of both sizes, and DINO around it; chosen on training emoji, see README.md here."""
    size = {"patch_size": 4, "width": 64, "depth": 3, "heads": 4, "image_size": SIZE}
    encoder = zoo.nets.ViT((None, None, 3), **size, normalization=(0.7, 0.3))
    head = zoo.nets.DINOHead(64, PROTOTYPES, hidden=(256, 256), bottleneck=64)
    model = zoo.DINO(encoder, multi_crop(), head, momentum=0.98, teacher_temperature=0.04, freeze=1 / epochs)
    rate = zoo.optimizers.WarmupCosine(2e-3, warmup=0.1, end=1e-6)
    model.compile(zoo.optimizers.AdamW(rate, weight_decay=zoo.optimizers.WarmupCosine(0.04, end=0.4), clipnorm=3.0))
    return model


def main(epochs=40, seed=0, picture=PICTURE):
    keras.utils.set_random_seed(seed)
    data = zoo.data.emoji()
    split = [a[rows] for rows in (data.train, ~data.train) for a in (data.images, data.categories)]
    model = build(epochs)
    print("k-NN, 8 categories, on held-out emoji")
    print(f"raw pixels:        {zoo.eval.knn(None, *split).accuracy:.3f}")
    print(f"untrained encoder: {zoo.eval.knn(model, *split).accuracy:.3f}")
    history = model.fit(split[0], batch_size=64, epochs=epochs, verbose=2).history
    print(f"DINO's teacher:    {zoo.eval.knn(model, *split).accuracy:.3f}")
    entropy, kl = history["teacher_entropy"][-1], history["kl"][-1]
    print(
        f"teacher entropy {entropy:.2f} of at most {math.log(PROTOTYPES):.2f} nats, KL {kl:.2f}: 0 if it had collapsed"
    )

    shown = split[2][:: len(split[2]) // 8][:8] / 255.0
    zoo.viz.attention(shown, zoo.nets.class_attention(model.pretrained_encoder, shown)).savefig(picture)


if __name__ == "__main__":
    main()
