"""Every way of stepping under every option of Keras: what stands behind each cell of docs/options.md."""

import pathlib
import shutil

import keras
import numpy as np
import pytest
from contract import Contract, values
from keras import ops

import keras_sslzoo as zoo
from keras_sslzoo.optimizers import WarmupCosine

BACKEND = keras.config.backend()
HOOKS = ("prepare", "step", "after_update", "player_networks", "frozen_networks")


def one_of_each_way_of_stepping():
    """Names of methods, of those that share all hooks of the step the first: an option meets a method in these alone."""
    ways = {}
    for name in zoo.list_methods():
        ways.setdefault(tuple(getattr(getattr(zoo, name), hook) for hook in HOOKS), name)
    return list(ways.values())


METHODS = one_of_each_way_of_stepping()


def suite_of(method):
    suite = Contract()
    suite.method = method
    return suite


def build(name, make=None, **compile_kwargs):
    return suite_of(getattr(zoo, name)).compiled(make, **compile_kwargs)


def fit(model, images, **kwargs):
    history = suite_of(type(model)).fit(model, images, **{"batch_size": 16, "epochs": 2, **kwargs})
    assert all(np.isfinite(v).all() for v in history.values()), history
    return history


def moved(name, model):
    keras.utils.set_random_seed(0)
    fresh = build(name)
    return any(
        (a != b).any()
        for a, b in zip(values(fresh.trainable_variables), values(model.trainable_variables), strict=True)
    )


def sgd(**kwargs):
    return lambda: keras.optimizers.SGD(1e-3, **kwargs)


SAME_RUN = {
    "run_eagerly": {"run_eagerly": True},
    "jit_compile": {"jit_compile": True},
    "steps_per_execution": {"steps_per_execution": 2},
}
if BACKEND != "tensorflow":
    del SAME_RUN["jit_compile"]  # on JAX the default; on torch in tests/methods/test_torch_compile.py
WEIGHTS = {"sample_weight": np.linspace(0.5, 1.5, 64).astype("float32")}
CLASSES = {"y": np.repeat([0, 1], 32), "class_weight": {0: 0.5, 1: 1.5}}
# options -> (optimizer, arguments of fit): those that go together in one run; each is compiled anew for each method
RUNS = {
    "gradient_accumulation_steps, use_ema, clipnorm, weight_decay, initial_epoch, validation_split, sample_weight": (
        sgd(gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.5, clipnorm=0.1, weight_decay=0.1),
        {"epochs": 3, "initial_epoch": 1, "validation_split": 0.25, **WEIGHTS},
    ),
    "scheduled learning_rate, scheduled weight_decay, global_clipnorm, class_weight": (
        lambda: keras.optimizers.AdamW(
            WarmupCosine(1e-3, warmup=0.25), weight_decay=WarmupCosine(0.4, end=0.04), global_clipnorm=0.1
        ),
        CLASSES,
    ),
    "LARS, clipvalue": (lambda: zoo.optimizers.LARS(0.1, clipvalue=0.01), {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_options_that_leave_the_run_as_it_is(name, images):
    plain = fit(build(name, sgd()), images[:32])
    for option, kwargs in SAME_RUN.items():
        if option == "steps_per_execution" and BACKEND == "torch":
            with pytest.raises(ValueError, match="steps_per_execution"):
                build(name, sgd(), **kwargs)
            continue
        found = fit(build(name, sgd(), **kwargs), images[:32])
        for key in plain:
            np.testing.assert_allclose(plain[key], found[key], rtol=1e-4, atol=1e-6, err_msg=f"{option}: {key}")


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("options", RUNS)
def test_options_of_the_optimizer_and_of_fit(name, options, images):
    optimizer, kwargs = RUNS[options]
    model = build(name, optimizer)
    if "class_weight" in kwargs and model.needs_targets:
        with pytest.raises(ValueError, match="Targets must have the shape"):
            fit(model, images, **kwargs)
        kwargs = {}
    history = fit(model, images, **kwargs)
    assert len(next(iter(history.values()))) == 2
    assert any(key.startswith("val_") for key in history) == ("validation_split" in kwargs)
    assert moved(name, model)
    fit(model, images, epochs=1)  # a second fit: where Keras' own use_ema breaks on JAX


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_float16(name, images):
    """bfloat16: in every method's contract suite."""
    keras.config.set_dtype_policy("mixed_float16")
    model = build(name)
    fit(model, images)
    assert all(isinstance(p.optimizer, keras.optimizers.LossScaleOptimizer) for p in model._players)


@pytest.mark.parametrize("name", METHODS)
def test_train_on_batch_is_a_step_of_fit(name, images):
    a, b = build(name, sgd()), build(name, sgd())
    x, y = suite_of(getattr(zoo, name)).fit_data(images[:16])
    a.fit(x, y, batch_size=16, epochs=1, shuffle=False, verbose=0)
    b.set_run_length(1)
    b.train_on_batch(x, y)
    for x, y in zip(values(a.trainable_variables), values(b.trainable_variables), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


# ---- what the options mean, on one method ----------------------------------------------------------------------------


def test_use_ema_ends_with_the_averages(images):
    model = build("AutoEncoder", lambda: keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9))
    plain = build("AutoEncoder", lambda: keras.optimizers.SGD(0.5))
    averages = values(plain.trainable_variables)
    plain.set_run_length(6)
    for step in range(6):
        plain.train_on_batch(images[:16])
        m = 0.9 if step else 0.0
        averages = [m * a + (1 - m) * w for a, w in zip(averages, values(plain.trainable_variables), strict=True)]
    model.fit(images[:16], batch_size=16, epochs=6, shuffle=False, verbose=0)
    for a, w in zip(averages, values(model.trainable_variables), strict=True):
        np.testing.assert_allclose(a, w, rtol=1e-4, atol=1e-5)


def test_weight_decay_excludes_what_it_is_told_to(images):
    optimizer = keras.optimizers.SGD(0.0, weight_decay=0.1)
    suite = Contract()
    suite.method = zoo.AutoEncoder
    model = suite.build()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer)
    optimizer.learning_rate = 0.5
    for v in model.trainable_variables:
        v.assign(np.ones(v.shape, "float32"))
    before = {v.path: v for v in model.trainable_variables}
    zero = [ops.zeros(v.shape) for v in model.trainable_variables]
    zoo.backend.apply_gradients(optimizer, zero, model.trainable_variables)
    for path, v in before.items():
        expected = 1.0 if path.endswith("bias") else 1.0 - 0.5 * 0.1
        np.testing.assert_allclose(ops.convert_to_numpy(v.value), expected, rtol=1e-6, err_msg=path)


class Decayed(zoo.Method):
    """A weight that only decays, and one that is held while the run is young."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.free = self.add_weight(shape=(), initializer="ones", name="free")
        self.last = self.add_weight(shape=(), initializer="ones", name="last")

    def call(self, x):
        return x * self.free

    def objective(self, x, training=True):
        return 0.0 * ops.mean(x) * self.free + 1.0 * self.last, {}

    def step(self, x, training=True):
        hold = [([self.last], self.progress < 0.5)]
        return self.minimize("model", lambda: self.objective(x, training), hold=hold)


def test_scheduled_weight_decay_and_held_variables_by_hand(tmp_path):
    schedule = WarmupCosine(0.4, end=0.04)
    model = Decayed()
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=schedule))
    model.fit(np.ones((8, 1), "float32"), batch_size=8, epochs=4, verbose=0)
    free = last = 1.0
    velocity = 0.0
    for step in range(4):
        decay = 0.04 + 0.36 * 0.5 * (1 + np.cos(np.pi * step / 4))
        free *= 1 - 0.1 * decay
        if step >= 2:
            last *= 1 - 0.1 * decay
            velocity = 0.9 * velocity - 0.1
            last += velocity
    assert float(ops.convert_to_numpy(model.free.value)) == pytest.approx(free, rel=1e-5)
    assert float(ops.convert_to_numpy(model.last.value)) == pytest.approx(last, rel=1e-5)
    assert model.optimizer.weight_decay is schedule
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert isinstance(again.optimizer.weight_decay, WarmupCosine)
    again.fit(np.ones((8, 1), "float32"), batch_size=8, verbose=0)


def test_the_table_of_the_documentation_names_what_is_tested():
    text = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "options.md").read_text(encoding="utf-8")
    of_runs = ", ".join(RUNS).split(", ")
    for option in ["jit_compile", *SAME_RUN, *of_runs, "mixed_float16", "mixed_bfloat16", "train_on_batch"]:
        assert f"`{option}`" in text, option
    for name in zoo.list_methods():
        assert f"`{name}`" in text, name


@pytest.mark.skipif(BACKEND != "torch", reason="only torch compiles with the system's compiler")
def test_a_missing_compiler_is_explained(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match=r"C\+\+ compiler"):
        build("AutoEncoder", jit_compile=True)
