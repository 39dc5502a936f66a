"""Same seed and same fed views: the same weights, loss, gradients, batch-norm statistics and targets on each backend."""

import concurrent.futures
import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.parity

BACKENDS = [name for name in ("jax", "tensorflow", "torch") if importlib.util.find_spec(name)]
METHODS = ["AutoEncoder", "VAE", "SimCLR", "BYOL", "LSGAN", "GAN", "DINO", "CLIP", "SigLIP", "Pix2Pix"]
# methods with a kind of state or gradient of their own: compared on fed views alone
OTHERS = ["SparseAutoEncoder", "KSparseAutoEncoder", "ContractiveAutoEncoder", "ContextEncoder"]
TOLERANCE = dict.fromkeys(("LSGAN", "GAN", "Pix2Pix", "ContextEncoder"), 1e-4)  # games


def on_each_backend(script, methods, folder):
    """Arrays that the script wrote, by method and backend; one process a backend, since each takes long to start."""
    if len(BACKENDS) < 2:
        pytest.skip("needs two installed backends to compare")

    def run(backend):
        out = folder / backend
        out.mkdir()
        environment = {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(pathlib.Path(__file__).parent / script), ",".join(methods), str(out)]
        subprocess.run(command, check=True, env=environment, timeout=1200)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(run, BACKENDS))
    return {method: {name: dict(np.load(folder / name / f"{method}.npz")) for name in BACKENDS} for method in methods}


def chosen(request, fixture):
    """The methods that the tests of this run ask the fixture for."""
    parameters = [getattr(item, "callspec", None) for item in request.session.items if fixture in item.fixturenames]
    return list(dict.fromkeys(p.params["method"] for p in parameters))


@pytest.fixture(scope="session")
def traces(request, tmp_path_factory):
    """From the same seed and views."""
    return on_each_backend("same_state.py", chosen(request, "traces"), tmp_path_factory.mktemp("traces"))


@pytest.fixture(scope="session")
def runs(request, tmp_path_factory):
    """From the same seed."""
    return on_each_backend("one_run.py", chosen(request, "runs"), tmp_path_factory.mktemp("runs"))


def distance(a, b):
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-3))


@pytest.mark.parametrize("method", METHODS + OTHERS)
@pytest.mark.parametrize("part", ["gradient/", "step1/", "step20/"])
def test_state_is_the_same(traces, method, part):
    """All tensors together within the tolerance, in the Euclidean norm; each alone within three times it."""
    tolerance = TOLERANCE.get(method, 1e-5)
    first, *others = traces[method].values()
    keys = [key for key in first if key.startswith(part)]
    assert len(keys) > 3
    for other in others:
        assert set(first) == set(other)
        together = distance(*(np.concatenate([trace[key].ravel() for key in keys]) for trace in (first, other)))
        assert together < tolerance
        worst = max((distance(first[key], other[key]), key) for key in keys)
        assert worst[0] < 3 * tolerance, worst


@pytest.mark.parametrize("method", METHODS + OTHERS)
def test_initial_weights_are_the_same_bit_for_bit(traces, method):
    first, *others = traces[method].values()
    keys = [key for key in first if key.startswith("initial/")]
    assert any(first[key].std() > 0 for key in keys)
    for other in others:
        for key in keys:
            np.testing.assert_array_equal(first[key], other[key], err_msg=key)


@pytest.mark.parametrize("method", METHODS + OTHERS)
def test_losses_are_the_same_at_each_step(traces, method):
    first, *others = (trace["losses"] for trace in traces[method].values())
    assert first.shape[0] == 20
    assert np.isfinite(first).all()
    for other in others:
        np.testing.assert_allclose(first, other, rtol=TOLERANCE.get(method, 1e-5), atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_script_is_the_same_run(runs, method):
    """Only the seed is shared: initial weights, order, views and noise follow from it, and so does the loss of each step."""
    first, *others = runs[method].values()
    assert len(first["losses"]) == 20
    assert (first["losses"][0] != first["losses"][-1]).all()
    for other in others:
        np.testing.assert_array_equal(first["initial"], other["initial"])
        np.testing.assert_allclose(first["losses"], other["losses"], rtol=TOLERANCE.get(method, 1e-5))


@pytest.mark.parametrize(("method", "origin"), [("BYOL", "jax"), ("BYOL", "torch"), ("LSGAN", "tensorflow")])
def test_a_model_saved_on_one_backend_goes_on_on_the_others(method, origin, tmp_path):
    if len(BACKENDS) < 2:
        pytest.skip("needs two installed backends to compare")

    def run(mode, backend):
        out = tmp_path / f"{backend}.npz"
        script = pathlib.Path(__file__).parent / "exchange.py"
        environment = {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(script), mode, method, str(tmp_path), str(out)]
        subprocess.run(command, check=True, env=environment, timeout=600)
        with np.load(out) as arrays:
            return {key: arrays[key] for key in arrays.files}

    saved = run("save", origin)
    for backend in BACKENDS:
        if backend == origin:
            continue
        loaded = run("load", backend)
        assert set(saved) == set(loaded)
        for key in saved:
            if key.startswith("slot/"):
                np.testing.assert_array_equal(saved[key], loaded[key])
            elif key != "jit_compile":
                np.testing.assert_allclose(saved[key], loaded[key], rtol=1e-4, atol=1e-5, err_msg=key)
        if backend == "torch":
            assert not loaded["jit_compile"]
