"""pix2pix's networks against plain torch with exchanged weights, their published sizes, and their receptive fields."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import backend, nets


def images(shape, batch=2, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (batch, *shape)).astype("float32")


def trainable(net):
    return sum(int(np.prod(w.shape)) for w in net.trainable_weights)


def call(net, x, training=False):
    return ops.convert_to_numpy(net(ops.convert_to_tensor(x), training=training))


@pytest.mark.parametrize(
    ("build", "millions"),
    [
        (lambda: nets.UNet((256, 256, 3)), 54.414),
        (lambda: nets.UNet((64, 64, 1)), 29.238),
        (lambda: nets.PatchGAN((256, 256, 6)), 2.769),
        (lambda: nets.PatchGAN((64, 64, 2), 34), 0.662),
    ],
    ids=["unet_256", "unet_64", "patchgan_70", "patchgan_34"],
)
def test_parameters_are_those_that_the_official_code_prints(build, millions):
    """junyanz/pytorch-CycleGAN-and-pix2pix prints these as training starts: logs of users, those at 64 pixels in #1152."""
    assert round(trainable(build()) / 1e6, 3) == millions


# ---- plain torch, written from the layouts of junyanz/pytorch-CycleGAN-and-pix2pix: models/networks.py ----------------


def torch_unet(net, x, levels):
    """The net's function by torch in training mode, without dropout: the skip comes first, the upsampled part second."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    weights = {layer.name: [torch.tensor(w, dtype=torch.float64) for w in layer.get_weights()] for layer in net.layers}

    def norm(x, name):
        gamma, beta, *_ = weights[name]
        return f.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)

    def up(x, name, halves):
        kernel, *bias = weights[name]
        kernel = kernel.permute(3, 2, 0, 1)  # (in, out, h, w)
        if halves:
            first, second = kernel.chunk(2)
            kernel = torch.cat([second, first])
        return f.conv_transpose2d(x, kernel, *bias, stride=2, padding=1)

    def block(x, i):
        """Level i and all below: [x, what comes up from there]."""
        kernel, *bias = weights[f"down{i}"]
        y = f.conv2d(f.leaky_relu(x, 0.2) if i > 1 else x, kernel.permute(3, 2, 0, 1), *bias, stride=2, padding=1)
        innermost = i == levels
        if not innermost:
            y = block(norm(y, f"down_bn{i}") if i > 1 else y, i + 1)
        name = "output" if i == 1 else f"up{levels + 1 - i}"
        y = up(f.relu(y), name, halves=not innermost)
        return torch.tanh(y) if i == 1 else torch.cat([x, norm(y, f"up_bn{levels + 1 - i}")], 1)

    y = block(torch.tensor(x, dtype=torch.float64).permute(0, 3, 1, 2) * 2 - 1, 1)
    return (y.permute(0, 2, 3, 1) / 2 + 0.5).numpy()


def spread(net):
    """Larger weights than the initial ones, of all kinds, so that every path counts."""
    rng = np.random.default_rng(1)
    for layer in net.layers:
        if "Normalization" in type(layer).__name__:
            _, _, mean, var = layer.get_weights()
            layer.set_weights([rng.uniform(0.5, 1.5, mean.shape), rng.normal(0, 0.3, mean.shape), mean, var])
        elif layer.trainable_weights:
            layer.set_weights([rng.normal(0, 0.1, w.shape) for w in layer.get_weights()])


@pytest.mark.parametrize(("size", "batch"), [((256, 256), 1), ((32, 64), 2)])
def test_unet_is_torch_with_the_same_weights(size, batch):
    levels = int(np.log2(min(size)))
    net = nets.UNet((*size, 3), 2, width=2, dropout=0.0)
    spread(net)
    x = images((*size, 3), batch)
    np.testing.assert_allclose(call(net, x), torch_unet(net, x, levels), atol=2e-5)


@pytest.mark.parametrize("field", [1, 16, 70])
def test_patchgan_is_torch_with_the_same_weights(field):
    torch = pytest.importorskip("torch")
    net = nets.PatchGAN((33, 30, 4), field, 2)
    spread(net)
    x = images((33, 30, 4))
    strides = {1: [1, 1, 1], 16: [2, 1, 1], 70: [2, 2, 2, 1, 1]}[field]
    y = torch.tensor(x, dtype=torch.float64).permute(0, 3, 1, 2) * 2 - 1
    for i, stride in enumerate(strides, start=1):
        last = i == len(strides)
        kernel, *bias = (
            torch.tensor(w, dtype=torch.float64) for w in net.get_layer("output" if last else f"conv{i}").get_weights()
        )
        assert len(bias) == (last or i == 1)
        y = torch.nn.functional.conv2d(y, kernel.permute(3, 2, 0, 1), *bias, stride=stride, padding=int(field > 1))
        if i > 1 and not last:
            gamma, beta = (torch.tensor(w, dtype=torch.float64) for w in net.get_layer(f"bn{i}").get_weights()[:2])
            y = torch.nn.functional.batch_norm(y, None, None, gamma, beta, training=True, eps=1e-5)
        if not last:
            y = torch.nn.functional.leaky_relu(y, 0.2)
    np.testing.assert_allclose(call(net, x, training=True), y.permute(0, 2, 3, 1).numpy(), rtol=1e-4, atol=1e-4)


# ---- what the paper says -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [1, 16, 34, 70, 142, 286])
def test_a_logit_of_patchgan_depends_on_its_receptive_field_alone(field):
    net = nets.PatchGAN((None, None, 2), field, 1)
    spread(net)

    class Holder:
        state = net.variables

    side = 2 * field + 70
    middle = net.compute_output_shape((1, side, side, 2))[1] // 2
    gradient = backend.input_grad(
        Holder, lambda x: net(x)[:, middle, middle], ops.convert_to_tensor(images((side,) * 2 + (2,), 1))
    )
    rows, columns = np.nonzero(ops.convert_to_numpy(gradient)[0].any(-1))
    assert {np.ptp(rows) + 1, np.ptp(columns) + 1} == {field}


def test_channels_of_the_paper():
    """Section 6.1.1: C64-C128-C256-C512 x 5 down; CD512-CD1024-CD1024-C1024-C1024-C512-C256-C128, counting the skips."""
    net = nets.UNet((256, 256, 3), width=64)
    down = [net.get_layer(f"down{i}").output.shape[1:] for i in range(1, 9)]
    assert [s[-1] for s in down] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [s[0] for s in down] == [128, 64, 32, 16, 8, 4, 2, 1]
    joined = [net.get_layer(f"skip{i}").output.shape[-1] for i in range(1, 8)]
    assert joined == [1024, 1024, 1024, 1024, 512, 256, 128]
    names = [layer.name for layer in net.layers]
    assert [n for n in names if n.startswith("dropout")] == ["dropout1", "dropout2", "dropout3"]
    assert [n for n in names if n.startswith("down_bn")] == [f"down_bn{i}" for i in range(2, 8)]
    for w in net.trainable_weights:
        if w.name in ("kernel", "gamma"):
            w = ops.convert_to_numpy(w)
            assert np.std(w) == pytest.approx(0.02, rel=5 / np.sqrt(2 * w.size))
            assert np.mean(w) == pytest.approx(float(w.ndim == 1), abs=5 * 0.02 / np.sqrt(w.size))


def test_skips_carry_the_image_past_the_bottleneck():
    net = nets.UNet((32, 32, 1), width=4, dropout=0.0)
    net.get_layer("up1").set_weights([0 * w for w in net.get_layer("up1").get_weights()])
    a, b = call(net, images((32, 32, 1))), call(net, images((32, 32, 1), seed=1))
    assert np.abs(a - b).mean() > 1e-4
    for i in range(2, 5):
        net.get_layer(f"up{i}").set_weights([0 * w for w in net.get_layer(f"up{i}").get_weights()])
    kernel, bias = net.get_layer("output").get_weights()
    kernel[..., 4:] = 0  # what came past the other levels
    net.get_layer("output").set_weights([kernel, bias])
    a, b = call(net, images((32, 32, 1))), call(net, images((32, 32, 1), seed=1))
    assert np.abs(a - b).max() < 1e-6


@pytest.mark.parametrize("shape", [(12, 12, 1), (28, 28, 1), (33, 50, 3), (64, 64, 2), (3, 5, 1)])
@pytest.mark.parametrize("batch", [1, 3])
def test_unet_takes_any_size_and_a_batch_of_one(shape, batch):
    y = nets.UNet(shape, 5, width=2).predict(images(shape, batch), verbose=0)
    assert y.shape == (batch, *shape[:2], 5)
    assert np.isfinite(y).all()
    assert y.min() >= 0
    assert y.max() <= 1


def test_inference_is_as_in_training_or_ordinary():
    keras.utils.set_random_seed(0)
    noisy, ordinary = (nets.UNet((32, 32, 1), width=4, same_at_inference=same) for same in (True, False))
    spread(noisy)
    ordinary.set_weights(noisy.get_weights())
    x = np.repeat(images((32, 32, 1), 1), 3, axis=0)
    before = noisy.get_weights()
    a = noisy.predict(x, verbose=0)
    np.testing.assert_array_equal(a, noisy.predict(x, verbose=0))
    for old, new in zip(before, noisy.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.abs(a[0] - a[1]).max() > 1e-3  # another place in the batch, another mask
    b = ordinary.predict(x, verbose=0)
    np.testing.assert_allclose(b[0], b[1], atol=1e-6)
    assert np.abs(a - b).max() > 1e-3
    trained = [call(net, x, training=True) for net in (noisy, ordinary)]
    np.testing.assert_allclose(*trained, atol=1e-6)
