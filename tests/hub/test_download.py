"""What happens between the Hub and the cache, against a Hub on loopback."""

import os
import pathlib
import subprocess
import sys
import threading
import time
import warnings

import keras
import numpy as np
import pytest
from hub.conftest import tiny_encoder

import keras_sslzoo as zoo
from keras_sslzoo.hub import (
    UnknownWeights,
    WeightsCorrupt,
    WeightsError,
    WeightsGated,
    WeightsOffline,
    local,
    publish,
)
from keras_sslzoo.hub import manifest as manifest_module
from keras_sslzoo.hub.download import Repository

WEIGHTS = "encoder.safetensors"


def blobs(hub):
    return [path for path in hub.cache.rglob("blobs/*") if path.is_file()]


def test_fresh_then_cached_without_a_request(hub, contents):
    commit = hub.add("org/tiny", contents)
    first = zoo.from_pretrained(f"hf://org/tiny@{commit}")
    assert hub.count("GET", WEIGHTS) == 1
    hub.requests.clear()
    second = zoo.from_pretrained(f"hf://org/tiny@{commit}")
    assert hub.requests == []
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_was_uploaded_is_what_is_loaded(hub, tmp_path):
    model = tiny_encoder()
    url = zoo.push_to_hub(model, "org/mine")
    again = zoo.from_pretrained(url)
    images = np.random.default_rng(0).random((3, 12, 12, 1), "float32")
    a, b = (keras.ops.convert_to_numpy(m(images, training=False)) for m in (model, again))
    np.testing.assert_array_equal(a, b)
    assert set(hub.repos["org/mine"]["commits"][url.partition("@")[2]]) == {"README.md", "config.json", WEIGHTS}


def test_an_unpinned_revision_is_named(hub, contents):
    commit = hub.add("org/tiny", contents)
    with pytest.warns(UserWarning, match=f"unpinned.*{commit}"):
        zoo.from_pretrained("hf://org/tiny")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zoo.from_pretrained("hf://org/tiny", revision=commit)


def test_a_subfolder(hub, contents):
    commit = hub.add("org/many", {f"small/one/{name}": data for name, data in contents.items()})
    assert zoo.from_pretrained(f"hf://org/many@{commit}/small/one").output_shape == (None, 8)


@pytest.mark.filterwarnings("ignore:hf.*unpinned")
def test_a_cached_branch_is_served_when_the_hub_is_gone(hub, contents, monkeypatch):
    hub.add("org/tiny", contents)
    zoo.from_pretrained("hf://org/tiny@main")
    hub.server.shutdown()
    hub.server.server_close()
    start = time.monotonic()
    zoo.from_pretrained("hf://org/tiny@main")
    zoo.from_pretrained("hf://org/tiny@main", local_files_only=True)
    assert time.monotonic() - start < 4


def test_without_a_network_it_fails_at_once_and_says_what_to_do(hub, contents):
    commit = hub.add("org/tiny", contents)
    hub.server.shutdown()
    hub.server.server_close()
    for options in ({}, {"local_files_only": True}):
        start = time.monotonic()
        with pytest.raises(WeightsOffline, match=f"(?s)org/tiny@{commit[:12]}.*cache.*sslzoo download"):
            zoo.from_pretrained(f"hf://org/tiny@{commit}", **options)
        assert time.monotonic() - start < 2


def test_a_hub_that_does_not_answer_is_not_waited_for(hub, contents):
    commit = hub.add("org/tiny", contents)
    hub.fault("config.json", slow=1)
    start = time.monotonic()
    with pytest.raises(WeightsOffline, match="Timeout"):
        zoo.from_pretrained(f"hf://org/tiny@{commit}")
    assert time.monotonic() - start < 3


def test_a_corrupt_download_heals(hub, contents):
    commit = hub.add("org/tiny", contents)
    hub.fault(WEIGHTS, corrupt=1)
    zoo.from_pretrained(f"hf://org/tiny@{commit}")
    assert hub.count("GET", WEIGHTS) == 2


def test_a_download_that_is_corrupt_twice_is_removed_and_refused(hub, contents):
    commit = hub.add("org/tiny", contents)
    hub.fault(WEIGHTS, corrupt=2)
    with pytest.raises(WeightsCorrupt, match=r"(?s)encoder.safetensors.*sha256.*Refusing.*twice.*removed"):
        zoo.from_pretrained(f"hf://org/tiny@{commit}")
    assert [path.stat().st_size for path in blobs(hub)] == [len(contents["config.json"])]
    assert not list(hub.cache.rglob(WEIGHTS))
    zoo.from_pretrained(f"hf://org/tiny@{commit}")  # the Hub is well again


def test_a_file_that_rots_in_the_cache_is_fetched_again(hub, contents):
    commit = hub.add("org/tiny", contents)
    zoo.from_pretrained(f"hf://org/tiny@{commit}")
    blob = next(path for path in blobs(hub) if path.stat().st_size == len(contents[WEIGHTS]))
    data = bytearray(contents[WEIGHTS])
    data[-1] ^= 1
    blob.write_bytes(data)
    with pytest.raises(WeightsCorrupt, match="sha256"):
        zoo.from_pretrained(f"hf://org/tiny@{commit}", local_files_only=True)
    zoo.from_pretrained(f"hf://org/tiny@{commit}")
    assert blob.read_bytes() == contents[WEIGHTS]


@pytest.mark.parametrize("fault", ["truncate", "short"])
def test_a_body_that_ends_early_is_not_taken(hub, contents, fault):
    commit = hub.add("org/tiny", contents)
    hub.fault(WEIGHTS, **{fault: 1})
    assert zoo.from_pretrained(f"hf://org/tiny@{commit}").built


@pytest.mark.parametrize(
    ("name", "match"), [("org/none@main", "repository"), ("org/tiny@v9", "revision"), ("org/empty@main", "file")]
)
def test_what_does_not_exist_is_named(hub, contents, name, match):
    hub.add("org/tiny", contents)
    hub.add("org/empty", {"README.md": b"nothing"})
    with pytest.raises(UnknownWeights, match=f"no such {match}"):
        zoo.from_pretrained(f"hf://{name}")


def test_an_error_of_the_server_is_passed_on(hub, contents):
    commit = hub.add("org/tiny", contents)
    hub.fault(WEIGHTS, status500=9)
    with pytest.raises(WeightsOffline, match="500"):
        zoo.from_pretrained(f"hf://org/tiny@{commit}")


def test_a_length_that_is_not_the_declared_one_is_refused_before_the_download(hub, contents):
    commit = hub.add("org/tiny", contents)
    hub.fault(WEIGHTS, size=9)
    with pytest.raises(WeightsCorrupt, match="bytes"):
        zoo.from_pretrained(f"hf://org/tiny@{commit}")
    assert hub.count("GET", WEIGHTS) == 0


@pytest.mark.parametrize("path", ["config.json", WEIGHTS])
def test_an_etag_cannot_lead_out_of_the_cache(hub, contents, path):
    commit = hub.add("org/tiny", contents)
    hub.fault(path, etag=9)
    with pytest.raises(WeightsCorrupt, match="ETag"):
        zoo.from_pretrained(f"hf://org/tiny@{commit}")
    assert not list(hub.cache.parent.rglob("escaped*"))


# ---- tokens ------------------------------------------------------------------------------------------------------------


def test_a_gated_repository_wants_a_token_which_the_cdn_does_not_get(hub, contents):
    commit = hub.add("org/gated", contents, gated=True)
    with pytest.raises(WeightsGated, match=r"huggingface.co/org/gated.*token=True"):
        zoo.from_pretrained(f"hf://org/gated@{commit}")
    zoo.from_pretrained(f"hf://org/gated@{commit}", token="hf_secret")
    with_token = [path for _, path, headers in hub.requests if "authorization" in headers]
    assert with_token
    assert not any(path.startswith("/cdn/") for path in with_token)


def test_no_token_is_sent_unasked(hub, contents, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    zoo.from_pretrained(f"hf://org/tiny@{hub.add('org/tiny', contents)}")
    assert not any("authorization" in headers for *_, headers in hub.requests)


@pytest.mark.parametrize(
    ("endpoint", "token"),
    [("http://mirror.example", "hf_x"), ("https://mirror.example", True), ("http://10.0.0.1", True)],
)
def test_a_token_stays_away_from_other_hosts(monkeypatch, endpoint, token):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    with pytest.raises(WeightsGated, match="HF_ENDPOINT"):
        Repository("org/tiny", "0" * 40, token=token)


# ---- several at once ---------------------------------------------------------------------------------------------------


def test_six_threads_load_the_same_file(hub, contents):
    commit = hub.add("org/tiny", contents)
    problems = []

    def download():
        try:
            local.download(f"hf://org/tiny@{commit}")
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=download) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert hub.count("GET", f"cdn/org/tiny/{commit}/{WEIGHTS}") == 1


@pytest.mark.slow
def test_two_processes_load_the_same_file(hub, contents):
    commit = hub.add("org/tiny", contents)
    env = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(hub.cache), "HF_HUB_DISABLE_XET": "1"}
    code = f"import keras_sslzoo as zoo; print(zoo.from_pretrained('hf://org/tiny@{commit}').output_shape)"
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [run.communicate()[0].strip() for run in runs] == ["(None, 8)"] * 2


# ---- entries of the manifest -------------------------------------------------------------------------------------------


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """A copy of the manifest that a test may change: `installed(manifest)` makes it the installed one."""

    def install(data):
        monkeypatch.setattr(manifest_module, "manifest", lambda: data)
        for module in ("pretrained", "local"):
            monkeypatch.setattr(sys.modules[f"keras_sslzoo.hub.{module}"], "manifest", lambda: data)

    return install


def test_publishing_writes_receipts_and_what_was_uploaded_loads(hub, tmp_path, installed, monkeypatch):
    path = tmp_path / "weights_manifest.json"
    path.write_bytes(manifest_module.manifest_path().read_bytes())
    before = manifest_module.parse_manifest(path.read_bytes())
    bundled = [name for name, entry in before["weights"].items() if entry["status"] == "bundled"]
    assert [name for name, _ in publish.plan(before, "org")] == bundled
    receipts = publish.publish(path, "org")
    after = manifest_module.parse_manifest(path.read_bytes())
    assert set(receipts) == set(bundled)
    assert publish.plan(after, "org") == []  # nothing is uploaded twice
    installed(after)
    monkeypatch.setattr("keras_sslzoo.hub.pretrained.bundled_folder", lambda name: tmp_path / "no package" / name)
    name = bundled[0]
    model = zoo.from_pretrained(name)
    assert model.count_params() == after["weights"][name]["params"]
    assert hub.repos[f"org/sslzoo-{name}"]["refs"]["v1.0"] == receipts[name]["revision"]
    assert name in hub.repos[f"org/sslzoo-{name}"]["commits"][receipts[name]["revision"]]["README.md"].decode()
    assert {problem for _, _, problem in local.verify(name)} == {None}


def test_an_upload_that_fails_says_what_to_do(hub, folder):
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(WeightsError, match="hf auth login"):
        zoo.push_to_hub(tiny_encoder(), "org/mine")
    with pytest.raises(UnknownWeights, match="org/name"):
        zoo.push_to_hub(tiny_encoder(), "mine")


def test_paths_of_the_cache_stay_in_it(hub):
    for name in (
        "hf://../x",
        "hf://org/..",
        "hf://org/name@../x",
        "hf://org/name/../../x",
        "hf://org/a--b",
        "hf://org",
    ):
        with pytest.raises(UnknownWeights):
            zoo.from_pretrained(name)
    assert hub.requests == []
    assert not pathlib.Path(hub.cache).exists()
