"""The best encoder of a run, kept as a file.

path            encoder.keras: the encoder alone, `keras.models.load_model(path)`
path.json       {"monitor": "knn", "best": 0.81, "epoch": 12}
"""

import json
import os
import pathlib
import warnings

import numpy as np

from keras_sslzoo import eval as ev
from keras_sslzoo.callbacks.periodic import Periodic, subset
from keras_sslzoo.eval.features import as_model, samples

LARGER, SMALLER = ("knn", "linear", "rankme", "information", "accuracy", "elbo"), ("loss", "alignment", "uniformity")


class BestEncoder(Periodic):
    """Keeps the best encoder of a run, judged by a log or, without labels, by its effective rank.

    Writes `model.pretrained_encoder` beside its place and moves it there at once, so that a killed process leaves the last
    good file. A run that goes on (`Checkpoint`, `initial_epoch`) keeps the best value of its first part.

    Args:
        path: File, `encoder.keras`; or `encoder.weights.h5` for the weights alone.
        monitor: A log, such as "knn" of `KNNMonitor` or "val_loss"; or "rankme", measured here where `images` are given:
            RankMe (Garrido et al. 2023, arXiv:2210.02885), see `zoo.eval.rankme`.
        mode: "max", "min", or "auto": known for losses, accuracies of probes, and what `CollapseMonitor` logs.
        images: Some hundred unlabelled images for "rankme".
        restore: Whether the model gets the best encoder's weights when `fit` ends.
        every: Epochs between two measurements of "rankme"; a log is read wherever it is.
        limit: At most that many of the images.
    """

    writes_logs = False  # it reads those of the probes

    def __init__(self, path, monitor="knn", mode="auto", images=None, restore=False, every=1, limit=512):
        super().__init__(every)
        self.path = pathlib.Path(path)
        if not self.path.name.endswith((".keras", ".weights.h5")):
            raise ValueError(f"`path` must end with .keras or .weights.h5. Received: path={str(path)!r}.")
        last = monitor.removeprefix("val_").rsplit("_", 1)[-1]
        if mode == "auto" and last in LARGER + SMALLER:
            mode = "max" if last in LARGER else "min"
        if mode not in ("max", "min"):
            raise ValueError(
                f'`mode` must be "max" or "min", or "auto" for a log whose direction is known. Received: mode={mode!r}, '
                f"monitor={monitor!r}. Say which is better."
            )
        if images is not None and monitor != "rankme":
            raise ValueError(f'`images` are for monitor="rankme". Received: images and monitor={monitor!r}.')
        self.monitor, self.mode, self.restore, self.limit = monitor, mode, restore, limit
        self.images = images
        if images is not None:
            images = samples(images)
            self.images = images[subset(len(images), limit)]
        self.best, self.best_epoch = None, None

    @property
    def _record(self):
        return self.path.with_name(self.path.name + ".json")

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        self.require(["pretrained_encoder"], "keeps an encoder")
        self.best, self.best_epoch, self._started = None, None, False

    def on_epoch_begin(self, epoch, logs=None):
        """Keras' hook."""
        if not self._started and epoch > 0:
            self._go_on()
        self._started = True

    def _go_on(self):
        """Take over the best value of the run's first part, where there is one."""
        if not (self.path.exists() and self._record.exists()):
            return
        record = json.loads(self._record.read_text(encoding="utf-8"))
        if record["monitor"] != self.monitor:
            raise ValueError(
                f"A run goes on with the monitor it was begun with. Received: monitor={self.monitor!r}, and {self._record} "
                f"of {record['monitor']!r}. Use that one, or another path."
            )
        self.best, self.best_epoch = record["best"], record["epoch"]

    def on_epoch_end(self, epoch, logs=None):
        """Keras' hook."""
        logs = {} if logs is None else logs
        if self.images is not None and self.due(epoch):
            features = self.encode(self.images)
            logs["rankme"] = ev.rankme(features) if np.isfinite(features).all() else float("nan")
        if self.monitor not in logs:
            if self.best is None and self.due(epoch) and not self.monitor.startswith("val_"):
                hint = " Give it `images`." if self.monitor == "rankme" else " Add the callback that measures it."
                warnings.warn(
                    f"BestEncoder finds no {self.monitor!r} in the logs, which are {', '.join(sorted(logs))}.{hint}",
                    stacklevel=2,
                )
            return
        value = float(logs[self.monitor])
        if not np.isfinite(value):
            return
        if self.best is None or (value > self.best if self.mode == "max" else value < self.best):
            self.best, self.best_epoch = value, epoch + 1
            self._save()

    def _save(self):
        encoder = as_model(self.model)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f".partial-{os.getpid()}-{self.path.name}")
        if self.path.suffix == ".keras":
            encoder.save(partial)
        else:
            encoder.save_weights(partial)
        partial.replace(self.path)
        record = {"monitor": self.monitor, "best": self.best, "epoch": self.best_epoch}
        partial.write_text(json.dumps(record), encoding="utf-8")
        partial.replace(self._record)

    def on_train_end(self, logs=None):
        """Keras' hook: on JAX too the variables hold their values by now, and keep what they are given."""
        if not self._started:  # the run was finished before
            self._go_on()
        if self.restore and self.best is not None:
            as_model(self.model).load_weights(self.path)
