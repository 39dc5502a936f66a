"""Learning-rate schedules that learn the length of the run when `fit` starts."""

import keras

from keras_sslzoo.ops import schedules
from keras_sslzoo.ops.config import deserialize_config, signature_config


class RunSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate as a function of the run's progress, `value(progress)`, not of a step count.

    The method that is compiled with it binds it to its own progress. Used with a model that is no keras_sslzoo method
    it raises, since nobody tells it how long the run is.
    """

    _read = None
    _pinned = None

    def bind(self, read):
        """Take the progress from `read()`, a scalar in [0, 1]."""
        self._read = read

    def pin(self, progress):
        """Use this progress until `pin(None)`: for the optimizer's update, which on JAX cannot read the model's state."""
        self._pinned = progress

    def value(self, progress):
        """The learning rate at `progress` in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} must define `value(progress)`.")

    def __call__(self, step):
        """The learning rate now; `step` is not used."""
        if self._pinned is not None:
            return self.value(self._pinned)
        if self._read is None:
            raise ValueError(
                f"{type(self).__name__} follows the progress of a run, so it works in the optimizer of a keras_sslzoo "
                "method. Received: an optimizer that no method was compiled with. Elsewhere use "
                "keras.optimizers.schedules, which take a number of steps."
            )
        return self.value(self._read())

    def get_config(self):
        """The constructor's arguments."""
        return signature_config(self, RunSchedule)

    @classmethod
    def from_config(cls, config):
        """The schedule of `get_config`."""
        return cls(**deserialize_config(config))


@keras.saving.register_keras_serializable("keras_sslzoo")
class WarmupCosine(RunSchedule):
    """Linear warm-up from 0, then a cosine to `end` at the last step of the run.

    Args:
        peak: Learning rate at the end of the warm-up.
        warmup: Fraction of the run that warms up, in [0, 1).
        end: Learning rate at the end of the run.
    """

    def __init__(self, peak, warmup=0.0, end=0.0):
        if not 0.0 <= warmup < 1.0:
            raise ValueError(
                f"`warmup` is a fraction of the run, in [0, 1). Received: warmup={warmup}. For 10 of 100 epochs give 0.1."
            )
        self.peak = peak
        self.warmup = warmup
        self.end = end

    def value(self, progress):
        """The learning rate at `progress` in [0, 1]."""
        return schedules.warmup_cosine(progress, self.peak, self.warmup, self.end)
