"""What random draws cost: ours against `keras.random`, and their share of a SimCLR training step.

    KERAS_BACKEND=torch python benchmarks/draws.py [--repeats 30]

Each draw is compiled as `fit` would compile it: jax.jit, tf.function, torch eager. `keras.random` draws with a
SeedGenerator. Medians of single calls, timed in turn so that load from elsewhere falls on both. A Markdown table.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import keras_sslzoo as zoo
from keras_sslzoo.ops import random
from keras_sslzoo.ops.random import Key

BACKEND = keras.config.backend()
BATCH = 256
IMAGE = (28, 28, 1)


def compiled(fn, variables):
    """A function of the step, `(int32) -> tensor`, with the state of `variables` threaded through, and its sync."""
    if BACKEND == "jax":
        import jax

        def pure(step, values):
            with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
                y = fn(step)
            return y, [scope.get_current_value(v) for v in variables]

        jitted = jax.jit(pure)
        state = [v.value for v in variables]

        def run(step):
            nonlocal state
            y, state = jitted(step, state)
            return jax.block_until_ready(y)

        return run
    if BACKEND == "tensorflow":
        import tensorflow as tf

        graph = tf.function(fn)
        return lambda step: graph(step).numpy().flat[0]
    import torch

    def run(step):
        with torch.no_grad():
            return fn(step).ravel()[0].item()

    return run


def medians(runs, repeats):
    """Median milliseconds of each function, called in turn."""
    steps = [keras.ops.convert_to_tensor(np.int32(i)) for i in range(repeats)]
    for run in runs:
        run(steps[0])
        run(steps[1])
    times = [[] for _ in runs]
    for step in steps:
        for run, taken in zip(runs, times, strict=True):
            start = time.perf_counter()
            run(step)
            taken.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(taken) for taken in times]


def training_step(repeats):
    """Median milliseconds of one SimCLR step of a ConvNet, views included, under `fit`."""

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.times = []

        def on_train_batch_begin(self, batch, logs=None):
            self.start = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            keras.ops.convert_to_numpy(logs["loss"])  # waits for the step
            self.times.append(1e3 * (time.perf_counter() - self.start))

    images = np.random.default_rng(0).random((BATCH * (repeats + 2), *IMAGE), "float32")
    model = zoo.SimCLR(zoo.nets.ConvNet(IMAGE))
    model.compile()
    clock = Clock()
    model.fit(images, batch_size=BATCH, callbacks=[clock], verbose=0)
    return statistics.median(clock.times[2:])


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    repeats = parser.parse_args().repeats

    draws = zoo.views.simclr(IMAGE).draws
    seeds = keras.random.SeedGenerator(0)
    cases = {
        f"parameters of views.simclr({IMAGE}), uniform ({BATCH}, {draws})": (
            lambda step: random.uniform(Key(1, step), "views", (BATCH, draws)),
            lambda step: keras.random.uniform((BATCH, draws), seed=seeds),
        ),
        f"latents, normal ({BATCH}, 64)": (
            lambda step: random.normal(Key(1, step), "latents", (BATCH, 64)),
            lambda step: keras.random.normal((BATCH, 64), seed=seeds),
        ),
        f"pixels, uniform_noise ({BATCH}, 28, 28, 1)": (
            lambda step: random.uniform_noise(Key(1, step), "pixels", (BATCH, *IMAGE)),
            lambda step: keras.random.uniform((BATCH, *IMAGE), seed=seeds),
        ),
        f"pixels, normal_noise ({BATCH}, 28, 28, 1)": (
            lambda step: random.normal_noise(Key(1, step), "pixels", (BATCH, *IMAGE)),
            lambda step: keras.random.normal((BATCH, *IMAGE), seed=seeds),
        ),
    }
    print(f"{BACKEND}, Keras {keras.__version__}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| draw | ours, ms | keras.random, ms |\n|---|---|---|")
    block = None
    for name, pair in cases.items():
        ours, theirs = medians([compiled(fn, [seeds.state]) for fn in pair], repeats)
        block = ours if block is None else block
        print(f"| {name} | {ours:.2f} | {theirs:.2f} |")
    step = training_step(min(repeats, 10))
    print(f"| SimCLR step, ConvNet, batch {BATCH} | {step:.1f} | |")
    print(f"| share of the parameters in it | {100 * block / step:.2f} % | |")


if __name__ == "__main__":
    main()
