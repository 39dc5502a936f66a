"""The engine under Keras' own habits: data, callbacks, several players, accumulation, precision, saving."""

import importlib.util

import keras
import numpy as np
import pytest
from contract import tiny_encoder, values
from keras import layers, ops

import keras_sslzoo as zoo
from keras_sslzoo.data.batches import Batches
from keras_sslzoo.optimizers import WarmupCosine

BACKEND = keras.config.backend()


class Line(zoo.Method):
    """y = w . x fitted to 0: small enough to follow by hand, with a counter that moves after each real update.

    Args:
        width: Of x.
    """

    log_names = ("size",)

    def __init__(self, width=3, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")
        self.dense.build((None, width))
        self.updates = self.add_weight(shape=(), initializer="zeros", trainable=False, name="updates")

    def call(self, x):
        return self.dense(x)

    def objective(self, x, training=True):
        y = self.dense(x)[:, 0]
        return ops.square(y), {"size": ops.abs(y)}

    def after_update(self):
        self.updates.assign_add(1.0)


def line(optimizer=None, **kwargs):
    model = Line(seed=1)
    model.compile(optimizer or keras.optimizers.SGD(0.01), **kwargs)
    return model


X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")


def weights(model):
    return ops.convert_to_numpy(model.dense.kernel.value)[:, 0]


def test_one_step_by_hand():
    model = line()
    model.fit(X, batch_size=64, epochs=1, verbose=0, shuffle=False)
    gradient = (2 * (X @ np.ones(3))[:, None] * X).mean(0)
    np.testing.assert_allclose(weights(model), 1 - 0.01 * gradient, rtol=1e-5)


def test_the_optimizer_of_one_player_is_the_users():
    optimizer = keras.optimizers.SGD(0.01)
    model = line(optimizer)
    assert model.optimizer is optimizer


def test_optimizer_by_name():
    model = Line()
    model.compile("adam")
    assert isinstance(model.optimizer, keras.optimizers.Adam)


def test_a_method_without_a_recipe_needs_an_optimizer():
    with pytest.raises(ValueError, match="needs an optimizer"):
        Line().compile()


def test_undeclared_logs_are_refused():
    class Wrong(Line):
        log_names = ("other",)

    model = Wrong()
    model.compile("sgd")
    with pytest.raises(ValueError, match="log_names"):
        model.fit(X, verbose=0)


def test_an_argument_that_is_no_attribute_is_refused():
    class Forgetful(Line):
        def __init__(self, depth=1, **kwargs):
            super().__init__(**kwargs)

    with pytest.raises(AttributeError, match="depth"):
        Forgetful().get_config()


# ---- data ----------------------------------------------------------------------------------------------------------


def test_order_depends_on_seed_and_epoch_alone():
    batches = Batches((np.arange(10),), 4, shuffle=True, drop_remainder=True, seed=3)
    assert len(batches) == 2
    first = np.concatenate([batches[i][0] for i in range(2)])
    batches.start_epoch(1)
    second = np.concatenate([batches[i][0] for i in range(2)])
    assert (first != second).any()
    batches.start_epoch(0)
    np.testing.assert_array_equal(first, np.concatenate([batches[i][0] for i in range(2)]))
    full = Batches((np.arange(10),), 4, shuffle=False, drop_remainder=False, seed=3)
    assert [len(full[i][0]) for i in range(len(full))] == [4, 4, 2]


class Seen(Line):
    """Keeps the sum of a column of what it trained on, weighted by place, to tell one order from another."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.trace = self.add_weight(shape=(), initializer="zeros", trainable=False, name="trace")

    def objective(self, x, training=True):
        if training:
            self.trace.assign(self.trace.value * 1.5 + ops.sum(x[0]))
        return super().objective(x, training)


def trace_of(epochs, initial_epoch=0, **kwargs):
    model = Seen(seed=1)
    model.compile("sgd")
    model.fit(X, batch_size=16, epochs=epochs, initial_epoch=initial_epoch, verbose=0, **kwargs)
    return float(ops.convert_to_numpy(model.trace.value))


def test_fit_uses_that_order_on_every_backend():
    """The same number everywhere, recomputed here from `Batches`."""
    batches = Batches((X,), 16, shuffle=True, drop_remainder=False, seed=1)
    expected = 0.0
    for epoch in (0, 1):
        batches.start_epoch(epoch)
        for i in range(4):
            expected = expected * 1.5 + batches[i][0][0].sum()
    assert trace_of(2) == pytest.approx(expected, rel=1e-5)
    assert trace_of(2, shuffle=False) != pytest.approx(expected, rel=1e-3)


def test_initial_epoch_takes_the_order_of_that_epoch():
    batches = Batches((X,), 16, shuffle=True, drop_remainder=False, seed=1)
    batches.start_epoch(1)
    expected = 0.0
    for i in range(4):
        expected = expected * 1.5 + batches[i][0][0].sum()
    assert trace_of(2, initial_epoch=1) == pytest.approx(expected, rel=1e-5)


def datasets():
    class Py(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return (X[16 * i : 16 * i + 16],)

    def generator():
        while True:
            for i in range(4):
                yield (X[16 * i : 16 * i + 16],)

    yield "pydataset", Py(), {}
    yield "generator", generator(), {"steps_per_epoch": 4}
    if BACKEND == "tensorflow":
        import tensorflow as tf

        yield "tf.data", tf.data.Dataset.from_tensor_slices(X).batch(16), {}
    if BACKEND == "torch":
        import torch

        data = torch.utils.data.TensorDataset(torch.from_numpy(X))
        yield "dataloader", torch.utils.data.DataLoader(data, batch_size=16), {}


DATA_SETS = {name: (data, kwargs) for name, data, kwargs in datasets()}


@pytest.mark.parametrize("name", DATA_SETS)
def test_data_sets(name):
    data, kwargs = DATA_SETS[name]
    model = line()
    expected = line()
    model.fit(data, epochs=2, verbose=0, shuffle=False, **kwargs)
    expected.fit(X, batch_size=16, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(weights(model), weights(expected), rtol=1e-5)


def test_tensors_and_float64_are_cast():
    for x in (X.astype("float64"), X.astype("float16"), ops.convert_to_tensor(X)):
        line().fit(x, batch_size=32, verbose=0)


def test_validation():
    model = line()
    history = model.fit(X, batch_size=16, validation_split=0.25, epochs=2, verbose=0).history
    assert set(history) == {"loss", "size", "val_loss", "val_size"}
    again = line()
    other = again.fit(X[:48], batch_size=16, validation_data=X[48:], epochs=2, verbose=0).history
    np.testing.assert_allclose(history["val_loss"], other["val_loss"], rtol=1e-6)
    with pytest.raises(ValueError, match="validation_split"):
        model.fit(X, validation_split=0.001, verbose=0)


def test_evaluate_is_a_mean_over_samples_also_with_an_uneven_last_batch():
    model = line()
    expected = float(np.mean((X @ np.ones(3)) ** 2))
    assert model.evaluate(X[:], batch_size=48, verbose=0, return_dict=True)["loss"] == pytest.approx(expected, rel=1e-5)


def test_sample_and_class_weights():
    weight = np.repeat([0.0, 2.0], 32).astype("float32")
    a, b, c = line(), line(), line()
    a.fit(X, sample_weight=weight, batch_size=64, verbose=0)
    b.fit(X, np.repeat([0, 1], 32), class_weight={0: 0.0, 1: 2.0}, batch_size=64, verbose=0)
    c.fit(X[32:], batch_size=32, verbose=0)
    np.testing.assert_allclose(weights(a), weights(c), rtol=1e-5)
    np.testing.assert_allclose(weights(b), weights(c), rtol=1e-5)


def test_a_loss_over_the_batch_refuses_sample_weights():
    class Total(Line):
        def objective(self, x, training=True):
            loss, logs = super().objective(x)
            return ops.mean(loss), logs

    model = Total()
    model.compile("sgd")
    with pytest.raises(ValueError, match="not a mean over samples"):
        model.fit(X, sample_weight=np.ones(64), verbose=0)


def test_nan_from_a_generator_stops_at_the_first_step():
    def bad():
        while True:
            yield (np.full((8, 3), np.nan, "float32"),)

    with pytest.raises(ValueError, match="must be finite"):
        line().fit(bad(), steps_per_epoch=3, verbose=0)


def test_empty_and_uneven_data_are_refused():
    with pytest.raises(ValueError, match="at least one sample"):
        line().fit(X[:0], verbose=0)
    with pytest.raises(ValueError, match="same number of samples"):
        line().fit(X, np.zeros(3), verbose=0)


# ---- callbacks -----------------------------------------------------------------------------------------------------


def test_stock_callbacks(tmp_path):
    rates = []
    model = line(keras.optimizers.SGD(0.01))
    history = model.fit(
        X,
        validation_data=X,
        batch_size=16,
        epochs=6,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True, min_delta=1e9),
            keras.callbacks.ModelCheckpoint(tmp_path / "m.keras", monitor="val_loss", save_best_only=True),
            keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=1e9),
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: rates.append(
                    float(ops.convert_to_numpy(model.optimizer.learning_rate))
                )
            ),
        ],
    ).history
    assert len(history["loss"]) == 2  # nothing improves by 1e9: stopped after patience
    assert rates[-1] == pytest.approx(0.005)
    assert (tmp_path / "log.csv").read_text().count("\n") == 3
    assert keras.models.load_model(tmp_path / "m.keras").evaluate(X, verbose=0)


def test_learning_rate_scheduler_acts():
    model = line(keras.optimizers.SGD(0.01))
    model.fit(
        X, batch_size=64, epochs=2, verbose=0, callbacks=[keras.callbacks.LearningRateScheduler(lambda e: 0.0 * e)]
    )
    np.testing.assert_array_equal(weights(model), 1.0)


@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="Keras writes TensorBoard files with TensorFlow"
)
def test_tensorboard(images, tmp_path):
    model = zoo.LSGAN(image_shape=(12, 12, 1))
    model.compile()
    model.fit(
        images, batch_size=32, verbose=0, validation_data=images, callbacks=[keras.callbacks.TensorBoard(tmp_path)]
    )
    assert {path.parent.name for path in tmp_path.rglob("events.*")} == {"train", "validation"}


def test_learning_rate_callbacks_act_on_each_player(images):
    model = zoo.LSGAN(image_shape=(12, 12, 1))
    model.compile()
    history = model.fit(
        images,
        batch_size=32,
        epochs=1,
        verbose=0,
        callbacks=[keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)],
    ).history
    for player in ("discriminator", "generator"):
        assert history[f"learning_rate_{player}"] == pytest.approx([1e-4])
        assert float(ops.convert_to_numpy(model.optimizer.optimizers[player].learning_rate)) == pytest.approx(1e-4)
    with pytest.raises(AttributeError, match="optimizers"):
        _ = model.optimizer.learning_rate


def test_backup_and_restore(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    whole = Seen(seed=1)
    whole.compile(keras.optimizers.Adam(0.01))
    whole.fit(X, batch_size=16, epochs=4, verbose=0)
    backup = lambda: keras.callbacks.BackupAndRestore(tmp_path / "backup")  # noqa: E731
    first = Seen(seed=1)
    first.compile(keras.optimizers.Adam(0.01))
    with pytest.raises(KeyboardInterrupt):
        first.fit(X, batch_size=16, epochs=4, verbose=0, callbacks=[backup(), Stop()])
    second = Seen(seed=1)
    second.compile(keras.optimizers.Adam(0.01))
    second.fit(X, batch_size=16, epochs=4, verbose=0, callbacks=[backup()])
    np.testing.assert_array_equal(weights(second), weights(whole))


# ---- optimizers ----------------------------------------------------------------------------------------------------


def test_gradient_accumulation_is_the_large_batch_and_updates_move_on_real_steps():
    accumulated = line(keras.optimizers.SGD(0.01, gradient_accumulation_steps=4))
    accumulated.fit(X, batch_size=16, epochs=3, shuffle=False, verbose=0)
    large = line(keras.optimizers.SGD(0.01))
    large.fit(X, batch_size=64, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(weights(accumulated), weights(large), rtol=1e-5)
    assert float(ops.convert_to_numpy(accumulated.updates.value)) == 3.0
    assert float(ops.convert_to_numpy(large.updates.value)) == 3.0


def test_a_schedule_follows_the_run_and_restarts_with_a_new_one():
    seen = []

    class Rate(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(float(ops.convert_to_numpy(self.model.optimizer.learning_rate)))

    model = line(keras.optimizers.SGD(WarmupCosine(1e-3, warmup=0.5)))
    model.fit(X, batch_size=16, epochs=4, verbose=0, callbacks=[Rate()])
    np.testing.assert_allclose(seen, [5e-4, 1e-3, 5e-4, 0.0], atol=1e-8)
    seen.clear()
    model.fit(X, batch_size=16, epochs=2, verbose=0, callbacks=[Rate()])
    np.testing.assert_allclose(seen, [1e-3, 0.0], atol=1e-8)
    seen.clear()
    model.fit(X, batch_size=16, epochs=4, initial_epoch=3, verbose=0, callbacks=[Rate()])
    np.testing.assert_allclose(seen, [0.0], atol=1e-8)


def test_a_schedule_moves_the_weights_as_computed_by_hand():
    model = line(keras.optimizers.SGD(WarmupCosine(0.1, warmup=0.5)))
    model.fit(X, batch_size=64, epochs=4, shuffle=False, verbose=0)
    w = np.ones(3)
    for rate in (0.0, 0.05, 0.1, 0.05):
        w = w - rate * (2 * (X @ w)[:, None] * X).mean(0)
    np.testing.assert_allclose(weights(model), w, rtol=1e-4)


def test_a_schedule_needs_the_length_of_the_run():
    def endless():
        while True:
            yield (X,)

    model = line(keras.optimizers.SGD(WarmupCosine(0.1)))
    with pytest.raises(ValueError, match="steps_per_epoch"):
        model.fit(endless(), epochs=2, verbose=0)


def test_players_save_and_load_with_their_own_state(images, tmp_path):
    model = zoo.LSGAN(image_shape=(12, 12, 1))
    model.compile({"discriminator": keras.optimizers.SGD(0.01, momentum=0.9), "generator": keras.optimizers.Adam(1e-3)})
    model.fit(images, batch_size=32, epochs=1, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert isinstance(again.optimizer.optimizers["discriminator"], keras.optimizers.SGD)
    for a, b in zip(values(model.optimizer.variables), values(again.optimizer.variables), strict=True):
        np.testing.assert_array_equal(a, b)


# ---- other options -------------------------------------------------------------------------------------------------


def test_run_eagerly_is_the_same_run():
    a, b = line(), line(run_eagerly=True)
    a.fit(X, batch_size=32, verbose=0)
    b.fit(X, batch_size=32, verbose=0)
    np.testing.assert_allclose(weights(a), weights(b), rtol=1e-5)


def test_steps_per_execution():
    if BACKEND == "torch":
        with pytest.raises(ValueError, match="steps_per_execution"):
            line(steps_per_execution=2)
        return
    a, b = line(), line(steps_per_execution=2)
    a.fit(X, batch_size=16, epochs=2, verbose=0)
    b.fit(X, batch_size=16, epochs=2, verbose=0)
    np.testing.assert_allclose(weights(a), weights(b), rtol=1e-5)


def test_a_second_fit_goes_on():
    model = line()
    first = model.fit(X, batch_size=16, verbose=0).history["loss"][-1]
    assert model.fit(X, batch_size=16, verbose=0).history["loss"][-1] < first


def test_mixed_float16_scales_the_loss(images):
    keras.config.set_dtype_policy("mixed_float16")
    model = zoo.LSGAN(image_shape=(12, 12, 1))
    model.compile()
    for player in ("discriminator", "generator"):
        assert isinstance(model.optimizer.optimizers[player], keras.optimizers.LossScaleOptimizer)
    history = model.fit(images, batch_size=32, epochs=3, verbose=0).history
    assert np.isfinite(history["generator_loss"]).all()


def test_jit_is_not_carried_to_another_backend(tmp_path):
    model = line()
    assert model.get_compile_config()["jit_compile"] == "auto"


@pytest.mark.accelerator
def test_trains_on_the_accelerator(images):
    model = zoo.SimCLR(tiny_encoder())
    model.compile()
    assert np.isfinite(model.fit(images, batch_size=32, verbose=0).history["loss"]).all()


def test_unknown_names_list_the_nearest():
    with pytest.raises(AttributeError, match="SimCLR"):
        _ = zoo.SimCRL
    assert zoo.list_methods() == sorted(zoo.list_methods())
