"""Checkpoints from which a killed run goes on exactly where it was.

    directory/step-00000120/model.weights.h5   weights, optimizer, targets, seeds, schedule
                            state.json         epoch, batch, running means, sha256 of the weights

Each is written beside its place and moved there at once, so that a process killed while it writes leaves the last good one.
"""

import hashlib
import json
import os
import pathlib
import shutil
import warnings

import keras

WEIGHTS, STATE = "model.weights.h5", "state.json"


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole state of a run, and makes `fit` go on from the newest good one.

    Run the same script again after a crash: `fit` restores the weights, the optimizer, targets, queues, seeds, the
    schedule's position, the epoch and the batch, and ends with the weights of the run that was not interrupted. The state
    of other callbacks (how long EarlyStopping has waited) is not stored.

    Args:
        directory: Folder of the run's checkpoints; one run, one folder.
        every: "epoch", or a number of batches. Within an epoch only runs over arrays can go on, since other data sets cannot
            be entered in the middle.
        keep: How many to keep.
    """

    def __init__(self, directory, every="epoch", keep=2):
        super().__init__()
        if every != "epoch" and not (isinstance(every, int) and every > 0):
            raise ValueError(f'`every` must be "epoch" or a number of batches. Received: every={every!r}.')
        if not (isinstance(keep, int) and keep > 0):
            raise ValueError(f"`keep` must be a positive number. Received: keep={keep!r}.")
        self.directory = pathlib.Path(directory)
        self.every = every
        self.keep = keep
        self._epoch = self._batch = 0

    # ---- writing -----------------------------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch, logs=None):
        """Keras' hook."""
        self._batch = self._first_batch if epoch == self._first_epoch else 0
        self._epoch = epoch

    def on_train_begin(self, logs=None):
        """Keras' hook."""
        if not hasattr(self, "_first_epoch"):
            raise ValueError(
                "Checkpoint works in the `fit` of a keras_sslzoo method, which begins where the checkpoint says. Received: "
                f"another model, {type(self.model).__name__}. Use keras.callbacks.BackupAndRestore there."
            )

    def on_train_batch_end(self, batch, logs=None):
        """Keras' hook."""
        done = self._begin + batch + 1
        crossed = self.every != "epoch" and done // self.every > self._batch // self.every
        self._batch = done
        if crossed:
            self._save(self._epoch, done)

    @property
    def _begin(self):
        return self._first_batch if self._epoch == self._first_epoch else 0

    def on_epoch_end(self, epoch, logs=None):
        """Keras' hook."""
        self._save(epoch + 1, 0)

    def _save(self, epoch, batch):
        self.directory.mkdir(parents=True, exist_ok=True)
        step = int(keras.ops.convert_to_numpy(self.model._steps.value))
        partial = self.directory / f".partial-{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        self.model.save_weights(partial / WEIGHTS)
        means = {m.name: [float(keras.ops.convert_to_numpy(v.value)) for v in m.variables] for m in self.model.metrics}
        state = {"epoch": epoch, "batch": batch, "means": means, "sha256": _sha256(partial / WEIGHTS)}
        (partial / STATE).write_text(json.dumps(state), encoding="utf-8")
        for name in (WEIGHTS, STATE):
            with open(partial / name, "rb") as file:
                os.fsync(file.fileno())
        final = self.directory / f"step-{step:08d}"
        shutil.rmtree(final, ignore_errors=True)  # the same step: an epoch's end after its last batch
        partial.replace(final)
        for old in self._found()[self.keep :]:
            shutil.rmtree(old, ignore_errors=True)

    # ---- going on ----------------------------------------------------------------------------------------------------

    def _found(self):
        return sorted(self.directory.glob("step-*"), reverse=True)

    def resume_point(self, model):
        """Load the newest good checkpoint into `model`; `fit` calls it before it begins.

        Returns:
            `(epoch, batch, means)` from which to go on: (0, 0, {}) where there is no checkpoint.
        """
        self._first_epoch, self._first_batch, means = 0, 0, {}
        found = self._found()
        for folder in found:
            try:
                state = json.loads((folder / STATE).read_text(encoding="utf-8"))
                if _sha256(folder / WEIGHTS) != state["sha256"]:
                    raise ValueError("its sha256 is another")
            except (OSError, ValueError, KeyError) as error:
                warnings.warn(f"Checkpoint {folder} is damaged and left out: {error}.", stacklevel=2)
                continue
            model.load_weights(folder / WEIGHTS)
            self._first_epoch, self._first_batch, means = state["epoch"], state["batch"], state["means"]
            break
        else:
            if found:
                raise ValueError(
                    f"At least one checkpoint of {self.directory} must be intact. Received: {len(found)} damaged. Remove "
                    "the folder to begin anew."
                )
        return self._first_epoch, self._first_batch, means


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
