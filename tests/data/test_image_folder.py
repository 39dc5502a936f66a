import errno
import gc
import os
import pathlib
import pickle
import random
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from PIL import Image, ImageOps

import keras_sslzoo as zoo
from keras_sslzoo.data import image_folder
from keras_sslzoo.data.image_folder import fit_image

RNG = np.random.default_rng(0)
SIZE = 12


def photo(height, width, channels=3):
    """A smooth image, which JPEG and reduction before resampling leave nearly as it is."""
    coarse = RNG.integers(0, 256, (4, 4, channels), "uint8")
    image = Image.fromarray(coarse if channels > 1 else coarse[..., 0])
    return image.resize((width, height), Image.Resampling.BICUBIC)


def numbered(path, n, classes=None):
    """Write n images, each of one shade of its own, 5 i."""
    for i in range(n):
        folder = path / f"class_{i % classes}" if classes else path
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (SIZE + 2, SIZE), 5 * i).save(folder / f"{i:03}.png")
    return path


def shades(data):
    """The images of a pass of `numbered` images, by number."""
    return [(batch[0][:, 3, 3, 0] // 5).tolist() for batch in data]


def flat(batches):
    return [i for batch in batches for i in batch]


@pytest.fixture
def numbers(tmp_path):
    return numbered(tmp_path / "numbers", 22)


# ---- one image -----------------------------------------------------------------------------------------------------------


def close(image, oracle, mean=1.0, most=8):
    difference = np.abs(np.asarray(image, "int") - np.asarray(oracle, "int"))
    assert difference.mean() <= mean, difference.mean()
    assert difference.max() <= most, difference.max()


def test_covers_and_crops_as_pillow_does(tmp_path):
    for height, width, size in ((40, 90, (12, 12)), (90, 40, (12, 20)), (33, 31, (33, 31)), (300, 200, (24, 10))):
        image = photo(height, width)
        oracle = ImageOps.fit(image, size[::-1], Image.Resampling.BICUBIC)
        close(fit_image(image, size, 3), oracle)
        image.save(tmp_path / "x.jpg", quality=95, subsampling=0)
        with Image.open(tmp_path / "x.jpg") as file:
            close(fit_image(file, size, 3), oracle, mean=2, most=16)
    assert np.array_equal(fit_image(image, (300, 200), 3), np.asarray(image))
    grey = fit_image(image, (24, 10), 1)
    close(grey[..., 0], ImageOps.fit(image.convert("L"), (10, 24), Image.Resampling.BICUBIC))
    assert (grey.shape, grey.dtype) == ((24, 10, 1), np.uint8)


def test_jpeg_is_decoded_at_a_smaller_scale(tmp_path):
    photo(800, 400).save(tmp_path / "x.jpg")
    with Image.open(tmp_path / "x.jpg") as file:
        fit_image(file, (20, 20), 3)
        assert file.size == (50, 100)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_by_exif(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo(40, 64).save(tmp_path / f"x.{suffix}", exif=exif, quality=95)
    with Image.open(tmp_path / f"x.{suffix}") as file:
        oracle = ImageOps.fit(ImageOps.exif_transpose(file).convert("RGB"), (10, 20), Image.Resampling.BICUBIC)
    with Image.open(tmp_path / f"x.{suffix}") as file:
        close(fit_image(file, (20, 10), 3), oracle, mean=2, most=16)


def transparent_palette():
    image = Image.new("P", (20, 20), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 10, 20))
    return image


def saved(folder, name, image, **kwargs):
    image.save(folder / name, **kwargs)
    with Image.open(folder / name) as file:
        return fit_image(file, (20, 20), 3)


def test_modes(tmp_path):
    left, right = (10, 3), (10, 16)

    def check(name, image, a, b, slack=0, **kwargs):
        array = saved(tmp_path, name, image, **kwargs).astype(int)
        assert np.abs(array[left] - a).max() <= slack, array[left]
        assert np.abs(array[right] - b).max() <= slack, array[right]

    def halves(a, b, dtype):
        return np.concatenate([np.full((20, 10, *np.shape(v)), v, dtype) for v in (a, b)], axis=1)

    check("palette.png", transparent_palette(), (255, 0, 0), (255, 255, 255), transparency=1)
    check("palette.gif", transparent_palette(), (255, 0, 0), (255, 255, 255), transparency=1)
    check("opaque.png", transparent_palette(), (255, 0, 0), (0, 0, 255))
    rgba = Image.fromarray(halves((0, 0, 0, 0), (0, 0, 0, 51), "uint8"))
    check("rgba.png", rgba, (255, 255, 255), (204, 204, 204))
    check("la.png", Image.fromarray(halves((0, 255), (100, 0), "uint8")), (0, 0, 0), (255, 255, 255))
    rgb = Image.fromarray(halves((10, 20, 30), (40, 50, 60), "uint8"))
    check("trns.png", rgb, (255, 255, 255), (40, 50, 60), transparency=(10, 20, 30))
    check("16.png", Image.fromarray(halves(257 * 7, 65535, "uint16")), (7, 7, 7), (255, 255, 255))
    check("16.tif", Image.fromarray(halves(257 * 7, 257 * 200, "uint16")), (7, 7, 7), (200, 200, 200))
    big = Image.frombytes("I;16B", (20, 20), halves(257 * 7, 257 * 200, ">u2").tobytes())
    check("big.tif", big, (7, 7, 7), (200, 200, 200))
    check("32.tif", Image.fromarray(halves(257 * 7, 257 * 200, "int32")), (7, 7, 7), (200, 200, 200))
    check("unit.tif", Image.fromarray(halves(0.2, 1, "float32")), (51, 51, 51), (255, 255, 255))
    check("float.tif", Image.fromarray(halves(51.2, 300, "float32")), (51, 51, 51), (255, 255, 255))
    check("1.png", Image.fromarray(halves(0, 255, "uint8")).convert("1"), (0, 0, 0), (255, 255, 255))
    check("cmyk.jpg", rgb.convert("CMYK"), (10, 20, 30), (40, 50, 60), slack=4)
    check("cmyk.tif", rgb.convert("CMYK"), (10, 20, 30), (40, 50, 60), slack=1)
    check("x.bmp", rgb, (10, 20, 30), (40, 50, 60))
    check("x.webp", rgb, (10, 20, 30), (40, 50, 60), lossless=True)
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime")]
    for name in ("frames.gif", "frames.tif", "frames.webp", "frames.png"):
        options = {"lossless": True} if name.endswith("webp") else {}
        array = saved(tmp_path, name, frames[0], save_all=True, append_images=frames[1:], **options)
        assert np.array_equal(array[left], (255, 0, 0)), name
    with pytest.raises(ValueError, match="NaN"):
        fit_image(Image.fromarray(np.full((20, 20), np.nan, "float32")), (20, 20), 1)


# ---- files ---------------------------------------------------------------------------------------------------------------


def test_finds_files_at_any_depth_and_enters_linked_folders_once(tmp_path):
    for name in ("b/deep/er/x.PNG", "a/y.JpEg", "z.webp", ".hidden.png", ".hidden/x.png", "a/notes.txt", "a/raw.cr2"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
        if pathlib.Path(name).suffix.lower() in (".png", ".jpeg", ".webp"):
            photo(SIZE, SIZE).save(tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "b" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a-again").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere.png")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    photo(SIZE, SIZE).save(elsewhere / "w.png")
    (tmp_path / "linked").symlink_to(elsewhere, target_is_directory=True)
    data = image_folder(tmp_path, SIZE)
    assert data.files == ["a/y.JpEg", "b/deep/er/x.PNG", "linked/w.png", "z.webp"]
    assert (data[0][0].shape, data[0][0].dtype, len(data[0])) == ((4, SIZE, SIZE, 3), np.uint8, 1)


def test_labels(tmp_path):
    data = image_folder(numbered(tmp_path, 20, classes=4), SIZE, 1, labels=True, batch_size=6, seed=1)
    assert data.class_names == ["class_0", "class_1", "class_2", "class_3"]
    assert (data.labels.dtype, data.labels.tolist()) == (np.int64, sorted([0, 1, 2, 3] * 5))
    seen = []
    for x, y in data:
        assert y.dtype == np.int64
        assert np.array_equal(x[:, 3, 3, 0] // 5 % 4, y)
        seen += y.tolist()
    assert sorted(seen) == sorted([0, 1, 2, 3] * 5)


def test_errors(tmp_path, numbers):
    def refused(message, *args, **kwargs):
        with pytest.raises(ValueError, match=message):
            image_folder(*args, **kwargs)

    refused("does not exist, under", tmp_path / "nowhere" / "at" / "all")
    refused("a file", numbers / "000.png")
    (tmp_path / "empty").mkdir()
    refused(r"\.webp.*no files", tmp_path / "empty")
    (tmp_path / "empty" / "x.heic").touch()
    refused(r"1 of \.heic", tmp_path / "empty")
    refused(r"22 of 22 images.*height 12.*width 14.*upscale=True", numbers, 13)
    refused(r"22 of 22", numbers, (8, 15))
    assert image_folder(numbers, (20, 30), upscale=True)[0][0].shape == (22, 20, 30, 3)
    refused("beside the class folders", numbers, SIZE, labels=True)
    (tmp_path / "one").mkdir()
    (numbers).rename(tmp_path / "one" / "only")
    refused("at least two folders", tmp_path / "one", SIZE, labels=True)
    for name, values in {
        "batch_size": (0, -1, 2.5, True, None, "8"),
        "channels": (0, 2, 4, None),
        "size": (0, (8,), (8, 8, 3), 8.5, (8, 0), None),
        "workers": (0, -2, 1.5),
    }.items():
        for value in values:
            refused(f"`{name}`", tmp_path / "one", **{"size": SIZE, name: value})
    refused("batch_size=23 and 22 images", tmp_path / "one", SIZE, batch_size=23, drop_remainder=True)
    data = image_folder(tmp_path / "one", SIZE, batch_size=23)
    with pytest.raises(ValueError, match="at most 22"):
        data.drop_remainder = True
    with pytest.raises(ValueError, match="`n`"):
        data.take(0)
    for file in (tmp_path / "one" / "only").iterdir():
        file.write_bytes(b"")
    refused("22 of the 22 files.*no image", tmp_path / "one", SIZE)
    with pytest.raises(ValueError, match="22 of the 22"):
        data[0]
    with pytest.raises(ValueError, match="22 of the 22"):
        data.take(3)


# ---- order ---------------------------------------------------------------------------------------------------------------


def epochs(data, n=2):
    found = []
    for epoch in range(n):
        data.start_epoch(epoch)
        found.append(shades(data))
    return found


def test_order_depends_on_seed_and_epoch_alone(numbers):
    one = epochs(image_folder(numbers, SIZE, batch_size=5, seed=3, workers=1))
    assert one == epochs(image_folder(numbers, SIZE, batch_size=5, seed=3, workers=4))
    assert one[0] != one[1]
    assert [sorted(flat(epoch)) for epoch in one] == [list(range(22))] * 2
    assert [len(batch) for batch in one[0]] == [5, 5, 5, 5, 2]
    assert one != epochs(image_folder(numbers, SIZE, batch_size=5, seed=4))
    assert (
        epochs(image_folder(numbers, SIZE, batch_size=5, shuffle=False))[1]
        == epochs(image_folder(numbers, SIZE, batch_size=5, shuffle=False), 1)[0]
    )
    assert flat(shades(image_folder(numbers, SIZE, shuffle=False))) == list(range(22))
    short = image_folder(numbers, SIZE, batch_size=5, seed=3, drop_remainder=True)
    assert epochs(short) == [epoch[:4] for epoch in one]
    short.limit(2)
    assert epochs(short) == [epoch[:2] for epoch in one]
    random.seed(5)
    first = image_folder(numbers, SIZE).seed
    assert image_folder(numbers, SIZE).seed != first
    random.seed(5)
    assert image_folder(numbers, SIZE).seed == first


def test_goes_on_in_the_middle_of_an_epoch(numbers):
    whole = epochs(image_folder(numbers, SIZE, batch_size=5, seed=3))
    data = image_folder(numbers, SIZE, batch_size=5, seed=3)
    data[0]
    data.start_epoch(1, first_batch=2)
    assert len(data) == 3
    assert shades(data) == whole[1][2:]


def test_any_batch_in_any_order_from_many_threads(numbers):
    data = image_folder(numbers, SIZE, batch_size=2, seed=3)
    whole = shades(data)
    asked = RNG.integers(0, len(data), 60).tolist()
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(lambda i: (data[i][0][:, 3, 3, 0] // 5).tolist(), asked))
    assert found == [whole[i] for i in asked]
    with pytest.raises(IndexError):
        data[len(data)]


def test_reads_two_batches_ahead_and_no_more(numbers):
    data = image_folder(numbers, SIZE, batch_size=2, seed=3)
    for i, _ in enumerate(data):
        assert sorted(data._ahead) == [j for j in (i + 1, i + 2) if j < len(data)]
    data[0]
    data.start_epoch(1)
    assert not data._ahead
    rows = data.read(np.array([3, 0, 7]))[0]
    assert (rows[:, 3, 3, 0] // 5).tolist() == [3, 0, 7]
    assert (data.read(slice(20, 22))[0][:, 3, 3, 0] // 5).tolist() == [20, 21]


def test_pickled_without_its_threads(numbers):
    data = image_folder(numbers, SIZE, batch_size=5, seed=3)
    first = shades(data)
    assert shades(pickle.loads(pickle.dumps(data))) == first


def test_take(numbers):
    (numbers / "001.png").write_bytes(b"no image")
    data = image_folder(numbers, SIZE, 1, batch_size=3)
    for n, last in ((1, 0), (4, 4), (7, 7), (21, 21), (50, 21)):
        taken = data.take(n)
        assert (taken[:, 3, 3, 0] // 5).tolist() == [0, *range(2, last + 1)]
        assert taken.dtype == np.uint8


# ---- files that cannot be used -------------------------------------------------------------------------------------------


@pytest.fixture
def hostile(tmp_path):
    """40 good images, and one of each kind that cannot be used."""
    path = numbered(tmp_path / "hostile", 40)
    photo(64, 64).save(path / "good.jpg", quality=95)
    content = (path / "good.jpg").read_bytes()
    (path / "good.jpg").unlink()
    (path / "0-truncated.jpg").write_bytes(content[: len(content) // 2])
    (path / "0-empty.png").write_bytes(b"")
    (path / "0-text.png").write_text("<html>404</html>")
    (path / "0-script.gif").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n")
    png = (path / "001.png").read_bytes()
    broken = bytearray(png)
    broken[len(png) // 2] ^= 255
    (path / "0-checksum.png").write_bytes(bytes(broken))
    header = bytearray(png)
    header[16:24] = struct.pack(">II", 30_000, 30_000)
    header[29:33] = struct.pack(">I", zlib.crc32(bytes(header[12:29])))
    (path / "0-bomb.png").write_bytes(bytes(header))
    header[16:24] = struct.pack(">II", 11_000, 11_000)  # where Pillow only warns
    header[29:33] = struct.pack(">I", zlib.crc32(bytes(header[12:29])))
    (path / "0-smaller-bomb.png").write_bytes(bytes(header))
    return path


BAD = {"bomb", "checksum", "empty", "script", "smaller-bomb", "text", "truncated"}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_unusable_files_are_skipped_and_named_once(hostile):
    limit = Image.MAX_IMAGE_PIXELS
    data = image_folder(hostile, SIZE, 1, batch_size=6, seed=1)
    with pytest.warns(UserWarning, match="cannot be used") as caught:
        found = epochs(data, 3)
    caught = [str(w.message) for w in caught if "cannot be used" in str(w.message)]
    assert len(caught) == 1
    assert caught[0].startswith("7 of 47 files")
    assert {file.split(".")[0][2:] for file in data.unusable} == BAD
    assert all(file in caught[0] for file in data.unusable)
    assert "DecompressionBombError" in data.unusable["0-bomb.png"]
    assert "DecompressionBombError" in data.unusable["0-smaller-bomb.png"]
    assert limit == Image.MAX_IMAGE_PIXELS
    for epoch in found:
        assert [len(batch) for batch in epoch] == [6] * 7 + [5]
        assert set(flat(epoch)) == set(range(40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for workers in (1, 4):
            assert epochs(image_folder(hostile, SIZE, 1, batch_size=6, seed=1, workers=workers), 3) == found
        late = image_folder(hostile, SIZE, 1, batch_size=6, seed=1)
        late.start_epoch(2, 5)
        assert shades(late) == found[2][5:]


def test_small_images_met_later_count_as_unusable(tmp_path):
    numbered(tmp_path, 5)
    data = image_folder(tmp_path, SIZE, batch_size=5, seed=1)
    Image.new("L", (SIZE, SIZE - 1)).save(tmp_path / "002.png")
    with pytest.warns(UserWarning, match=r"1 of 5 files.*002\.png.*smaller than \(12, 12\)"):
        assert set(flat(shades(data))) == {0, 1, 3, 4}


def test_warning_names_ten(tmp_path):
    numbered(tmp_path, 30)
    for i in range(15):
        (tmp_path / f"{i:03}.png").write_bytes(b"")
    data = image_folder(tmp_path, SIZE, batch_size=7, seed=1)
    with pytest.warns(UserWarning, match="15 of 30 files") as caught:
        list(data)
    assert str(caught[0].message).count(".png'") == 10


# ---- in Keras ------------------------------------------------------------------------------------------------------------


def autoencoder():
    keras.utils.set_random_seed(0)
    model = zoo.AutoEncoder(image_shape=(SIZE, SIZE, 1), latent_dim=4, seed=1)
    model.compile()
    return model


def test_fit_evaluate_predict(hostile):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        model = autoencoder()
        data = image_folder(hostile, SIZE, 1, batch_size=8, seed=2)
        with pytest.warns(UserWarning, match="7 of 47 files") as caught:
            history = model.fit(data, epochs=2, verbose=0)
        assert len([w for w in caught if "7 of 47 files" in str(w.message)]) == 1
        assert np.isfinite(history.history["loss"]).all()
        held_out = image_folder(hostile, SIZE, 1, batch_size=8, shuffle=False)
        with pytest.warns(UserWarning, match="7 of 47 files"):
            loss = model.evaluate(held_out, verbose=0)
        assert np.isfinite(loss if np.isscalar(loss) else loss[0])
        codes = model.predict(held_out, verbose=0)
        assert len(codes) == 47
        assert np.allclose(codes[7:], model.predict(held_out.take(40), verbose=0), atol=1e-5)
        with pytest.raises(ValueError, match="shuffle=False"):
            model.predict(data)


def test_goes_on_from_a_checkpoint_within_an_epoch(numbers, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(keras.ops.convert_to_numpy(self.model._steps.value)) == 7:
                raise KeyboardInterrupt

    def data():
        return image_folder(numbers, SIZE, 1, batch_size=5, seed=2)

    whole = autoencoder()
    whole.fit(data(), epochs=2, verbose=0)
    stopped = autoencoder()
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(
            data(), epochs=2, verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path / "run", every=2), Stop()]
        )
    resumed = autoencoder()
    resumed.fit(data(), epochs=2, verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path / "run", every=2)])

    def distance(a, b):
        return max(
            np.abs(u - v).max() for u, v in zip(a.get_weights(), b.get_weights(), strict=True) if u.dtype == "float32"
        )

    assert distance(whole, resumed) < 1e-6
    assert distance(whole, stopped) > 1e-4


def test_contrastive_with_labels(tmp_path):
    data = image_folder(numbered(tmp_path, 21, classes=3), SIZE, labels=True, batch_size=8, seed=2)
    model = zoo.SimCLR(zoo.nets.ConvNet((SIZE, SIZE, 3), width=4, features=8))
    model.compile()
    history = model.fit(data, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_fit_sees_the_order_of_each_epoch(numbers):
    data = image_folder(numbers, SIZE, 1, batch_size=5, seed=2)
    read, collect = [], data._collect

    def recorded(images, futures):
        batch = collect(images, futures)
        read.append((batch[0][:, 3, 3, 0] // 5).tolist())
        return batch

    data._collect = recorded
    autoencoder().fit(data, epochs=3, verbose=0)
    wanted = flat(epochs(image_folder(numbers, SIZE, 1, batch_size=5, seed=2), 3))
    assert read[-len(wanted) :] == wanted  # before them, what Keras reads to build


# ---- processes -----------------------------------------------------------------------------------------------------------


SCRIPT = """
    import importlib, pathlib, signal, sys, time, types
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background ignores it
    for name in ("keras_sslzoo", "keras_sslzoo.data"):  # without the rest of the package, which takes long to import
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(pathlib.Path(sys.argv[1], *name.split(".")))]
    data = importlib.import_module("keras_sslzoo.data.image_folder").image_folder(sys.argv[2], 12, batch_size=4, workers=1)
    data[0]
    data._usable = lambda row: time.sleep(60)
    data.start_epoch(1)
    print("waiting", flush=True)
    data[0]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_interrupt_ends_the_process_though_files_wait(numbers):
    root = pathlib.Path(zoo.__file__).parent.parent
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(root), str(numbers)],
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "waiting\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_threads_end_with_the_data_set(numbers):
    others = set(threading.enumerate())  # of other tests, which may end in between

    def running():
        return [t for t in threading.enumerate() if t.name.startswith("image_folder_") and t not in others]

    data = image_folder(numbers, SIZE, batch_size=4, workers=3)
    data[0]
    data._collect(*data._ahead[2])
    assert len(running()) == 3
    del data
    gc.collect()
    deadline = time.time() + 5
    while running() and time.time() < deadline:
        time.sleep(0.01)
    assert not running()


def test_another_keras_model_sees_a_new_order_in_each_epoch(numbers):
    data = image_folder(numbers, SIZE, 1, batch_size=5, seed=2)
    wanted = flat(epochs(image_folder(numbers, SIZE, 1, batch_size=5, seed=2), 3))
    read, collect = [], data._collect

    def recorded(images, futures):
        (batch,) = collect(images, futures)
        read.append((batch[:, 3, 3, 0] // 5).tolist())
        return batch, batch[:, 0, 0].astype("float32")

    data._collect = recorded
    model = keras.Sequential([keras.layers.Input((SIZE, SIZE, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(data, epochs=3, shuffle=False, verbose=0)
    assert read[-len(wanted) :] == wanted


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True])
def test_a_seed_is_a_whole_number(numbers, seed):
    with pytest.raises(ValueError, match=f"seed={seed!r}"):
        image_folder(numbers, SIZE, seed=seed)


def test_trouble_of_the_system_is_not_the_files(numbers, monkeypatch):
    data = image_folder(numbers, SIZE, 1, batch_size=5, seed=2)

    def no_more_files(path):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["keras_sslzoo.data.image_folder"], "_open", no_more_files)
        with pytest.raises(OSError, match="Too many open files"):
            data[0]
    assert not data.unusable
