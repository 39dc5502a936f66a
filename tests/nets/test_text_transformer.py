"""Text transformers against a reference in torch that reads weights as OpenAI's checkpoints store them."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_sslzoo import backend, nets
from keras_sslzoo.nets import text_transformer

WIDTH, DEPTH, HEADS, VOCABULARY, CONTEXT = 32, 2, 2, 40, 9
SMALL = {"vocabulary": VOCABULARY, "context": CONTEXT, "width": WIDTH, "depth": DEPTH, "heads": HEADS}
VARIANTS = {
    "clip": {"projection_dim": 7},
    "open_clip": {"activation": "gelu"},
    "siglip": {
        "activation": "gelu_tanh",
        "causal": False,
        "pooling": "last",
        "projection_dim": 6,
        "projection_bias": True,
        "norm_epsilon": 1e-6,
    },
}
# start, words, end, and what stands after it
TOKENS = np.array(
    [[38, 3, 5, 39, 0, 0, 0, 0, 0], [38, 39, 0, 0, 0, 0, 0, 0, 0], [38, 1, 2, 3, 4, 5, 6, 7, 39], [38] + 8 * [39]],
    "int32",
)


def numpy_of(x):
    return ops.convert_to_numpy(x)


def run(net, tokens):
    return net.predict(tokens, verbose=0)


def checkpoint(options, seed=1):
    """Random weights under OpenAI's names and in torch's shapes, none at its initial value."""
    rng = np.random.default_rng(seed)
    state = {}

    def add(name, *shape, scale=0.1, mean=0.0):
        state[name] = rng.normal(mean, scale, shape).astype("float32")

    def norm(name):
        add(f"{name}.weight", WIDTH, mean=1.0)
        add(f"{name}.bias", WIDTH)

    add("token_embedding.weight", VOCABULARY, WIDTH, scale=1.0)
    add("positional_embedding", CONTEXT, WIDTH, scale=1.0)
    for i in range(DEPTH):
        block = f"transformer.resblocks.{i}"
        norm(f"{block}.ln_1")
        add(f"{block}.attn.in_proj_weight", 3 * WIDTH, WIDTH, scale=0.3)
        add(f"{block}.attn.in_proj_bias", 3 * WIDTH)
        for name, shape in {"attn.out_proj": (1, 1), "mlp.c_fc": (4, 1), "mlp.c_proj": (1, 4)}.items():
            add(f"{block}.{name}.weight", *(n * WIDTH for n in shape), scale=0.2)
            add(f"{block}.{name}.bias", shape[0] * WIDTH)
        norm(f"{block}.ln_2")
    norm("ln_final")
    if "projection_dim" in options:
        add("text_projection", WIDTH, options["projection_dim"], scale=0.2)
        if options.get("projection_bias"):
            add("text_projection_bias", options["projection_dim"])
    return state


NAMES = {
    "token_embedding.weight": "embed/tokens",
    "positional_embedding": "embed/positions",
    "ln_final.weight": "norm/gamma",
    "ln_final.bias": "norm/beta",
    "text_projection": "head/kernel",
    "text_projection_bias": "head/bias",
}
PARTS = {
    "ln_1.weight": "norm1/gamma",
    "ln_1.bias": "norm1/beta",
    "attn.in_proj_weight": "attn/qkv/kernel",
    "attn.in_proj_bias": "attn/qkv/bias",
    "attn.out_proj.weight": "attn/proj/kernel",
    "attn.out_proj.bias": "attn/proj/bias",
    "ln_2.weight": "norm2/gamma",
    "ln_2.bias": "norm2/beta",
    "mlp.c_fc.weight": "mlp/fc1/kernel",
    "mlp.c_fc.bias": "mlp/fc1/bias",
    "mlp.c_proj.weight": "mlp/fc2/kernel",
    "mlp.c_proj.bias": "mlp/fc2/bias",
}


def to_keras(state):
    """The checkpoint's arrays by the paths of the net's weights."""
    arrays = {}
    for name, value in state.items():
        if name in NAMES:
            arrays[NAMES[name]] = value
            continue
        _, _, i, part = name.split(".", 3)
        arrays[f"blocks_{i}/{PARTS[part]}"] = value.T
    return arrays


def make(options):
    net, state = nets.TextTransformer(**SMALL, **options), checkpoint(options)
    arrays = to_keras(state)
    assert {w.path for w in net.weights} == set(arrays)
    for weight in net.weights:
        weight.assign(arrays[weight.path])
    return net, state


class Reference:
    """The forward pass in float64, as section 2.4 of the paper and the checkpoints define it, from torch.nn.functional."""

    def __init__(self, state, options):
        self.torch = pytest.importorskip("torch")
        self.F = self.torch.nn.functional
        self.w = {name: self.torch.tensor(value, dtype=self.torch.float64) for name, value in state.items()}
        for weight in self.w.values():
            weight.requires_grad_(True)
        self.o = {"activation": "quick_gelu", "causal": True, "pooling": "end", "norm_epsilon": 1e-5, **options}

    def norm(self, x, name):
        return self.F.layer_norm(x, (WIDTH,), self.w[f"{name}.weight"], self.w[f"{name}.bias"], self.o["norm_epsilon"])

    def attention(self, x, name):
        """torch's own multi-head attention, whose weights OpenAI's checkpoints hold; the mask as in the paper's code."""
        mask = None
        if self.o["causal"]:
            mask = self.torch.full((CONTEXT, CONTEXT), float("-inf"), dtype=self.torch.float64).triu(1)
        x = x.transpose(0, 1)
        weights = [self.w[f"{name}.{n}"] for n in ("in_proj_weight", "in_proj_bias")]
        out = [self.w[f"{name}.out_proj.{n}"] for n in ("weight", "bias")]
        y, _ = self.F.multi_head_attention_forward(
            x, x, x, WIDTH, HEADS, *weights, None, None, False, 0.0, *out, attn_mask=mask, need_weights=False
        )
        return y.transpose(0, 1)

    def mlp(self, x, name):
        x = self.F.linear(x, self.w[f"{name}.c_fc.weight"], self.w[f"{name}.c_fc.bias"])
        if self.o["activation"] == "quick_gelu":
            x = x * self.torch.sigmoid(1.702 * x)
        else:
            x = self.F.gelu(x, approximate="tanh" if self.o["activation"] == "gelu_tanh" else "none")
        return self.F.linear(x, self.w[f"{name}.c_proj.weight"], self.w[f"{name}.c_proj.bias"])

    def features(self, tokens):
        x = self.w["token_embedding.weight"][self.torch.tensor(tokens).long()] + self.w["positional_embedding"]
        for i in range(DEPTH):
            block = f"transformer.resblocks.{i}"
            x = x + self.attention(self.norm(x, f"{block}.ln_1"), f"{block}.attn")
            x = x + self.mlp(self.norm(x, f"{block}.ln_2"), f"{block}.mlp")
        x = self.norm(x, "ln_final")
        ends = [list(row).index(39) if self.o["pooling"] == "end" else CONTEXT - 1 for row in tokens]
        x = self.torch.stack([row[end] for row, end in zip(x, ends, strict=True)])
        if "text_projection" in self.w:
            x = x @ self.w["text_projection"] + self.w.get("text_projection_bias", 0.0)
        return x


@pytest.mark.parametrize("variant", VARIANTS)
def test_features_are_the_reference_s(variant):
    net, state = make(VARIANTS[variant])
    expected = Reference(state, VARIANTS[variant]).features(TOKENS).detach().numpy()
    assert np.abs(expected[0] - expected[1]).max() > 0.1
    np.testing.assert_allclose(run(net, TOKENS), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("variant", ["clip", "siglip"])
def test_gradients_are_the_reference_s(variant):
    """Of the sum of squares of the features, for every weight."""
    net, state = make(VARIANTS[variant])
    reference = Reference(state, VARIANTS[variant])
    reference.features(TOKENS).square().sum().backward()
    expected = to_keras({name: w.grad.numpy() for name, w in reference.w.items()})

    class Holder:
        state = net.variables

    @backend.compiled
    def gradients_of(tokens):
        fn = lambda: (ops.sum(net(tokens, training=True) ** 2), {})  # noqa: E731
        return backend.value_and_grad(Holder, fn, net.trainable_variables)[1]

    gradients = gradients_of(ops.convert_to_tensor(TOKENS))
    for variable, gradient in zip(net.trainable_variables, gradients, strict=True):
        wanted = expected[variable.path]
        scale = max(np.abs(wanted).max(), 1e-3)
        np.testing.assert_allclose(numpy_of(gradient) / scale, wanted / scale, atol=2e-5, err_msg=variable.path)


def test_what_stands_after_the_end_plays_no_part():
    net, _ = make({})
    other = TOKENS.copy()
    other[0, 4:], other[1, 2:] = 17, [39, 1, 2, 3, 39, 5, 6]
    np.testing.assert_allclose(run(net, other), run(net, TOKENS), atol=1e-6)
    other[0, 2] = 17
    assert np.abs(run(net, other)[0] - run(net, TOKENS)[0]).max() > 0.01
    without_mask, _ = make({"causal": False})
    other = TOKENS.copy()
    other[0, 4:] = 17
    assert np.abs(run(without_mask, other)[0] - run(without_mask, TOKENS)[0]).max() > 0.01


# all weights of OpenAI's ViT-B/32 and google/siglip-base-patch16-224, less the image tower, the scale and the bias
PUBLISHED = {"clip": 151_277_313 - 87_849_216 - 1, "siglip": 203_155_970 - 92_884_224 - 2}


@pytest.mark.parametrize("family", PUBLISHED)
def test_parameters_are_as_published(family):
    def count(depth):
        net = nets.TextTransformer(**text_transformer.FAMILIES[family], depth=depth)
        return sum(int(np.prod(w.shape)) for w in net.weights)

    one, two = count(1), count(2)  # all blocks are alike
    assert one + 11 * (two - one) == PUBLISHED[family]


def test_families_have_the_options_that_the_reference_was_told():
    sizes = ("vocabulary", "context", "width")
    for family, options in text_transformer.FAMILIES.items():
        own = {k: v for k, v in options.items() if k not in sizes} | {"projection_dim": 0}
        assert own == VARIANTS[family] | {"projection_dim": 0}


def test_initial_weights():
    """openai/CLIP: clip/model.py, initialize_parameters."""
    width, depth = 64, 3
    net = nets.TextTransformer(512, 32, width, depth, projection_dim=64)
    stddevs = {
        "embed/tokens": 0.02,
        "embed/positions": 0.01,
        "attn/qkv/kernel": width**-0.5,
        "attn/proj/kernel": width**-0.5 * (2 * depth) ** -0.5,
        "mlp/fc1/kernel": (2 * width) ** -0.5,
        "mlp/fc2/kernel": width**-0.5 * (2 * depth) ** -0.5,
        "head/kernel": width**-0.5,
    }
    for weight in net.weights:
        w = numpy_of(weight.value)
        path = weight.path.split("/", 1)[1] if weight.path.startswith("blocks") else weight.path
        if path.endswith("gamma"):
            assert (w == 1).all()
        elif path.endswith(("beta", "bias")):
            assert not w.any()
        else:
            assert abs(w.std() / stddevs[path] - 1) < 4 / (2 * w.size) ** 0.5, path


@pytest.mark.parametrize("variant", VARIANTS)
def test_keras_file(variant, tmp_path):
    net, _ = make(VARIANTS[variant])
    net.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(run(again, TOKENS), run(net, TOKENS))
    assert [layer.get_config() for layer in again.layers] == [layer.get_config() for layer in net.layers]
    fresh = [numpy_of(w.value).std() for w in keras.models.clone_model(net).weights]
    expected = [numpy_of(w.value).std() for w in nets.TextTransformer(**SMALL, **VARIANTS[variant]).weights]
    np.testing.assert_allclose(fresh, expected, rtol=0.5)  # drawn as the first one was


@pytest.mark.parametrize(("policy", "tolerance"), [("mixed_bfloat16", 0.1), ("mixed_float16", 0.02)])
def test_mixed_precision(policy, tolerance):
    expected = run(make(VARIANTS["clip"])[0], TOKENS)
    keras.config.set_dtype_policy(policy)
    net, _ = make(VARIANTS["clip"])
    y = run(net, TOKENS)
    assert net.inputs[0].dtype == "int32"
    assert net.output.dtype == str(y.dtype) == policy.removeprefix("mixed_")
    assert {w.dtype for w in net.weights} == {"float32"}
    np.testing.assert_allclose(y.astype("float32"), expected, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "first"}, "`kind`.*Received: kind='first'"),
        ({"activation": "relu"}, "`activation`.*Received: activation='relu'"),
        ({"width": 100, "heads": 3}, "`heads` must divide.*heads=3, width 100"),
        ({"depth": 0}, "`depth`.*Received: depth=0"),
        ({"vocabulary": 0}, "`vocabulary`.*Received: vocabulary=0"),
        ({"projection_dim": 0}, "`projection_dim`"),
    ],
)
def test_user_slips(options, message):
    with pytest.raises(ValueError, match=message):
        nets.TextTransformer(**{**SMALL, **options})
