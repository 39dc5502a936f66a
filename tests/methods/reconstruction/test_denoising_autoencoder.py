import keras
import numpy as np
import pytest
from contract import SHAPE, Contract, tiny_coders

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.DenoisingAutoEncoder

    def build(self, **kwargs):
        return super().build(**{**tiny_coders(), **kwargs})


@pytest.mark.parametrize("corruption", ["masking", "gaussian", "salt_and_pepper", zoo.views.MaskPatches(4, 0.5)])
def test_the_loss_is_the_error_from_corrupted_to_clean(images, corruption):
    """The clean image is the target, and what goes in is the corrupted one, as `evaluate` draws it."""
    model = zoo.DenoisingAutoEncoder(**tiny_coders(), corruption=corruption)
    model.compile()
    got = model.evaluate(images, batch_size=64, verbose=0)
    model._test_steps.assign(0)
    x = keras.ops.convert_to_numpy(model.corrupted(keras.ops.convert_to_tensor(images), model.key))
    assert np.mean(x != images) > 0.02
    assert got == pytest.approx(np.mean((model.reconstruct(x) - images.astype("float64")) ** 2), rel=1e-4)
    assert got != pytest.approx(np.mean((model.reconstruct(images) - images) ** 2), rel=1e-4)


def test_each_step_is_corrupted_anew_and_the_seed_fixes_it(images):
    model = zoo.DenoisingAutoEncoder(**tiny_coders())
    model.compile(keras.optimizers.SGD(0.0))
    a, b = (model.fit(images, batch_size=64, epochs=2, verbose=0).history["loss"] for _ in range(2))
    assert len({*a, *b}) == 4
    np.testing.assert_array_equal(model.corrupt(images, seed=1), model.corrupt(images, seed=1))
    assert (model.corrupt(images, seed=1) != model.corrupt(images, seed=2)).any()


def test_one_dimensional_signals_lose_their_noise():
    """Sines of random phase, which fill a plane: the best filter keeps 2 of 32 dimensions of the noise."""
    phase = np.random.default_rng(0).uniform(0, 2 * np.pi, (256, 1, 1))
    clean = np.sin(phase + np.linspace(0, 4 * np.pi, 32)[:, None]).astype("float32")
    nets = zoo.nets.MLP((32, 1), (4,)), zoo.nets.MLP((4,), (32,), output_shape=(32, 1))
    model = zoo.DenoisingAutoEncoder(*nets, corruption="gaussian", level=0.5)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(clean, batch_size=64, epochs=60, verbose=0)
    noisy = model.corrupt(clean, seed=7)
    before, after = (np.mean((x - clean) ** 2) for x in (noisy, model.reconstruct(noisy)))
    assert before == pytest.approx(0.25, rel=0.05)
    assert after < 0.2 * before


def test_corrupt_speaks_the_units_of_the_data(images):
    model = zoo.DenoisingAutoEncoder(image_shape=SHAPE, corruption="salt_and_pepper", level=0.5, value_range=(0, 255))
    x = model.corrupt(255 * images)
    assert {0.0, 255.0} <= set(np.unique(x))
    kept = (x != 0) & (x != 255)
    np.testing.assert_allclose(x[kept], 255 * images[kept], rtol=1e-5)


def test_a_view_is_saved_with_the_method(tmp_path, images):
    model = zoo.DenoisingAutoEncoder(**tiny_coders(), corruption=zoo.views.MaskPixels(0.3))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.corrupt(images, seed=3), model.corrupt(images, seed=3))


@pytest.mark.parametrize("kwargs", [{"corruption": "blur"}, {"level": -0.1}, {"level": 1.5}])
def test_bad_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match="Received"):
        zoo.DenoisingAutoEncoder(**kwargs)
