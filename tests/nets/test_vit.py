"""Vision transformers against a reference in torch that reads weights as the public checkpoints store them."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_sslzoo as zoo
from keras_sslzoo import backend, nets
from keras_sslzoo.nets import vit

WIDTH, DEPTH, HEADS, PATCH = 32, 2, 2, 4
SMALL = {"width": WIDTH, "depth": DEPTH, "heads": HEADS, "patch_size": PATCH}
IMAGE = (12, 16)  # 3 x 4 patches

# options that differ from the defaults of `ViT`, as in the checkpoints
VARIANTS = {
    "dino": {},
    "dinov2": {"layer_scale": 1e-5},
    "dinov2_reg": {"layer_scale": 1e-5, "registers": 4},
    "dinov2_giant": {"layer_scale": 1e-5, "activation": "swiglu", "registers": 4},
    "mae": {"positions": "sincos", "pooling": "class"},
    "mae_finetuned": {"positions": "sincos", "pooling": "mean", "final_norm": "pooled"},
    "ijepa": {"class_token": False, "pooling": "mean"},
    "clip": {
        "pre_norm": True,
        "patch_bias": False,
        "activation": "quick_gelu",
        "norm_epsilon": 1e-5,
        "projection_dim": 7,
    },
    "siglip": {"class_token": False, "activation": "gelu_tanh", "pooling": "map"},
    "no_biases": {"qkv_bias": False, "proj_bias": False, "mlp_bias": False, "class_position": False},
    "no_positions": {"positions": None, "pooling": "class_mean", "registers": 1},
    "no_norm": {"final_norm": None, "pooling": "mean", "mlp_dim": 40},
}


def numpy_of(x):
    return ops.convert_to_numpy(x)


def run(net, images):
    """At inference, compiled: on JAX op by op takes five times as long."""
    return net.predict(images, verbose=0)


def images_of(size=IMAGE, batch=2, seed=0):
    return np.random.default_rng(seed).random((batch, *size, 3), "float32")


def checkpoint(options, grid=(IMAGE[0] // PATCH, IMAGE[1] // PATCH), seed=1):
    """Random weights under timm's names and in torch's shapes, none at its initial value."""
    rng = np.random.default_rng(seed)
    o = {"class_token": True, "activation": "gelu", **options}
    state = {}

    def add(name, *shape, scale=0.1, mean=0.0):
        state[name] = rng.normal(mean, scale, shape).astype("float32")

    def linear(name, outputs, inputs, bias=True):
        add(f"{name}.weight", outputs, inputs, scale=inputs**-0.5)
        if bias:
            add(f"{name}.bias", outputs)

    def norm(name):
        add(f"{name}.weight", WIDTH, mean=1.0)
        add(f"{name}.bias", WIDTH)

    hidden = o.get("mlp_dim") or (88 if o["activation"] == "swiglu" else 4 * WIDTH)  # 8/3 of 32 is 85.3
    add("patch_embed.proj.weight", WIDTH, 3, PATCH, PATCH, scale=0.3)
    if o.get("patch_bias", True):
        add("patch_embed.proj.bias", WIDTH)
    if o["class_token"]:
        add("cls_token", 1, 1, WIDTH, scale=1.0)
    if o.get("registers"):
        add("reg_token", 1, o["registers"], WIDTH, scale=1.0)
    if o.get("positions", "learned") == "learned":
        prefix = int(o["class_token"] and o.get("class_position", True))
        add("pos_embed", 1, prefix + grid[0] * grid[1], WIDTH, scale=1.0)
    if o.get("pre_norm"):
        norm("norm_pre")
    for i in range(DEPTH):
        block = f"blocks.{i}"
        norm(f"{block}.norm1")
        linear(f"{block}.attn.qkv", 3 * WIDTH, WIDTH, o.get("qkv_bias", True))
        linear(f"{block}.attn.proj", WIDTH, WIDTH, o.get("proj_bias", True))
        norm(f"{block}.norm2")
        linear(f"{block}.mlp.fc1", hidden * (2 if o["activation"] == "swiglu" else 1), WIDTH, o.get("mlp_bias", True))
        linear(f"{block}.mlp.fc2", WIDTH, hidden, o.get("mlp_bias", True))
        if "layer_scale" in o:
            add(f"{block}.ls1.gamma", WIDTH, scale=1.0)
            add(f"{block}.ls2.gamma", WIDTH, scale=1.0)
    final = o.get("final_norm", "tokens")
    if final is not None:
        norm("norm" if final == "tokens" else "fc_norm")
    if o.get("pooling") == "map":
        add("attn_pool.latent", 1, 1, WIDTH, scale=1.0)
        linear("attn_pool.q", WIDTH, WIDTH)
        linear("attn_pool.kv", 2 * WIDTH, WIDTH)
        linear("attn_pool.proj", WIDTH, WIDTH)
        norm("attn_pool.norm")
        linear("attn_pool.mlp.fc1", hidden, WIDTH)
        linear("attn_pool.mlp.fc2", WIDTH, hidden)
    if "projection_dim" in o:
        linear("head", o["projection_dim"], WIDTH, bias=False)
    return state


def to_keras(net, state):
    """The checkpoint's arrays by the paths of the net's weights; all of both are used."""
    arrays = {}
    for name, value in state.items():
        path = name.replace("blocks.", "blocks_").replace(".", "/")
        if name == "pos_embed":
            grid = net.get_layer("pos_embed").grid
            patches = grid[0] * grid[1]
            arrays["pos_embed/positions"] = value[0, -patches:].reshape(*grid, WIDTH)
            if value.shape[1] > patches:
                arrays["tokens/cls_position"] = value[0, :1]
        elif name in ("cls_token", "reg_token"):
            arrays[f"tokens/{name}"] = value[0]
        elif name == "attn_pool.latent":
            arrays[path] = value[0]
        elif name == "patch_embed.proj.weight":
            arrays["patch_embed/kernel"] = value.transpose(2, 3, 1, 0)
        elif name == "patch_embed.proj.bias":
            arrays["patch_embed/bias"] = value
        elif "norm" in name.split(".")[-2]:
            arrays[path.replace("weight", "gamma").replace("/bias", "/beta")] = value
        else:
            arrays[path.replace("weight", "kernel")] = value.T if name.endswith(".weight") else value
    return arrays


def load(net, state):
    arrays = to_keras(net, state)
    weights = [w for w in net.weights if w.trainable]  # neither sine-cosine positions nor the counters of drop path
    assert {w.path for w in weights} == set(arrays)
    for weight in weights:
        weight.assign(arrays[weight.path])


class Reference:
    """The forward pass in float64 as the papers and checkpoints define it, from torch.nn.functional."""

    def __init__(self, state, options):
        self.torch = pytest.importorskip("torch")
        self.F = self.torch.nn.functional
        self.w = {name: self.torch.tensor(value, dtype=self.torch.float64) for name, value in state.items()}
        for weight in self.w.values():
            weight.requires_grad_(True)
        self.o = {"class_token": True, "activation": "gelu", "pooling": "class", "final_norm": "tokens", **options}
        self.maps = []

    def linear(self, x, name):
        return self.F.linear(x, self.w[f"{name}.weight"], self.w.get(f"{name}.bias"))

    def norm(self, x, name):
        epsilon = self.o.get("norm_epsilon", 1e-6)
        return self.F.layer_norm(x, (WIDTH,), self.w[f"{name}.weight"], self.w[f"{name}.bias"], epsilon)

    def attend(self, q, k, v):
        def split(x):
            return x.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)

        q, k, v = split(q), split(k), split(v)
        attention = (q @ k.transpose(-1, -2) / (WIDTH // HEADS) ** 0.5).softmax(-1)
        self.maps.append(attention)
        return (attention @ v).transpose(1, 2).flatten(2)

    def mlp(self, x, name):
        x = self.linear(x, f"{name}.fc1")
        if self.o["activation"] == "swiglu":
            gate, value = x.chunk(2, dim=-1)
            x = self.F.silu(gate) * value
        elif self.o["activation"] == "quick_gelu":
            x = x * self.torch.sigmoid(1.702 * x)
        else:
            x = self.F.gelu(x, approximate="tanh" if self.o["activation"] == "gelu_tanh" else "none")
        return self.linear(x, f"{name}.fc2")

    def block(self, x, name):
        q, k, v = self.linear(self.norm(x, f"{name}.norm1"), f"{name}.attn.qkv").chunk(3, dim=-1)
        y = self.linear(self.attend(q, k, v), f"{name}.attn.proj")
        x = x + y * self.w.get(f"{name}.ls1.gamma", 1.0)
        return x + self.mlp(self.norm(x, f"{name}.norm2"), f"{name}.mlp") * self.w.get(f"{name}.ls2.gamma", 1.0)

    def patches(self, images):
        x = self.torch.tensor(images, dtype=self.torch.float64).permute(0, 3, 1, 2)
        x = self.F.conv2d(x, self.w["patch_embed.proj.weight"], self.w.get("patch_embed.proj.bias"), stride=PATCH)
        grid = x.shape[2:]
        return x.flatten(2).transpose(1, 2), grid

    def positions(self, grid):
        """Class row (or 0), and rows of the patches."""
        if "pos_embed" in self.w:
            table = self.w["pos_embed"][0]
        elif self.o.get("positions", "learned") == "sincos":
            table = self.torch.tensor(sincos(grid))
        else:
            return 0.0, 0.0
        n = grid[0] * grid[1]
        return (table[:1] if len(table) > n else 0.0), table[-n:]

    def tokens(self, images, keep=None):
        x, grid = self.patches(images)
        first, others = self.positions(grid)
        x = x + others
        if keep is not None:
            x = x[:, keep]
        prefix = []
        if "cls_token" in self.w:
            prefix.append(self.w["cls_token"] + first)
        if "reg_token" in self.w:
            prefix.append(self.w["reg_token"])
        self.prefix = sum(p.shape[1] for p in prefix)
        x = self.torch.cat([*(p.expand(len(x), -1, -1) for p in prefix), x], dim=1)
        if "norm_pre.weight" in self.w:
            x = self.norm(x, "norm_pre")
        for i in range(DEPTH):
            x = self.block(x, f"blocks.{i}")
        return self.norm(x, "norm") if self.o["final_norm"] == "tokens" else x

    def features(self, images):
        x = self.tokens(images)
        mean = x[:, self.prefix :].mean(1)
        if self.o["pooling"] == "map":
            q = self.linear(self.w["attn_pool.latent"], "attn_pool.q").expand(len(x), -1, -1)
            k, v = self.linear(x, "attn_pool.kv").chunk(2, dim=-1)
            y = self.linear(self.attend(q, k, v), "attn_pool.proj")
            x = (y + self.mlp(self.norm(y, "attn_pool.norm"), "attn_pool.mlp"))[:, 0]
        else:
            x = {"class": x[:, 0], "mean": mean, "class_mean": self.torch.cat([x[:, 0], mean], -1)}[self.o["pooling"]]
        if self.o["final_norm"] == "pooled":
            x = self.norm(x, "fc_norm")
        return self.linear(x, "head") if "head.weight" in self.w else x


def sincos(grid):
    """MAE's get_2d_sincos_pos_embed: columns in the first half of the channels, rows in the second."""
    quarter = WIDTH // 4
    omega = 1.0 / 10000 ** (np.arange(quarter) / quarter)
    table = []
    for row in range(grid[0]):
        for column in range(grid[1]):
            table.append(np.concatenate([f(n * omega) for n in (column, row) for f in (np.sin, np.cos)]))
    return np.stack(table)


def make(options, input_shape=(*IMAGE, 3), **more):
    net = nets.ViT(input_shape, **{**SMALL, **options, **more})
    state = checkpoint(options)
    load(net, state)
    return net, state


@pytest.mark.parametrize("variant", VARIANTS)
def test_features_and_tokens_are_the_reference_s(variant):
    options, images = VARIANTS[variant], images_of()
    net, state = make(options)
    reference = Reference(state, options)
    expected = reference.features(images).detach().numpy()
    np.testing.assert_allclose(run(net, images), expected, rtol=1e-5, atol=1e-5)
    tokens = reference.tokens(images).detach().numpy()
    if options.get("final_norm") != "pooled":
        everything = nets.ViT((*IMAGE, 3), **{**SMALL, **options, "pooling": None, "projection_dim": None})
        weights = {w.path: w for w in net.weights}
        for weight in everything.weights:
            weight.assign(weights[weight.path])
        np.testing.assert_allclose(run(everything, images), tokens, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("variant", ["dinov2_giant", "clip", "siglip"])
def test_gradients_are_the_reference_s(variant):
    """Of the sum of squares of the features, for every trainable weight."""
    options, images = VARIANTS[variant], images_of()
    net, state = make(options)
    reference = Reference(state, options)
    reference.features(images).square().sum().backward()
    expected = to_keras(net, {name: w.grad.numpy() for name, w in reference.w.items()})

    class Holder:
        state = net.variables

    variables = net.trainable_variables

    @backend.compiled
    def gradients_of(images):
        return backend.value_and_grad(Holder, lambda: (ops.sum(net(images, training=True) ** 2), {}), variables)[1]

    gradients = gradients_of(ops.convert_to_tensor(images))
    assert {v.path for v in variables} == set(expected)
    for variable, gradient in zip(variables, gradients, strict=True):
        wanted = expected[variable.path]
        scale = max(np.abs(wanted).max(), 1e-3)
        np.testing.assert_allclose(numpy_of(gradient) / scale, wanted / scale, atol=2e-5, err_msg=variable.path)


@pytest.mark.parametrize("variant", ["dinov2_reg", "siglip"])
def test_attention_maps(variant):
    options, images = VARIANTS[variant], images_of()
    net, state = make(options)
    reference = Reference(state, options)
    reference.tokens(images)
    for block in (0, 1, -1):
        maps = numpy_of(nets.attention_maps(net, images, block))
        np.testing.assert_allclose(maps, reference.maps[block].detach().numpy(), atol=1e-6)
        np.testing.assert_allclose(maps.sum(-1), 1, atol=1e-6)


def test_class_attention_and_patch_features_lie_on_the_grid():
    options, images = VARIANTS["dinov2_reg"], images_of()
    net, state = make(options)
    reference = Reference(state, options)
    tokens = reference.tokens(images).detach().numpy()[:, 5:]
    maps = reference.maps[-1].detach().numpy()[:, :, 0, 5:]
    features, attention = nets.patch_features(net, images), nets.class_attention(net, images)
    assert tuple(features.shape) == (2, 3, 4, WIDTH)
    assert tuple(attention.shape) == (2, HEADS, 3, 4)
    for i in range(3):
        for j in range(4):
            np.testing.assert_allclose(numpy_of(features)[:, i, j], tokens[:, 4 * i + j], atol=1e-5)
            np.testing.assert_allclose(numpy_of(attention)[:, :, i, j], maps[:, :, 4 * i + j], atol=1e-6)


@pytest.mark.parametrize("variant", ["mae", "siglip"])
def test_some_of_the_patches(variant):
    """What masked methods do: the encoder on visible patches alone, each at its own place."""
    options, images, keep = VARIANTS[variant], images_of(), [10, 3, 4]
    net, state = make(options)
    expected = Reference(state, options).tokens(images, keep).detach().numpy()
    patches = ops.reshape(vit.embed_patches(net, images), (2, 12, WIDTH))
    got = vit.encode_patches(net, ops.take(patches, ops.convert_to_tensor(keep), axis=1))
    np.testing.assert_allclose(numpy_of(got), expected, atol=1e-5)


def test_patches_without_positions():
    net, _ = make({})
    images = images_of()
    bare = vit.embed_patches(net, images, positions=False)
    added = net.get_layer("pos_embed")(bare)
    np.testing.assert_allclose(numpy_of(added), numpy_of(vit.embed_patches(net, images)), atol=1e-6)
    assert np.abs(numpy_of(added) - numpy_of(bare)).max() > 0.5


# conventions of the official DINO, of Hugging Face, and of timm and DINOv2 with registers
@pytest.mark.parametrize(("antialias", "offset"), [(False, 0.1), (False, 0.0), (True, 0.0)])
@pytest.mark.parametrize("size", [(20, 8), (12, 16)])
def test_positions_are_resized_to_the_images(size, antialias, offset):
    torch = pytest.importorskip("torch")
    resize = {"position_antialias": antialias, "position_offset": offset}
    net, state = make({}, (None, None, 3), image_size=IMAGE, **resize)
    grid, new = (3, 4), (size[0] // PATCH, size[1] // PATCH)
    if new != grid:
        table = (
            torch.tensor(state["pos_embed"][0, 1:], dtype=torch.float64).reshape(1, *grid, WIDTH).permute(0, 3, 1, 2)
        )
        to = (
            {"scale_factor": tuple((n + offset) / m for n, m in zip(new, grid, strict=True))}
            if offset
            else {"size": new}
        )
        table = torch.nn.functional.interpolate(table, mode="bicubic", align_corners=False, antialias=antialias, **to)
        table = table[0].permute(1, 2, 0).reshape(-1, WIDTH).float().numpy()
        state["pos_embed"] = np.concatenate([state["pos_embed"][:, :1], table[None]], axis=1)
    images = images_of(size)
    expected = Reference(state, {}).features(images).detach().numpy()
    np.testing.assert_allclose(run(net, images), expected, rtol=1e-5, atol=1e-5)


def test_one_encoder_takes_crops_of_several_sizes():
    net, _ = make({}, (None, None, 3), image_size=IMAGE)
    fixed, _ = make({})
    assert net.input_shape == (None, None, None, 3)
    assert net.output_shape == fixed.output_shape == (None, WIDTH)
    np.testing.assert_allclose(run(net, images_of()), run(fixed, images_of()), atol=1e-6)
    for size in ((24, 24), (4, 20)):
        assert run(net, images_of(size)).shape == (2, WIDTH)
    assert nets.ViT((None, None, 3), **SMALL).get_layer("pos_embed").grid == (56, 56)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="sizes are known when run elsewhere")
@pytest.mark.parametrize("variant", ["dino", "dinov2_reg", "siglip"])
def test_sizes_that_the_graph_does_not_know(variant):
    import tensorflow as tf

    options = VARIANTS[variant]
    net, _ = make(options, (None, None, 3), image_size=IMAGE)
    unknown = tf.function(net, input_signature=[tf.TensorSpec((None, None, None, 3))])
    for size in (IMAGE, (20, 8), (4, 4)):
        np.testing.assert_allclose(numpy_of(unknown(images_of(size))), numpy_of(net(images_of(size))), atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError):
        unknown(images_of((10, 10)))


def test_normalization_is_the_first_layer():
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    keras.utils.set_random_seed(0)
    plain = nets.ViT((*IMAGE, 3), **SMALL)
    keras.utils.set_random_seed(0)
    net = nets.ViT((*IMAGE, 3), **SMALL, normalization=(mean, std))
    images = images_of()
    normal = ((images - mean) / std).astype("float32")
    np.testing.assert_allclose(run(net, images), run(plain, normal), atol=1e-5)
    for f in (nets.patch_features, nets.attention_maps):
        np.testing.assert_allclose(numpy_of(f(net, images)), numpy_of(f(plain, normal)), atol=1e-5)


def count(depth, **options):
    return sum(int(np.prod(w.shape)) for w in nets.ViT(**options, depth=depth).weights)


# Of the papers' code and timm, less what is not the encoder's: a classifier of 1000 (D + 1), DINOv2's mask token of D
PUBLISHED = {
    "Ti/16": (dict(size="Ti"), 5_717_416 - 193_000, 12),
    "S/16": (dict(size="S"), 22_050_664 - 385_000, 12),
    "S/8": (dict(size="S", patch_size=8), 21_670_272, 12),
    "B/16": (dict(size="B"), 86_567_656 - 769_000, 12),
    "L/16": (dict(size="L"), 304_326_632 - 1_025_000, 24),
    "H/14": (dict(size="H", patch_size=14), 632_045_800 - 1_281_000, 32),
    "dinov2 S/14": (dict(size="S", input_shape=(518, 518, 3), **vit.FAMILIES["dinov2"]), 22_056_576 - 384, 12),
    "dinov2 g/14": (
        dict(size="g", input_shape=(518, 518, 3), activation="swiglu", **vit.FAMILIES["dinov2"]),
        1_136_480_768 - 1536,
        40,
    ),
    "clip B/32": (
        dict(size="B", patch_size=32, projection_dim=512, **vit.FAMILIES["clip"]),
        87_849_216,
        12,
    ),
    "siglip B/16": (dict(size="B", **vit.FAMILIES["siglip"]), 92_884_224, 12),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_published(name):
    options, expected, depth = PUBLISHED[name]
    if name == "Ti/16":
        assert count(None, **options) == expected
    one, two = count(1, **options), count(2, **options)  # all blocks are alike
    assert one + (depth - 1) * (two - one) == expected
    assert vit.SIZES[options["size"]][1] == depth


def test_small_images():
    net = nets.ViT((32, 32, 3), "Ti", 4, depth=6)
    d, block = 192, 12 * 192**2 + 13 * 192
    assert (net.output_shape, net.count_params()) == ((None, d), 49 * d + (1 + 65) * d + 6 * block + 2 * d)
    assert nets.patch_features(net, images_of((32, 32))).shape[1:] == (8, 8, 192)
    named = nets.ViT((32, 32, 3), patch_size=4, width=192, depth=6)
    assert named.get_layer("blocks_0").heads == net.get_layer("blocks_0").heads == 3


@pytest.mark.parametrize("family", vit.FAMILIES)
def test_families(family):
    """The options of each family are those that the reference was told above, beside sizes and how positions are resized."""
    options = vit.FAMILIES[family]
    own = {k: v for k, v in options.items() if k not in ("patch_size", "image_size") and not k.startswith("position_")}
    wanted = {k: v for k, v in VARIANTS[family].items() if k not in ("projection_dim",)}
    if family == "mae":
        wanted.pop("pooling")
    assert own == wanted
    assert nets.ViT((None, None, 3), width=8, depth=1, heads=1, **options).output_shape == (None, 8)


@pytest.mark.parametrize("variant", ["dinov2_giant", "mae_finetuned", "clip", "siglip", "no_positions"])
def test_keras_file(variant, tmp_path):
    net, _ = make(VARIANTS[variant], (None, None, 3), image_size=IMAGE, drop_path=0.1)
    net.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(run(again, images_of((8, 20))), run(net, images_of((8, 20))), atol=1e-6)
    assert [w.path for w in again.weights] == [w.path for w in net.weights]
    assert [layer.get_config() for layer in again.layers] == [layer.get_config() for layer in net.layers]
    net.save_weights(tmp_path / "m.weights.h5")
    other = keras.models.clone_model(net)
    other.load_weights(tmp_path / "m.weights.h5")
    for a, b in zip(net.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("variant", "policy", "tolerance"),
    [("dinov2_giant", "mixed_bfloat16", 0.1), ("clip", "mixed_float16", 0.02), ("siglip", "mixed_float16", 0.02)],
)
def test_mixed_precision(variant, policy, tolerance):
    images = images_of((8, 20))
    net, _ = make(VARIANTS[variant], (None, None, 3), image_size=IMAGE)
    expected = run(net, images)
    keras.config.set_dtype_policy(policy)
    mixed, _ = make(VARIANTS[variant], (None, None, 3), image_size=IMAGE)
    y = run(mixed, images)
    assert mixed.output.dtype == mixed.compute_dtype == str(y.dtype) == policy.removeprefix("mixed_")
    assert {w.dtype for w in mixed.weights} == {"float32"}
    np.testing.assert_allclose(y.astype("float32"), expected, atol=tolerance * np.abs(expected).max())
    maps = nets.attention_maps(mixed, images)
    assert keras.backend.standardize_dtype(maps.dtype) == "float32"
    np.testing.assert_allclose(numpy_of(maps).sum(-1), 1, atol=1e-5)


def test_initial_weights():
    """DINO's _init_weights; torch's default for the convolution; DINOv2's registers."""
    keras.utils.set_random_seed(0)
    net = nets.ViT((32, 32, 3), "Ti", 4, depth=1, registers=64, layer_scale=1e-5)
    weights = {w.path: numpy_of(w.value) for w in net.weights}
    for path, w in weights.items():
        if path.endswith(("/beta", "/bias")) and not path.startswith("patch_embed"):
            assert not w.any(), path
        elif path.startswith("patch_embed"):
            assert 0.9 / 48**0.5 < np.abs(w).max() <= 1 / 48**0.5, path
        elif path.endswith("ls1/gamma") or path.endswith("ls2/gamma"):
            np.testing.assert_allclose(w, 1e-5)
        elif path.endswith("/gamma"):
            assert (w == 1).all()
        else:
            stddev = 1e-6 if path.endswith("reg_token") else 0.02
            assert abs(w.std() / stddev - 1) < 4 / (2 * w.size) ** 0.5, path
            assert abs(w.mean() / stddev) < 4 / w.size**0.5, path


def test_the_same_start_on_every_backend():
    """Numbers written once; the point is that the three backends must agree on them."""
    keras.utils.set_random_seed(0)
    net = nets.ViT((*IMAGE, 3), **SMALL, registers=2)
    features = run(net, images_of())
    np.testing.assert_allclose(features[:, :3], GOLDEN, atol=1e-5)


GOLDEN = [[-0.814618, -1.046585, 0.890523], [-0.820511, -1.090959, 1.009650]]


def test_drop_path_rises_linearly_and_acts_in_training_alone():
    deep = nets.ViT((*IMAGE, 3), **{**SMALL, "depth": 5}, drop_path=0.4)
    np.testing.assert_allclose([deep.get_layer(f"blocks_{i}").drop_path for i in range(5)], [0, 0.1, 0.2, 0.3, 0.4])
    net = nets.ViT((*IMAGE, 3), **SMALL, drop_path=0.4)
    images = images_of(batch=8)
    first, second = (numpy_of(net(images, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(run(net, images), run(net, images))
    assert np.abs(first - run(net, images)).max() > 1e-3


def test_dino_trains_it_with_multi_crop(images):
    net = nets.ViT((None, None, 1), width=16, depth=2, heads=2, patch_size=4, image_size=12, drop_path=0.1)
    large = zoo.views.simclr((12, 12, 1)).pipelines
    (small, _) = zoo.views.simclr((8, 8, 1), crop_scale=(0.05, 0.3)).pipelines
    model = zoo.DINO(net, zoo.views.MultiCrop(large, small, 2), zoo.nets.DINOHead(16, 32, (32,), 8), freeze=0.0)
    model.compile(keras.optimizers.AdamW(1e-3))
    before = [numpy_of(w.value) for w in net.trainable_variables]
    history = model.fit(images[:32], batch_size=16, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for weight, old in zip(net.trainable_variables, before, strict=True):
        assert np.abs(numpy_of(weight.value) - old).max() > 0, weight.path
    assert tuple(nets.class_attention(model.pretrained_encoder, images[:2]).shape) == (2, 2, 3, 3)
    assert model.predict(images[:4], verbose=0).shape == (4, 16)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nets.ViT((32, 32, 3), patch_size=7), r"`patch_size` must divide.*patch_size=7, image size \(32, 32\)"),
        (lambda: nets.ViT((32, 32, 3), patch_size=7, positions=None), "`patch_size` must divide"),
        (lambda: nets.ViT((None, None, 3), image_size=100), r"`patch_size` must divide.*image size \(100, 100\)"),
        (lambda: nets.ViT((32, 32)), "`input_shape`"),
        (lambda: nets.ViT(size="XL"), "`size` must be one of 'Ti', 'S'.*Received: size='XL'"),
        (lambda: nets.ViT(width=100, heads=3, depth=1), "`heads` must divide.*heads=3, width 100"),
        (lambda: nets.ViT(depth=0), "`depth`.*Received: depth=0"),
        (lambda: nets.ViT(activation="relu", depth=1), "`activation`.*Received: activation='relu'"),
        (lambda: nets.ViT(positions="rope"), "`positions`.*Received: positions='rope'"),
        (lambda: nets.ViT(pooling="max"), "`pooling`.*Received: pooling='max'"),
        (lambda: nets.ViT(final_norm=True), "`final_norm`.*Received: final_norm=True"),
        (lambda: nets.ViT(class_token=False), "no class token.*Use pooling='mean'"),
        (lambda: nets.ViT(pooling=None, final_norm="pooled"), "Nothing is pooled"),
        (lambda: nets.ViT(drop_path=1.5), "`drop_path`.*Received: drop_path=1.5"),
        (lambda: nets.ViT(registers=-1), "`registers`.*Received: registers=-1"),
        (lambda: nets.ViT(width=30, heads=2, positions="sincos"), "multiple of 4. Received: 30"),
        (lambda: nets.ViT(normalization=(0.5, 0.0)), "`normalization`"),
        (lambda: nets.patch_features(nets.ConvNet(), images_of((28, 28))), "`encoder` must be.*`nets.ViT`.*'convnet'"),
        (lambda: nets.attention_maps(make({})[0], images_of(), 2), r"`block`.*\[-2, 2\).*Received: block=2"),
        (lambda: nets.class_attention(make(VARIANTS["siglip"])[0], images_of()), "class_token=False"),
    ],
)
def test_user_slips(make, message):
    with pytest.raises(ValueError, match=message):
        make()
