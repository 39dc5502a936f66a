"""Rebuild the data sets bundled in keras_sslzoo/assets from the packages that carry them.

    apt-get install dataset-fashion-mnist
    npm pack emoji-datasource-google@16.0.0 && tar xzf emoji-datasource-google-16.0.0.tgz
    python scripts/build_assets.py --fashion-mnist /usr/share/datasets/fashion-mnist --emoji package

The output depends on the sources alone: no clock, no random state. Another libwebp or zlib may pack the same pixels
into other bytes; put the sha256 printed here into keras_sslzoo/data/assets.py.
"""

import argparse
import hashlib
import io
import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from keras_sslzoo.data.assets import SHA256
from keras_sslzoo.data.fashion import read_folder

ASSETS = Path(__file__).resolve().parent.parent / "keras_sslzoo" / "assets"
SIZE, COLUMNS = 32, 40
HELD_OUT = 336
SEED = 0


def fashion_mnist_mini(folder):
    """The .npz of the first 5,000 training and 1,000 test images."""
    x, y, x_test, y_test = read_folder(folder)
    arrays = {"x_train": x[:5000], "y_train": y[:5000], "x_test": x_test[:1000], "y_test": y_test[:1000]}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, whatever the clock says
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            file.writestr(entry, member.getvalue(), compresslevel=9)
    return buffer.getvalue()


def emoji(package):
    """The atlas (an image) and the .json metadata of the base emoji, without flags and skin components."""
    package = Path(package)
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    if version != "16.0.0":
        raise ValueError(f"emoji-datasource-google must be 16.0.0. Received: {version}.")
    rows = json.loads((package / "emoji.json").read_text("utf-8"))
    rows = sorted((row for row in rows if row["category"] not in ("Flags", "Component")), key=lambda r: r["sort_order"])
    atlas = Image.new("RGB", (COLUMNS * SIZE, -(-len(rows) // COLUMNS) * SIZE), "white")
    tiles = []
    for i, row in enumerate(rows):
        with Image.open(package / "img" / "google" / "64" / row["image"]) as image:
            image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB").reduce(image.width // SIZE)
        atlas.paste(image, (i % COLUMNS * SIZE, i // COLUMNS * SIZE))
        tiles.append(image.tobytes())
    held_out = choose_held_out([row["category"] for row in rows], tiles)
    lines = (
        json.dumps(
            {
                "code_point": row["unified"],
                "name": row["name"].lower(),
                "short_names": row["short_names"],
                "category": row["category"],
                "subcategory": row["subcategory"],
                "train": i not in held_out,
            }
        )
        for i, row in enumerate(rows)
    )
    return atlas, ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def webp(image):
    """The lossless .webp of an image."""
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=100, method=6)
    return buffer.getvalue()


def choose_held_out(categories, tiles):
    """The indices held out: each category's share of HELD_OUT by largest remainder, its emoji by a hash of the pixels.

    Identical pictures (some families) hash alike, and so stand on one side of the split.
    """
    counts = Counter(categories)
    shares = {category: divmod(count * HELD_OUT, len(categories)) for category, count in counts.items()}
    rest = HELD_OUT - sum(whole for whole, _ in shares.values())
    rounded_up = sorted(shares, key=lambda category: (-shares[category][1], category))[:rest]
    order = sorted(range(len(tiles)), key=lambda i: hashlib.sha256(f"{SEED}:".encode() + tiles[i]).digest())
    chosen = set()
    for category, (whole, _) in shares.items():
        members = [i for i in order if categories[i] == category]
        chosen.update(members[: whole + (category in rounded_up)])
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fashion-mnist", required=True, help="folder of the IDX .gz files")
    parser.add_argument("--emoji", required=True, help="folder of the unpacked npm package")
    parser.add_argument("--output", type=Path, default=ASSETS)
    args = parser.parse_args()
    atlas, metadata = emoji(args.emoji)
    files = {"fashion_mnist_mini.npz": fashion_mnist_mini(args.fashion_mnist)}
    files |= {"emoji.webp": webp(atlas), "emoji.json": metadata}
    args.output.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (args.output / name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        print(f"{name:24} {len(data):9,} bytes  {digest}  {'as released' if digest == SHA256[name] else 'CHANGED'}")


if __name__ == "__main__":
    main()
