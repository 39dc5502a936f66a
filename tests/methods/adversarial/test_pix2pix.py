import keras
import numpy as np
import pytest
from contract import Contract, values
from keras import layers, ops

import keras_sslzoo as zoo

SHAPE = (12, 12, 1)


class TestContract(Contract):
    method = zoo.Pix2Pix
    overfit_log = "l1"


def pix2pix(**kwargs):
    keras.utils.set_random_seed(0)
    return zoo.Pix2Pix(**{"image_shape": SHAPE, "channels": 2, "width": 4, **kwargs})


@pytest.fixture
def pairs(images):
    return images, np.concatenate([1 - images, np.flip(images, 1)], axis=-1).astype("float32")


def mean(loss):
    return float(np.mean(ops.convert_to_numpy(loss)))


def scores(model, x, y):
    """D's answers (B, h, w, 1) for pairs, in float64."""
    return model.discriminator.predict(np.concatenate([x, y], -1), verbose=0).astype("float64")


def loops(answers, cost):
    """The mean over patches and images of a cost of each answer."""
    costs = [cost(answer) for image in answers for row in image for answer in row[:, 0]]
    return sum(costs) / len(costs)


COSTS = {  # of an answer that should be real, and of one that should be fake
    "bce": (lambda s: np.log(1 + np.exp(-s)), lambda s: np.log(1 + np.exp(s))),
    "least_squares": (lambda s: (s - 1) ** 2, lambda s: s**2),
}


@pytest.mark.parametrize("loss", COSTS)
def test_losses_are_the_papers(pairs, loss):
    model = pix2pix(loss=loss, l1_weight=30.0)
    x, y = (a[:8] for a in pairs)
    fake = model.translate(x)
    real_cost, fake_cost = COSTS[loss]
    on_real, on_fake = scores(model, x, y), scores(model, x, fake)
    assert on_real.shape == (8, 4, 4, 1)
    found, logs = model.discriminator_loss(x, y, fake, training=False)
    assert found.shape == (8,)
    assert mean(found) == pytest.approx((loops(on_real, real_cost) + loops(on_fake, fake_cost)) / 2, rel=1e-5)
    answer = (lambda s: 1 / (1 + np.exp(-s))) if loss == "bce" else (lambda s: s)
    for key, answers in (("d_real", on_real), ("d_fake", on_fake)):  # scores of either sign: rounding is of their size
        assert mean(logs[key]) == pytest.approx(loops(answers, answer), rel=1e-5, abs=1e-5 * np.abs(answers).mean())
    found, logs = model.generator_loss(x, y, fake, training=False)
    assert found.shape == (8,)
    l1 = np.abs((2 * y.astype("float64") - 1) - (2 * fake.astype("float64") - 1)).mean()  # of images in [-1, 1]
    assert mean(found) == pytest.approx(loops(on_fake, real_cost) + 30 * l1, rel=1e-5)
    assert mean(logs["l1"]) == pytest.approx(l1 / 2, rel=1e-5)


def test_l1_of_images_that_are_not_scaled_is_as_it_is(pairs):
    x, y = (a[:8] for a in pairs)
    scaled, raw = pix2pix(), pix2pix(value_range=None)
    fake = scaled.translate(x)
    halves = [mean(m.generator_loss(x, y, fake, False)[0] - m.judge(x, fake, 1.0, False)[0]) for m in (scaled, raw)]
    assert halves[0] == pytest.approx(2 * halves[1], rel=1e-5)


def step_of_sgd(model, x, y, rates):
    """Weights of G and D before and after one step, and its logs."""
    model.compile({player: keras.optimizers.SGD(rate) for player, rate in rates.items()})
    before = {player: values(net.trainable_variables) for player, net in model.player_networks().items()}
    logs = model.train_on_batch(x, y, return_dict=True)
    after = {player: values(net.trainable_variables) for player, net in model.player_networks().items()}
    return before, after, {name: float(value) for name, value in logs.items()}


def test_one_forward_pass_serves_both_moves_and_each_loss_moves_its_player_alone(pairs):
    x, y = (a[:8] for a in pairs)
    for mover, still in (("discriminator", "generator"), ("generator", "discriminator")):
        model = pix2pix()
        before, after, _ = step_of_sgd(model, x, y, {mover: 1e-2, still: 0.0})
        assert all((a == b).all() for a, b in zip(before[still], after[still], strict=True))
        assert all((a != b).any() for a, b in zip(before[mover], after[mover], strict=True))
        calls = [layer.get_weights()[1] for layer in model.generator.layers if layer.name.startswith("dropout")]
        assert [int(n) for n in calls] == [1, 1, 1]


def test_the_generator_meets_the_discriminator_that_has_moved(pairs):
    x, y = (a[:8] for a in pairs)
    rates = [{"discriminator": rate, "generator": 0.0} for rate in (0.0, 1.0)]
    still, moved = (step_of_sgd(pix2pix(l1_weight=0.0), x, y, rate)[2] for rate in rates)
    assert moved["discriminator_loss"] == pytest.approx(still["discriminator_loss"], rel=1e-6)
    assert moved["l1"] == pytest.approx(still["l1"], rel=1e-6)
    assert moved["generator_loss"] != pytest.approx(still["generator_loss"], rel=1e-3)


def test_a_step_by_hand(pairs):
    """Weights after a step are those of gradients taken one after the other, of the losses that the test above checks."""
    x, y = (a[:8] for a in pairs)
    rates = {"discriminator": 0.05, "generator": 0.002}
    _, after, _ = step_of_sgd(pix2pix(generator=plain_generator()), x, y, rates)
    model = pix2pix(generator=plain_generator())
    model.compile({player: keras.optimizers.SGD(rate) for player, rate in rates.items()})
    fake = ops.stop_gradient(model.generator(x, training=True))
    for player, loss in (
        ("discriminator", lambda: model.discriminator_loss(x, y, fake, True)),
        ("generator", lambda: model.generator_loss(x, y, model.generator(x, training=True), True)),
    ):
        variables = model.player_networks()[player].trainable_variables
        loss_of = lambda loss=loss: (ops.mean(loss()[0]), {})  # noqa: E731
        _, gradients = zoo.backend.value_and_grad(model, loss_of, variables)
        for v, g in zip(variables, gradients, strict=True):
            v.assign(ops.convert_to_numpy(v.value) - rates[player] * ops.convert_to_numpy(g))
        for a, v in zip(after[player], variables, strict=True):
            np.testing.assert_allclose(a, ops.convert_to_numpy(v.value), rtol=1e-4, atol=1e-6)


def plain_generator():
    keras.utils.set_random_seed(1)
    return zoo.nets.UNet(SHAPE, 2, width=4, dropout=0.0)


def test_learns_which_half_of_the_translation_is_right():
    """Inputs are constant; the target is dark or bright by the input: L1 after training beats the best constant."""
    rng = np.random.default_rng(0)
    x = np.repeat(np.repeat(rng.integers(0, 2, (32, 1, 1, 1)), 12, 1), 12, 2).astype("float32")
    y = np.repeat(0.2 + 0.6 * (1 - x), 2, axis=-1)
    model = pix2pix()
    model.compile({player: keras.optimizers.Adam(1e-2, beta_1=0.5) for player in model.player_networks()})
    model.fit(x, y, batch_size=16, epochs=20, verbose=0)
    assert np.abs(model.translate(x) - y).mean() < 0.15 < 0.3


def test_translate_is_predict_and_repeats(pairs):
    model = pix2pix()
    a = model.translate(pairs[0])
    np.testing.assert_array_equal(a, model.predict(pairs[0], verbose=0))
    assert a.shape == (64, 12, 12, 2)


def test_default_receptive_field_fits_the_image():
    for size, names in ((16, 2), (40, 3), (72, 4)):
        model = zoo.Pix2Pix(image_shape=(size, size, 1), width=1)
        assert len([layer for layer in model.discriminator.layers if layer.name.startswith("leaky")]) == names


class Pairs(keras.utils.PyDataset):
    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return tuple(a[32 * index : 32 * index + 32] for a in self.arrays)


def test_data_sets_of_pairs_train_as_arrays_do(pairs):
    histories = []
    for data in (Pairs(*pairs), (Pairs(*pairs)[i] for i in range(2))):
        model = pix2pix()
        model.compile()
        histories.append(model.fit(data, epochs=1, verbose=0, shuffle=False).history)
    model = pix2pix()
    model.compile()
    arrays = model.fit(*pairs, batch_size=32, shuffle=False, validation_data=pairs, verbose=0).history
    for history in histories:
        for name, value in history.items():
            assert value[0] == pytest.approx(arrays[name][0], rel=1e-4)
    assert {name for name in arrays if name.startswith("val_")} == {f"val_{name}" for name in histories[0]}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda x, y: (x,), "inputs and targets.*Received: no targets.*Pass `fit"),
        (lambda x, y: (x, [y, y]), "Received: targets of type list"),
        (lambda x, y: (x, y[:, :10]), r"Targets must have the shape \(B, 12, 12, 2\). Received: \(B, 10, 12, 2\)"),
        (lambda x, y: (x, y[..., :1]), "Targets must have the shape.*built for 2 channels"),
        (lambda x, y: (x, 255 * y), r"Targets must lie in \[0, 1\]"),
        (lambda x, y: (x, y[:10]), "same number of samples"),
    ],
)
def test_targets_that_do_not_fit_are_refused(pairs, spoil, message):
    model = pix2pix()
    model.compile()
    data = spoil(*pairs)
    with pytest.raises(ValueError, match=message):
        model.fit(*data, verbose=0)
    if not isinstance(data[-1], list) and len(data[0]) == len(data[-1]):
        with pytest.raises(ValueError, match=message):
            model.fit(Pairs(*data), verbose=0)
        with pytest.raises(ValueError, match=message):
            model.train_on_batch(*data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pix2pix(loss="hinge"), "`loss` must be"),
        (lambda: pix2pix(discriminator=zoo.nets.PatchGAN((12, 12, 2), 16, 4)), "What `discriminator` takes.*3"),
        (
            lambda: pix2pix(generator=keras.Sequential([layers.Input(SHAPE), layers.Conv2D(1, 3)])),
            "`generator` must return images of the size that it takes",
        ),
        (lambda: pix2pix(generator=zoo.nets.MLP((4,), (8,))), "`generator` must return images of the size"),
        (
            lambda: pix2pix(
                generator=keras.Sequential(
                    [layers.Input(SHAPE), layers.Conv2D(2, 3, padding="same", activation="tanh")]
                )
            ),
            "`generator` must return data in",
        ),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
