import keras
import numpy as np
import pytest
from contract import Contract, tiny_encoder

import keras_sslzoo as zoo


class TestContract(Contract):
    method = zoo.SimCLR


def test_default_is_the_papers():
    model = zoo.SimCLR(zoo.nets.ResNet18((32, 32, 3), stem="small"))
    assert model.temperature == 0.1
    assert model.projector.output_shape == (None, 128)
    assert [w.shape for w in model.projector.trainable_weights if len(w.shape) == 2] == [(512, 512), (512, 128)]
    lars = model.recipe.optimizer()
    assert lars._learning_rate.peak == pytest.approx(0.3 * 4096 / 256)
    assert lars._learning_rate.warmup == pytest.approx(0.1)
    assert lars.penalty == 1e-6


def test_views_made_elsewhere(images):
    keras.utils.set_random_seed(0)
    model = zoo.SimCLR(tiny_encoder())
    model.compile()
    history = model.fit({"views": (images, images[:, ::-1].copy())}, batch_size=32, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_information_is_zero_at_chance_and_complements_the_loss(images):
    """A projector that answers the same to every image finds the positive among the 2B - 1 others by chance alone."""
    h = keras.layers.Input((16,))
    same = keras.layers.Dense(4, kernel_initializer="zeros", bias_initializer="ones")(h)
    model = zoo.SimCLR(tiny_encoder(), projector=keras.Model(h, same))
    model.compile()
    logs = model.evaluate(images, batch_size=32, verbose=0, return_dict=True)
    assert logs["information"] == pytest.approx(0, abs=1e-5)
    model = zoo.SimCLR(tiny_encoder())
    model.compile()
    logs = model.evaluate(images, batch_size=32, verbose=0, return_dict=True)
    assert logs["information"] + logs["loss"] == pytest.approx(np.log(2 * 32 - 1), rel=1e-5)


@pytest.mark.parametrize("views", [{"view": 1}, {"views": 1, "labels": 2}])
def test_wrong_dict_is_refused(images, views):
    model = zoo.SimCLR(tiny_encoder())
    model.compile()
    with pytest.raises(ValueError, match="Views made elsewhere"):
        model.fit(dict.fromkeys(views, images), verbose=0)


def test_one_view_or_a_wrong_size_is_refused(images):
    model = zoo.SimCLR(tiny_encoder())
    model.compile()
    with pytest.raises(ValueError, match=r"at least 2\. Received: 1"):
        model.fit({"views": (images,)}, verbose=0)
    with pytest.raises(ValueError, match="Views must have the shape"):
        model.fit({"views": (images[:, :8], images[:, :8])}, verbose=0)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (keras.Sequential([keras.layers.Input((12, 12, 1)), keras.layers.Conv2D(4, 3)]), "one vector a sample"),
        (keras.Sequential([keras.layers.Dense(4)]), "built functional or Sequential"),
        (keras.Sequential([keras.layers.Input((12,)), keras.layers.Dense(4)]), "images"),
        (lambda x: x, "built functional or Sequential"),
    ],
)
def test_bad_encoders_are_refused(encoder, message):
    with pytest.raises(ValueError, match=message):
        zoo.SimCLR(encoder)


def test_an_encoder_of_any_size_needs_views():
    encoder = zoo.nets.ConvNet((None, None, 1), width=4, features=8, grid=1)
    with pytest.raises(ValueError, match="fixed size"):
        zoo.SimCLR(encoder)
    zoo.SimCLR(encoder, views=zoo.views.simclr((12, 12, 1)))


def test_bad_temperature_is_refused():
    with pytest.raises(ValueError, match="temperature=0"):
        zoo.SimCLR(tiny_encoder(), temperature=0)


@pytest.mark.parametrize(("scaling", "rate"), [("linear", 0.3 * 512 / 256), ("sqrt", 0.075 * 512**0.5)])
def test_recipe_scales_the_rate_as_appendix_b1_has_it(scaling, rate):
    schedule = zoo.SimCLR.recipe.optimizer(batch_size=512, epochs=200, scaling=scaling)._learning_rate
    assert schedule.peak == pytest.approx(rate)
    assert schedule.warmup == pytest.approx(10 / 200)
    with pytest.raises(ValueError, match="scaling='cubic'"):
        zoo.SimCLR.recipe.optimizer(scaling="cubic")
