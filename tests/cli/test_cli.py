"""The command line: what it prints, its exit codes, and no traceback for a user's mistake."""

import shutil
import subprocess
import sys

import pytest
from hub.conftest import hub  # noqa: F401

import keras_sslzoo as zoo
from keras_sslzoo.cli import main
from keras_sslzoo.hub import pretrained
from keras_sslzoo.hub.manifest import manifest

NAME = "autoencoder_convnet_fashion_mnist"


@pytest.fixture
def run(capsys):
    def run(*args):
        with pytest.raises(SystemExit) as exit_:
            main(list(args))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return exit_.value.code or 0, out, err

    return run


def test_help_names_the_commands(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in ("pretrained", "download", "verify", "publish"):
        assert command in out
        assert run(command, "--help")[0] == 0


def test_wrong_usage_exits_with_2(run):
    assert run("nothing")[0] == 2
    assert run("publish")[0] == 2


def test_pretrained_shows_the_table(run):
    code, out, _ = run("pretrained")
    assert code == 0
    assert out.strip() == repr(zoo.list_pretrained())
    assert run("pretrained", "--method", "VAE")[1].count("\n") == len(zoo.list_pretrained("VAE")) + 1
    code, _, err = run("pretrained", "--method", "Nothing")
    assert (code, "Received: 'Nothing'" in err) == (1, True)


def test_mistakes_are_one_line_on_stderr(run):
    code, out, err = run("download", "nothing")
    assert (code, out) == (1, "")
    assert err.startswith("Error: There must be weights of this name")
    code, _, err = run("download", "dinov2_vits14")
    assert (code, "does not convert" in err) == (1, True)


def test_download_prints_the_files(run, hub, contents_of_tiny):  # noqa: F811
    commit = hub.add("org/tiny", contents_of_tiny)
    code, out, _ = run("download", f"hf://org/tiny@{commit}")
    assert code == 0
    assert out.strip().endswith("encoder.safetensors")
    hub.server.shutdown()
    assert zoo.from_pretrained(f"hf://org/tiny@{commit}", local_files_only=True).built
    assert NAME in run("download", NAME)[1]


@pytest.fixture
def contents_of_tiny(tmp_path):
    folder = zoo.save_pretrained(zoo.nets.MLP((4,), (3,)), tmp_path / "tiny")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_verify_finds_a_changed_byte(run, tmp_path, monkeypatch):
    code, out, _ = run("verify", NAME)
    assert (code, "3 files are right, 0 are not" in out) == (0, True)
    monkeypatch.setenv("SSLZOO_WEIGHTS_DIR", str(tmp_path))
    shutil.copytree(pretrained.bundled_folder(NAME), tmp_path / NAME)
    path = tmp_path / NAME / "encoder.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    code, out, _ = run("verify", NAME)
    assert (code, "5 files are right, 1 are not" in out) == (1, True)
    assert f"CORRUPT  {NAME}  {path}" in out


def test_a_dry_run_uploads_nothing(run, hub):  # noqa: F811
    code, out, _ = run("publish", "--org", "me", "--dry-run")
    assert code == 0
    bundled = [name for name, entry in manifest()["weights"].items() if entry["status"] == "bundled"]
    assert f"{len(bundled)} to upload." in out
    assert f"{NAME} -> me/sslzoo-{NAME}" in out
    assert hub.requests == []
    assert run("publish", "--org", "no/org", "--dry-run")[0] == 1


@pytest.mark.slow
def test_the_module_runs_as_a_program():
    command = [sys.executable, "-c", "from keras_sslzoo.cli import main; main()", "download", "nothing"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
