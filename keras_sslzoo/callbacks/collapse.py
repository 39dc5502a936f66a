"""Did it collapse? Reads the logs and the features, names the disease and its usual remedy in one line, once."""

import numpy as np
from keras import ops

from keras_sslzoo import eval as ev
from keras_sslzoo.callbacks.diseases import DISEASES, gradient_diseases
from keras_sslzoo.callbacks.periodic import Periodic, subset
from keras_sslzoo.eval.features import samples, scaling
from keras_sslzoo.ops.diagnostics import embedding_std
from keras_sslzoo.ops.random import Key


class CollapseMonitor(Periodic):
    """Watches a run and says what is wrong with it.

    Without arguments it reads the logs of each epoch. With images it looks at features too, and logs:

    - `feature_std`: spread of the features on the sphere, 1 where uniform (times sqrt(D), as in SimSiam, figure 2);
    - `rankme`: their effective rank, see `zoo.eval.rankme`;
    - `alignment`, `uniformity`: of two views, where the method has `views`; see `zoo.eval.alignment`;
    - `sample_std`: of a generator without encoder, the deviation over samples of a pixel, as a fraction of the images'.

    Each disease of `callbacks.diseases` is named once, on a line of its own before the next epoch; `found` keeps the lines
    by name.

    Args:
        images: Unlabelled images as `fit` takes them, or None.
        stop: Whether a disease stops the run.
        every: Epochs between two looks at the images.
        patience: Epochs (looks) in a row that show a disease before it is named; divergence is named at once. A run's
            first steps may look ill: where an epoch has few steps, raise it.
        gradient_norm: Whether the step shall log the length of its gradient (`gradient_norm`, or
            `<player>_gradient_norm`), which costs time on torch.
        limit: At most that many of the images.
    """

    writes_logs = True

    def __init__(self, images=None, stop=False, every=1, patience=3, gradient_norm=False, limit=512):
        super().__init__(every)
        if not (isinstance(patience, int) and patience > 0):
            raise ValueError(f"`patience` must be a number of epochs, at least 1. Received: patience={patience!r}.")
        if images is not None:
            images = samples(images)
            if min(len(images), limit) < 8:
                raise ValueError(
                    f"`images` must hold at least 8, and `limit` leave as many. Received: {len(images)} images, "
                    f"limit={limit}. A few hundred are enough."
                )
            images = images[subset(len(images), limit)]
        self.images = images
        self.stop, self.patience, self.limit = stop, patience, limit
        self.reads_gradient_norm = gradient_norm
        self.found = {}

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        if self.images is not None:
            self.require(["pretrained_encoder", "generate"], "looks at features or samples where it is given images")
        self.found, self._first, self._in_a_row, self._unsaid = {}, {}, {}, []

    def on_epoch_begin(self, epoch, logs=None):
        """Keras' hook: the progress bar has ended its line."""
        self._speak()

    def on_train_end(self, logs=None):
        """Keras' hook."""
        self._speak()

    def on_epoch_end(self, epoch, logs=None):
        """Keras' hook."""
        if logs is None:
            return
        if self.images is not None and self.due(epoch) and np.isfinite(list(logs.values())).all():
            logs.update(self.look())
        now = {name: float(value) for name, value in logs.items()}
        self._first = {**now, **self._first}
        norms = [name for name in now if name.endswith("gradient_norm")]
        for disease in (*DISEASES, *(disease for name in norms for disease in gradient_diseases(name))):
            shows = disease.found(now, self._first)
            if shows is None or disease.name in self.found or (disease.alone and self.found):
                continue
            key = disease.name, disease.logs
            self._in_a_row[key] = self._in_a_row.get(key, 0) + 1 if shows else 0
            if self._in_a_row[key] >= (1 if disease.at_once else self.patience):
                self.found[disease.name] = f"CollapseMonitor, epoch {epoch + 1}: {disease.line(now)}"
                self._unsaid.append(self.found[disease.name])
                if self.stop:
                    self.model.stop_training = True

    def _speak(self):
        while self._unsaid:
            print(self._unsaid.pop(0))

    def look(self):
        """The logs of the features, or of the samples of a generator without encoder."""
        if not hasattr(self.model, "pretrained_encoder"):
            return {"sample_std": self._sample_std()}
        f = self.encode(self.images)
        if not np.isfinite(f).all():
            return {"feature_std": float("nan")}
        found = {"feature_std": float(ops.convert_to_numpy(embedding_std(f))), "rankme": ev.rankme(f)}
        views = self._views()
        if views is not None:
            f1, f2 = (self.encode(view) for view in views)
            found |= {"alignment": ev.alignment(f1, f2), "uniformity": ev.uniformity(f1)}
        return found

    def _views(self):
        """The first two views of the images, the same ones each time, or None."""
        views = getattr(self.model, "views", None)
        if views is None:
            return None
        images = ops.convert_to_tensor(scaling(self.model)(self.images))
        return [ops.convert_to_numpy(view) for view in views(images, Key(0, 0))[:2]]

    def _sample_std(self):
        """Deviation of generated samples over that of the images, each the mean over the elements of a sample."""
        images = scaling(self.model)(self.images)
        samples = self.model.generate(min(len(images), 64), seed=0)
        return float(samples.std(axis=0).mean() / max(images.std(axis=0).mean(), 1e-12))
