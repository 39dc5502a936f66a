"""DINO on 1,300 emoji, without labels: a tiny vision transformer, multi-crop, and what its class token attends to.

    python examples/dino.py            # writes demo/dino_attention.png and demo/dino_curves.png

k-NN names the category (8 of them) of 336 held-out emoji.
"""

import argparse
import math
from pathlib import Path

import keras

import keras_sslzoo as zoo

SIZE, PROTOTYPES = 32, 512


def build(total_epochs):
    """A small ViT that takes crops of 32 and of 16 pixels, and DINO around it."""
    size = {"patch_size": 4, "width": 64, "depth": 3, "heads": 4, "image_size": SIZE}
    encoder = zoo.nets.ViT((None, None, 3), **size, drop_path=0.1, normalization=(0.7, 0.3))
    views = zoo.views.dino((SIZE, SIZE, 3), num_local=4, local_size=16)
    head = zoo.nets.DINOHead(64, PROTOTYPES, hidden=(256, 256), bottleneck=64)
    model = zoo.DINO(encoder, views, head, momentum=0.99, teacher_temperature=0.04, freeze=1 / total_epochs)
    rate = zoo.optimizers.WarmupCosine(1e-3, warmup=0.1, end=1e-6)
    model.compile(zoo.optimizers.AdamW(rate, weight_decay=zoo.optimizers.WarmupCosine(0.04, end=0.4), clipnorm=3.0))
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("demo"))
    args = parser.parse_args()

    emoji = zoo.data.emoji()
    data = [a[rows] for rows in (emoji.train, ~emoji.train) for a in (emoji.images, emoji.categories)]
    keras.utils.set_random_seed(args.seed)
    model = build(args.epochs)
    rows = {"raw pixels": zoo.eval.knn(None, *data), "untrained": zoo.eval.knn(model.pretrained_encoder, *data)}
    history = model.fit(data[0], batch_size=100, epochs=args.epochs, verbose=2)
    rows["DINO, teacher"] = zoo.eval.knn(model.pretrained_encoder, *data)

    for row, result in rows.items():
        print(f"{row:15} k-NN {result.accuracy:.3f}")
    entropy, kl = history.history["teacher_entropy"][-1], history.history["kl"][-1]
    print(
        f"teacher entropy {entropy:.2f} of at most {math.log(PROTOTYPES):.2f} nats, KL {kl:.2f}: 0 where it collapsed"
    )
    args.output.mkdir(parents=True, exist_ok=True)
    shown = data[2][:: len(data[2]) // 8][:8] / 255.0
    maps = zoo.nets.class_attention(model.pretrained_encoder, shown)
    zoo.viz.attention(shown, maps).savefig(args.output / "dino_attention.png")
    zoo.viz.curves(history).savefig(args.output / "dino_curves.png")


if __name__ == "__main__":
    main()
