"""What the repository says of itself is true."""

import json
import pathlib
import subprocess
import sys

import pytest

import keras_sslzoo as zoo

ROOT = pathlib.Path(__file__).resolve().parent.parent


def test_readme_table_is_generated():
    result = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "readme_table.py"), "--check"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_manifest_is_found_and_nothing_is_called_available_that_was_not_uploaded():
    weights = json.loads((ROOT / "weights_manifest.json").read_text())["weights"]
    assert zoo.list_pretrained() == sorted(weights)
    assert all("receipt" in entry for entry in weights.values() if entry["status"] == "available")


def test_versions_agree():
    text = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{zoo.__version__}"' in text


@pytest.mark.slow
def test_wheel_holds_manifest_assets_and_licences(tmp_path):
    import zipfile

    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)],
        check=True,
    )
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert "keras_sslzoo/weights_manifest.json" in names
    assert {"keras_sslzoo/hub/manifest.schema.json", "keras_sslzoo/hub/config.schema.json"} <= set(names)
    assert "keras_sslzoo/assets/weights/autoencoder_convnet_fashion_mnist/encoder.safetensors" in names
    assert "keras_sslzoo/assets/fashion_mnist_mini.npz" in names
    assert "keras_sslzoo/assets/NOTICE" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests/") for name in names)
