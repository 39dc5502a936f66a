"""Presets against values transcribed from the papers and their official code."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import views
from keras_sslzoo.ops.random import Key

# preset: for each view (size, crop scale, jitter, its p, blur p, solarize p), at 224 pixels
OFFICIAL = {
    # google-research/simclr data_util.py: color_jitter_rand, random_blur(p=0.5), area_range=(0.08, 1.0)
    "simclr": [(224, (0.08, 1.0), (0.8, 0.8, 0.8, 0.2), 0.8, 0.5, 0.0)] * 2,
    # deepmind-research byol/utils/augmentations.py: view1 and view2
    "byol": [(224, (0.08, 1.0), (0.4, 0.4, 0.2, 0.1), 0.8, p, s) for p, s in ((1.0, 0.0), (0.1, 0.2))],
    # facebookresearch/moco main_moco.py
    "moco_v1": [(224, (0.2, 1.0), (0.4, 0.4, 0.4, 0.4), 1.0, 0.0, 0.0)] * 2,
    "moco_v2": [(224, (0.2, 1.0), (0.4, 0.4, 0.4, 0.1), 0.8, 0.5, 0.0)] * 2,
    # facebookresearch/swav swav_800ep_pretrain.sh and src/multicropdataset.py
    "swav": [(224, (0.14, 1.0), (0.8, 0.8, 0.8, 0.2), 0.8, 0.5, 0.0)] * 2
    + [(96, (0.05, 0.14), (0.8, 0.8, 0.8, 0.2), 0.8, 0.5, 0.0)] * 6,
    # facebookresearch/dino main_dino.py DataAugmentationDINO
    "dino": [(224, (0.4, 1.0), (0.4, 0.4, 0.2, 0.1), 0.8, p, s) for p, s in ((1.0, 0.0), (0.1, 0.2))]
    + [(96, (0.05, 0.4), (0.4, 0.4, 0.2, 0.1), 0.8, 0.5, 0.0)] * 8,
    # facebookresearch/barlowtwins main.py Transform
    "barlow_twins": [(224, (0.08, 1.0), (0.4, 0.4, 0.2, 0.1), 0.8, p, s) for p, s in ((1.0, 0.0), (0.1, 0.2))],
    # Bardes et al. 2021, appendix C.1
    "vicreg": [(224, (0.08, 1.0), (0.4, 0.4, 0.2, 0.1), 0.8, 0.5, 0.1)] * 2,
}
ALL = [*OFFICIAL, "mae", "supervised"]


BILINEAR = ("moco_v1", "moco_v2", "swav")  # torchvision's default there; the others name bicubic


def described(pipeline, interpolation):
    by_name = {type(operation).__name__: operation for operation in pipeline.operations}
    crop, jitter = by_name["RandomResizedCrop"], by_name["ColorJitter"]
    assert crop.size[0] == crop.size[1]
    assert (crop.ratio, crop.flip, crop.interpolation) == ((3 / 4, 4 / 3), 0.5, interpolation)
    assert by_name["Grayscale"].p == 0.2
    if "GaussianBlur" in by_name:
        assert by_name["GaussianBlur"].sigma == (0.1, 2.0)
    if "Solarize" in by_name:
        assert by_name["Solarize"].threshold == 0.5
    blur, solarize = (getattr(by_name.get(name), "p", 0.0) for name in ("GaussianBlur", "Solarize"))
    strengths = (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
    return crop.size[0], crop.scale, strengths, jitter.p, blur, solarize


@pytest.mark.parametrize("name", OFFICIAL)
def test_values_are_the_official_ones(name):
    interpolation = "bilinear" if name in BILINEAR else "bicubic"
    made = [described(pipeline, interpolation) for pipeline in getattr(views, name)((224, 224, 3)).pipelines]
    assert made == OFFICIAL[name]


def test_one_view():
    (crop,) = views.mae((224, 224, 3)).operations  # facebookresearch/mae main_pretrain.py
    assert (crop.scale, crop.flip, crop.interpolation) == ((0.2, 1.0), 0.5, "bicubic")
    (crop,) = views.supervised((224, 224, 3)).operations
    assert (crop.scale, crop.flip, crop.interpolation) == ((0.08, 1.0), 0.5, "bilinear")
    (crop,) = views.supervised((32, 32, 3)).operations  # He et al. 2015, section 4.2
    assert (type(crop).__name__, crop.padding, crop.flip, crop.fill) == ("RandomCrop", 4, 0.5, 0.0)


@pytest.mark.parametrize("shape", [(16, 16, 1), (16, 12, 5)])
@pytest.mark.parametrize("name", ALL)
def test_views_of_any_channels(name, shape):
    preset = getattr(views, name)(shape)
    size = shape[:2] if name == "supervised" else (20, 16)  # a random crop of whole pixels takes images of its size
    images = np.random.default_rng(0).random((3, *size, shape[2]), "float32")
    function = lambda x, step: preset(x, Key(0, step))  # noqa: E731
    if keras.config.backend() == "jax":
        import jax

        function = jax.jit(function)
    made = function(ops.convert_to_tensor(images), 0)
    made = made if isinstance(made, tuple) else (made,)
    assert made[0].shape == (3, *shape)
    for view in made:
        view = ops.convert_to_numpy(view)
        assert view.shape[-1] == shape[-1]
        assert np.isfinite(view).all()
        assert view.min() >= 0
        assert view.max() <= 1
    config = keras.saving.serialize_keras_object(preset)
    assert repr(keras.saving.deserialize_keras_object(config)) == repr(preset)


def test_local_views_are_scaled():
    sizes = lambda preset: [p.operations[0].size for p in preset.pipelines]  # noqa: E731
    assert sizes(views.dino((32, 32, 3), num_local=2)) == [(32, 32)] * 2 + [(12, 12)] * 2
    assert sizes(views.swav((96, 64, 3), num_local=1, local_size=(24, 40))) == [(96, 64)] * 2 + [(24, 40)]
    assert len(views.dino((32, 32, 3), num_local=0).pipelines) == 2
    with pytest.raises(ValueError, match="local_size=32"):
        views.swav((32, 32, 3), local_size=32)
    for name in ALL:
        with pytest.raises(ValueError, match="image_shape"):
            getattr(views, name)((32, 32))
