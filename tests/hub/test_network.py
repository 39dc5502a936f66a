"""Configs: what is encoded is decoded, and nothing else is: no foreign class, no code, no bomb."""

import copy
import json
import time

import keras
import pytest
from hub.conftest import tiny_encoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

import keras_sslzoo as zoo
from keras_sslzoo.hub import layout, network
from keras_sslzoo.hub.errors import ArchitectureMismatch, WeightsCorrupt

ELEMENTS = 8 * 9 + 8 + 4 * 8  # of `tiny_encoder`


def plain(model):
    return json.loads(json.dumps(network.encode(model)))


def decode(data, elements=ELEMENTS):
    return network.decode(data, network.Budget(elements))


def dense(units=4, **args):
    return {"class": "Dense", "args": {"name": "dense", "units": units, **args}, "calls": [["x"]]}


def graph(*entries, shape=(None, 4), outputs=("dense",)):
    start = {"class": "InputLayer", "args": {"batch_shape": list(shape), "dtype": "float32", "name": "x"}, "calls": []}
    return {"class": "Model", "name": "m", "layers": [start, *entries], "inputs": ["x"], "outputs": list(outputs)}


def test_a_good_graph_is_decoded():
    assert decode(graph(dense())).output_shape == (None, 4)
    assert decode(plain(tiny_encoder())).count_params() == ELEMENTS


def test_the_list_holds_no_layer_that_holds_code_or_reads_files():
    forbidden = {
        "Lambda",
        "TFSMLayer",
        "TorchModuleWrapper",
        "JaxLayer",
        "FlaxLayer",
        "StringLookup",
        "TextVectorization",
    }
    assert not forbidden & set(network.allowed())
    assert "keras_sslzoo>SimCLR" in network.allowed()


HOSTILE = {
    "Lambda": graph({"class": "Lambda", "args": {"name": "dense", "function": "f"}, "calls": [["x"]]}),
    "a module path": graph({"class": "os.system", "args": {"name": "dense"}, "calls": [["x"]]}),
    "Keras' own form": {"module": "os", "class_name": "system", "config": {}, "registered_name": None},
    "a class that is no string": graph({"class": ["Dense"], "args": {}, "calls": [["x"]]}),
    "a method as a layer": graph({"class": "keras_sslzoo>VAE", "args": {}, "calls": [["x"]]}),
    "an initializer as a layer": graph({"class": "Zeros", "args": {}, "calls": [["x"]]}),
    "a layer as an initializer": graph(dense(kernel_initializer={"class": "Flatten", "args": {}})),
    "an initializer by name": graph(dense(kernel_initializer="glorot_uniform")),
    "an activation object": graph(dense(activation={"class": "Dense", "args": {}})),
    "an activation of Keras' form": graph(
        dense(activation={"module": "os", "class_name": "function", "config": "system"})
    ),
    "an unknown activation": graph(dense(activation="os.system")),
    "a long text": graph(dense(activation="a" * 10_000)),
    "an unknown argument": graph(dense(trainable=False, whatever=1)),
    "no units": graph(dense(units=None)),
    "units that are a text": graph(dense(units="4")),
    "no calls": graph({"class": "Dense", "args": {"units": 4}}),
    "a call on itself": graph({**dense(), "calls": [["dense"]]}),
    "a call on nothing": graph({**dense(), "calls": [["y"]]}),
    "a call on a bad reference": graph({**dense(), "calls": [["x:a:b"]]}),
    "a call on a missing output": graph({**dense(), "calls": [["x:0:7"]]}),
    "two layers of one name": graph(dense(), dense()),
    "an unknown output": graph(dense(), outputs=("nothing",)),
    "no layers": {"class": "Model", "name": "m", "layers": [], "inputs": [], "outputs": []},
    "layers that are none": {"class": "Model", "name": "m", "layers": 3, "inputs": [], "outputs": []},
    "another key": {**graph(dense()), "more": 1},
    "a Sequential without input": {"class": "Sequential", "name": "m", "layers": [dense()]},
    "a Sequential of nothing": {"class": "Sequential", "name": "m", "layers": []},
    "a plain number": 3,
    "a list": [[[]]],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_configs_are_refused(name):
    if name in ("a plain number", "a list"):
        assert not isinstance(decode(HOSTILE[name]), keras.Layer)  # `layout.load` takes a model only
        return
    with pytest.raises(ArchitectureMismatch, match="Received"):
        decode(HOSTILE[name])


def nested(levels):
    inner = graph(dense(), shape=(None, 4))
    for _ in range(levels):
        inner = graph({**inner, "name": "dense", "calls": [["x"]]})
    return inner


BOMBS = {
    "units": graph(dense(units=2**40)),
    "units below the limit for numbers": graph(dense(units=2**16)),
    "an input": graph(dense(), shape=(None, 2**16, 2**16, 4)),
    "an image that grows": graph(
        {"class": "UpSampling2D", "args": {"name": "dense", "size": [60_000, 60_000]}, "calls": [["x"]]},
        shape=(None, 8, 8, 1),
    ),
    "padding": graph(
        {"class": "ZeroPadding2D", "args": {"name": "dense", "padding": 2**50}, "calls": [["x"]]}, shape=(None, 8, 8, 1)
    ),
    "layers": graph(*({**dense(), "args": {"name": f"d{i}", "rate": 0.1}, "class": "Dropout"} for i in range(5000))),
    "levels": nested(50),
    "a batch norm of many channels": graph(
        {"class": "BatchNormalization", "args": {"name": "dense"}, "calls": [["x"]]}, shape=(None, 2**16)
    ),
    "a method's list": {"class": "keras_sslzoo>LSGAN", "args": {"latent_dim": 2**30}},
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_before_they_are_built(name):
    start = time.monotonic()
    with pytest.raises(ArchitectureMismatch):
        decode(BOMBS[name])
    assert time.monotonic() - start < 20


def test_what_cannot_be_saved_says_so(tmp_path):
    class Own(layers.Layer):
        def call(self, x):
            return x

    images = layers.Input((4,))
    for layer in (layers.Lambda(lambda x: x), Own()):
        with pytest.raises(ArchitectureMismatch, match=type(layer).__name__):
            zoo.save_pretrained(keras.Model(images, layer(images)), tmp_path / "x")
    with pytest.raises(ArchitectureMismatch, match="functional"):
        zoo.save_pretrained(3, tmp_path / "x")
    with pytest.raises(ArchitectureMismatch, match="built"):
        zoo.save_pretrained(keras.Sequential([layers.Dense(3)]), tmp_path / "x")
    assert not list((tmp_path / "x").glob("*.safetensors"))


def test_a_config_names_only_the_files_of_the_layout(folder):
    config = json.loads((folder / "config.json").read_text())
    for path in ("../x.safetensors", "/etc/passwd", "x.pkl", "README.md"):
        config["parts"]["encoder"]["file"] = path
        with pytest.raises(WeightsCorrupt, match=r"config\.schema\.json"):
            layout.parse_config(json.dumps(config).encode(), "x")


def test_a_method_does_not_pass_for_an_encoder(tmp_path):
    """Files of a method whose config calls them an encoder."""
    zoo.save_pretrained(zoo.AutoEncoder(image_shape=(8, 8, 1), latent_dim=2), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["parts"]["encoder"]["network"] = config["parts"]["method"]["network"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArchitectureMismatch):
        zoo.from_pretrained(tmp_path)


# ---- fuzzed ------------------------------------------------------------------------------------------------------------

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(sorted(network.allowed())),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["class", "args", "calls", "name", "layers", "units"]), inner, max_size=3)
    ),
    max_leaves=6,
)
GOOD = graph(
    {"class": "Dense", "args": {"name": "a", "units": 4, "activation": "relu"}, "calls": [["x"]]},
    {"class": "Add", "args": {"name": "dense"}, "calls": [[["x", "a"]]]},
)


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, v in inner:
        yield from places(v, (*path, key))


PLACES = [path for path in places(GOOD) if path]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(place=st.integers(0, len(PLACES) - 1), value=values)
def test_fuzzed_configs_get_only_our_error(place, value):
    data = copy.deepcopy(GOOD)
    inner = data
    for key in PLACES[place][:-1]:
        inner = inner[key]
    inner[PLACES[place][-1]] = value
    try:
        model = decode(data)
    except ArchitectureMismatch:
        return
    assert model is None or not isinstance(model, keras.Model) or model.count_params() <= ELEMENTS
