import keras
import numpy as np
import pytest
from contract import Contract

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.KSparseAutoEncoder

    def build(self, **kwargs):
        return super().build(**{"latent_dim": 24, "k": 8, **kwargs})


def test_the_loss_is_that_of_the_k_largest(images):
    """Loops over the linear code, in NumPy, through the decoder's own weights."""
    model = zoo.KSparseAutoEncoder(image_shape=(12, 12, 1), latent_dim=20, k=3)
    model.compile(keras.optimizers.SGD(0.0))
    linear = model.encoder.predict(images, verbose=0).astype("float64")
    code = np.zeros_like(linear)
    for i, row in enumerate(linear):
        for j in np.argsort(row)[-3:]:
            code[i, j] = row[j]
    kernel, bias = (w.astype("float64") for w in model.decoder.get_weights())
    output = 1 / (1 + np.exp(-(code @ kernel + bias)))
    expected = np.mean((images.reshape(64, -1) - output) ** 2)
    logs = model.fit(images, batch_size=64, verbose=0).history
    assert logs["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert logs["unit_usage"][0] == pytest.approx((code != 0).any(0).mean())


@pytest.mark.parametrize(("alpha", "kept"), [(1.0, 4), (1.6, 6), (100.0, 20)])
def test_inference_keeps_alpha_k(images, alpha, kept, tmp_path):
    model = zoo.KSparseAutoEncoder(image_shape=(12, 12, 1), latent_dim=20, k=4, alpha=alpha)
    code = model.encode(images)
    assert ((code != 0).sum(1) == kept).all()
    np.testing.assert_allclose(model.decode(code), model.reconstruct(images), atol=1e-6)
    model.pretrained_encoder.save(tmp_path / "encoder.keras")
    again = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_array_equal(again.predict(images, verbose=0), model.pretrained_encoder.predict(images, verbose=0))


def test_k_falls_over_the_first_half_of_the_run(images):
    model = zoo.KSparseAutoEncoder(image_shape=(12, 12, 1), latent_dim=20, k=4, first_k=16)
    model.compile()
    model._now.training = True
    seen = []
    for step in range(8):
        model.set_run_length(8, position=step)
        seen.append(int(keras.ops.convert_to_numpy(model.current_k)))
    model._now.training = False
    assert seen == [16, 13, 10, 7, 4, 4, 4, 4]
    model.fit(images, batch_size=16, epochs=2, verbose=0)


@pytest.mark.parametrize("kwargs", [{"k": 0}, {"k": 21}, {"alpha": 0.5}, {"k": 4, "first_k": 3}, {"first_k": 21}])
def test_bad_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match="Received"):
        zoo.KSparseAutoEncoder(**{"latent_dim": 20, "k": 4, **kwargs})
