"""Folders of image files as batches, decoded by Pillow in threads; no framework is needed.

path --walk--> files --order of (seed, epoch)--> rows --Pillow--> fit_image --> uint8 (B, h, w, C)
                                                  |                                  two batches ahead
                                                  unusable file: another one of the order in its place
"""

import collections
import concurrent.futures
import errno
import itertools
import math
import numbers
import os
import pathlib
import queue
import random
import threading
import warnings
import weakref

import numpy as np
from PIL import Image, UnidentifiedImageError

from keras_sslzoo.data.batches import OrderedBatches

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")  # no EPS under another name: that would start Ghostscript

_PASSING = (errno.EMFILE, errno.ENFILE, errno.ESTALE)  # the system's trouble, not the file's
_AHEAD = 2  # batches decoded before they are asked for
_TRIES = 64  # files tried for one place of a batch
_SAMPLE = 256  # headers read by the constructor
_NAMED = 10  # unusable files that the warning names
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF orientation to what undoes it


def image_folder(
    path,
    size=(96, 96),
    channels=3,
    labels=False,
    batch_size=32,
    shuffle=True,
    seed=None,
    workers=None,
    drop_remainder=False,
    upscale=False,
):
    """Batches of the images below a folder, for `fit`, `evaluate` and `predict` on every backend.

    Takes PNG, JPEG, WebP, TIFF, BMP and GIF (first frames) at any depth, whatever the case of the suffix; hidden files and
    folders are left out, linked folders are followed, each once. Each image is brought to `size` by `fit_image`.

    Args:
        path: the folder.
        size: height and width of the images, `(h, w)`, or one number for both.
        channels: 3 (RGB) or 1 (grey).
        labels: whether to yield the number of the first-level subfolder, of those that hold images, sorted by name.
        batch_size: samples in a batch.
        shuffle: whether to draw a new order for each epoch; `predict` needs False.
        seed: of the order. None draws one from Python's `random`, which `keras.utils.set_random_seed` sets.
        workers: threads that decode. None: as many as the machine has CPUs, at most 8.
        drop_remainder: whether to leave out an incomplete last batch.
        upscale: whether to take images smaller than `size`.

    Returns:
        An `ImageFolder`.

    Errors:
        ValueError for arguments out of range, a path that is no folder, a folder without images or without a readable one,
        images smaller than `size` (among 256 looked at; others count as unusable), `labels=True` without at least two
        subfolders, or with images beside them.
    """
    return ImageFolder(path, size, channels, labels, batch_size, shuffle, seed, workers, drop_remainder, upscale)


class ImageFolder(OrderedBatches):
    """What `image_folder` returns.

    A file that cannot be used (damaged, no image, more pixels than Pillow's limit, smaller than `image_size`) gives its
    place to another, which depends on the order and the place alone; a warning at the end of the first epoch names such
    files. Memory: three batches, and one image for each thread.

    Args:
        path, size, channels, labels, batch_size, shuffle, seed, workers, drop_remainder, upscale: see `image_folder`.

    Attributes:
        files: paths of the images below `path`, sorted.
        class_names: names of the subfolders, or None.
        labels: int64 (N,), a label for each of `files`, or None.
        unusable: dict from a file that could not be used, as far as met, to the reason.

    Elements:
        `(images,)` or `(images, labels)`: uint8 (B, h, w, C), int64 (B,).
    """

    def __init__(
        self,
        path,
        size=(96, 96),
        channels=3,
        labels=False,
        batch_size=32,
        shuffle=True,
        seed=None,
        workers=None,
        drop_remainder=False,
        upscale=False,
    ):
        self.image_size = _image_size(size)
        if channels not in (1, 3):
            raise ValueError(f"`channels` must be 3 (RGB) or 1 (grey). Received: channels={channels!r}.")
        for name, value in (("batch_size", batch_size), ("workers", workers)):
            if not (_is_count(value) or (name == "workers" and value is None)):
                raise ValueError(f"`{name}` must be a positive whole number. Received: {name}={value!r}.")
        if seed is not None and (isinstance(seed, bool) or not (_is_count(seed) or seed == 0)):
            raise ValueError(f"`seed` must be a whole number of at least 0, or None. Received: seed={seed!r}.")
        self.path = _folder(path)
        self.channels = channels
        self.upscale = upscale
        self.files = _image_files(self.path)
        self.class_names, self.labels = _classes(self.path, self.files) if labels else (None, None)
        self.unusable = {}
        self.threads = workers or min(8, os.cpu_count() or 1)
        self._lock = threading.Lock()
        self._ahead = {}  # by index of the batch in the order: its array, and a future for each image
        self._pool = None
        self._warned = False
        n = len(self.files)
        self._stride = next(s for s in itertools.count(max(1, round(0.618 * n))) if math.gcd(s, n) == 1)
        # Keras' own workers stay at 1: what their queue holds when an epoch is left early, or when `fit` has read a batch to
        # build the model, they yield in the next epoch, in the old order.
        seed = random.randint(1, 2**31 - 1) if seed is None else seed
        super().__init__(n, batch_size, shuffle, drop_remainder, seed)
        self._check_headers()

    @property
    def drop_remainder(self):
        """Whether an incomplete last batch is left out."""
        return self._drop_remainder

    @drop_remainder.setter
    def drop_remainder(self, value):
        if value and self.batch_size > self.size:
            raise ValueError(
                "Where batches must be full, `batch_size` must be at most the number of images. Received: "
                f"batch_size={self.batch_size} and {self.size} images in {str(self.path)!r}. Use a batch_size of at most "
                f"{self.size}."
            )
        self._drop_remainder = bool(value)

    def start_epoch(self, epoch, first_batch=0):
        """See `OrderedBatches.start_epoch`."""
        with self._lock:
            self._forget(list(self._ahead))
            super().start_epoch(epoch, first_batch)

    def __getitem__(self, index):
        with self._lock:
            end = self.first_batch + len(self)
            self.finished = index == len(self) - 1
            index += self.first_batch
            if not self.first_batch <= index < end:
                raise IndexError(f"batch {index - self.first_batch} of {end - self.first_batch}")
            wanted = range(index, min(index + 1 + _AHEAD, end))
            self._forget([i for i in self._ahead if i not in wanted])
            for i in wanted:
                if i not in self._ahead:
                    places = range(i * self.batch_size, min((i + 1) * self.batch_size, self.size))
                    self._ahead[i] = self._submit(places, self.order)
            batch = self._ahead.pop(index)
        batch = self._collect(*batch)
        if index == end - 1:
            self._warn()
        return batch

    def read(self, rows):
        """See `OrderedBatches.read`; others of `files` stand in for unusable ones."""
        rows = range(self.size)[rows] if isinstance(rows, slice) else [int(row) for row in rows]
        with self._lock:
            batch = self._submit(rows, None)
        return self._collect(*batch)

    def take(self, n):
        """The first `n` images of `files` that can be used (all, where there are fewer): uint8 (n, h, w, C)."""
        if not _is_count(n):
            raise ValueError(f"`n` must be a positive whole number. Received: n={n!r}.")
        taken = np.empty((min(n, self.size), *self.image_size, self.channels), "uint8")
        row = count = 0
        while row < self.size and count < len(taken):
            rows = range(row, min(row + min(self.batch_size, len(taken) - count), self.size))
            row = rows.stop
            with self._lock:
                futures = [self._threads().submit(self._usable, i) for i in rows]
            for image in (future.result() for future in futures):
                if image is not None:
                    taken[count] = image
                    count += 1
        if not count:
            self._refuse(self.size)
        return taken[:count]

    # ---- threads -----------------------------------------------------------------------------------------------------

    def _submit(self, places, order):
        images = np.empty((len(places), *self.image_size, self.channels), "uint8")
        submit = self._threads().submit
        return images, [submit(self._fill, images, i, place, order) for i, place in enumerate(places)]

    def _collect(self, images, futures):
        rows = [future.result() for future in futures]
        return (images,) if self.labels is None else (images, self.labels[rows])

    def _forget(self, indices):
        for i in indices:
            for future in self._ahead.pop(i)[1]:
                future.cancel()

    def _threads(self):
        if self._pool is None or self._pool.process != os.getpid():  # threads do not survive a fork
            self._pool = _Threads(self.threads)
        return self._pool

    def __getstate__(self):
        return {**self.__dict__, "_pool": None, "_lock": None, "_ahead": {}, "unusable": dict(self.unusable)}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._lock = threading.Lock()

    # ---- one image ---------------------------------------------------------------------------------------------------

    def _fill(self, images, i, place, order):
        """Write the image of this place of the order into `images[i]`, or its substitute. Returns its row."""
        tries = min(_TRIES, self.size)
        for k in range(tries):
            # steps near the golden section lead out of the batch, and out of a run of damaged files
            row = (place + k * self._stride) % self.size
            row = row if order is None else int(order[row])
            image = self._usable(row)
            if image is not None:
                images[i] = image
                return row
        return self._refuse(tries)

    def _usable(self, row):
        """The image of this row, or None where it cannot be used."""
        file = self.files[row]
        if file in self.unusable:
            return None
        try:
            with _open(self.path / file) as image:
                self._check_size(image)
                return fit_image(image, self.image_size, self.channels)
        except MemoryError:
            raise
        except Exception as error:  # Pillow's readers raise of every kind on damaged files
            if getattr(error, "errno", None) in _PASSING:
                raise
            self.unusable[file] = _reason(error)
            return None

    def _check_size(self, image, whichever_way=False):
        if self.upscale:
            return
        h, w = self.image_size
        if h == w or whichever_way:
            (h, w), (height, width) = sorted((h, w)), sorted(image.size)
        else:
            height, width = upright_size(image)
        if height < h or width < w:
            raise _TooSmall(f"smaller than {self.image_size}, height and width: {image.size[::-1]}")

    def _check_headers(self):
        rows = np.unique(np.linspace(0, self.size - 1, min(self.size, _SAMPLE)).astype(int))
        small, damaged = {}, {}
        for row in rows:
            try:
                with _open(self.path / self.files[row]) as image:
                    self._check_size(image, whichever_way=True)  # what turns a PNG may stand after its pixels
            except _TooSmall:
                small[self.files[row]] = image.size[::-1]
            except Exception as error:
                damaged[self.files[row]] = _reason(error)
        if len(damaged) == len(rows):
            self.unusable = damaged
            self._refuse(len(rows))
        if small:
            file, (height, width) = min(small.items(), key=lambda item: min(item[1]))
            raise ValueError(
                f"Images must be at least as large as `size`. Received: size={self.image_size}, and {len(small)} of "
                f"{len(rows)} images looked at in {str(self.path)!r} are smaller, for example {file!r} of height {height} "
                f"and width {width}. Use a smaller size, or `upscale=True`."
            )

    def _refuse(self, tries):
        unusable = dict(self.unusable)  # threads go on adding
        file = min(unusable)
        raise ValueError(
            f"There must be readable images. Received: {tries} of the {self.size} files in {str(self.path)!r} tried, and "
            f"none can be used, for example {file!r} ({unusable[file]}). Look at these files, or remove them."
        )

    def _warn(self):
        with self._lock:
            unusable = sorted(self.unusable.copy())
            if self._warned:
                return
            self._warned = True
        if unusable:
            names = ", ".join(f"{name!r} ({self.unusable[name]})" for name in unusable[:_NAMED])
            warnings.warn(
                f"{len(unusable)} of {self.size} files in {str(self.path)!r} cannot be used, and others took their places: "
                f"{names}{', ...' if len(unusable) > _NAMED else ''}. All are in the data set's `unusable`.",
                stacklevel=3,
            )


def fit_image(image, size, channels):
    """One Pillow image as an array, upright, scaled to cover `size` with its aspect kept, and cropped about the centre.

    Bicubic with antialiasing. Transparency is laid on white; 16-bit (and 32-bit integer) grey is divided by 257; float grey
    is multiplied by 255 where its largest value is at most 1, and then clipped to [0, 255]; animations give the first frame.

    Args:
        image: `PIL.Image.Image`; a JPEG file not yet loaded is decoded at the smallest scale that suffices.
        size: `(h, w)`.
        channels: 3 (RGB) or 1 (grey).

    Returns:
        uint8 (h, w, channels).

    Errors:
        OSError, ValueError and others of Pillow's, where the file is damaged or of a mode that has no RGB equivalent.
    """
    orientation = _orientation(image)
    h, w = size[::-1] if orientation >= 5 else size
    scale = max(w / image.width, h / image.height)
    image.draft(None, (math.ceil(2 * scale * image.width), math.ceil(2 * scale * image.height)))
    image = _plain(image)
    width, height = image.size
    scale = max(w / width, h / height)
    left, top = max(0.0, (width - w / scale) / 2), max(0.0, (height - h / scale) / 2)
    image = image.resize(
        (w, h), Image.Resampling.BICUBIC, box=(left, top, width - left, height - top), reducing_gap=2.0
    )
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    return np.array(image.convert("L" if channels == 1 else "RGB")).reshape(*size, channels)


def upright_size(image):
    """Height and width of a Pillow image when turned as its EXIF orientation says."""
    return image.size if _orientation(image) >= 5 else image.size[::-1]


def _orientation(image):
    if image.format not in ("JPEG", "MPO"):
        image.load()  # a PNG may hold it after the pixels, and a TIFF is turned by loading
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF data do not damage the image
        return 1
    return orientation if orientation in _TURNS else 1


def _plain(image):
    """The image in mode L or RGB."""
    if image.mode.startswith("I"):
        values = np.clip(np.asarray(image), 0, 65535).astype("uint32")
        return Image.fromarray(((values + 128) // 257).astype("uint8"))
    if image.mode == "F":
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise ValueError("float image with NaN or infinity")
        values = 255 * values if values.max() <= 1 else values
        return Image.fromarray(np.rint(np.clip(values, 0, 255)).astype("uint8"))
    if {"A", "a"} & set(image.getbands()) or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        return white.convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


class _TooSmall(ValueError):
    pass


def _open(path):
    image = Image.open(path, formats=FORMATS)
    limit = Image.MAX_IMAGE_PIXELS  # Pillow itself only warns up to twice the limit
    if limit is not None and image.width * image.height > limit:
        image.close()
        raise Image.DecompressionBombError(f"{image.width * image.height} pixels, more than PIL.Image.MAX_IMAGE_PIXELS")
    return image


def _reason(error):
    if isinstance(error, UnidentifiedImageError):
        return "no image, or its header is damaged"
    return f"{type(error).__name__}: {error}"[:200]


class _Threads:
    """Daemon threads: those of `concurrent.futures` would finish all that waits before the interpreter could exit."""

    def __init__(self, count):
        self.process = os.getpid()
        self.tasks = queue.SimpleQueue()
        for i in range(count):
            threading.Thread(target=_work, args=(self.tasks,), daemon=True, name=f"image_folder_{i}").start()
        weakref.finalize(self, _stop, self.tasks, count).atexit = False

    def submit(self, fn, *args):
        future = concurrent.futures.Future()
        self.tasks.put((future, fn, args))
        return future


def _work(tasks):
    while (task := tasks.get()) is not None:
        future, fn, args = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(fn(*args))
            except BaseException as error:
                future.set_exception(error)
        del task, future, fn, args  # `fn` holds the data set, which would never end while this thread waits


def _stop(tasks, count):
    for _ in range(count):
        tasks.put(None)


def _is_count(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and value > 0


def _image_size(size):
    pair = (size, size) if isinstance(size, numbers.Integral) else size
    if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and all(_is_count(s) for s in pair)):
        raise ValueError(f"`size` must be a positive whole number, or two: (height, width). Received: size={size!r}.")
    return tuple(int(s) for s in pair)


def _folder(path):
    folder = pathlib.Path(path).expanduser().absolute()
    if not folder.exists():
        there = next(parent for parent in folder.parents if parent.exists())
        raise ValueError(
            f"`path` must be a folder. Received: {str(path)!r}, which does not exist, under {str(there)!r}."
        )
    if not folder.is_dir():
        raise ValueError(
            f"`path` must be a folder. Received: {str(path)!r}, a file. Pass the folder that holds it: "
            f"{str(folder.parent)!r}."
        )
    return folder


def _image_files(folder):
    """Paths of the image files below the folder, sorted. Each real folder is entered once, so that links may form loops."""
    files, others, seen = [], collections.Counter(), set()
    folders, links = collections.deque([""]), collections.deque()
    while folders or links:
        below = folders.popleft() if folders else links.popleft()  # a folder's own name before that of a link to it
        real = os.path.realpath(folder / below)
        if real in seen:
            continue
        seen.add(real)
        try:
            entries = sorted(os.scandir(folder / below), key=lambda entry: entry.name)
        except PermissionError:
            warnings.warn(f"The folder {str(folder / below)!r} may not be read and is left out.", stacklevel=4)
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir():
                (links if entry.is_symlink() else folders).append(name)
            elif entry.is_file():
                suffix = os.path.splitext(entry.name)[1].lower()
                if suffix in SUFFIXES:
                    files.append(name)
                else:
                    others[suffix or "no suffix"] += 1
    if not files:
        found = ", ".join(f"{count} of {suffix}" for suffix, count in others.most_common(3)) or "no files"
        raise ValueError(
            f"The folder must hold images ({', '.join(SUFFIXES)}), at any depth. Received: {str(folder)!r} with {found}. "
            "Pass another folder, or convert the files."
        )
    return sorted(files)


def _classes(folder, files):
    """Names of the first-level subfolders, and the label of each file."""
    beside = [file for file in files if "/" not in file]
    if beside:
        raise ValueError(
            f"With `labels=True` each image must lie in the folder of its class. Received: {len(beside)} images beside the "
            f"class folders in {str(folder)!r}, for example {beside[0]!r}. Move them, or pass `labels=False`."
        )
    owners = [file.split("/", 1)[0] for file in files]
    names = sorted(set(owners))
    if len(names) < 2:
        raise ValueError(
            f"With `labels=True` there must be at least two folders of images. Received: only {names[0]!r} in "
            f"{str(folder)!r}. Pass the folder above the class folders, or `labels=False`."
        )
    numbers_of = {name: label for label, name in enumerate(names)}
    return names, np.array([numbers_of[owner] for owner in owners], "int64")
