"""Saving and loading: equal weights, strict assignment, other shapes, and errors that say what to do."""

import gc
import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from contract import Contract
from hub.conftest import tiny_encoder
from keras import layers, ops
from PIL import Image
from safetensors.numpy import load_file, save

import keras_sslzoo as zoo
from keras_sslzoo.hub import (
    ArchitectureMismatch,
    ForeignLayout,
    LicenseNotAccepted,
    UnknownWeights,
    WeightsCorrupt,
    WeightsError,
    WeightsNotHosted,
    pretrained,
    tensors,
)
from keras_sslzoo.hub.files import TensorFile, sha256
from keras_sslzoo.hub.manifest import manifest
from keras_sslzoo.nets.vit import FAMILIES

ENTRIES = manifest()["weights"]
BUNDLED = [name for name, entry in ENTRIES.items() if entry["status"] == "bundled"]


def same_weights(a, b):
    assert [w.shape for w in a.weights] == [w.shape for w in b.weights]
    for x, y in zip(a.weights, b.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(x.value), ops.convert_to_numpy(y.value), err_msg=x.path)


def out(model, x):
    """Without compiling, which would take most of the time here."""
    return ops.convert_to_numpy(model(x, training=False))


def edit_config(folder, change, tmp_path):
    """A copy of a saved folder whose config was changed."""
    copy = tmp_path / "edited"
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    config = json.loads((copy / "config.json").read_text())
    change(config)
    (copy / "config.json").write_text(json.dumps(config))
    return copy


def replace_tensors(folder, tmp_path, change):
    """A copy of a saved folder with other tensors, and their hash in the config."""
    copy = tmp_path / "replaced"
    shutil.copytree(folder, copy)
    arrays = load_file(copy / "encoder.safetensors")
    change(arrays)
    (copy / "encoder.safetensors").write_bytes(save(arrays))

    def rehash(config):
        path = copy / "encoder.safetensors"
        config["parts"]["encoder"] |= {"sha256": sha256(path), "size": path.stat().st_size}

    return edit_config(copy, rehash, tmp_path)


# ---- round trips -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", zoo.list_methods())
def test_every_method_comes_back(name, tmp_path, images):
    suite = Contract()
    suite.method = getattr(zoo, name)
    model = suite.build()
    zoo.save_pretrained(model, tmp_path)
    keras.backend.clear_session()  # names of layers are counted anew
    again = zoo.from_pretrained(tmp_path, part="method")
    assert type(again) is type(model)
    same_weights(model, again)
    if hasattr(model, "pretrained_encoder"):
        encoder = zoo.from_pretrained(tmp_path)
        features = out(model.pretrained_encoder, images)
        np.testing.assert_array_equal(out(encoder, images), features)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["BYOL", "LSGAN"])
def test_a_loaded_method_goes_on_training_as_the_saved_one(name, tmp_path, images):
    suite = Contract()
    suite.method = getattr(zoo, name)
    model = suite.build()
    zoo.save_pretrained(model, tmp_path)
    logs = []
    for one in (model, zoo.from_pretrained(tmp_path, part="method")):
        one.compile(suite.optimizer(one))
        one.set_run_length(2)
        logs.append([one.train_on_batch(images[:16], return_dict=True) for _ in range(2)])
    for a, b in zip(*logs, strict=True):
        for key in a:
            np.testing.assert_allclose(a[key], b[key], rtol=1e-5, err_msg=key)


def test_shared_layers_branches_and_attention_come_back(tmp_path):
    images = layers.Input((8, 8, 3))
    dense = layers.Dense(3, activation="tanh")
    x = layers.Add()([images, dense(dense(images))])
    x = tiny_net(x)
    x = layers.Concatenate()([x, layers.Dropout(0.5)(x)])
    x = layers.MultiHeadAttention(2, 4)(x, x)
    model = keras.Model(images, layers.GlobalAveragePooling1D()(x))
    again = zoo.from_pretrained(zoo.save_pretrained(model, tmp_path))
    same_weights(model, again)
    batch = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
    np.testing.assert_allclose(out(model, batch), out(again, batch), atol=1e-6)
    fresh = keras.models.clone_model(again)  # the initializers are the model's own again, not those of loading
    kernels = [w for w in fresh.weights if "kernel" in w.path]
    assert all(np.abs(ops.convert_to_numpy(w.value)).max() > 0 for w in kernels)


def tiny_net(x):
    inner = keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Reshape((36, 4))], name="inner")
    return inner(x)


def test_half_precision_is_stored_for_kernels_alone(tmp_path):
    model = tiny_encoder()
    zoo.save_pretrained(model, tmp_path, storage="float16")
    stored = load_file(tmp_path / "encoder.safetensors")
    assert {name: array.dtype.name for name, array in stored.items() if array.ndim > 1} == {"conv/kernel": "float16"}
    assert stored["bn/moving_variance"].dtype == "float32"
    again = zoo.from_pretrained(tmp_path)
    assert {w.dtype for w in again.weights} == {"float32"}
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_weights_that_half_precision_cannot_hold_are_refused(tmp_path):
    model = tiny_encoder()
    model.get_layer("conv").kernel.assign(np.full((3, 3, 1, 8), 1e6))
    with pytest.raises(ValueError, match="conv/kernel"):
        zoo.save_pretrained(model, tmp_path, storage="float16")


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_entries_give_their_recorded_features(name):
    (_, _), (images, _) = zoo.data.fashion_mnist(mini=True)
    encoder = zoo.from_pretrained(name)
    golden = ENTRIES[name]["golden"]
    features = out(encoder, encoder.preprocess(images[:1]))[0, : len(golden["output"])]
    np.testing.assert_allclose(features, golden["output"], atol=golden["tolerance"])
    assert encoder.count_params() == ENTRIES[name]["params"]
    model = zoo.from_pretrained(name, part="method")
    assert type(model).__name__ == ENTRIES[name]["method"]
    again = out(model.pretrained_encoder, encoder.preprocess(images[:1]))[0, : len(features)]
    np.testing.assert_allclose(again, features, atol=1e-5)


# ---- options -----------------------------------------------------------------------------------------------------------


def test_dtype_and_trainable(folder):
    frozen = zoo.from_pretrained(folder, trainable=False)
    assert not frozen.trainable_variables
    half = zoo.from_pretrained(folder, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(half(np.zeros((1, 12, 12, 1), "float32")).dtype) == "bfloat16"
    assert {w.dtype for w in half.weights} == {"float32"}


def vit(shape, **options):
    model = zoo.nets.ViT(shape, "Ti", 8, depth=1, width=32, **options)
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    return model


@pytest.mark.parametrize("family", ["dino", "mae", "clip", "dinov2_reg"])
def test_positions_are_resized_as_in_a_net_that_was_built_for_it(tmp_path, family):
    """The oracle is the net built at the new size, with the old grid of positions."""
    options = {**FAMILIES[family], "patch_size": 8, "image_size": 32, "layer_scale": None}
    options.pop("patch_size")
    zoo.save_pretrained(vit((32, 32, 3), **options), tmp_path)
    again = zoo.from_pretrained(tmp_path, input_shape=(48, 64, 3))
    expected = vit((48, 64, 3), **options)
    images = np.random.default_rng(1).random((2, 48, 64, 3), "float32")
    np.testing.assert_allclose(out(again, images), out(expected, images), rtol=1e-4, atol=1e-4)


def test_other_sizes_of_a_net_that_ends_in_a_mean(folder):
    assert zoo.from_pretrained(folder, input_shape=(20, 30, 1)).input_shape == (None, 20, 30, 1)
    assert zoo.from_pretrained(folder, input_shape=(None, None, 1)).preprocess.image_size is None


def test_a_net_of_one_size_says_so(tmp_path):
    zoo.save_pretrained(zoo.nets.ConvEncoder((12, 12, 1), 4, width=4), tmp_path)
    with pytest.raises(ArchitectureMismatch, match=r"input_shape=\(20, 20, 1\).*outgrow"):
        zoo.from_pretrained(tmp_path, input_shape=(20, 20, 1))


@pytest.mark.parametrize(("old", "new"), [(1, 3), (3, 1), (3, 6), (2, 4)])
def test_inflated_channels_are_exact_where_channels_repeat(tmp_path, old, new):
    model = zoo.nets.ConvNet((16, 16, old), width=4, features=16, normalization=(0.3, 0.5))
    zoo.save_pretrained(model, tmp_path)
    again = zoo.from_pretrained(tmp_path, input_shape=(16, 16, new))
    grey = np.random.default_rng(0).random((2, 16, 16, min(old, new)), "float32")
    few, many = grey, np.tile(grey, max(old, new) // min(old, new))
    a, b = (few, many) if old < new else (many, few)
    expected = out(model, a)
    np.testing.assert_allclose(out(again, b), expected, atol=1e-5)
    assert again.preprocess.channels == new


def test_inflated_channels_keep_a_normalization_of_each_channel(tmp_path):
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    model = zoo.nets.ConvNet((16, 16, 3), width=4, features=16, normalization=(mean, std))
    zoo.save_pretrained(model, tmp_path)
    again = zoo.from_pretrained(tmp_path, input_shape=(16, 16, 6))
    images = np.random.default_rng(0).random((2, 16, 16, 3), "float32")
    expected = out(model, images)
    np.testing.assert_allclose(out(again, np.tile(images, 2)), expected, atol=1e-5)


def test_options_are_checked(folder):
    with pytest.raises(ValueError, match="part"):
        zoo.from_pretrained(folder, part="head")
    with pytest.raises(ValueError, match="input_shape"):
        zoo.from_pretrained(folder, part="method", input_shape=(12, 12, 1))
    with pytest.raises(ValueError, match="revision"):
        zoo.from_pretrained(folder, revision="main")
    with pytest.raises(ValueError, match="once"):
        zoo.from_pretrained("hf://org/x@main", revision="main")
    with pytest.raises(WeightsError, match="holds encoder"):
        zoo.from_pretrained(folder, part="method")


# ---- preprocessing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("size", "resize"), [((40, 60), "shortest"), ((60, 40), "squash"), ((20, 24), "shortest")])
def test_preprocessing_is_pillow_s(interpolation, size, resize):
    # no extremes: Pillow cuts what bicubic weights overshoot after each axis
    image = np.random.default_rng(0).integers(80, 176, (*size, 3), "uint8")
    preprocess = zoo.hub.Preprocessing((24, 28), 3, resize, 32 if resize == "shortest" else None, interpolation)
    if resize == "squash":
        new = (28, 24)
    else:
        scale = 32 / min(size)
        new = (round(size[1] * scale), round(size[0] * scale))
    expected = np.asarray(Image.fromarray(image).resize(new, getattr(Image, interpolation.upper())), "float32") / 255
    top, left = (expected.shape[0] - 24) // 2, (expected.shape[1] - 28) // 2
    expected = expected[top : top + 24, left : left + 28]
    result = preprocess(image[None])
    assert result.shape == (1, 24, 28, 3)
    assert np.abs(result[0] - expected).max() < 1.6 / 255  # Pillow rounds to whole numbers after each axis
    np.testing.assert_array_equal(preprocess([image, image[:, :]]), np.repeat(result, 2, axis=0))


def test_preprocessing_leaves_what_fits_and_refuses_what_does_not(folder):
    encoder = zoo.from_pretrained(folder)
    images = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 1), "uint8")
    np.testing.assert_array_equal(encoder.preprocess(images), images.astype("float32") / 255)
    with pytest.raises(ValueError, match="input_shape"):
        encoder.preprocess(np.zeros((2, 12, 12, 3)))
    with pytest.raises(ValueError, match="int64"):
        encoder.preprocess(np.zeros((2, 12, 12, 1), "int64"))


# ---- strict ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(folder, enabled):
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        zoo.from_pretrained(folder)
        assert gc.isenabled() == enabled
        with pytest.raises(ArchitectureMismatch):
            zoo.from_pretrained(folder, input_shape=(1, 1, 3))
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_every_difference_is_listed(folder, tmp_path):
    def change(arrays):
        arrays["conv/extra"] = arrays.pop("conv/bias")
        arrays["bn/gamma"] = np.ones(9, "float32")

    message = r"1 missing \(conv/bias\); 1 unexpected \(conv/extra\); 1 of another shape \(bn/gamma \(9,\)"
    with pytest.raises(ArchitectureMismatch, match=message):
        zoo.from_pretrained(replace_tensors(folder, tmp_path, change))


def test_only_five_names_of_a_kind_are_listed(folder, tmp_path):
    def change(arrays):
        arrays |= {f"x{i}": np.ones(1, "float32") for i in range(9)}

    with pytest.raises(ArchitectureMismatch, match=r"9 unexpected \(x0, x1, x2, x3, x4 and 4 more\)"):
        zoo.from_pretrained(replace_tensors(folder, tmp_path, change))


def test_integers_do_not_become_floats(folder, tmp_path):
    def change(arrays):
        arrays["bn/gamma"] = arrays["bn/gamma"].astype("int32")

    with pytest.raises(ArchitectureMismatch, match="int32"):
        zoo.from_pretrained(replace_tensors(folder, tmp_path, change))


def test_what_a_layout_may_drop_is_reported(tmp_path):
    model = tiny_encoder()
    arrays = {**tensors.to_numpy(model), "bn/num_batches_tracked": np.array(3, "int64")}
    (tmp_path / "x").write_bytes(save(arrays))
    file = TensorFile(tmp_path / "x")
    assert tensors.assign(model, file, droppable=("*.num_batches_tracked", "*/num_batches_tracked")) == [
        "bn/num_batches_tracked"
    ]
    with pytest.raises(ArchitectureMismatch, match="num_batches_tracked"):
        tensors.assign(model, file)


def test_layers_of_one_name_are_told_apart_or_refused(tmp_path):
    class Twins(layers.Layer):
        def build(self, shape):
            self.a = self.add_weight(shape=(2,), name="w")
            self.b = self.add_weight(shape=(2,), name="w")

        def call(self, x):
            return x

    images = layers.Input((4,))
    with pytest.raises(ArchitectureMismatch, match="name of its own"):
        tensors.variables(keras.Model(images, Twins()(images)))


# ---- places ------------------------------------------------------------------------------------------------------------


def test_bundled_comes_first_then_the_folder_of_the_environment(tmp_path, monkeypatch):
    name = BUNDLED[0]
    shutil.copytree(pretrained.bundled_folder(name), tmp_path / "mirror" / name)
    monkeypatch.setenv("SSLZOO_WEIGHTS_DIR", str(tmp_path / "mirror"))
    (tmp_path / "mirror" / name / "encoder.safetensors").write_bytes(b"not read")
    expected = zoo.from_pretrained(name)
    monkeypatch.setattr(pretrained, "bundled_folder", lambda name: tmp_path / "nothing" / name)
    with pytest.raises(WeightsCorrupt, match="bytes"):
        zoo.from_pretrained(name)
    monkeypatch.undo()
    shutil.copy(pretrained.bundled_folder(name) / "encoder.safetensors", tmp_path / "mirror" / name)
    monkeypatch.setenv("SSLZOO_WEIGHTS_DIR", str(tmp_path / "mirror"))
    monkeypatch.setattr(pretrained, "bundled_folder", lambda name: tmp_path / "nothing" / name)
    same_weights(zoo.from_pretrained(name), expected)
    monkeypatch.setenv("SSLZOO_WEIGHTS_DIR", str(tmp_path / "empty"))
    with pytest.raises(zoo.hub.WeightsOffline, match="SSLZOO_WEIGHTS_DIR"):
        zoo.from_pretrained(name)


def test_versions_and_unknown_names():
    name = BUNDLED[0]
    assert zoo.from_pretrained(f"{name}@1.0").built
    with pytest.raises(UnknownWeights, match="nearest"):
        zoo.from_pretrained(name[:-1])
    for wrong in ("./nowhere", "hf:/x", "hf://a", "a b"):
        with pytest.raises(UnknownWeights, match="Received"):
            zoo.from_pretrained(wrong)


def test_third_party_files_are_named_and_not_loaded():
    with pytest.raises(WeightsNotHosted, match=r"hf-dinov2.*hf://facebook/dinov2-small@ed25f3a3.*Apache-2.0"):
        zoo.from_pretrained("dinov2_vits14")


@pytest.mark.parametrize(
    ("config", "layout"),
    [
        ({"model_type": "dinov2", "architectures": ["Dinov2Model"]}, "hf-dinov2"),
        ({"architecture": "vit_small_patch16_224", "pretrained_cfg": {}}, "timm"),
        ({"_class_name": "AutoencoderKL"}, "diffusers-vae"),
        ({"module": "keras", "class_name": "Functional", "config": {}}, "keras"),
        ({"anything": 1}, "an unknown layout"),
    ],
)
def test_a_foreign_layout_is_named(tmp_path, config, layout):
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ForeignLayout, match=layout):
        zoo.from_pretrained(tmp_path)


def test_licences(monkeypatch, recwarn):
    entry = {
        **ENTRIES[BUNDLED[0]],
        "license": {"spdx": "CC-BY-NC-4.0", "commercial_use": False, "redistributable": True},
    }
    pretrained._check_licence("x", entry, False)
    pretrained._check_licence("x", entry, False)
    assert [str(w.message) for w in recwarn if "no commercial use" in str(w.message)] == [
        "x is under CC-BY-NC-4.0: no commercial use."
    ]
    entry["license"]["requires_acceptance"] = True
    with pytest.raises(LicenseNotAccepted, match="accept_license=True"):
        pretrained._check_licence("x", entry, False)
    pretrained._check_licence("x", entry, True)


def test_a_link_cannot_lead_out_of_the_folder(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "encoder.safetensors").rename(tmp_path / "outside")
    (copy / "encoder.safetensors").symlink_to(tmp_path / "outside")
    with pytest.raises(WeightsCorrupt, match="lie in it"):
        zoo.from_pretrained(copy)


def test_a_newer_layout_asks_for_a_newer_library(folder, tmp_path):
    with pytest.raises(WeightsError, match="Update"):
        zoo.from_pretrained(edit_config(folder, lambda config: config.update(layout_version=2), tmp_path))


# ---- what is imported --------------------------------------------------------------------------------------------------


def test_loading_imports_no_other_backend_and_importing_no_client():
    """Beyond what Keras imports itself."""
    code = (
        "import sys, keras\n"
        "before = set(sys.modules)\n"
        "import keras_sslzoo as zoo\n"
        "clients = {'huggingface_hub', 'jsonschema', 'safetensors', 'typer', 'rich'} & (set(sys.modules) - before)\n"
        "zoo.from_pretrained(zoo.list_pretrained('AutoEncoder')[0])\n"
        "others = {'torch', 'tensorflow', 'jax', 'transformers'} & (set(sys.modules) - before)\n"
        "print(sorted(clients), sorted(others))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert result.stdout.strip() == "[] []", result.stderr
