"""Views made outside the training step, and the preview."""

import importlib.util
import pickle

import keras
import matplotlib.figure
import numpy as np
import pytest
from keras import ops

import keras_sslzoo as zoo
from keras_sslzoo.ops.random import Key
from keras_sslzoo.views import HostViews, MultiView, RandomResizedCrop, preview, simclr

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 12, 12, 1), "uint8")
VIEWS = MultiView([RandomResizedCrop(8), RandomResizedCrop(6, flip=0.5)])


def expected(step, batch, seed=3):
    made = VIEWS(ops.convert_to_tensor(batch / np.float32(255)), Key(seed, step))
    return [ops.convert_to_numpy(view) for view in made]


def assert_equal(element, want):
    assert set(element) == {"views"}
    for got, view in zip(element["views"], want, strict=True):
        got = np.asarray(got)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, view, atol=1e-5)


def batches():
    return [IMAGES[i : i + 8] for i in range(0, 24, 8)]


def test_are_those_of_the_step():
    host = HostViews(VIEWS, seed=3)
    for step in (5, 0):
        assert_equal(host(IMAGES[:8], step=step), expected(step, IMAGES[:8]))
    for step, batch in enumerate(batches()):  # counted
        assert_equal(host(batch), expected(step, batch))
    again = pickle.loads(pickle.dumps(HostViews(VIEWS, seed=3)))
    assert_equal(again(IMAGES[:8]), expected(0, IMAGES[:8]))


def test_in_grain():
    grain = pytest.importorskip("grain")
    data = grain.MapDataset.source(IMAGES).batch(8).map_with_index(lambda i, x: HOST(x, step=i))
    for step, element in enumerate(data):
        assert_equal(element, expected(step, IMAGES[8 * step : 8 * step + 8]))


HOST = HostViews(VIEWS, seed=3)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_in_a_torch_loader():
    from torch.utils.data import DataLoader

    host = HostViews(VIEWS, seed=3)
    loader = DataLoader(IMAGES, batch_size=8, collate_fn=lambda batch: host(np.stack(batch)))
    for step, element in enumerate(loader):
        assert_equal(element, expected(step, IMAGES[8 * step : 8 * step + 8]))


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="the pipeline itself runs in tf.data on TensorFlow alone"
)
def test_in_tf_data():
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(IMAGES).batch(8, drop_remainder=True).enumerate()
    data = data.map(lambda i, x: {"views": VIEWS(tf.image.convert_image_dtype(x, "float32"), Key(3, i))})
    for step, element in enumerate(data):
        assert_equal(element, expected(step, IMAGES[8 * step : 8 * step + 8]))


def test_fit_takes_them():
    class Loader(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return (HostViews(simclr((12, 12, 1)), seed=1)(batches()[i], step=i),)

    model = zoo.SimCLR(zoo.nets.ConvNet((12, 12, 1), width=4, features=8, grid=1))
    model.compile()
    assert np.isfinite(model.fit(Loader(), epochs=2, verbose=0).history["loss"]).all()


def test_a_view_that_is_no_function_is_refused():
    with pytest.raises(ValueError, match="`pipeline` must be a callable"):
        HostViews("simclr")


@pytest.mark.parametrize("made", [None, VIEWS, VIEWS.pipelines[0]])
def test_preview(made):
    figure = preview(IMAGES[:3], made)
    assert isinstance(figure, matplotlib.figure.Figure)
    columns = {None: 2, VIEWS: 2}.get(made, 1)
    assert len(figure.axes) == 3 * (1 + columns)
    shown = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(shown, IMAGES[0, :, :, 0])


def test_preview_is_repeatable_and_small():
    def pixels(seed):
        return [np.asarray(ax.images[0].get_array()) for ax in VIEWS.preview(IMAGES[:2], seed=seed).axes]

    assert all((a == b).all() for a, b in zip(pixels(0), pixels(0), strict=True))
    assert not all((a == b).all() for a, b in zip(pixels(0), pixels(1), strict=True))
    with pytest.raises(ValueError, match=r"at most 64 images.*Received: 65"):
        VIEWS.preview(np.zeros((65, 12, 12, 1), "uint8"))
