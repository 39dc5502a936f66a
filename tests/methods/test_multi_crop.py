"""More than two views: every method that takes views compares each with the global ones."""

import keras
import numpy as np
import pytest
from contract import values
from keras import ops

import keras_sslzoo as zoo
from keras_sslzoo.engine.embedding import view_pairs

GLOBAL, LOCAL = 12, 8


def encoder():
    keras.utils.set_random_seed(0)
    return zoo.nets.ConvNet((None, None, 1), width=4, features=16, grid=1)


def multi_crop(num_local=2):
    large = zoo.views.simclr((GLOBAL, GLOBAL, 1)).pipelines
    (small, _) = zoo.views.simclr((LOCAL, LOCAL, 1), crop_scale=(0.05, 0.3)).pipelines
    return zoo.views.MultiCrop(large, small, num_local)


def simclr():
    net = encoder()
    return zoo.SimCLR(net, multi_crop(), projector=zoo.nets.Head(16, (16,), 8))


def byol():
    net = encoder()
    return zoo.BYOL(net, multi_crop(), zoo.nets.Head(16, (16,), 8), zoo.nets.Head(8, (16,), 8))


def views(num_local=2):
    rng = np.random.default_rng(0)
    sizes = [GLOBAL, GLOBAL] + [LOCAL] * num_local
    return [ops.convert_to_tensor(rng.random((6, s, s, 1), "float32")) for s in sizes]


def test_sizes_of_the_views(images):
    sizes = [v.shape[1] for v in multi_crop(3)(ops.convert_to_tensor(images[:4], "float32"), zoo.ops.random.Key(0, 0))]
    assert sizes == [GLOBAL, GLOBAL, LOCAL, LOCAL, LOCAL]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(multi_crop(3)))
    assert repr(again) == repr(multi_crop(3))
    assert len(multi_crop(0).pipelines) == 2
    with pytest.raises(ValueError, match="num_local=-1"):
        multi_crop(-1)


def test_pairs_hold_a_global_view_each():
    assert view_pairs(views(0)) == [(0, 1), (1, 0)]
    assert view_pairs(views(2)) == [(0, 1), (0, 2), (0, 3), (1, 0), (1, 2), (1, 3)]


def test_simclr_is_the_mean_over_the_pairs():
    model, batch = simclr(), views()
    z = [model.project(view, training=False) for view in batch]
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)]
    expected = np.mean([ops.convert_to_numpy(zoo.losses.nt_xent(z[i], z[j], 0.1)) for i, j in pairs], axis=0)
    loss, _ = model.objective(batch, training=False)
    np.testing.assert_allclose(ops.convert_to_numpy(loss), expected, rtol=1e-5)


def test_byol_targets_are_the_global_views():
    model, batch = byol(), views()

    def unit(x):
        x = ops.convert_to_numpy(x)
        return x / np.linalg.norm(x, axis=1, keepdims=True)

    online = [unit(model.online(view, False)) for view in batch]
    target = [unit(model.target(view, False)) for view in batch[:2]]
    terms = [np.sum((online[v] - target[g]) ** 2, axis=1) for g in (0, 1) for v in range(4) if v != g]
    loss, _ = model.objective(batch, training=False)
    np.testing.assert_allclose(ops.convert_to_numpy(loss), 2 * np.mean(terms, axis=0), rtol=1e-4)


@pytest.mark.parametrize("build", [simclr, byol])
def test_trains(build, images):
    model = build()
    model.compile(keras.optimizers.SGD(0.01))
    before = values(model.encoder.trainable_variables)
    history = model.fit(images[:32], batch_size=16, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert any((a != b).any() for a, b in zip(before, values(model.encoder.trainable_variables), strict=True))


def test_an_encoder_of_one_size_is_told_so(images):
    net = zoo.nets.ConvNet((GLOBAL, GLOBAL, 1), width=4, features=16, grid=1)
    model = zoo.SimCLR(net, multi_crop())
    model.compile()
    with pytest.raises(ValueError, match=r"Views must have the shape \(B, 12, 12, 1\)"):
        model.fit(images[:32], batch_size=16, verbose=0)
