"""Every test runs on the backend that KERAS_BACKEND names, on one thread, from a fixed seed."""

import atexit
import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile

if os.environ.get("KERAS_BACKEND") == "jax":  # the same small programs are compiled again and again
    cache = tempfile.mkdtemp(prefix="jax-cache-")
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", cache)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # compiling takes longer than running
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1")

import keras
import pytest

pytest.register_assert_rewrite("contract", "oracles")


def has_accelerator():
    """Whether the backend sees a GPU or TPU."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return any(device.device_type != "CPU" for device in tf.config.list_physical_devices())
    if keras.config.backend() == "jax":
        import jax

        return any(device.platform != "cpu" for device in jax.devices())
    import torch

    return torch.cuda.is_available()


def pytest_collection_modifyitems(items):
    if any("accelerator" in item.keywords for item in items) and not has_accelerator():
        skip = pytest.mark.skip(reason="this machine has no GPU or TPU")
        for item in items:
            if "accelerator" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def _fixed_seed():
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def images():
    from contract import bright_squares  # by now its asserts are rewritten

    return bright_squares()
