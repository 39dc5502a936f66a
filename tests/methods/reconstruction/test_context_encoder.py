import keras
import numpy as np
import pytest
from contract import SHAPE, Contract, values
from keras import ops

import keras_sslzoo as zoo


def tiny(**kwargs):
    return {
        "encoder": zoo.nets.InpaintingEncoder(SHAPE, width=4),
        "decoder": zoo.nets.InpaintingDecoder(SHAPE, width=4),
        **kwargs,
    }


class TestContract(Contract):
    method = zoo.ContextEncoder
    overfit_log = "reconstruction"

    def build(self, **kwargs):
        discriminator = zoo.nets.MLP(SHAPE, (8, 1))
        return super().build(**tiny(discriminator=discriminator, **kwargs))


def blocks(corners, margin=0):
    """bool (n, 12, 12, 1), by loops: a block of 6 x 6 at each corner, less a margin."""
    mask = np.zeros((len(corners), *SHAPE), bool)
    for m, (top, left) in zip(mask, corners, strict=True):
        for y in range(top + margin, top + 6 - margin):
            for x in range(left + margin, left + 6 - margin):
                m[y, x] = True
    return mask


@pytest.mark.parametrize("overlap", [0, 2])
def test_the_losses_are_the_equations(images, overlap):
    model = zoo.ContextEncoder(**tiny(discriminator=zoo.nets.MLP(SHAPE, (8, 1)), overlap=overlap))
    model.compile()
    logs = model.evaluate(images, batch_size=64, verbose=0, return_dict=True)
    region, hole = blocks([(3, 3)])[0], blocks([(3, 3)], overlap)[0]
    painted = model.generator.predict(np.where(hole, 0.5, images), verbose=0).astype("float64")
    omega = np.where(hole, 1.0, 10.0)
    error = np.mean([(omega * (x - f) ** 2)[region].mean() for x, f in zip(images, painted, strict=True)])
    p_real, p_fake = (1 / (1 + np.exp(-model.discriminator.predict(x, verbose=0))) for x in (images, painted))
    assert logs["reconstruction"] == pytest.approx(error, rel=1e-4)
    assert logs["generator_loss"] == pytest.approx(0.999 * error - 0.001 * np.log(p_fake).mean(), rel=1e-4)
    assert logs["discriminator_loss"] == pytest.approx(-np.log(p_real).mean() - np.log(1 - p_fake).mean(), rel=1e-4)
    assert logs["d_fake"] == pytest.approx(p_fake.mean(), rel=1e-4)


def test_random_regions_lie_anywhere_in_the_image():
    model = zoo.ContextEncoder(**tiny(region="random", overlap=1, adversarial_weight=0.0))
    region, hole = (ops.convert_to_numpy(model.block(500, margin)) for margin in (0, 1))
    corners = [np.argwhere(m[..., 0])[0] for m in region]
    np.testing.assert_array_equal(region, blocks(corners))
    np.testing.assert_array_equal(hole, blocks(corners, 1))
    assert {tuple(c) for c in corners} == {(y, x) for y in range(7) for x in range(7)}


def test_the_generator_does_not_see_what_it_paints(images):
    """Changing what the mask hides changes nothing; what it does not hide stays as it is."""
    model = zoo.ContextEncoder(**tiny(adversarial_weight=0.0))
    mask = np.random.default_rng(0).random((64, 12, 12)) < 0.3
    painted = model.inpaint(images, mask)
    np.testing.assert_array_equal(painted, model.inpaint(np.where(mask[..., None], 0.9, images), mask))
    np.testing.assert_array_equal(painted[~mask], images[~mask])
    assert (painted[mask] != images[mask]).all()
    center = blocks([(3, 3)])[0, ..., 0]
    everywhere = np.broadcast_to(center, (64, 12, 12))
    np.testing.assert_allclose(model.reconstruct(images), model.inpaint(images, everywhere), atol=1e-6)


def test_without_the_adversary_there_is_one_player(images):
    """And it paints better than the mean colour of the hole."""
    model = zoo.ContextEncoder(**tiny(adversarial_weight=0.0))
    model.compile()
    assert model.optimizer.learning_rate == 2e-3
    history = model.fit(images, batch_size=32, epochs=60, verbose=0).history
    assert set(history) == {"loss", "reconstruction"}
    hole = blocks([(3, 3)])[0]
    mean_color = np.mean((images[:, hole[..., 0]] - images[:, hole[..., 0]].mean(0)) ** 2)
    assert history["reconstruction"][-1] < 0.8 * mean_color


def test_features_are_the_maps_averaged(images, tmp_path):
    model = zoo.ContextEncoder(**tiny(adversarial_weight=0.0))
    maps = model.encoder.predict(images, verbose=0)
    np.testing.assert_allclose(
        model.pretrained_encoder.predict(images, verbose=0), maps.mean((1, 2)), rtol=1e-4, atol=1e-6
    )
    model.compile()
    model.fit(images, batch_size=64, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    for a, b in zip(values(model.variables), values(again.variables), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"region": "left"}, "`region`"),
        ({"overlap": 3}, "leave a hole"),
        ({"adversarial_weight": -1.0}, "`adversarial_weight`"),
        ({"reconstruction_weight": 0.0}, "`reconstruction_weight`"),
        ({"decoder": zoo.nets.InpaintingDecoder(SHAPE, width=5)}, "`decoder` must take the maps"),
    ],
)
def test_bad_arguments_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        zoo.ContextEncoder(**{**tiny(), **kwargs})


def test_a_mask_of_another_size_is_refused(images):
    with pytest.raises(ValueError, match="True where to paint"):
        zoo.ContextEncoder(**tiny(adversarial_weight=0.0)).inpaint(images, np.zeros((64, 6, 6), bool))
