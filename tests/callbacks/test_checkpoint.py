import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from callbacks import resume
from contract import tiny_encoder, values

import keras_sslzoo as zoo


@pytest.mark.slow
@pytest.mark.parametrize("method", ["BYOL", "LSGAN"])
def test_a_killed_run_ends_where_the_uninterrupted_one_ends(method, tmp_path):
    """5 batches an epoch, a checkpoint every 3; killed with -9 in the second epoch, after batch 9."""

    def run(kill_at):
        arguments = [method, tmp_path / "killed", kill_at, tmp_path / "killed.npz"]
        return subprocess.run([sys.executable, resume.__file__, *map(str, arguments)], timeout=300).returncode

    resume.main(method, tmp_path / "whole", 0, tmp_path / "whole.npz")
    assert run(kill_at=9) == -signal.SIGKILL
    assert not (tmp_path / "killed.npz").exists()
    assert run(kill_at=0) == 0
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "killed.npz") as killed:
        assert set(whole) == set(killed)
        for key in whole:
            np.testing.assert_array_equal(whole[key], killed[key], err_msg=key)


def build(seed=1):
    keras.utils.set_random_seed(seed)
    model = zoo.SimCLR(tiny_encoder(), projector=zoo.nets.Head(16, (16,), 8, name="projector"))
    model.compile(keras.optimizers.Adam(1e-3))
    return model


class Interrupt(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.step, self.seen = step, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.step:
            raise KeyboardInterrupt


def test_goes_on_in_the_middle_of_an_epoch_even_from_another_seed_with_the_same_logs(images, tmp_path):
    whole = build()
    expected = whole.fit(images, batch_size=16, epochs=3, verbose=0).history
    with pytest.raises(KeyboardInterrupt):
        build().fit(
            images,
            batch_size=16,
            epochs=3,
            verbose=0,
            callbacks=[zoo.callbacks.Checkpoint(tmp_path, every=1), Interrupt(7)],
        )
    again = build(seed=99)
    history = again.fit(
        images, batch_size=16, epochs=3, verbose=0, callbacks=zoo.callbacks.Checkpoint(tmp_path)
    ).history
    for a, b in zip(values(whole.trainable_variables), values(again.trainable_variables), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(history["loss"], expected["loss"][1:], rtol=1e-6)


def test_rotates_and_a_finished_run_stays_finished(images, tmp_path):
    model = build()
    model.fit(
        images, batch_size=16, epochs=3, verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path, every=2, keep=2)]
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000010", "step-00000012"]
    before = values(model.trainable_variables)
    model.fit(images, batch_size=16, epochs=3, verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path)])
    for a, b in zip(before, values(model.trainable_variables), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_damaged_checkpoint_is_left_out_and_the_one_before_is_used(images, tmp_path):
    build().fit(images, batch_size=16, epochs=2, verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path)])
    newest = tmp_path / "step-00000008" / "model.weights.h5"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    callback = zoo.callbacks.Checkpoint(tmp_path)
    with pytest.warns(UserWarning, match="damaged"):
        assert callback.resume_point(build())[:2] == (1, 0)
    (tmp_path / "step-00000004" / "state.json").write_text("{")
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(ValueError, match="Remove the folder"):
        callback.resume_point(build())


def test_leftovers_of_a_killed_writer_do_no_harm(images, tmp_path):
    (tmp_path / ".partial-1").mkdir()
    (tmp_path / ".partial-1" / "model.weights.h5").write_bytes(b"half")
    assert zoo.callbacks.Checkpoint(tmp_path).resume_point(build())[:2] == (0, 0)


def test_other_data_sets_go_on_from_the_end_of_an_epoch_only(images, tmp_path):
    class Data(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return (images[16 * i : 16 * i + 16],)

    with pytest.raises(KeyboardInterrupt):
        build().fit(Data(), epochs=2, verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path, every=1), Interrupt(6)])
    with pytest.raises(ValueError, match="end of an epoch only"):
        build().fit(Data(), epochs=2, verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path)])


@pytest.mark.parametrize("kwargs", [{"every": 0}, {"every": "step"}, {"keep": 0}])
def test_bad_arguments_are_refused(kwargs, tmp_path):
    with pytest.raises(ValueError, match="Received"):
        zoo.callbacks.Checkpoint(tmp_path, **kwargs)


def test_another_model_is_refused(tmp_path):
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="keras_sslzoo method"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path)])
