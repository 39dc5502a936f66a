"""What a training step costs under `fit`: against a hand-written step, and against the network written without Keras.

    KERAS_BACKEND=torch python benchmarks/step_overhead.py [--rounds 9] [--steps 16] [--threads 2]
        [--only LSGAN] [--cpu-time] [--quick]

    fit     method.compile(); method.fit(arrays), the step alone: from the start of the epoch to its end
    hand    what a Keras user writes for this backend: the same networks, losses, views, optimizers, batches
    native  the same architecture without Keras: torch.nn; jax.lax and an Adam of its own; tf.nn and ResourceApplyAdam

All run in one process, in turn: each round is an epoch of each, and the ratio is the median over the rounds. An epoch of
each comes first, untimed, so that compilation is left out. Batches are NumPy arrays, gathered in the same order by all.
Markdown tables.
"""

import argparse
import functools
import os
import statistics
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--rounds", type=int, default=9, help="epochs of each, in turn")
parser.add_argument("--steps", type=int, default=16, help="steps of an epoch; ten times as many for tiny networks")
parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads, on as many cores")
parser.add_argument("--only", default="", help="part of the name of the cases to run, as LSGAN")
parser.add_argument("--cpu-time", action="store_true", help="CPU time of the process: where others keep the cores busy")
parser.add_argument("--quick", action="store_true", help="3 rounds of 4 steps, to see that it runs")
ARGUMENTS = parser.parse_args()
if ARGUMENTS.quick:
    ARGUMENTS.rounds, ARGUMENTS.steps = 3, 4

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ[variable] = str(ARGUMENTS.threads)
if hasattr(os, "sched_setaffinity"):  # what XLA and TensorFlow size their pools by
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: ARGUMENTS.threads])

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402

import keras_sslzoo as zoo  # noqa: E402
from keras_sslzoo.ops.random import Key, normal  # noqa: E402

BACKEND = keras.config.backend()
if BACKEND == "jax":
    import jax
    from jax import lax
    from jax import numpy as jnp
elif BACKEND == "tensorflow":
    import tensorflow as tf
else:
    import torch
    from torch import nn
    from torch.nn import functional as F

clock = time.process_time if ARGUMENTS.cpu_time else time.perf_counter
SEED = 7
TEMPERATURE = 0.1
IMAGE = (28, 28, 1)
LATENT = 64


# ---- the step by hand: Keras networks, the backend's own gradients and compilation -------------------------------------
# each function returns a step (batch, int) -> loss of the last player


def jax_simclr(encoder, projector, make_views):
    """jax.jit over `stateless_call` and `stateless_apply`; the state is donated."""
    nets = (encoder, projector)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build([v for net in nets for v in net.trainable_variables])

    def loss_of(trained, rest, views):
        z = []
        for view in views:
            h, encoder_rest = encoder.stateless_call(trained[0], rest[0], view, training=True)
            y, projector_rest = projector.stateless_call(trained[1], rest[1], h, training=True)
            z.append(y)
            rest = (encoder_rest, projector_rest)
        return ops.mean(zoo.losses.nt_xent(*z, TEMPERATURE)), rest

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state, batch, i):
        trained, rest, slots = state
        views = make_views(batch, Key(SEED, i))
        (loss, rest), (g, h) = jax.value_and_grad(loss_of, has_aux=True)(trained, rest, views)
        new, slots = optimizer.stateless_apply(slots, [*g, *h], [*trained[0], *trained[1]])
        return ((new[: len(g)], new[len(g) :]), rest, slots), loss

    state = (
        tuple([v.value for v in net.trainable_variables] for net in nets),
        tuple([v.value for v in net.non_trainable_variables] for net in nets),
        [v.value for v in optimizer.variables],
    )

    def step(batch, i):
        nonlocal state
        state, loss = update(state, batch, np.int32(i))
        return loss

    return step


def jax_lsgan(generator, discriminator):
    """As `jax_simclr`, with a gradient for each player."""
    nets = (discriminator, generator)
    optimizers = [keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in nets]
    for optimizer, net in zip(optimizers, nets, strict=True):
        optimizer.build(net.trainable_variables)
    latent = generator.input_shape[-1]

    def d_loss_of(d, d_rest, real, fake):
        d_real, d_rest = discriminator.stateless_call(d, d_rest, real, training=True)
        d_fake, d_rest = discriminator.stateless_call(d, d_rest, fake, training=True)
        return ops.mean(zoo.losses.least_squares(d_real, 1.0) + zoo.losses.least_squares(d_fake, 0.0)), d_rest

    def g_loss_of(g, g_rest, d, d_rest, z):
        fake, g_rest = generator.stateless_call(g, g_rest, z, training=True)
        score, d_rest = discriminator.stateless_call(d, d_rest, fake, training=True)
        return ops.mean(zoo.losses.least_squares(score, 1.0)), (g_rest, d_rest)

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state, real, i):
        (d, g), (d_rest, g_rest), (d_slots, g_slots) = state
        z1, z2 = (normal(Key(SEED, i), f"noise/{p}", (len(real), latent)) for p in ("discriminator", "generator"))
        fake, g_rest = generator.stateless_call(g, g_rest, z1, training=True)
        (_, d_rest), gradients = jax.value_and_grad(d_loss_of, has_aux=True)(d, d_rest, real, fake)
        d, d_slots = optimizers[0].stateless_apply(d_slots, gradients, d)
        (loss, (g_rest, d_rest)), gradients = jax.value_and_grad(g_loss_of, has_aux=True)(g, g_rest, d, d_rest, z2)
        g, g_slots = optimizers[1].stateless_apply(g_slots, gradients, g)
        return ((d, g), (d_rest, g_rest), (d_slots, g_slots)), loss

    state = (
        tuple([v.value for v in net.trainable_variables] for net in nets),
        tuple([v.value for v in net.non_trainable_variables] for net in nets),
        tuple([v.value for v in optimizer.variables] for optimizer in optimizers),
    )

    def step(batch, i):
        nonlocal state
        state, loss = update(state, batch, np.int32(i))
        return loss

    return step


def tensorflow_simclr(encoder, projector, make_views):
    """tf.function around a gradient tape and `optimizer.apply`."""
    optimizer = keras.optimizers.Adam(1e-3)
    variables = [*encoder.trainable_variables, *projector.trainable_variables]
    optimizer.build(variables)

    @tf.function
    def update(batch, i):
        views = make_views(batch, Key(SEED, i))
        with tf.GradientTape() as tape:
            z = [projector(encoder(view, training=True), training=True) for view in views]
            loss = ops.mean(zoo.losses.nt_xent(*z, TEMPERATURE))
        optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
        return loss

    return lambda batch, i: update(batch, tf.constant(i))


def tensorflow_lsgan(generator, discriminator):
    """As `tensorflow_simclr`, with a tape for each player."""
    d_optimizer, g_optimizer = (keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2))
    d, g = discriminator.trainable_variables, generator.trainable_variables
    d_optimizer.build(d)
    g_optimizer.build(g)
    latent = generator.input_shape[-1]

    @tf.function
    def update(real, i):
        z1, z2 = (normal(Key(SEED, i), f"noise/{p}", (len(real), latent)) for p in ("discriminator", "generator"))
        fake = generator(z1, training=True)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in d])
            d_real, d_fake = (discriminator(x, training=True) for x in (real, fake))
            loss = ops.mean(zoo.losses.least_squares(d_real, 1.0) + zoo.losses.least_squares(d_fake, 0.0))
        d_optimizer.apply(tape.gradient(loss, [v.value for v in d]), d)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in g])
            score = discriminator(generator(z2, training=True), training=True)
            loss = ops.mean(zoo.losses.least_squares(score, 1.0))
        g_optimizer.apply(tape.gradient(loss, [v.value for v in g]), g)
        return loss

    return lambda batch, i: update(batch, tf.constant(i))


def to_torch(batch):
    """NumPy array or tuple of arrays as tensors that share the memory."""
    return tuple(map(torch.from_numpy, batch)) if isinstance(batch, tuple) else torch.from_numpy(batch)


def torch_simclr(encoder, projector, make_views):
    """Eager, with `torch.autograd.grad`, which was no slower than `loss.backward()` and clearing `.grad`."""
    optimizer = keras.optimizers.Adam(1e-3)
    variables = [*encoder.trainable_variables, *projector.trainable_variables]
    optimizer.build(variables)

    def step(batch, i):
        with torch.no_grad():
            views = make_views(to_torch(batch), Key(SEED, i))
        z = [projector(encoder(view, training=True), training=True) for view in views]
        loss = ops.mean(zoo.losses.nt_xent(*z, TEMPERATURE))
        gradients = torch.autograd.grad(loss, [v.value for v in variables])
        with torch.no_grad():
            optimizer.apply(gradients, variables)
        return loss.detach()

    return step


def torch_lsgan(generator, discriminator):
    """As `torch_simclr`, with a gradient for each player."""
    d_optimizer, g_optimizer = (keras.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2))
    d, g = discriminator.trainable_variables, generator.trainable_variables
    d_optimizer.build(d)
    g_optimizer.build(g)
    latent = generator.input_shape[-1]

    def step(batch, i):
        real = to_torch(batch)
        with torch.no_grad():
            z1, z2 = (normal(Key(SEED, i), f"noise/{p}", (len(real), latent)) for p in ("discriminator", "generator"))
            fake = generator(z1, training=True)
        d_real, d_fake = (discriminator(x, training=True) for x in (real, fake))
        loss = ops.mean(zoo.losses.least_squares(d_real, 1.0) + zoo.losses.least_squares(d_fake, 0.0))
        gradients = torch.autograd.grad(loss, [v.value for v in d])
        with torch.no_grad():
            d_optimizer.apply(gradients, d)
        score = discriminator(generator(z2, training=True), training=True)
        loss = ops.mean(zoo.losses.least_squares(score, 1.0))
        gradients = torch.autograd.grad(loss, [v.value for v in g])
        with torch.no_grad():
            g_optimizer.apply(gradients, g)
        return loss.detach()

    return step


# ---- the same architectures without Keras --------------------------------------------------------------------------------
# each function returns the step and the number of trained parameters. JAX and TensorFlow share the description of the
# networks: trained arrays by name, with the functions that they need (conv, transposed conv, batch norm) given


def initial(convolutions, norms, dense, stddev=None):
    """NumPy weights: `name: (kernel..., in, out)` with He's deviation or `stddev`, and batch norms `name: channels`."""
    rng = np.random.default_rng(SEED)
    weights = {
        name: rng.standard_normal(shape, dtype="float32") * np.float32(stddev or np.sqrt(2 / np.prod(shape[:-1])))
        for name, shape in {**convolutions, **dense}.items()
    }
    for name, channels in norms.items():
        weights |= {f"{name}/gamma": np.ones(channels, "float32"), f"{name}/beta": np.zeros(channels, "float32")}
    means = {f"{name}/mean": np.zeros(channels, "float32") for name, channels in norms.items()}
    variances = {f"{name}/variance": np.ones(channels, "float32") for name, channels in norms.items()}
    return weights, {**means, **variances}


def simclr_arrays():
    """ConvNet with its head: trained weights, moving statistics."""
    weights, statistics_ = initial(
        {"c1": (3, 3, 1, 32), "c2": (3, 3, 32, 64), "c3": (3, 3, 64, 96), "c4": (3, 3, 96, 128)},
        {"n1": 32, "n2": 64, "n3": 96, "n4": 128, "n5": 512, "n6": 128},
        {"d1": (512, 512), "d2": (512, 128)},
    )
    weights.pop("n6/beta")
    return weights, statistics_


def lsgan_arrays():
    """Discriminator and generator of DCGAN: trained weights and moving statistics of each."""
    d = initial({"c1": (4, 4, 1, 64), "c2": (4, 4, 64, 128)}, {"n2": 128}, {"d": (6272, 1)}, 0.02)
    d[0].update({"c1/bias": np.zeros(64, "float32"), "d/bias": np.zeros(1, "float32")})
    kernels = {"c1": (4, 4, 64, 128), "c2": (4, 4, 1, 64)}  # of a transposed convolution: (h, w, out, in)
    g = initial(kernels, {"n1": 128, "n2": 64}, {"d": (LATENT, 6272)}, 0.02)
    g[0]["c2/bias"] = np.zeros(1, "float32")
    return d, g


def jax_conv(x, w, stride):
    """Convolution, padded as "same"."""
    return lax.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def jax_norm(x, w, s, name):
    """Batch norm in training, and the moving statistics after it."""
    axes = tuple(range(x.ndim - 1))
    mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
    scale = w[f"{name}/gamma"] * lax.rsqrt(variance + 1e-5)
    shift = w.get(f"{name}/beta", 0.0) - mean * scale
    new = {f"{name}/mean": mean, f"{name}/variance": variance}
    return x * scale + shift, {**s, **{key: 0.9 * s[key] + 0.1 * lax.stop_gradient(new[key]) for key in new}}


def jax_adam(w, gradients, slots, learning_rate, beta_1):
    """Kingma and Ba 2015; slots are (m, v, steps)."""
    m, v, t = slots
    t = t + 1
    m = jax.tree.map(lambda m, g: beta_1 * m + (1 - beta_1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
    rate = learning_rate * jnp.sqrt(1 - 0.999**t) / (1 - beta_1**t)
    return jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), w, m, v), (m, v, t)


def jax_state(arrays):
    """Weights, statistics and Adam's slots on the device."""
    weights, rest = jax.tree.map(jnp.array, arrays)
    return weights, rest, (*(jax.tree.map(jnp.zeros_like, weights) for _ in range(2)), jnp.zeros((), "float32"))


def jax_native_simclr():
    """jax.lax, jax.jit, an Adam of its own."""

    def network(w, s, x):
        for i, stride in enumerate((2, 2, 2, 1), start=1):
            x, s = jax_norm(jax_conv(x, w[f"c{i}"], stride), w, s, f"n{i}")
            x = jax.nn.relu(x)
        x = x.reshape(len(x), 2, 2, 2, 2, 128).mean((2, 4)).reshape(len(x), 512)
        x, s = jax_norm(x @ w["d1"], w, s, "n5")
        return jax_norm(jax.nn.relu(x) @ w["d2"], w, s, "n6")

    def loss_of(w, s, views):
        z1, s = network(w, s, views[0])
        z2, s = network(w, s, views[1])
        z = jnp.concatenate([z1, z2])
        z = z / jnp.linalg.norm(z, axis=1, keepdims=True)
        n = len(z)
        similarity = z @ z.T / TEMPERATURE - 1e9 * jnp.eye(n)
        positive = jnp.sum(z * jnp.roll(z, n // 2, axis=0), axis=1) / TEMPERATURE
        return jnp.mean(jax.nn.logsumexp(similarity, axis=1) - positive), s

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state, views):
        w, s, slots = state
        (loss, s), gradients = jax.value_and_grad(loss_of, has_aux=True)(w, s, views)
        w, slots = jax_adam(w, gradients, slots, 1e-3, 0.9)
        return (w, s, slots), loss

    state = jax_state(simclr_arrays())
    size = sum(w.size for w in state[0].values())

    def step(batch, i):
        nonlocal state
        state, loss = update(state, batch)
        return loss

    return step, size


def jax_native_lsgan():
    """jax.lax, jax.jit, an Adam of its own for each player."""

    def generator(w, s, z):
        x, s = jax_norm((z @ w["d"]).reshape(-1, 7, 7, 128), w, s, "n1")
        numbers = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_transpose(jax.nn.relu(x), w["c1"], (2, 2), "SAME", None, numbers, transpose_kernel=True)
        x, s = jax_norm(x, w, s, "n2")
        x = lax.conv_transpose(jax.nn.relu(x), w["c2"], (2, 2), "SAME", None, numbers, transpose_kernel=True)
        return 0.5 * jnp.tanh(x + w["c2/bias"]) + 0.5, s

    def discriminator(w, s, x):
        x = jax.nn.leaky_relu(jax_conv(2 * x - 1, w["c1"], 2) + w["c1/bias"], 0.2)
        x, s = jax_norm(jax_conv(x, w["c2"], 2), w, s, "n2")
        return jax.nn.leaky_relu(x, 0.2).reshape(len(x), -1) @ w["d"] + w["d/bias"], s

    def d_loss_of(w, s, real, fake):
        d_real, s = discriminator(w, s, real)
        d_fake, s = discriminator(w, s, fake)
        return 0.5 * jnp.mean((d_real - 1) ** 2) + 0.5 * jnp.mean(d_fake**2), s

    def g_loss_of(w, s, d, ds, z):
        fake, s = generator(w, s, z)
        score, ds = discriminator(d, ds, fake)
        return 0.5 * jnp.mean((score - 1) ** 2), (s, ds)

    @functools.partial(jax.jit, donate_argnums=0)
    def update(state, real, i):
        (d, ds, d_slots), (g, gs, g_slots) = state
        z1, z2 = jax.random.normal(jax.random.fold_in(jax.random.key(SEED), i), (2, len(real), LATENT))
        fake, gs = generator(g, gs, z1)
        (_, ds), gradients = jax.value_and_grad(d_loss_of, has_aux=True)(d, ds, real, fake)
        d, d_slots = jax_adam(d, gradients, d_slots, 2e-4, 0.5)
        (loss, (gs, ds)), gradients = jax.value_and_grad(g_loss_of, has_aux=True)(g, gs, d, ds, z2)
        g, g_slots = jax_adam(g, gradients, g_slots, 2e-4, 0.5)
        return ((d, ds, d_slots), (g, gs, g_slots)), loss

    state = tuple(jax_state(arrays) for arrays in lsgan_arrays())
    size = sum(w.size for player in state for w in player[0].values())

    def step(batch, i):
        nonlocal state
        state, loss = update(state, batch, np.int32(i))
        return loss

    return step, size


def tensorflow_norm(x, w, s, name):
    """Fused batch norm in training; moves the statistics. (B, C) is taken for (B, 1, 1, C)."""
    y = x if x.shape.rank == 4 else x[:, None, None, :]
    gamma = w[f"{name}/gamma"]
    beta = w.get(f"{name}/beta", tf.zeros(gamma.shape))
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(y, gamma, beta, epsilon=1e-5)
    for key, value in ((f"{name}/mean", mean), (f"{name}/variance", variance)):
        s[key].assign_sub(0.1 * (s[key] - tf.stop_gradient(value)))
    return y if x.shape.rank == 4 else y[:, 0, 0, :]


class TensorFlowAdam:
    """TensorFlow's fused kernel, one call for each variable."""

    def __init__(self, variables, learning_rate, beta_1):
        self.variables, self.rate, self.beta_1 = variables, learning_rate, beta_1
        self.m, self.v = ([tf.Variable(tf.zeros_like(v)) for v in variables] for _ in range(2))
        self.steps = tf.Variable(0.0)

    def apply(self, gradients):
        """Move the variables."""
        steps = self.steps.assign_add(1.0)
        powers = {"beta1_power": self.beta_1**steps, "beta2_power": 0.999**steps}
        constants = {"lr": self.rate, "beta1": self.beta_1, "beta2": 0.999, "epsilon": 1e-7}
        for w, m, v, g in zip(self.variables, self.m, self.v, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(var=w.handle, m=m.handle, v=v.handle, grad=g, **powers, **constants)


def tensorflow_state(arrays):
    """Weights and statistics as variables."""
    weights, rest = arrays
    weights = {name: tf.Variable(value) for name, value in weights.items()}
    return weights, {name: tf.Variable(value, trainable=False) for name, value in rest.items()}


def tensorflow_native_simclr():
    """tf.nn and a tf.function."""
    w, s = tensorflow_state(simclr_arrays())
    adam = TensorFlowAdam(list(w.values()), 1e-3, 0.9)

    def network(x):
        for i, stride in enumerate((2, 2, 2, 1), start=1):
            x = tf.nn.relu(tensorflow_norm(tf.nn.conv2d(x, w[f"c{i}"], stride, "SAME"), w, s, f"n{i}"))
        x = tf.reshape(tf.nn.avg_pool2d(x, 2, 2, "VALID"), (-1, 512))
        x = tf.nn.relu(tensorflow_norm(x @ w["d1"], w, s, "n5"))
        return tensorflow_norm(x @ w["d2"], w, s, "n6")

    @tf.function
    def update(views):
        with tf.GradientTape() as tape:
            z = tf.math.l2_normalize(tf.concat([network(view) for view in views], axis=0), axis=1)
            n = len(z)
            similarity = tf.matmul(z, z, transpose_b=True) / TEMPERATURE - 1e9 * tf.eye(n)
            labels = tf.roll(tf.range(n), n // 2, axis=0)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, similarity))
        adam.apply(tape.gradient(loss, adam.variables))
        return loss

    return lambda batch, i: update(batch), sum(int(tf.size(v)) for v in adam.variables)


def tensorflow_native_lsgan():
    """tf.nn and a tf.function."""
    (d, ds), (g, gs) = (tensorflow_state(arrays) for arrays in lsgan_arrays())
    d_adam, g_adam = (TensorFlowAdam(list(w.values()), 2e-4, 0.5) for w in (d, g))

    def generator(z):
        n = len(z)
        x = tf.nn.relu(tensorflow_norm(tf.reshape(z @ g["d"], (-1, 7, 7, 128)), g, gs, "n1"))
        x = tf.nn.relu(tensorflow_norm(tf.nn.conv2d_transpose(x, g["c1"], (n, 14, 14, 64), 2), g, gs, "n2"))
        return 0.5 * tf.tanh(tf.nn.conv2d_transpose(x, g["c2"], (n, 28, 28, 1), 2) + g["c2/bias"]) + 0.5

    def discriminator(x):
        x = tf.nn.leaky_relu(tf.nn.bias_add(tf.nn.conv2d(2 * x - 1, d["c1"], 2, "SAME"), d["c1/bias"]), 0.2)
        x = tf.nn.leaky_relu(tensorflow_norm(tf.nn.conv2d(x, d["c2"], 2, "SAME"), d, ds, "n2"), 0.2)
        return tf.reshape(x, (-1, 6272)) @ d["d"] + d["d/bias"]

    @tf.function
    def update(real):
        fake = generator(tf.random.normal((len(real), LATENT)))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(d_adam.variables)
            loss = 0.5 * tf.reduce_mean((discriminator(real) - 1) ** 2) + 0.5 * tf.reduce_mean(discriminator(fake) ** 2)
        d_adam.apply(tape.gradient(loss, d_adam.variables))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(g_adam.variables)
            loss = 0.5 * tf.reduce_mean((discriminator(generator(tf.random.normal((len(real), LATENT)))) - 1) ** 2)
        g_adam.apply(tape.gradient(loss, g_adam.variables))
        return loss

    return lambda batch, i: update(batch), sum(int(tf.size(v)) for v in [*d_adam.variables, *g_adam.variables])


def torch_native_simclr():
    """torch.nn and torch.optim; images are (B, C, H, W)."""

    def block(c_in, c_out, stride):
        return nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()

    network = nn.Sequential(
        *block(1, 32, 2), *block(32, 64, 2), *block(64, 96, 2), *block(96, 128, 1),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(512, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(),
        nn.Linear(512, 128, bias=False), nn.BatchNorm1d(128),
    )  # fmt: skip
    network[-1].register_parameter("bias", None)
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)

    def step(batch, i):
        z = F.normalize(torch.cat([network(v.reshape(len(v), 1, 28, 28)) for v in to_torch(batch)]))
        n = len(z)
        similarity = z @ z.T / TEMPERATURE - 1e9 * torch.eye(n)
        loss = F.cross_entropy(similarity, torch.arange(n).roll(n // 2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, sum(p.numel() for p in network.parameters())


def torch_native_lsgan():
    """torch.nn and torch.optim; images are (B, C, H, W)."""
    generator = nn.Sequential(
        nn.Linear(LATENT, 6272, bias=False), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(6272, 1),
    )  # fmt: skip
    players = [list(net.parameters()) for net in (discriminator, generator)]
    for weight in (w for player in players for w in player if w.ndim > 1):
        nn.init.normal_(weight, std=0.02)
    optimizers = [torch.optim.Adam(player, 2e-4, betas=(0.5, 0.999)) for player in players]

    def step(batch, i):
        real = 2 * to_torch(batch).reshape(-1, 1, 28, 28) - 1
        with torch.no_grad():
            fake = generator(torch.randn(len(real), LATENT))
        loss = 0.5 * ((discriminator(real) - 1) ** 2).mean() + 0.5 * (discriminator(fake) ** 2).mean()
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        loss = 0.5 * ((discriminator(generator(torch.randn(len(real), LATENT))) - 1) ** 2).mean()
        optimizers[1].zero_grad()
        loss.backward(inputs=players[1])
        optimizers[1].step()
        return loss.detach()

    return step, sum(w.numel() for player in players for w in player)


# ---- timing ------------------------------------------------------------------------------------------------------------


class Clock(keras.callbacks.Callback):
    """Times the epochs."""

    def on_epoch_begin(self, epoch, logs=None):
        """Keras' hook."""
        self.start = clock()

    def on_epoch_end(self, epoch, logs=None):
        """Keras' hook. Reading the logs waits for the last step."""
        self.loss = float(list(logs.values())[0 if "loss" in logs else list(logs).index("generator_loss")])
        self.taken = clock() - self.start


def fit_epoch(model, arrays, batch_size):
    """A function that runs an epoch and returns (seconds of the steps, seconds of the rest of the call, mean loss)."""
    epoch = Clock()

    def run():
        start = clock()
        model.fit(arrays, batch_size=batch_size, verbose=0, callbacks=[epoch])
        return epoch.taken, clock() - start - epoch.taken, epoch.loss

    return run


def loop_epoch(step, arrays, batch_size):
    """As `fit_epoch` for a step of one's own, over batches in the order that `fit` takes."""
    order = np.random.default_rng((SEED, 0)).permutation(len(arrays[0] if isinstance(arrays, tuple) else arrays))
    done = 0

    def run():
        nonlocal done
        losses = []
        start = clock()
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            batch = tuple(a[rows] for a in arrays) if isinstance(arrays, tuple) else arrays[rows]
            losses.append(step(batch, done))
            done += 1
        float(losses[-1])  # waits for the last step
        return clock() - start, 0.0, float(np.mean([float(loss) for loss in losses]))

    return run


def in_turn(runs, rounds):
    """Medians over rounds of each run: seconds of the steps, of the rest; the ratios of the first to each, by round."""
    taken = []
    for i in range(rounds):
        order = runs if i % 2 == 0 else runs[::-1]  # so that none always follows the same one
        row = {run: run() for run in order}
        taken.append([row[run] for run in runs])
    steps = [[seconds for seconds, _, _ in column] for column in zip(*taken, strict=True)]
    rest = statistics.median(row[0][1] for row in taken)
    ratios = [[a / b for a, b in zip(steps[0], column, strict=True)] for column in steps]
    return [statistics.median(column) for column in steps], rest, ratios


def simclr(make, view_shape, batch_size, steps, fed, native=None):
    """The runs of SimCLR: (fit, hand) or (fit, hand, native). `make()` returns encoder and projector."""
    rng = np.random.default_rng(0)
    n = batch_size * steps
    views = tuple(rng.random((n, *view_shape), "float32") for _ in range(2 if fed else 1))
    pairs = []
    for _ in range(2):
        keras.utils.set_random_seed(SEED)
        pairs.append(make())
    model = zoo.SimCLR(pairs[0][0], projector=pairs[0][1], temperature=TEMPERATURE, seed=SEED)
    model.compile()
    make_views = (lambda x, key: x) if fed else zoo.views.simclr(view_shape)
    hand = globals()[f"{BACKEND}_simclr"](*pairs[1], make_views)
    arrays = views if fed else views[0]
    runs = [fit_epoch(model, {"views": views} if fed else arrays, batch_size), loop_epoch(hand, arrays, batch_size)]
    if native:
        step, size = native()
        check_size(size, *pairs[0])
        runs.append(loop_epoch(step, arrays, batch_size))
    return check(runs)


def lsgan(make, data_shape, batch_size, steps, native=None):
    """The runs of LSGAN: (fit, hand) or (fit, hand, native). `make()` returns generator and discriminator."""
    data = np.random.default_rng(0).random((batch_size * steps, *data_shape), "float32")
    pairs = []
    for _ in range(2):
        keras.utils.set_random_seed(SEED)
        pairs.append(make())
    model = zoo.LSGAN(*pairs[0], seed=SEED)
    model.compile()
    hand = globals()[f"{BACKEND}_lsgan"](*pairs[1])
    runs = [fit_epoch(model, data, batch_size), loop_epoch(hand, data, batch_size)]
    if native:
        step, size = native()
        check_size(size, *pairs[0])
        runs.append(loop_epoch(step, data, batch_size))
    return check(runs)


def check_size(size, *nets):
    """The native network must have as many trained parameters as ours."""
    ours = sum(int(np.prod(v.shape)) for net in nets for v in net.trainable_variables)
    if size != ours:
        raise ValueError(f"The native network must have {ours} parameters. Received: {size}.")


def check(runs):
    """The first epoch, untimed: it compiles, and `fit` and the step by hand must come to the same loss."""
    losses = [run()[2] for run in runs]
    if abs(losses[0] - losses[1]) > 1e-2 * abs(losses[1]):
        raise ValueError(f"`fit` and the step by hand must have the same loss. Received: {losses[0]}, {losses[1]}.")
    return runs


def dcgan():
    """The default networks of LSGAN."""
    return zoo.nets.DCGANGenerator(LATENT, IMAGE), zoo.nets.DCGANDiscriminator(IMAGE)


def convnet():
    """The encoder of the README with SimCLR's default projector."""
    return zoo.nets.ConvNet(IMAGE), zoo.nets.Head(512, (512,), 128, output_norm=True, name="projector")


def tiny_encoder():
    """One convolution to four features, and a dense layer."""
    images = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, 2, activation="relu", data_format="channels_last")(images)
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_last")(x)
    return keras.Model(images, x), zoo.nets.Head(4, (), 4)


def points():
    """Networks of eight units on points of the plane."""
    return zoo.nets.MLP((2,), (8, 2)), zoo.nets.MLP((2,), (8, 1))


def milliseconds(seconds, steps):
    """Per step, with three significant digits."""
    return f"{1e3 * seconds / steps:.3g}"


def spread(ratios):
    """Median and quartiles."""
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"**{statistics.median(ratios):.3f}** | {low:.3f} to {high:.3f}"


def main():
    """Print the tables."""
    rounds, steps = ARGUMENTS.rounds, ARGUMENTS.steps
    load = os.getloadavg()[0]
    framework = {"jax": "jax", "tensorflow": "tf", "torch": "torch"}[BACKEND]
    print(
        f"{BACKEND} {globals()[framework].__version__}, Keras {keras.__version__}, {ARGUMENTS.threads} threads, "
        f"{'CPU' if ARGUMENTS.cpu_time else 'wall-clock'} time, "
        f"load {load:.1f} at the start; {rounds} rounds of {steps} steps ({10 * steps} where tiny)\n",
        flush=True,
    )
    native_simclr, native_lsgan = (globals()[f"{BACKEND}_native_{name}"] for name in ("simclr", "lsgan"))
    large = {
        "SimCLR, ConvNet 28x28, batch 256": lambda: simclr(convnet, IMAGE, 256, steps, fed=False),
        "SimCLR, the same, views fed": lambda: simclr(convnet, IMAGE, 256, steps, fed=True, native=native_simclr),
        "LSGAN, DCGAN 28x28, batch 64": lambda: lsgan(dcgan, IMAGE, 64, steps, native=native_lsgan),
        "LSGAN, DCGAN 28x28, batch 128": lambda: lsgan(dcgan, IMAGE, 128, steps, native=native_lsgan),
    }
    tiny = {
        "SimCLR, conv of 4 features, 8x8, batch 16": lambda: simclr(tiny_encoder, (8, 8, 1), 16, 10 * steps, fed=True),
        "LSGAN, MLPs of 8 units, points, batch 16": lambda: lsgan(points, (2,), 16, 10 * steps),
    }
    large, tiny = ({name: run for name, run in c.items() if ARGUMENTS.only in name} for c in (large, tiny))
    print("| network dominates | fit, ms | hand, ms | fit / hand | quartiles | rest of the call, ms |")
    print("|---|---|---|---|---|---|")
    natives = []
    for name, build in large.items():
        medians, rest, ratios = in_turn(build(), rounds)
        times = " | ".join(milliseconds(m, steps) for m in medians[:2])
        print(f"| {name} | {times} | {spread(ratios[1])} | {1e3 * rest:.0f} |", flush=True)
        if len(medians) == 3:
            times = f"{milliseconds(medians[0], steps)} | {milliseconds(medians[2], steps)}"
            hand = statistics.median(b / a for a, b in zip(ratios[1], ratios[2], strict=True))
            natives.append(f"| {name} | {times} | {spread(ratios[2])} | {hand:.3f} |")
        keras.backend.clear_session()
    print("\n| tiny | fit, ms | hand, ms | overhead, µs a step | rest of the call, ms |")
    print("|---|---|---|---|---|")
    for name, build in tiny.items():
        medians, rest, _ = in_turn(build(), rounds)
        times = " | ".join(milliseconds(m, 10 * steps) for m in medians)
        overhead = 1e6 * (medians[0] - medians[1]) / (10 * steps)
        print(f"| {name} | {times} | **{overhead:.0f}** | {1e3 * rest:.0f} |", flush=True)
    print("\n| what Keras costs | fit, ms | native, ms | fit / native | quartiles | hand / native |")
    print("|---|---|---|---|---|---|")
    print("\n".join(natives))
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
