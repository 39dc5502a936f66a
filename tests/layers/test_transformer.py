"""The layers of transformers: attention and perceptron against loops, causality, configs, dtypes, user slips."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import layers
from keras_sslzoo.ops import activations

B, T, D = 2, 5, 8


def tokens(seed=0, shape=(B, T, D)):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def numpy_of(x):
    return ops.convert_to_numpy(x)


def randomize(layer, seed=1):
    """All weights away from 0 and 1."""
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0.0, 0.4, w.shape) for w in layer.get_weights()])
    return layer


def built(layer, shape=(None, T, D)):
    layer.build(shape)
    return randomize(layer)


def attention_by_loops(layer, x):
    """One query and one head at a time; returns the outputs and the attention."""
    kernel, bias = (np.asarray(numpy_of(w), "float64") for w in layer.qkv.weights)
    out_kernel, out_bias = (np.asarray(numpy_of(w), "float64") for w in layer.proj.weights)
    d = D // layer.heads
    y, maps = np.zeros(x.shape), np.zeros((len(x), layer.heads, x.shape[1], x.shape[1]))
    for b, sample in enumerate(x):
        q, k, v = np.split(sample @ kernel + bias, 3, axis=-1)
        for h in range(layer.heads):
            part = slice(h * d, (h + 1) * d)
            for i in range(len(sample)):
                last = i + 1 if layer.causal else len(sample)
                e = np.exp([q[i, part] @ k[j, part] / math.sqrt(d) for j in range(last)])
                maps[b, h, i, :last] = e / e.sum()
                y[b, i, part] = maps[b, h, i] @ v[:, part]
    return y @ out_kernel + out_bias, maps


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_by_loops(heads, causal):
    layer, x = built(layers.Attention(heads, causal=causal)), tokens()
    y, maps = attention_by_loops(layer, x)
    np.testing.assert_allclose(numpy_of(layer(x)), y, atol=1e-5)
    np.testing.assert_allclose(numpy_of(layer.maps(x)), maps, atol=1e-6)
    np.testing.assert_allclose(numpy_of(layer.maps(x)).sum(-1), 1, atol=1e-6)


def test_a_causal_token_does_not_see_later_ones():
    layer, x = built(layers.TransformerBlock(2, 16, causal=True)), tokens()
    later = x.copy()
    later[:, 3:] += 1
    first, second = numpy_of(layer(x)), numpy_of(layer(later))
    np.testing.assert_allclose(first[:, :3], second[:, :3], atol=1e-6)
    assert np.abs(first[:, 3:] - second[:, 3:]).min(axis=-1).max() > 1e-3


def normal_cdf(x):
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


CLOSED_FORMS = {
    "gelu": lambda x: x * normal_cdf(x),
    "gelu_tanh": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "quick_gelu": lambda x: x / (1 + math.exp(-1.702 * x)),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_activations(name):
    x = np.linspace(-6, 6, 101).astype("float32")
    expected = [CLOSED_FORMS[name](float(v)) for v in x]
    np.testing.assert_allclose(numpy_of(activations.ACTIVATIONS[name](ops.convert_to_tensor(x))), expected, atol=2e-6)


def test_how_far_the_other_gelus_are():
    x = np.linspace(-8, 8, 4001)
    exact, tanh, quick = ([f(v) for v in x] for f in CLOSED_FORMS.values())
    assert 4e-4 < np.abs(np.subtract(exact, tanh)).max() < 5e-4
    assert 0.020 < np.abs(np.subtract(exact, quick)).max() < 0.021


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_feed_forward(name):
    layer, x = built(layers.FeedForward(6, name)), tokens()
    w1, b1, w2, b2 = (np.asarray(w, "float64") for w in layer.get_weights())
    hidden = x @ w1 + b1
    if name == "swiglu":
        assert w1.shape == (D, 12)
        gate, value = hidden[..., :6], hidden[..., 6:]
        hidden = gate / (1 + np.exp(-gate)) * value
    else:
        hidden = np.vectorize(CLOSED_FORMS[name])(hidden)
    np.testing.assert_allclose(numpy_of(layer(x)), hidden @ w2 + b2, atol=1e-5)


def test_patch_embedding_is_a_strided_convolution():
    layer = built(layers.PatchEmbedding(7, 4), (None, None, None, 3))
    x = tokens(shape=(2, 8, 12, 3))
    expected = (
        ops.conv(x, layer.kernel.value, strides=4, padding="valid", data_format="channels_last") + layer.bias.value
    )
    np.testing.assert_allclose(numpy_of(layer(x)), numpy_of(expected), atol=1e-5)


def test_prefix_tokens_stand_before_the_patches():
    layer = built(layers.PrefixTokens(registers=2), (None, 2, 3, D))
    token, position, registers = layer.get_weights()
    x = tokens(shape=(B, 2, 3, D))
    y = numpy_of(layer(x))
    for sample, patches in zip(y, x, strict=True):
        np.testing.assert_allclose(sample[0], (token + position)[0], atol=1e-6)
        np.testing.assert_array_equal(sample[1:3], registers)
        np.testing.assert_array_equal(sample[3:], patches.reshape(6, D))
    np.testing.assert_array_equal(numpy_of(layer(x.reshape(B, 6, D))), y)
    np.testing.assert_array_equal(numpy_of(layer(x.reshape(B, 6, D)[:, [4, 1]]))[:, 3:], x.reshape(B, 6, D)[:, [4, 1]])


def test_pooling():
    x = tokens()
    pool = {kind: numpy_of(layers.TokenPooling(kind, prefix=2)(x)) for kind in ("class", "mean", "class_mean")}
    np.testing.assert_array_equal(pool["class"], x[:, 0])
    np.testing.assert_allclose(pool["mean"], x[:, 2:].mean(1), atol=1e-6)
    np.testing.assert_array_equal(pool["class_mean"], np.concatenate([pool["class"], pool["mean"]], -1))


LAYERS = [
    (layers.Attention(2, qkv_bias=False, proj_bias=False, causal=True), (B, T, D), (B, T, D)),
    (layers.FeedForward(6, "swiglu", use_bias=False), (B, T, D), (B, T, D)),
    (layers.LayerScale(0.1), (B, T, D), (B, T, D)),
    (layers.TransformerBlock(2, 6, layer_scale=0.1, drop_path=0.2, mlp_bias=False), (B, T, D), (B, T, D)),
    (layers.PatchEmbedding(6, 2, use_bias=False), (B, 4, 6, 3), (B, 2, 3, 6)),
    (layers.PositionEmbedding((2, 3), "sincos", True, 0.1), (B, 4, 5, D), (B, 4, 5, D)),
    (layers.PositionEmbedding((2, 3), initializer="ones"), (B, 2, 3, D), (B, 2, 3, D)),
    (layers.PrefixTokens(class_position=False, registers=3), (B, 2, 3, D), (B, 10, D)),
    (layers.PrefixTokens(class_token=False), (B, T, D), (B, T, D)),
    (layers.TokenPooling("class_mean", 2), (B, T, D), (B, 2 * D)),
    (layers.AttentionPooling(2, 6, "gelu_tanh"), (B, T, D), (B, D)),
]
IDS = [f"{layer.name}" for layer, *_ in LAYERS]


@pytest.mark.parametrize(("layer", "shape", "expected"), LAYERS, ids=IDS)
def test_config_round_trip_shapes_and_weights(layer, shape, expected):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    x = tokens(shape=shape)
    symbolic = again(keras.Input(shape[1:]))
    assert symbolic.shape == (None, *expected[1:])
    open_shape = (*[None] * (len(shape) - 2), shape[-1])
    assert len(layer(keras.Input(open_shape)).shape) == len(expected)
    assert tuple(again(x).shape) == expected
    assert [w.path.split("/", 1)[-1] for w in again.weights] == [w.path.split("/", 1)[-1] for w in layer.weights]
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(numpy_of(again(x)), numpy_of(layer(x)), atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize(("layer", "shape", "expected"), LAYERS, ids=IDS)
def test_mixed_precision(layer, shape, expected, policy):
    again = type(layer).from_config({**layer.get_config(), "dtype": policy})
    x = tokens(shape=shape)
    y = again(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == again.compute_dtype
    assert again(keras.Input(shape[1:])).dtype == again.compute_dtype
    assert {w.dtype for w in again.weights if w.trainable} <= {"float32"}


def test_initial_layer_scale():
    layer = layers.LayerScale(1e-5)
    np.testing.assert_allclose(numpy_of(layer(np.ones((1, D), "float32"))), np.full((1, D), 1e-5), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Attention(3).build((None, T, D)), "`heads` must divide.*Received: heads=3, width 8"),
        (lambda: layers.Attention(0), "`heads`.*Received: heads=0"),
        (lambda: layers.AttentionPooling(3, 4).build((None, T, D)), "`heads` must divide"),
        (lambda: layers.FeedForward(2.5), "`hidden`.*Received: hidden=2.5"),
        (lambda: layers.FeedForward(4, "relu"), "`activation`.*'quick_gelu'.*Received: activation='relu'"),
        (lambda: layers.PositionEmbedding((2, 2), "rotary"), "`kind`.*Received: kind='rotary'"),
        (lambda: layers.PrefixTokens(registers=-1), "`registers`.*Received: registers=-1"),
        (lambda: layers.TokenPooling("max"), "`kind`.*Received: kind='max'"),
        (
            lambda: layers.PatchEmbedding(4, 7)(np.zeros((1, 32, 32, 3), "float32")),
            r"`patch_size` must divide the image size. Received: patch_size=7, image size \(32, 32\)",
        ),
    ],
)
def test_user_slips(make, message):
    with pytest.raises(ValueError, match=message):
        make()
