"""What a user gets wrong: refused with a reason, never trained badly in silence."""

import keras
import numpy as np
import pytest
from contract import tiny_encoder, values
from keras import layers, ops

import keras_sslzoo as zoo


def head(width=16, out=8):
    return zoo.nets.Head(width, (16,), out)


def simclr(**kwargs):
    keras.utils.set_random_seed(0)
    return zoo.SimCLR(tiny_encoder(), **{"projector": head(), **kwargs})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: simclr(projector=keras.Sequential([layers.Dense(8)])), "built functional or Sequential"),
        (lambda: simclr(projector=head(10)), "vectors of 16 numbers"),
        (lambda: simclr(value_range=None), "Views are made of images in"),
        (lambda: zoo.BYOL(tiny_encoder(), projector=head(), predictor=head(8, 1)), "what `projector` returns"),
        (lambda: zoo.BYOL(tiny_encoder(), projector=head(), predictor=head(9, 8)), "vectors of 8 numbers"),
        (
            lambda: zoo.AutoEncoder(keras.Sequential([layers.Flatten(), layers.Dense(2)])),
            "built functional or Sequential",
        ),
        (lambda: zoo.AutoEncoder(zoo.nets.MLP((8,), (4, 3)), zoo.nets.MLP((2,), (4, 8))), "vectors of 3 numbers"),
        (lambda: zoo.LSGAN(image_shape=(2,)), "default networks make images"),
        (
            lambda: zoo.LSGAN(zoo.nets.MLP((2,), (4, 8), output_activation="tanh"), value_range=(-1, 1)),
            "ends with a tanh",
        ),
        (
            lambda: zoo.SimCLR(
                keras.Sequential([layers.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D()])
            ),
            "divides its input by 255",
        ),
    ],
)
def test_networks_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_default_networks_follow_the_given_one():
    model = zoo.AutoEncoder(zoo.nets.ConvEncoder((12, 12, 1), 7))
    assert model.latent_dim == 7
    model = zoo.AutoEncoder(decoder=zoo.nets.ConvDecoder(5, (12, 12, 1)), image_shape=(12, 12, 1))
    assert model.encoder.output_shape == (None, 5)


class Own(zoo.Method):
    """A method of a user's own."""

    def __init__(self, net, **kwargs):
        super().__init__(**kwargs)
        self.net = net

    def call(self, x):
        return self.net(x)

    def objective(self, x, training=True):
        return ops.mean(self.net(x) ** 2, axis=-1), {}


def test_unbuilt_or_frozen_networks_are_refused_at_compile():
    with pytest.raises(ValueError, match="unbuilt"):
        Own(keras.Sequential([layers.Dense(2)])).compile("sgd")
    net = keras.Sequential([layers.Input((3,)), layers.Dense(2)])
    net.trainable = False
    with pytest.raises(ValueError, match="something to train"):
        Own(net).compile("sgd")


def test_regularizers_of_the_networks_count():
    def loss(regularizer):
        keras.utils.set_random_seed(0)
        net = keras.Sequential([layers.Input((3,)), layers.Dense(2, kernel_regularizer=regularizer)])
        model = Own(net)
        model.compile("sgd")
        return model.evaluate(np.ones((4, 3), "float32"), verbose=0), net.layers[-1].kernel

    plain, kernel = loss(None)
    regularized, _ = loss(keras.regularizers.L2(0.1))
    assert regularized == pytest.approx(plain + 0.1 * np.sum(ops.convert_to_numpy(kernel.value) ** 2), rel=1e-4)


def test_out_of_range_data_are_refused_from_generators_and_single_batches(images):
    def generator():
        while True:
            yield (images[:16] * 255,)

    model = simclr()
    model.compile()
    with pytest.raises(ValueError, match="value_range"):
        model.fit(generator(), steps_per_epoch=2, verbose=0)
    with pytest.raises(ValueError, match="value_range"):
        model.train_on_batch(images[:16] * 255)


def test_a_generator_loses_nothing_to_the_check():
    seen = []

    def generator():
        for i in range(4):
            seen.append(i)
            yield (np.full((2, 3), i, "float32"),)

    net = keras.Sequential([layers.Input((3,)), layers.Dense(1, kernel_initializer="ones", use_bias=False)])
    model = Own(net)
    model.compile(keras.optimizers.SGD(0.0))
    loss = model.evaluate(generator(), steps=4, verbose=0)
    assert loss == pytest.approx(np.mean([(3 * i) ** 2 for i in range(4)]))


def test_targets_are_checked(images):
    model = zoo.AutoEncoder(image_shape=(12, 12, 1), loss="bce")
    model.compile()
    with pytest.raises(ValueError, match=r"Targets must lie"):
        model.fit(images, images * 255, verbose=0)
    with pytest.raises(ValueError, match="channel axis"):
        model.fit(images, images[..., 0], verbose=0)
    with pytest.raises(ValueError, match="Targets must be finite"):
        model.fit(images, np.where(np.arange(64)[:, None, None, None] == 60, np.nan, images), verbose=0)


def test_labels_of_any_kind_are_ignored_but_class_weights_need_them(images):
    model = simclr()
    model.compile()
    model.fit(images, np.array(["shoe", "shirt"] * 32), batch_size=32, verbose=0)
    with pytest.raises(ValueError, match="needs the labels"):
        model.fit(images, class_weight={0: 2.0}, verbose=0)


def test_one_sample_cannot_be_compared(images):
    model = simclr()
    model.compile()
    with pytest.raises(ValueError, match="at least 2"):
        model.fit(images[:1], verbose=0)


def test_steps_per_epoch_over_arrays_takes_the_first_batches(images):
    model = simclr()
    model.compile()
    model.fit(images, batch_size=16, steps_per_epoch=3, epochs=2, verbose=0)
    assert int(ops.convert_to_numpy(model._steps.value)) == 6
    with pytest.raises(ValueError, match="at most the batches"):
        model.fit(images, batch_size=16, steps_per_epoch=5, verbose=0)


def test_probes_scale_data_as_the_method_does(images):
    model = simclr(value_range=(0, 255))
    expected = model.predict(images * 255, verbose=0)
    np.testing.assert_allclose(zoo.eval.features(model, images * 255), expected, rtol=1e-4, atol=1e-5)


def test_targets_follow_real_updates_only(images):
    """Also where accumulation begins in the middle of a run, and where a loss scaler skips an update."""

    def moves(model):
        pairs = [model.projector.trainable_weights, model.target_projector.weights]
        pairs[1] = [v for v in pairs[1] if "moving" not in v.path]
        before = [values(group) for group in pairs]
        model.train_on_batch(images[:16])
        return [
            any((a != b).any() for a, b in zip(x, values(g), strict=True)) for x, g in zip(before, pairs, strict=True)
        ]

    model = zoo.BYOL(tiny_encoder(), projector=head(), predictor=head(8, 8), momentum=0.5)
    model.compile(keras.optimizers.SGD(0.1))
    model.set_run_length(20)
    assert [moves(model) for _ in range(3)] == [[True, True]] * 3
    model.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
    model.set_run_length(20)
    assert [moves(model) for _ in range(4)] == [[False, False], [True, True]] * 2

    keras.config.set_dtype_policy("mixed_float16")
    model = zoo.BYOL(tiny_encoder(), projector=head(), predictor=head(8, 8), momentum=0.5)
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=1e38))
    model.set_run_length(20)
    assert moves(model) == [False, False]


def test_compile_options_are_saved(images, tmp_path):
    model = simclr()
    model.compile("sgd", run_eagerly=True, auto_scale_loss=False)
    model.save(tmp_path / "m.keras")
    assert keras.models.load_model(tmp_path / "m.keras").run_eagerly


def test_iterations_of_a_game_advance(images):
    model = zoo.LSGAN(image_shape=(12, 12, 1))
    model.compile()
    model.fit(images, batch_size=32, verbose=0)
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == 2


def test_a_resumed_run_needs_the_same_batches(images, tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 6:
                raise KeyboardInterrupt

    model = simclr()
    model.compile()
    with pytest.raises(KeyboardInterrupt):
        model.fit(images, batch_size=8, verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path, every=1), Interrupt()])
    with pytest.raises(ValueError, match="batches it was begun with"):
        model.fit(images, batch_size=32, verbose=0, callbacks=[zoo.callbacks.Checkpoint(tmp_path)])


def test_an_unknown_player_is_named():
    model = zoo.LSGAN(image_shape=(12, 12, 1))
    with pytest.raises(ValueError, match=r"generator, generatr"):
        model.compile({"discriminator": keras.optimizers.Adam(), "generatr": keras.optimizers.Adam()})
    model.compile()
    with pytest.raises(ValueError, match="player='referee'"):
        model.minimize("referee", lambda: None)


def test_lars_obeys_exclusions_and_schedules(images):
    optimizer = zoo.optimizers.LARS(0.1, weight_decay=zoo.optimizers.WarmupCosine(0.1))
    model = simclr()
    model.compile(optimizer)
    model.fit(images, batch_size=32, epochs=2, verbose=0)
    v = keras.Variable(np.ones((2, 2), "float32"))
    plain = zoo.optimizers.LARS(0.1, weight_decay=0.5)
    plain.exclude_from_weight_decay([v])
    plain.apply([ops.zeros((2, 2))], [v])
    np.testing.assert_array_equal(ops.convert_to_numpy(v.value), 1.0)


def test_a_step_that_raises_leaves_the_model_as_it_was(images):
    model = zoo.SimCLR(tiny_encoder())
    model.compile()
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_weights]
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=r"at least 2\. Received: 1"):
            call({"views": (images,)}, verbose=0)
    for weight, value in zip(model.trainable_weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)
    model.fit({"views": (images, images)}, verbose=0)
