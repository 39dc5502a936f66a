"""What holds for every net: shapes, parameters, files, gradients, errors."""

import inspect

import keras
import numpy as np
import pytest

from keras_sslzoo import nets


def parameters(net):
    return sum(int(np.prod(w.shape)) for w in net.weights)


def images(shape, batch=3, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (batch, *shape)).astype("float32")


SMALL = {
    "mlp": lambda: nets.MLP((6, 5, 2), (8, 12), batch_norm=True, output_shape=(3, 4), output_activation="sigmoid"),
    "convnet": lambda: nets.ConvNet((18, 11, 2), 4, 12, normalization=((0.4, 0.5), (0.2, 0.3))),
    "conv_encoder": lambda: nets.ConvEncoder((33, 30, 2), 5, 4),
    "conv_decoder": lambda: nets.ConvDecoder(5, (33, 30, 2), 4),
    "head": lambda: nets.Head(6, (8, 8), 4, output_norm=True),
    "resnet18": lambda: nets.ResNet18((33, 33, 3), width=4, normalization=(0.5, 0.25)),
    "resnet50": lambda: nets.ResNet50((16, 16, 3), stem="small", width=4, normalization=(0.5, (0.2, 0.3, 0.4))),
    "dcgan_generator": lambda: nets.DCGANGenerator(6, (17, 22, 3), 4),
    "dcgan_discriminator": lambda: nets.DCGANDiscriminator((17, 22, 3), 4),
    "unet": lambda: nets.UNet((17, 22, 3), 2, width=4),
    "patchgan": lambda: nets.PatchGAN((17, 22, 3), 16, 4),
    "vit": lambda: nets.ViT(
        (8, 12, 2), patch_size=4, width=8, depth=2, heads=2, registers=1, layer_scale=0.1, drop_path=0.1
    ),
}


@pytest.fixture(params=SMALL)
def net(request):
    keras.utils.set_random_seed(0)
    model = SMALL[request.param]()
    assert model.name == request.param
    return model


def test_keras_file_round_trip(net, tmp_path):
    x = images(net.input_shape[1:])
    net.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(net.predict(x, verbose=0), again.predict(x, verbose=0))


# to compile a ResNet's step takes longer than all other tests; its wiring is tested in test_resnet.py
@pytest.mark.parametrize("net", [n for n in SMALL if not n.startswith("resnet")], indirect=True)
def test_every_trainable_weight_moves(net):
    x = images(net.input_shape[1:], batch=4)
    y = np.random.default_rng(1).normal(0, 1, (4, *net.output_shape[1:])).astype("float32")
    before = [np.copy(w) for w in net.get_weights()]
    net.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=keras.config.backend() == "jax")
    net.fit(x, y, batch_size=4, epochs=1, verbose=0)
    trainable = {w.path for w in net.trainable_weights}
    still = [w.path for w, old in zip(net.weights, before, strict=True) if np.array_equal(w.numpy(), old)]
    assert not trainable & set(still)
    assert all(np.all(np.isfinite(w)) for w in net.get_weights())


@pytest.mark.parametrize("net", [n for n in SMALL if n != "resnet50"], indirect=True)  # resnet18 has all its layers
def test_the_global_image_format_changes_nothing(net):
    x = images(net.input_shape[1:])
    expected = keras.ops.convert_to_numpy(net(x, training=False))
    keras.config.set_image_data_format("channels_first")
    try:
        keras.utils.set_random_seed(0)
        got = keras.ops.convert_to_numpy(SMALL[net.name]()(x, training=False))
    finally:
        keras.config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", [n for n in dir(nets) if n[0].isupper()])
def test_arguments_are_documented(name):
    build = getattr(nets, name)
    doc = build.__doc__ if "see `ResNet18`" not in build.__doc__ else nets.ResNet18.__doc__
    assert all(f"        {p}: " in doc for p in inspect.signature(build).parameters)


def test_normalization_is_x_minus_mean_over_std():
    keras.utils.set_random_seed(0)
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.5, 1.0, 2.0])
    x = images((16, 16, 3))
    plain = nets.ConvNet((16, 16, 3), 4, 8)
    for arguments in ((mean.tolist(), std.tolist()), (0.25, 4.0), (mean, 4.0)):
        normal = nets.ConvNet((16, 16, 3), 4, 8, normalization=arguments)
        normal.set_weights(plain.get_weights())
        expected = plain(((x - arguments[0]) / np.asarray(arguments[1])).astype("float32"))
        np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (normal(x), expected)), rtol=1e-4, atol=1e-5)


def test_mlp_is_its_formula():
    keras.utils.set_random_seed(0)
    net = nets.MLP((2, 3), (5, 4), activation="tanh", output_activation="sigmoid", output_shape=(2, 2))
    x = images((2, 3))
    w1, b1, w2, b2 = net.get_weights()
    z = np.tanh(x.reshape(3, 6) @ w1 + b1) @ w2 + b2
    np.testing.assert_allclose(net.predict(x, verbose=0), (1 / (1 + np.exp(-z))).reshape(3, 2, 2), rtol=1e-5)


@pytest.mark.parametrize("shape", [(7,), (28, 28, 1), (50, 3), (4, 3, 2, 2)])
def test_mlp_takes_any_rank_and_gives_any_rank(shape):
    keras.utils.set_random_seed(0)
    n = int(np.prod(shape))
    assert nets.MLP(shape, (16, 8))(images(shape)).shape == (3, 8)
    assert nets.MLP((8,), (16, n), output_shape=shape)(images((8,))).shape == (3, *shape)


def test_mlp_batch_norm_is_not_in_the_output_layer():
    keras.utils.set_random_seed(0)
    net = nets.MLP((4,), (8, 8, 2), batch_norm=True)
    # 4*8 + 8*8 + 8*2+2 and gamma, beta, mean, variance twice
    assert parameters(net) == 32 + 64 + 18 + 2 * 4 * 8


def test_convnet_features_are_means_over_the_cells_of_a_grid():
    keras.utils.set_random_seed(0)
    net = nets.ConvNet((28, 28, 1), 4, 12)
    x = images((28, 28, 1))
    maps = keras.ops.convert_to_numpy(keras.Model(net.input, net.get_layer("relu4").output)(x))  # (3, 4, 4, 3)
    expected = maps.reshape(3, 2, 2, 2, 2, 3).mean((2, 4)).reshape(3, 12)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(net(x)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_convnet_is_small(channels):
    keras.utils.set_random_seed(0)
    kernels = 9 * (channels * 32 + 32 * 64 + 64 * 96 + 96 * 128)
    net = nets.ConvNet((32, 32, channels))
    assert parameters(net) == kernels + 4 * (32 + 64 + 96 + 128) <= 300_000


@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3), (33, 30, 2), (9, 40, 1), (None, None, 3)])
def test_convnet_shapes(shape):
    keras.utils.set_random_seed(0)
    size = tuple(n or 20 for n in shape)
    y = nets.ConvNet(shape, 8, 24, grid=1 if None in shape else 2)(images(size))
    assert y.shape == (3, 24)
    assert np.min(keras.ops.convert_to_numpy(y)) >= 0


SHAPES = [(28, 28, 1), (32, 48, 3), (33, 30, 2), (64, 64, 3), (17, 100, 1)]


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1, 1), (5, 3, 2)])
def test_conv_decoder_gives_exactly_the_image_shape(shape):
    keras.utils.set_random_seed(0)
    net = nets.ConvDecoder(6, shape, 4)
    assert net.output_shape == (None, *shape)
    y = net.predict(images((6,)), verbose=0)
    assert y.shape == (3, *shape)
    assert y.min() >= 0
    assert y.max() <= 1


def test_conv_decoder_without_activation_is_the_logit():
    keras.utils.set_random_seed(0)
    logits = nets.ConvDecoder(6, (33, 30, 2), 4, output_activation=None)
    probabilities = nets.ConvDecoder(6, (33, 30, 2), 4)
    probabilities.set_weights(logits.get_weights())
    z, p = (m.predict(images((6,)), verbose=0) for m in (logits, probabilities))
    assert z.min() < 0
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-z)), rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_dcgan_shapes_and_range(shape):
    keras.utils.set_random_seed(0)
    generator, discriminator = nets.DCGANGenerator(6, shape, 4), nets.DCGANDiscriminator(shape, 4)
    z = np.random.default_rng(0).normal(0, 1, (3, 6)).astype("float32")
    y = generator.predict(100 * z, verbose=0)
    assert y.shape == (3, *shape)
    assert 0 <= y.min() < 0.5 < y.max() <= 1
    assert discriminator.predict(y, verbose=0).shape == (3, 1)


def test_dcgan_output_covers_the_unit_range():
    keras.utils.set_random_seed(0)
    net = nets.DCGANGenerator(6, (16, 16, 1), 4)
    for bias, value in ((-20.0, 0.0), (0.0, 0.5), (20.0, 1.0)):
        kernel, _ = net.get_layer("output").get_weights()
        net.get_layer("output").set_weights([0 * kernel, np.array([bias])])
        np.testing.assert_allclose(net.predict(images((6,)), verbose=0), value, atol=1e-6)


def test_dcgan_discriminator_sees_minus_one_to_one():
    keras.utils.set_random_seed(0)
    net = nets.DCGANDiscriminator((16, 16, 1), 4)
    first = keras.Model(net.input, net.layers[1].output)
    np.testing.assert_allclose(first(np.full((1, 16, 16, 1), 0.0, "float32")), -1.0)
    np.testing.assert_allclose(first(np.full((1, 16, 16, 1), 1.0, "float32")), 1.0)


def test_dcgan_of_the_paper():
    """Figure 1: 1024, 512, 256, 128 channels at 4, 8, 16, 32 pixels; batch norm not at the two ends."""
    keras.utils.set_random_seed(0)
    generator = nets.DCGANGenerator(100, (64, 64, 3), 128)
    inputs = [x.input.shape[1:] for x in generator.layers if isinstance(x, keras.layers.Conv2DTranspose)]
    assert inputs == [(4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128)]
    norms = [x.name for x in generator.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert norms == ["bn1", "bn2", "bn3", "bn4"]
    discriminator = nets.DCGANDiscriminator((64, 64, 3), 128)
    outputs = [x.output.shape[1:] for x in discriminator.layers if isinstance(x, keras.layers.Conv2D)]
    assert outputs == [(32, 32, 128), (16, 16, 256), (8, 8, 512), (4, 4, 1024)]
    norms = [x.name for x in discriminator.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert norms == ["bn2", "bn3", "bn4"]
    assert {x.negative_slope for x in discriminator.layers if isinstance(x, keras.layers.LeakyReLU)} == {0.2}
    for net in (generator, discriminator):
        for w in net.trainable_weights:
            if w.name == "kernel":
                w = keras.ops.convert_to_numpy(w)
                assert np.std(w) == pytest.approx(0.02, rel=4 / np.sqrt(2 * w.size))


def test_dcgan_critic_without_batch_norm():
    keras.utils.set_random_seed(0)
    net = nets.DCGANDiscriminator((32, 32, 3), 4, batch_norm=False)
    assert not [x for x in net.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(net.weights) == 2 * 4  # three convolutions and the output, all with a bias


BAD = {
    "mlp_shape": (lambda: nets.MLP(28), "`input_shape`.*Received: input_shape=28.*Pass"),
    "mlp_none": (lambda: nets.MLP((None, 3)), "`input_shape`.*Received"),
    "mlp_units": (lambda: nets.MLP((3,), (8, 0)), "`units`.*Received"),
    "mlp_no_units": (lambda: nets.MLP((3,), ()), "`units`.*Received: units=\\(\\)"),
    "mlp_output": (lambda: nets.MLP((3,), (8,), output_shape=(3, 3)), "`output_shape`.*End `units` with 9"),
    "convnet_grid": (lambda: nets.ConvNet(features=30), "`features` must be divisible.*Received: features=30, grid=2"),
    "convnet_size": (lambda: nets.ConvNet((None, 28, 1)), "fixed size.*Received.*grid=1"),
    "convnet_rank": (lambda: nets.ConvNet((28, 28)), "`input_shape`.*Received: input_shape=\\(28, 28\\)"),
    "convnet_channels": (lambda: nets.ConvNet((28, 28, None)), "`input_shape`.*Received"),
    "convnet_width": (lambda: nets.ConvNet(width=0), "`width`.*Received: width=0"),
    "convnet_features": (lambda: nets.ConvNet(features=True), "`features`.*Received: features=True"),
    "normalization_std": (lambda: nets.ConvNet(normalization=(0.5, 0.0)), "`normalization`.*std > 0"),
    "normalization_length": (lambda: nets.ConvNet(normalization=((0.5, 0.5), 1.0)), "`normalization`.*1 channels"),
    "normalization_scalar": (lambda: nets.ConvNet(normalization=0.5), "`normalization`.*Received"),
    "normalization_text": (lambda: nets.ResNet18(normalization="imagenet"), "`normalization`.*Received"),
    "decoder_latent": (lambda: nets.ConvDecoder(1.5), "`latent_dim`.*Received: latent_dim=1.5"),
    "decoder_shape": (lambda: nets.ConvDecoder(8, (None, 28, 1)), "`image_shape`.*Received"),
    "resnet_stem": (lambda: nets.ResNet18(stem="cifar"), "`stem`.*Received: stem='cifar'.*Use"),
    "resnet_width": (lambda: nets.ResNet50(width=-1), "`width`.*Received"),
    "generator_size": (lambda: nets.DCGANGenerator(8, (28, 7, 1)), "`image_shape`.*>= 8.*Received"),
    "generator_latent": (lambda: nets.DCGANGenerator(0), "`latent_dim`.*Received"),
    "unet_levels": (lambda: nets.UNet((32, 64, 3), levels=6), "`levels` must be from 2 to 5.*Received: levels=6"),
    "unet_channels": (lambda: nets.UNet(channels=0), "`channels`.*Received: channels=0"),
    "patchgan_field": (lambda: nets.PatchGAN(receptive_field=71), "`receptive_field` must be one of 1, 16.*=71"),
    "patchgan_size": (lambda: nets.PatchGAN((23, 64, 6)), "`image_shape`.*>= 24.*Received"),
    "discriminator_shape": (lambda: nets.DCGANDiscriminator((28, 28)), "`image_shape`.*Received"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments(case):
    build, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        build()
