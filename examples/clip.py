"""CLIP on 1,300 emoji and their names; 336 others are classified by words, and found by them.

python examples/clip.py            # about a minute of CPU; writes examples/clip.png
"""

from pathlib import Path

import keras
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

import keras_sslzoo as zoo

PICTURE = Path(__file__).with_suffix(".png")
QUERIES = ("a fruit", "a bird", "a smiling face", "a car", "a clock", "a building", "a hand", "a heart")
TEMPLATES = ("an emoji of {}",)


def build():
    """A small image tower and a small text tower; chosen on training emoji, see README.md in this folder."""
    image = zoo.nets.ConvNet((32, 32, 3), width=32, features=512)
    text = zoo.nets.TextTransformer(vocabulary=2048, context=24, width=64, depth=2)
    crops = zoo.views.RandomResizedCrop((32, 32), scale=(0.6, 1.0), flip=0.5)
    return zoo.CLIP(image, text, projection_dim=64, augment=crops)


def main(epochs=40, seed=0, picture=PICTURE):
    keras.utils.set_random_seed(seed)
    data = zoo.data.emoji()
    texts, train, test = data.captions(), np.flatnonzero(data.train), np.flatnonzero(~data.train)
    classes = sorted(set(data.categories))

    model = build()
    rate = zoo.optimizers.WarmupCosine(2e-3, warmup=0.1)
    model.compile(zoo.optimizers.AdamW(rate, weight_decay=0.2, beta_2=0.98))
    pairs = {"image": data.images[train], "text": [texts[i] for i in train]}
    model.fit(pairs, batch_size=128, epochs=epochs, verbose=2)

    titles = [texts[i][0] for i in test]
    classifier = model.zero_shot_classifier([name.lower().replace("&", "and") for name in classes], TEMPLATES)
    found = np.array(classes)[classifier.predict(data.images[test])]
    recall = zoo.eval.cross_modal_recall(model.encode_image(data.images[test]), model.encode_text(titles))
    # baseline: a held-out emoji is what the training emoji with the nearest pixels is
    pixels = [zoo.eval.features(None, data.images[rows] / np.float32(255)) for rows in (test, train)]
    near = train[zoo.eval.nearest(*pixels, k=1)[1][:, 0]]
    words = TfidfVectorizer().fit([text for i in train for text in texts[i]])
    guess, own = (words.transform(t).toarray() for t in ([texts[i][0] for i in near], titles))
    for name, classes_found, r in (
        ("CLIP", found, recall),
        ("nearest pixels", data.categories[near], zoo.eval.cross_modal_recall(guess, own)),
    ):
        print(f"{name}: 8 classes {np.mean(classes_found == data.categories[test]):.3f}, R@k", end=" ")
        print("image to text", r.image_to_text, "text to image", r.text_to_image)
    _, rows = zoo.eval.nearest(model.encode_text(QUERIES), model.encode_image(data.images[test]), k=7)
    captions = [query if column == 3 else "" for query in QUERIES for column in range(7)]
    zoo.viz.image_grid(data.images[test[rows.ravel()]], columns=7, titles=captions).savefig(picture)


if __name__ == "__main__":
    main()
