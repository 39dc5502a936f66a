"""DINO on 1,300 emoji without labels: a tiny vision transformer, multi-crop, and what its class token attends to.

python examples/dino.py        # minutes of CPU; writes examples/dino.png
"""

import math
from pathlib import Path

import keras

import keras_sslzoo as zoo

PICTURE = Path(__file__).with_suffix(".png")
SIZE, PROTOTYPES = 32, 512


def build(epochs):
    """A small ViT that takes crops of 32 and of 16 pixels, and DINO around it."""
    size = {"patch_size": 4, "width": 64, "depth": 3, "heads": 4, "image_size": SIZE}
    encoder = zoo.nets.ViT((None, None, 3), **size, drop_path=0.1, normalization=(0.7, 0.3))
    views = zoo.views.dino((SIZE, SIZE, 3), num_local=4, local_size=16)
    head = zoo.nets.DINOHead(64, PROTOTYPES, hidden=(256, 256), bottleneck=64)
    model = zoo.DINO(encoder, views, head, momentum=0.99, teacher_temperature=0.04, freeze=1 / epochs)
    rate = zoo.optimizers.WarmupCosine(1e-3, warmup=0.1, end=1e-6)
    model.compile(zoo.optimizers.AdamW(rate, weight_decay=zoo.optimizers.WarmupCosine(0.04, end=0.4), clipnorm=3.0))
    return model


def main(epochs=60, seed=0, picture=PICTURE):
    keras.utils.set_random_seed(seed)
    data = zoo.data.emoji()
    split = [a[rows] for rows in (data.train, ~data.train) for a in (data.images, data.categories)]
    model = build(epochs)
    print("k-NN, 8 categories, on held-out emoji")
    print(f"raw pixels:        {zoo.eval.knn(None, *split).accuracy:.3f}")
    print(f"untrained encoder: {zoo.eval.knn(model, *split).accuracy:.3f}")
    history = model.fit(split[0], batch_size=100, epochs=epochs, verbose=2).history
    print(f"DINO's teacher:    {zoo.eval.knn(model, *split).accuracy:.3f}")
    entropy, kl = history["teacher_entropy"][-1], history["kl"][-1]
    print(
        f"teacher entropy {entropy:.2f} of at most {math.log(PROTOTYPES):.2f} nats, KL {kl:.2f}: 0 if it had collapsed"
    )

    shown = split[2][:: len(split[2]) // 8][:8] / 255.0
    zoo.viz.attention(shown, zoo.nets.class_attention(model.pretrained_encoder, shown)).savefig(picture)


if __name__ == "__main__":
    main()
