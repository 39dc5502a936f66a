import math

import keras
import pytest
from keras import ops

from keras_sslzoo.ops import schedules
from keras_sslzoo.optimizers import WarmupCosine


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
def test_cosine(progress):
    expected = 0.2 + (1.0 - 0.2) * (1 + math.cos(math.pi * progress)) / 2
    assert float(ops.convert_to_numpy(schedules.cosine(progress, 1.0, 0.2))) == pytest.approx(expected, abs=1e-6)


def test_warmup_cosine_is_the_official_schedule():
    """google-research/simclr: step / warmup_steps * rate, then cosine decay over the rest."""
    total, warm, rate = 100, 10, 0.3
    schedule = WarmupCosine(rate, warmup=warm / total)
    for step in range(total):
        if step < warm:
            expected = step / warm * rate
        else:
            expected = rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))
        got = float(ops.convert_to_numpy(schedule.value(ops.convert_to_tensor(step / total, "float32"))))
        assert got == pytest.approx(expected, abs=1e-6)


def test_a_schedule_of_the_run_needs_a_method():
    optimizer = keras.optimizers.SGD(WarmupCosine(0.1))
    with pytest.raises(ValueError, match="keras_sslzoo method"):
        _ = optimizer.learning_rate


def test_config_round_trip():
    config = keras.saving.serialize_keras_object(WarmupCosine(0.3, warmup=0.1, end=0.01))
    again = keras.saving.deserialize_keras_object(config)
    assert (again.peak, again.warmup, again.end) == (0.3, 0.1, 0.01)


def test_bad_warmup_is_refused():
    with pytest.raises(ValueError, match=r"0\.1"):
        WarmupCosine(0.3, warmup=10)
