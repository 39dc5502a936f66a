"""Any Keras 3 model from images to vectors is an encoder: those of other libraries train, save and go on.

`make test-backbones` and `make test-keras-cv` install the libraries, each in an environment of its own.
"""

import keras
import numpy as np
import pytest
from contract import values
from keras import layers

import keras_sslzoo as zoo

SHAPE = (32, 32, 3)


def pooled(backbone):
    """`(B, 32, 32, 3) -> (B, D)` from a backbone that returns a feature map."""
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(backbone(inputs)))


def mobilenet():
    return keras.applications.MobileNet(SHAPE, alpha=0.25, weights=None, include_top=False, pooling="avg")


def mobilenet_v3():
    """Its preprocessing is a part of the model and takes [0, 255]."""
    net = keras.applications.MobileNetV3Small(SHAPE, weights=None, include_top=False, pooling="avg", minimalistic=True)
    return keras.Sequential([layers.Input(SHAPE), layers.Rescaling(255.0), net])


def hub_resnet():
    hub = pytest.importorskip("keras_hub", reason="needs KerasHub: make test-backbones")
    backbone = hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
        image_shape=SHAPE,
    )
    return pooled(backbone)


def hub_vit():
    """Returns tokens; drops."""
    hub = pytest.importorskip("keras_hub", reason="needs KerasHub: make test-backbones")
    backbone = hub.models.ViTBackbone(
        image_shape=SHAPE, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, dropout_rate=0.1
    )
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, backbone(inputs)[:, 0])


def zeromodels_resnet():
    resnet = pytest.importorskip("zeromodels.models.resnet", reason="needs zeromodels: make test-backbones")
    return pooled(resnet.ResNetModel(depths=(1, 1), filters=(8, 16), groups=1, width_factor=1, image_size=32))


def cv_resnet():
    cv = pytest.importorskip("keras_cv", reason="needs keras-cv and TensorFlow: make test-keras-cv")
    backbone = cv.models.ResNetBackbone(
        stackwise_filters=[8, 16],
        stackwise_blocks=[1, 1],
        stackwise_strides=[1, 2],
        include_rescaling=False,
        input_shape=SHAPE,
    )
    return pooled(backbone)


BACKBONES = [mobilenet, hub_resnet, hub_vit, zeromodels_resnet, cv_resnet]
# the largest under BYOL alone, which does with it what SimCLR does, and copies it: compiling takes long
CASES = [(mobilenet, zoo.BYOL), *((backbone, m) for backbone in BACKBONES[1:] for m in (zoo.SimCLR, zoo.BYOL))]


@pytest.fixture(scope="module")
def views():
    """Two views, made beforehand, so that nothing but the networks is compiled."""
    images = np.random.default_rng(0).random((16, *SHAPE)).astype("float32")
    return {"views": (images, images[:, :, ::-1].copy())}


def build(method, backbone):
    keras.utils.set_random_seed(0)
    encoder = backbone()
    width = encoder.output_shape[-1]
    heads = {"projector": zoo.nets.Head(width, (16,), 8)}
    if method is zoo.BYOL:
        heads["predictor"] = zoo.nets.Head(8, (16,), 8)
    model = method(encoder, **heads)
    model.compile(keras.optimizers.Adam(1e-3))
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "method"),
    CASES,
    ids=lambda value: value.__name__,
)
def test_trains_and_goes_on_after_a_file(backbone, method, views, tmp_path):
    """Every weight moves, batch norm's averages too; a saved run goes on as the one that was not stopped."""
    model = build(method, backbone)
    weights = model.encoder.weights
    before = values(weights)
    history = model.fit(views, batch_size=8, epochs=1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    still = [v.path for v, old, new in zip(weights, before, values(weights), strict=True) if (old == new).all()]
    assert not still
    assert model.predict(views["views"][0], verbose=0).shape == (16, model.encoder.output_shape[-1])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for m in (model, again):
        keras.utils.set_random_seed(1)  # on torch Keras' dropout draws from torch's own generator, which no file holds
        m.fit(views, batch_size=8, epochs=2, initial_epoch=1, verbose=0)
    for a, b in zip(values(model.variables), values(again.variables), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "backbone",
    [
        lambda: keras.applications.MobileNetV3Small(SHAPE, weights=None, include_top=False, pooling="avg"),
        lambda: pooled(keras.applications.EfficientNetV2B0(False, None, input_shape=SHAPE)),
        lambda: keras.applications.ConvNeXtTiny(include_top=False, weights=None, input_shape=SHAPE, pooling="avg"),
    ],
)
def test_preprocessing_of_bytes_is_refused(backbone):
    """In the model, in a nested model, and as means of [0, 255]: images in [0, 1] would all look black."""
    with pytest.raises(ValueError, match="include_preprocessing=False"):
        zoo.SimCLR(backbone())


def test_preprocessing_behind_its_inverse_is_taken():
    zoo.SimCLR(mobilenet_v3(), projector=zoo.nets.Head(576, (16,), 8))


def test_feature_map_is_refused_with_the_line_to_add():
    with pytest.raises(ValueError, match=r"GlobalAveragePooling2D\(\)"):
        zoo.SimCLR(keras.applications.MobileNet(SHAPE, alpha=0.25, weights=None, include_top=False))


@pytest.mark.parametrize("outputs", [dict, list])
def test_several_outputs_are_refused(outputs):
    inputs = keras.Input(SHAPE)
    x = layers.GlobalAveragePooling2D()(inputs)
    with pytest.raises(ValueError, match="one output"):
        zoo.SimCLR(keras.Model(inputs, {"a": x, "b": x} if outputs is dict else [x, x]))
