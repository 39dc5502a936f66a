"""What every method must do, written once: `class TestContract(Contract): method = zoo.BYOL`.

The suite builds a tiny instance from the constructor's signature. A method with other needs overrides `build` or `data`.
"""

import inspect
import re

import keras
import numpy as np
import pytest
from keras import layers

import keras_sslzoo as zoo

SHAPE = (12, 12, 1)
MUST_RAISE = "Received"


def tiny_encoder(shape=SHAPE, features=16):
    return keras.Sequential(
        [
            layers.Input(shape),
            layers.Conv2D(8, 3, strides=2, use_bias=False, kernel_initializer=zoo.nets.initializers.HeNormal()),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(features, 3, strides=2, kernel_initializer=zoo.nets.initializers.HeNormal()),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
        ],
        name="tiny_encoder",
    )


def tiny_coders(code=8, code_activation=None, shape=SHAPE):
    """An encoder and a decoder of dense layers, quick to compile."""
    encoder = zoo.nets.MLP(shape, (16, code), output_activation=code_activation)
    decoder = zoo.nets.MLP((code,), (16, int(np.prod(shape))), output_activation="sigmoid", output_shape=shape)
    return {"encoder": encoder, "decoder": decoder}


def bright_squares(n=64):
    """Grey images of 12x12 in [0, 1], 256 levels: a bright square of random place, size and shade."""
    rng = np.random.default_rng(0)
    images = 0.1 * rng.random((n, *SHAPE))
    for image in images:
        top, left = rng.integers(0, 7, 2)
        size = rng.integers(3, 6)
        image[top : top + size, left : left + size] += rng.uniform(0.4, 0.9)
    return (np.round(images * 255) / 255).astype("float32")


def quick_views():
    """Two views that take no time to compile; the default ones are in `test_bare_compile_trains_and_reports_its_logs`."""
    view = [zoo.views.RandomFlip(0.5), zoo.views.Solarize(0.7, 0.3)]
    return zoo.views.MultiView([zoo.views.Pipeline(view) for _ in range(2)])


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(v.value)) for v in variables]


def outputs(y):
    """The arrays that a model returned: one, or those of a dict."""
    return [keras.ops.convert_to_numpy(part) for part in keras.tree.flatten(y)]


def parameters(cls):
    """Named constructor arguments of a class, its bases included."""
    found = {}
    for base in cls.__mro__:
        if base is keras.Model:
            break
        if "__init__" in vars(base):
            for name, p in list(inspect.signature(vars(base)["__init__"]).parameters.items())[1:]:
                if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                    found.setdefault(name, p)
    return found


class Contract:
    """Subclass it in a method's test file and set `method`."""

    method = None
    learning_rate = 3e-3
    overfit_log = "loss"
    overfit_factor = 0.9

    def build(self, **kwargs):
        names = parameters(self.method)
        if "encoder" in names and names["encoder"].default is inspect.Parameter.empty:
            kwargs.setdefault("encoder", tiny_encoder())
        if "views" in names:
            kwargs.setdefault("views", quick_views())
        if "image_shape" in names:
            kwargs.setdefault("image_shape", SHAPE)
        if "text_encoder" in names:
            kwargs.setdefault("text_encoder", zoo.nets.TextTransformer(11, 5, 16, depth=1, heads=2))
            kwargs.setdefault("projection_dim", 8)
        if "width" in names:
            kwargs.setdefault("width", 4)
        if "projector" in names:
            kwargs.setdefault("projector", zoo.nets.Head(16, (16,), 8, name="projector"))
        if "predictor" in names:
            kwargs.setdefault("predictor", zoo.nets.Head(8, (16,), 8, name="predictor"))
        return self.method(**kwargs)

    def optimizer(self, model, make=None):
        make = make or (lambda: keras.optimizers.Adam(self.learning_rate))
        players = list(model.player_networks())
        return make() if len(players) == 1 else {player: make() for player in players}

    def compiled(self, make=None, **kwargs):
        keras.utils.set_random_seed(0)
        model = self.build()
        model.compile(self.optimizer(model, make), **kwargs)
        return model

    def fit_data(self, images):
        """What `fit` takes, `(x, y)`: images, their mirror images where the method needs targets, or images with texts, each
        with its number as four digits and an end."""
        if self.method.needs_targets:
            return images, np.flip(images, axis=2).copy() if isinstance(images, np.ndarray) else images
        if "text_encoder" not in parameters(self.method):
            return images, None
        tokens = [[int(digit) for digit in f"{i:04d}"] + [10] for i in range(len(images))]
        return {"image": images, "text": np.array(tokens, "int32")}, None

    def fit(self, model, images, y=None, **kwargs):
        """The logs of `fit` on images."""
        x, targets = self.fit_data(images)
        kwargs = {"batch_size": 32, "epochs": 1, "verbose": 0, **kwargs}
        return model.fit(x, targets if y is None else y, **kwargs).history

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls):
        """`(model, logs)` of two epochs: what other runs are compared with. Its tests leave the model as it is."""
        suite = cls()
        model = suite.compiled()
        return model, suite.fit(model, bright_squares(), epochs=2)

    def inference_input(self, model, images):
        """What `predict` takes: data, but noise for a generator."""
        if isinstance(model, zoo.engine.game.GenerativeGame):
            return np.random.default_rng(0).normal(size=(8, model.latent_dim)).astype("float32")
        return self.fit_data(images[:8])[0]

    # ---- construction ----------------------------------------------------------------------------------------------

    def test_is_listed_and_says_where_it_comes_from(self):
        assert self.method.__name__ in zoo.list_methods()
        assert self.method.paper.url.startswith("https://")
        assert self.method.recipe.source

    def test_signature_docstring_and_attributes_agree(self):
        model = self.build()
        documented = set(re.findall(r"^ {8}([\w, ]+): ", self.method.__doc__, re.M))
        documented = {name.strip() for line in documented for name in line.split(",")}
        own = [
            name
            for name, p in inspect.signature(self.method.__init__).parameters.items()
            if name != "self" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        assert not set(own) - documented, "arguments that the docstring leaves out"
        for name in parameters(self.method):
            assert hasattr(model, name), f"argument {name} is no attribute"

    def test_recipe_builds_an_optimizer_for_each_player(self):
        model = self.build()
        for optimizer in (model.recipe.optimizer(batch_size=32, epochs=10), model.recipe.default_optimizer()):
            model.compile(optimizer)

    def test_config_round_trip(self):
        model = self.build()
        config = model.get_config()
        again = type(model).from_config(config)
        assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
        assert set(again.get_config()) == set(config)
        assert again.get_config()["seed"] == config["seed"]

    def test_unknown_argument_is_refused(self):
        with pytest.raises((TypeError, ValueError)):
            self.build(no_such_argument=1)

    # ---- training --------------------------------------------------------------------------------------------------

    def test_bare_compile_trains_and_reports_its_logs(self, images):
        model = self.build(**{"views": None} if "views" in parameters(self.method) else {})
        model.compile()
        history = self.fit(model, images, epochs=2)
        assert set(history) == set(model._report_names())
        assert all(np.isfinite(v).all() for v in history.values())

    def test_overfits_one_batch(self, images):
        """The data of one batch in 60 steps; for methods on views fixed views, since random ones are new data each time."""
        model = self.compiled()
        x, y = self.fit_data(images[:32])
        if isinstance(model, zoo.engine.embedding.EmbeddingMethod):
            noise = 0.05 * np.random.default_rng(0).random(x.shape, "float32")
            x = {"views": (np.minimum(x + noise, 1.0), x)}
        before = model.evaluate(x, y, verbose=0, return_dict=True, batch_size=32)[self.overfit_log]
        x, y = keras.tree.map_structure(lambda a: a if a is None else np.concatenate([a] * 5), (x, y))
        history = model.fit(x, y, batch_size=32, epochs=12, shuffle=False, verbose=0).history
        assert history[self.overfit_log][-1] < self.overfit_factor * before

    def test_every_trainable_weight_gets_a_gradient_and_targets_get_none(self, images):
        model = self.compiled(lambda: keras.optimizers.SGD(1.0))
        model.set_run_length(2)
        trained = [v for player in model._players for v in player.variables]
        frozen = [v for net in model.frozen_networks() for v in net.weights]
        assert not {id(v) for v in trained} & {id(v) for v in frozen}
        assert {id(v) for v in trained} == {id(v) for v in model.trainable_variables}
        before, targets = values(trained), values(frozen)
        model.train_on_batch(*self.fit_data(images[:32]))
        still = [v.path for v, old, new in zip(trained, before, values(trained), strict=True) if (old == new).all()]
        assert not still, "weights without a gradient"
        if frozen:
            assert any((old != new).any() for old, new in zip(targets, values(frozen), strict=True))

    def test_evaluate_repeats_itself_and_changes_nothing(self, images, run):
        model, _ = run
        before = values(model.trainable_variables + model.optimizer.variables)
        x, y = self.fit_data(images)
        first = model.evaluate(x, y, batch_size=32, verbose=0, return_dict=True)
        second = model.evaluate(x, y, batch_size=32, verbose=0, return_dict=True)
        assert first == second
        for old, new in zip(before, values(model.trainable_variables + model.optimizer.variables), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_same_seed_same_run_whether_there_are_labels_or_not(self, images, run):
        labels = np.arange(64)
        if self.method.needs_targets:
            with pytest.raises(ValueError, match="Targets must have the shape"):
                self.fit(self.compiled(), images, labels)
            labels = None
        assert self.fit(self.compiled(), images, labels, epochs=2) == run[1]

    def test_other_seed_other_run(self, images, run):
        """Of the method: weights start alike, but order and draws are others."""
        keras.utils.set_random_seed(0)
        model = self.build(seed=1)
        model.compile(self.optimizer(model))
        assert self.fit(model, images, epochs=2) != run[1]

    def test_uint8_is_the_same_data_as_floats(self, images, run):
        logs = self.fit(self.compiled(), np.round(images * 255).astype("uint8"), epochs=2)
        for name in logs:
            np.testing.assert_allclose(logs[name], run[1][name], rtol=1e-4)

    def test_trains_in_bfloat16(self, images):
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = self.compiled()
        history = self.fit(model, images, epochs=2)
        assert all(np.isfinite(v).all() for v in history.values())
        assert all(v.dtype == "float32" for v in model.trainable_variables)

    def test_predict(self, images):
        model = self.build()
        for output in outputs(model.predict(self.inference_input(model, images), verbose=0)):
            assert output.shape[0] == 8
            assert np.isfinite(output).all()

    def test_predict_scales_uint8(self, images):
        """`predict`, the call itself and Keras' stateless call: each scales once."""
        model = self.build()
        if isinstance(model, zoo.engine.game.GenerativeGame):
            return  # noise, not data
        coarse = np.round(images * 255).astype("uint8")
        scaled, coarse = (self.inference_input(model, x) for x in (images, coarse))
        called = model(keras.tree.map_structure(keras.ops.convert_to_tensor, coarse))
        expected = outputs(model.predict(scaled, verbose=0))
        for a, b, c in zip(outputs(model.predict(coarse, verbose=0)), outputs(called), expected, strict=True):
            np.testing.assert_allclose(a, c, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(b, c, rtol=1e-4, atol=1e-5)

    # ---- saving ----------------------------------------------------------------------------------------------------

    def test_a_saved_run_goes_on_exactly(self, images, tmp_path):
        model = self.compiled()
        self.fit(model, images, epochs=2)
        path = tmp_path / "model.keras"
        model.save(path)
        again = keras.models.load_model(path)
        for a, b in zip(values(model.variables), values(again.variables), strict=True):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(values(model.optimizer.variables), values(again.optimizer.variables), strict=True):
            np.testing.assert_array_equal(a, b)
        runs = [self.fit(m, images, epochs=4, initial_epoch=2) for m in (model, again)]
        assert runs[0] == runs[1]
        for a, b in zip(values(model.variables), values(again.variables), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_weights_file_round_trip(self, images, run, tmp_path):
        model, _ = run
        model.save_weights(tmp_path / "m.weights.h5")
        again = self.compiled()
        again.load_weights(tmp_path / "m.weights.h5")
        x = self.inference_input(model, images)
        for a, b in zip(outputs(model.predict(x, verbose=0)), outputs(again.predict(x, verbose=0)), strict=True):
            np.testing.assert_array_equal(a, b)

    # ---- bad input -------------------------------------------------------------------------------------------------

    def test_loss_in_compile_is_refused(self):
        with pytest.raises(ValueError, match="override `objective`"):
            self.build().compile("adam", loss="mse")

    def test_fit_before_compile_is_refused(self, images):
        with pytest.raises(ValueError, match="compile"):
            self.build().fit(images)

    @pytest.mark.parametrize("spoil", ["nan", "rank", "dtype", "channels first", "not an array"])
    def test_bad_data_is_refused(self, images, spoil):
        model = self.compiled()
        bad = {
            "nan": np.where(np.arange(64)[:, None, None, None] == 5, np.nan, images),
            "rank": images[..., 0],
            "dtype": (images * 255).astype("int64"),
            "channels first": images.transpose(0, 3, 1, 2),
            "not an array": [images, images],
        }[spoil]
        with pytest.raises(ValueError, match=MUST_RAISE):
            self.fit(model, bad)

    def test_values_out_of_range_are_refused_and_can_be_declared(self, images, run):
        model = self.compiled()
        if model.value_range is None:
            return  # takes any values
        with pytest.raises(ValueError, match="value_range"):
            self.fit(model, images * 255)
        keras.utils.set_random_seed(0)
        declared = self.build(value_range=(0, 255))
        declared.compile(self.optimizer(declared))
        logs = self.fit(declared, images * 255, epochs=2)
        for name in logs:
            np.testing.assert_allclose(logs[name], run[1][name], rtol=1e-3)

    def test_wrong_players_are_refused(self):
        model = self.build()
        if len(model.player_networks()) == 1:
            with pytest.raises(ValueError, match="one player"):
                model.compile({"generator": keras.optimizers.Adam()})
            return
        players = list(model.player_networks())
        for wrong in (
            keras.optimizers.Adam(),
            {players[0]: keras.optimizers.Adam()},
            {player: keras.optimizers.Adam() for player in [*players, "referee"]},
        ):
            with pytest.raises(ValueError, match="one optimizer for each"):
                model.compile(wrong)
        with pytest.raises(ValueError, match="of its own"):
            model.compile(dict.fromkeys(players, keras.optimizers.Adam()))

    def test_too_few_samples_for_a_full_batch_are_refused(self, images):
        model = self.compiled()
        if not model.full_batches:
            self.fit(model, images[:10])
            return
        with pytest.raises(ValueError, match="full batches"):
            self.fit(model, images[:10])
