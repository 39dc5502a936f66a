"""A local Hub, an empty cache, and a small saved model."""

import keras
import pytest
from hub.local_hub import LocalHub
from keras import layers

import keras_sslzoo as zoo


def tiny_encoder(shape=(12, 12, 1), name="tiny"):
    return keras.Sequential(
        [
            layers.Input(shape, name="images"),
            layers.Conv2D(8, 3, strides=2, name="conv"),
            layers.BatchNormalization(name="bn"),
            layers.ReLU(name="relu"),
            layers.GlobalAveragePooling2D(name="pool"),
        ],
        name=name,
    )


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A saved encoder."""
    return zoo.save_pretrained(tiny_encoder(), tmp_path_factory.mktemp("saved") / "tiny")


@pytest.fixture
def contents(folder):
    """The files of the saved encoder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A running `LocalHub` that huggingface_hub takes for the Hub, with an empty cache."""
    from huggingface_hub import constants

    with LocalHub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        hub.cache = tmp_path / "cache"
        yield hub
