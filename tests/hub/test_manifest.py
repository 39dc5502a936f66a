"""The manifest: valid, honest, and refused where it is hostile."""

import contextlib
import copy
import json
import pathlib

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import keras_sslzoo as zoo
from keras_sslzoo.hub import card as card_module
from keras_sslzoo.hub import layout
from keras_sslzoo.hub.errors import UnknownWeights, WeightsCorrupt
from keras_sslzoo.hub.files import sha256
from keras_sslzoo.hub.manifest import COLUMNS, find_entry, manifest, manifest_path, parse_manifest
from keras_sslzoo.hub.pretrained import bundled_folder

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENTRIES = manifest()["weights"]
BUNDLED = [name for name, entry in ENTRIES.items() if entry["status"] == "bundled"]


def test_every_bundled_file_is_the_one_of_the_manifest():
    assert BUNDLED
    for name in BUNDLED:
        for file in ENTRIES[name]["files"]:
            path = bundled_folder(name) / file["path"]
            assert (path.stat().st_size, sha256(path)) == (file["size"], file["sha256"])
            assert file["size"] < 3e6
    listed = {path.relative_to(bundled_folder("")).parts[0] for path in bundled_folder("").rglob("*") if path.is_file()}
    assert listed == set(BUNDLED)
    assert sum(path.stat().st_size for path in bundled_folder("").rglob("*") if path.is_file()) < 25e6


def test_every_bundled_entry_can_be_trained_again_and_has_its_card():
    for name in BUNDLED:
        entry = ENTRIES[name]
        assert (ROOT / entry["training"]["config"]).is_file()
        config = layout.parse_config((bundled_folder(name) / "config.json").read_bytes(), name)
        text = card_module.card(name, config, entry)
        assert (bundled_folder(name) / "README.md").read_text(encoding="utf-8") == text
        for part in (
            "## Origin",
            "## Usage",
            "## Preprocessing",
            "Measured by us",
            "## Reproduce",
            "## Licence",
            "## Citation",
        ):
            assert part in text
        assert "Reported by the authors" not in text


def test_nothing_is_available_without_a_receipt():
    for name, entry in ENTRIES.items():
        assert entry["status"] in ("bundled", "conversion-only"), f"{name}: an upload writes its receipt"
        assert "receipt" not in entry


@pytest.mark.parametrize(
    "change",
    [
        {"status": "available"},
        {"status": "bundled"},
        {"status": "conversion-only", "receipt": {}},
        {"files": []},
        {"unknown": 1},
        {"version": "one"},
    ],
)
def test_a_dishonest_entry_is_refused(change):
    data = copy.deepcopy(manifest())
    data["weights"]["dinov2_vits14"] |= change
    with pytest.raises(WeightsCorrupt, match=r"manifest\.schema\.json"):
        parse_manifest(json.dumps(data).encode())


def test_measured_figures_name_their_command_and_third_parties_have_none():
    data = copy.deepcopy(manifest())
    metric = data["weights"]["dinov2_vits14"]["metrics"][0]
    metric |= {"source": "measured", "command": "python scripts/x.py"}
    with pytest.raises(WeightsCorrupt):
        parse_manifest(json.dumps(data).encode())
    data = copy.deepcopy(manifest())
    del data["weights"][BUNDLED[0]]["metrics"][0]["command"]
    with pytest.raises(WeightsCorrupt, match="command"):
        parse_manifest(json.dumps(data).encode())


PATHS = ["../x", "a/../b", "/etc/passwd", "a//b", ".hidden", "a\\b", "a/./b", "", "C:/x", "a b", "~/x", "a/", "a\nb"]


@pytest.mark.parametrize("path", PATHS)
def test_hostile_paths_are_refused(path):
    data = copy.deepcopy(manifest())
    data["weights"]["dinov2_vits14"]["files"][0]["path"] = path
    with pytest.raises(WeightsCorrupt):
        parse_manifest(json.dumps(data).encode())


@pytest.mark.parametrize("name", ["../x", "A", "x/y", "x..y", "x" * 97, "", "-x"])
def test_hostile_names_are_refused(name):
    data = copy.deepcopy(manifest())
    data["weights"][name] = data["weights"]["dinov2_vits14"]
    with pytest.raises(WeightsCorrupt):
        parse_manifest(json.dumps(data).encode())


def test_the_list_is_a_list_of_names_that_shows_a_table():
    names = zoo.list_pretrained()
    assert names == sorted(ENTRIES)
    lines = repr(names).splitlines()
    assert lines[0].split() == list(COLUMNS)
    assert len(lines) == len(names) + 1
    assert zoo.list_pretrained("AutoEncoder") == ["autoencoder_convnet_fashion_mnist"]
    assert zoo.list_pretrained(method="Nothing") == []
    assert "Fashion-MNIST" in repr(zoo.list_pretrained("AutoEncoder"))
    assert "measured" in repr(zoo.list_pretrained("AutoEncoder"))


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(UnknownWeights, match=r"autoencoder_convnet_fashion_mnist.*list_pretrained"):
        find_entry("autoencoder_convnet_fashon_mnist")
    assert find_entry("vae_convnet_fashion_mnist@1.0") == find_entry("vae_convnet_fashion_mnist@v1.0")
    with pytest.raises(UnknownWeights, match=r"@1\.0"):
        find_entry("vae_convnet_fashion_mnist@9.0")


once = pytest.mark.skipif(keras.config.backend() != "jax", reason="has no backend: the suite of one is enough")

# ---- fuzzed ------------------------------------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, v in inner:
        yield from places(v, (*path, key))


SMALL = {**manifest(), "weights": {name: ENTRIES[name] for name in (BUNDLED[0], "dinov2_vits14")}}
PLACES = list(places(SMALL))


def fuzz(place, value):
    data = copy.deepcopy(SMALL)
    inner = data
    if PLACES[place]:
        for key in PLACES[place][:-1]:
            inner = inner[key]
        inner[PLACES[place][-1]] = value
    else:
        data = value
    with contextlib.suppress(WeightsCorrupt):
        parsed = parse_manifest(json.dumps(data).encode())
        assert all(not file["path"].startswith("/") for e in parsed["weights"].values() for file in e["files"])


common = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@settings(max_examples=100, **common)
@given(place=st.integers(0, len(PLACES) - 1), value=values)
def test_fuzzed_manifests_get_only_our_error(place, value):
    fuzz(place, value)


@pytest.mark.slow
@once
@settings(max_examples=10_000, **common)
@given(place=st.integers(0, len(PLACES) - 1), value=values)
def test_ten_thousand_fuzzed_manifests_get_only_our_error(place, value):
    fuzz(place, value)


def test_the_installed_manifest_is_the_repository_s():
    assert manifest_path() == ROOT / "weights_manifest.json"
