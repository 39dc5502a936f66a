"""ResNets against torchvision's parameter counts, and against a NumPy oracle written from torch's definitions."""

import keras
import numpy as np
import pytest

from keras_sslzoo import nets


def conv(x, kernel, stride, padding):
    """torch.nn.functional.conv2d: kernel (k, k, in, out), zeros on all four sides."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    k = kernel.shape[0]
    height, width = ((n - k) // stride + 1 for n in x.shape[1:3])
    y = np.zeros((len(x), height, width, kernel.shape[-1]))
    for i in range(height):
        for j in range(width):
            window = x[:, i * stride : i * stride + k, j * stride : j * stride + k]
            y[:, i, j] = np.tensordot(window, kernel, 3)
    return y


def max_pool(x):
    """torch.nn.MaxPool2d(3, 2, padding=1), which pads with -inf."""
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    height, width = ((n - 3) // 2 + 1 for n in x.shape[1:3])
    y = np.zeros((len(x), height, width, x.shape[-1]))
    for i in range(height):
        for j in range(width):
            y[:, i, j] = x[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3].max(axis=(1, 2))
    return y


class Oracle:
    """Reads weights by layer name and runs the net at inference."""

    def __init__(self, net):
        self.weights = {layer.name: [np.asarray(w, "float64") for w in layer.get_weights()] for layer in net.layers}

    def conv(self, x, name, stride, padding):
        (kernel,) = self.weights[name]
        return conv(x, kernel, stride, padding)

    def bn(self, x, name):
        gamma, beta, mean, var = self.weights[name]
        return (x - mean) / np.sqrt(var + 1e-5) * gamma + beta

    def shortcut(self, x, name, stride):
        if f"{name}_downsample_0" not in self.weights:
            return x
        return self.bn(self.conv(x, f"{name}_downsample_0", stride, 0), f"{name}_downsample_1")

    def basic_block(self, x, name, stride):
        y = np.maximum(self.bn(self.conv(x, f"{name}_conv1", stride, 1), f"{name}_bn1"), 0)
        y = self.bn(self.conv(y, f"{name}_conv2", 1, 1), f"{name}_bn2")
        return np.maximum(y + self.shortcut(x, name, stride), 0)

    def bottleneck(self, x, name, stride):
        y = np.maximum(self.bn(self.conv(x, f"{name}_conv1", 1, 0), f"{name}_bn1"), 0)
        y = np.maximum(self.bn(self.conv(y, f"{name}_conv2", stride, 1), f"{name}_bn2"), 0)
        y = self.bn(self.conv(y, f"{name}_conv3", 1, 0), f"{name}_bn3")
        return np.maximum(y + self.shortcut(x, name, stride), 0)

    def features(self, x, block, depths, stem):
        x = self.conv(x, "conv1", 2, 3) if stem == "imagenet" else self.conv(x, "conv1", 1, 1)
        x = np.maximum(self.bn(x, "bn1"), 0)
        if stem == "imagenet":
            x = max_pool(x)
        for stage, depth in enumerate(depths, start=1):
            for i in range(depth):
                x = getattr(self, block)(x, f"layer{stage}_{i}", 2 if stage > 1 and i == 0 else 1)
        return x.mean(axis=(1, 2))


def trainable(net):
    return sum(int(np.prod(w.shape)) for w in net.trainable_weights)


def randomize(net, rng):
    """Batch norm away from the identity, so that the forward pass depends on all of it."""
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape[0]
            layer.set_weights(
                [rng.uniform(0.5, 1.5, n), rng.normal(0, 0.3, n), rng.normal(0, 0.3, n), rng.uniform(0.5, 1.5, n)]
            )


# torchvision's counts less the classifier's 512 * 1000 + 1000, or 2048 * 1000 + 1000
@pytest.mark.parametrize(
    ("build", "expected", "features"),
    [
        (nets.ResNet18, 11_689_512 - 513_000, 512),
        (nets.ResNet34, 21_797_672 - 513_000, 512),
        (nets.ResNet50, 25_557_032 - 2_049_000, 2048),
    ],
)
def test_parameters_equal_torchvision(build, expected, features):
    keras.utils.set_random_seed(0)
    net = build()
    assert trainable(net) == expected
    assert net.output_shape == (None, features)


def test_parameters_of_the_small_stem():
    keras.utils.set_random_seed(0)
    # a 3x3 kernel in place of the 7x7 one
    assert trainable(nets.ResNet18((32, 32, 3), stem="small")) == 11_176_512 - (49 - 9) * 3 * 64


@pytest.mark.parametrize("stem", ["imagenet", "small"])
@pytest.mark.parametrize(
    ("build", "block", "depths"),
    [
        (nets.ResNet18, "basic_block", (2, 2, 2, 2)),
        (nets.ResNet34, "basic_block", (3, 4, 6, 3)),
        (nets.ResNet50, "bottleneck", (3, 4, 6, 3)),
    ],
)
def test_forward_pass(build, block, depths, stem):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    shape = (66, 40, 2) if stem == "imagenet" else (16, 13, 2)  # even and odd on the way down
    net = build(shape, stem=stem, width=4)
    randomize(net, rng)
    images = rng.uniform(0, 1, (2, *shape)).astype("float32")
    expected = Oracle(net).features(images, block, depths, stem)
    got = keras.ops.convert_to_numpy(net(images, training=False))
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-4 * expected.std())


def test_a_bottleneck_strides_in_its_3x3_convolution():
    keras.utils.set_random_seed(0)
    net = nets.ResNet50((32, 32, 3), stem="small", width=4)
    assert [net.get_layer(f"layer2_0_conv{i}").strides for i in (1, 2, 3)] == [(1, 1), (2, 2), (1, 1)]


def test_batch_norm_has_the_constants_of_torch():
    keras.utils.set_random_seed(0)
    net = nets.ResNet18((16, 16, 3), stem="small", width=4)
    norms = [layer for layer in net.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {(layer.epsilon, layer.momentum) for layer in norms} == {(1e-5, 0.9)}


@pytest.mark.parametrize(("build", "last", "blocks"), [(nets.ResNet18, "bn2", 8), (nets.ResNet50, "bn3", 16)])
def test_zero_init_residual(build, last, blocks):
    keras.utils.set_random_seed(0)
    net = build((16, 16, 3), stem="small", width=4, zero_init_residual=True)
    zero = [x.name for x in net.layers if isinstance(x, keras.layers.BatchNormalization) and not np.any(x.gamma)]
    assert len(zero) == blocks
    assert all(name.endswith(f"_{last}") for name in zero)


def test_any_size():
    keras.utils.set_random_seed(0)
    net = nets.ResNet18((None, None, 3), stem="small", width=4)
    assert net(np.zeros((1, 9, 12, 3), "float32")).shape == (1, 32)
