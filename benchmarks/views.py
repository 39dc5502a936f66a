"""Two SimCLR views of a batch on one core: ours against torchvision, kornia and Keras' layers; their share of a step.

    KERAS_BACKEND=torch python benchmarks/views.py [--peer-python PATH] [--only 96] [--rounds 15] [--quick]
    KERAS_BACKEND=torch python benchmarks/views.py --breakdown   # which operation takes how long
    KERAS_BACKEND=torch python benchmarks/views.py --step        # share of the views in a step of a ResNet-18, two cores

The same views at every size, `zoo.views.simclr((s, s, 3), color_strength=1.0, blur=0.5)`: random resized crop (0.08, 1)
with flip 0.5, colour jitter (0.8, 0.8, 0.8, 0.2) with probability 0.8, greyscale 0.2, blur 0.5 with sigma (0.1, 2) and a
kernel of 10 % of the size (3, 9, 23 at 32, 96, 224 pixels). uint8 images in, two batches of float32 in [0, 1] out.

    ours         compiled as `fit` compiles it: jax.jit; tf.function (and XLA, `jit_compile=True`); torch eager
    torchvision  image by image and stacked, as a worker of a DataLoader does: from PIL images, or from uint8 tensors;
                 once with Pillow's blur in the place of torchvision's
    kornia       on the batch
    Keras        layers on the batch, compiled as ours. There is no random resized crop, so RandomZoom, in the middle of
                 the image and without antialiasing, stands for it; jitter changes all images, in one order

`--peer-python` names a Python that has torch, torchvision, Pillow and, if it is to be compared, kornia; without it ours
and Keras' are measured alone. It runs in a process of its own on the same core, never at the same time. All take turns of
`--turn` seconds in each round, in an order that is turned round from one round to the next; medians and quartiles over
the rounds. Markdown tables.
"""

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import time

CASES = {  # name: size of the images, size of the views, batch
    "32 px": (32, 32, 256),
    "96 px": (96, 96, 64),
    "224 px": (224, 224, 16),
    "224 px from 256": (256, 224, 16),
}
SEED = 7
PEERS = (
    "torchvision v2, PIL",
    "torchvision v1, PIL",
    "torchvision v2, PIL, Pillow's blur",
    "torchvision v2, tensors",
    "kornia",
)
REFERENCE = PEERS[0]

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--peer-python", help="a Python with torchvision, to compare with")
parser.add_argument("--only", default="", help="part of the name of the sizes to run, as 96 or '224 px from'")
parser.add_argument("--rounds", type=int, default=15, help="turns of each")
parser.add_argument("--turn", type=float, default=0.3, help="least seconds of a turn")
parser.add_argument("--breakdown", action="store_true", help="time the operations of one view, each by itself")
parser.add_argument("--step", action="store_true", help="share of the views in a SimCLR step of a ResNet-18")
parser.add_argument("--quick", action="store_true", help="3 short rounds, to see that it runs")
parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)  # the process of the peers
ARGUMENTS = parser.parse_args()
if ARGUMENTS.quick:
    ARGUMENTS.rounds, ARGUMENTS.turn = 3, 0.01
THREADS = 2 if ARGUMENTS.step else 1

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ[variable] = str(THREADS)
if hasattr(os, "sched_setaffinity"):  # what XLA and TensorFlow size their pools by
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])

import numpy as np  # noqa: E402


def pictures(size, batch):
    """uint8 (B, H, W, 3): patches of colour under a little noise."""
    rng = np.random.default_rng(SEED)
    patches = rng.integers(16, 240, (batch, size // 8, size // 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    return (patches + rng.integers(-12, 13, patches.shape)).astype("uint8")


def kernel_size(size):
    """10 % of the size, made odd."""
    return size // 10 // 2 * 2 + 1


def turn(run, least):
    """Seconds of a call: of as many calls as fill `least` seconds."""
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < least:
        run()
        calls += 1
    return (time.perf_counter() - start) / calls


# ---- the peers: torchvision and kornia, in a process of their own --------------------------------------------------------


def import_torchvision():
    """torch and torchvision; where torchvision was built for another torch, two of its operators are declared by name."""
    import torch

    torch.set_num_threads(THREADS)
    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        torch.operators_of_torchvision = library  # which live as long as their library
        import torchvision
    return torch, torchvision


def torchvision_views(api, images, size, pil, pillow_blur=False):
    """A function that makes two views of all images, one by one, and stacks them."""
    torch, _ = import_torchvision()
    import torchvision.transforms
    from PIL import Image, ImageFilter
    from torchvision.transforms import v2

    t = {"v1": torchvision.transforms, "v2": v2}[api]
    blur = t.GaussianBlur(kernel_size(size), (0.1, 2.0))
    if pillow_blur:
        blur = t.Lambda(lambda x: x.filter(ImageFilter.GaussianBlur(float(np.random.uniform(0.1, 2.0)))))
    view = t.Compose(
        [
            t.RandomResizedCrop(size, scale=(0.08, 1.0), antialias=True),
            t.RandomHorizontalFlip(0.5),
            t.RandomApply([t.ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8),
            t.RandomGrayscale(0.2),
            t.RandomApply([blur], p=0.5),
            *([t.ToTensor()] if api == "v1" else [t.ToImage(), t.ToDtype(torch.float32, scale=True)]),
        ]
    )
    if pil:
        images = [Image.fromarray(image) for image in images]
    else:
        images = list(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())

    def run():
        views = [(view(image), view(image)) for image in images]
        return tuple(torch.stack(v) for v in zip(*views, strict=True))

    return run


def kornia_views(images, size):
    """A function that makes two views of the batch."""
    torch, _ = import_torchvision()
    import kornia.augmentation as k

    view = torch.nn.Sequential(
        k.RandomResizedCrop((size, size), scale=(0.08, 1.0)),
        k.RandomHorizontalFlip(0.5),
        k.ColorJitter(0.8, 0.8, 0.8, 0.2, p=0.8),
        k.RandomGrayscale(p=0.2),
        k.RandomGaussianBlur((kernel_size(size),) * 2, (0.1, 2.0), p=0.5),
    )
    images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()

    @torch.no_grad()
    def run():
        x = images.to(torch.float32) / 255
        return view(x), view(x)

    return run


def peer(name, case):
    """The function to time."""
    in_size, size, batch = CASES[case]
    images = pictures(in_size, batch)
    if name == "kornia":
        return kornia_views(images, size)
    return torchvision_views(name.split()[1].strip(","), images, size, "PIL" in name, "blur" in name)


def check_views(views, size, batch):
    """Two batches of float32 in [0, 1], channels first or last."""
    shapes = [tuple(view.shape) for view in views]
    if shapes not in ([(batch, 3, size, size)] * 2, [(batch, size, size, 3)] * 2):
        raise ValueError(f"A run must return two views of {batch} images of {size} px. Received: shapes {shapes}.")
    for view in map(np.asarray, views):
        if view.dtype != np.float32 or view.min() < -1e-4 or view.max() > 1 + 1e-4:
            raise ValueError(f"Views must be float32 in [0, 1]. Received: {view.dtype}, {view.min()} to {view.max()}.")


def serve():
    """Answer requests, a line of JSON each: build a peer for a case, time a turn of it, tell the versions."""
    answers, sys.stdout = sys.stdout, sys.stderr
    runs = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "turn" in request:
                answer = turn(runs[request["name"]], request["turn"])
            elif "name" in request:
                run = runs[request["name"]] = peer(request["name"], request["case"])
                _, size, batch = CASES[request["case"]]
                check_views(run(), size, batch)
                answer = "ready"
            else:
                torch, torchvision = import_torchvision()
                import PIL

                answer = f"torch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {PIL.__version__}"
                try:
                    import kornia

                    answer += f", kornia {kornia.__version__}"
                except ImportError:
                    pass
        except Exception as error:  # the other process tells it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class Peers:
    """The process of the peers."""

    def __init__(self, python):
        command = [python, os.path.abspath(__file__), "--serve"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        """The answer to a request."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if isinstance(answer, dict):
            raise RuntimeError(answer["error"])
        return answer

    def candidates(self, case):
        """Functions `least -> seconds of a call`, by name; those that do not run are told and left out."""
        found = {}
        for name in PEERS:
            try:
                self.ask(name=name, case=case)
            except RuntimeError as error:
                print(f"{name} is left out: {error}\n")
            else:
                found[name] = functools.partial(lambda least, name: self.ask(name=name, turn=least), name=name)
        return found

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


if ARGUMENTS.serve:
    serve()
    sys.exit()

# ---- ours and Keras' ---------------------------------------------------------------------------------------------------

import keras  # noqa: E402
from keras import ops  # noqa: E402

import keras_sslzoo as zoo  # noqa: E402
from keras_sslzoo.ops import color, random, resample  # noqa: E402
from keras_sslzoo.ops.random import Key  # noqa: E402

BACKEND = keras.config.backend()
if BACKEND == "jax":
    import jax
elif BACKEND == "tensorflow":
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
else:
    import torch

    torch.set_num_threads(THREADS)
COMPILED = {
    "jax": {"jax.jit": "jit"},
    "tensorflow": {"tf.function": "graph", "XLA": "xla"},
    "torch": {"eager": "eager"},
}[BACKEND]


def compiled(fn, how, variables=()):
    """A function of NumPy arrays as `fit` compiles it, which waits for its result; `variables` change from call to call."""
    if how == "jit":

        def pure(values, *args):
            with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
                y = fn(*args)
            return y, [scope.get_current_value(v) for v in variables]

        jitted = jax.jit(pure)
        state = [v.value for v in variables]

        def run(*args):
            nonlocal state
            y, state = jitted(state, *args)
            return jax.block_until_ready(y)

        return run
    if how == "eager":
        return torch.no_grad()(lambda *args: fn(*(torch.from_numpy(np.asarray(x)) for x in args)))
    graph = tf.function(fn, jit_compile=how == "xla")
    return lambda *args: graph(*(tf.constant(x) for x in args))


def unit(images):
    """uint8 as float32 in [0, 1]."""
    return ops.cast(images, "float32") / 255


def simclr(size):
    """The views that are compared."""
    return zoo.views.simclr((size, size, 3), color_strength=1.0, blur=0.5)


def ours(images, size, how):
    """A function that makes the two views of the batch, others in each call."""
    views = simclr(size)
    make = compiled(lambda images, step: tuple(views(unit(images), Key(SEED, step))), how)
    step = np.int32(0)

    def run():
        nonlocal step
        step += np.int32(1)
        return make(images, np.asarray(step))

    return run


def keras_layers(images, size, how):
    """As `ours`, of Keras' layers, on images in [0, 1]."""
    unit_range, smallest = (0.0, 1.0), 0.08**0.5

    def view():
        layers = [
            keras.layers.RandomZoom((smallest - 1.0, 0.0), (smallest - 1.0, 0.0), fill_mode="reflect", seed=SEED),
            keras.layers.RandomFlip("horizontal", seed=SEED),
            keras.layers.RandomColorJitter(unit_range, 0.8, 0.8, (0.17, 0.64), 0.4, seed=SEED),
            keras.layers.RandomGrayscale(0.2, seed=SEED),
            keras.layers.RandomGaussianBlur((0.5, 0.5), kernel_size(size), (0.1, 2.0), unit_range, seed=SEED),
        ]
        return [keras.layers.Resizing(size, size, antialias=True), *layers] if images.shape[1] != size else layers

    views = [view(), view()]
    seeds = list({id(v): v for layers in views for layer in layers for v in layer.variables}.values())

    def make(images):
        result = []
        for layers in views:
            x = unit(images)
            for layer in layers:
                x = layer(x, training=True)
            result.append(ops.clip(x, 0.0, 1.0))
        return tuple(result)

    return functools.partial(compiled(make, how, seeds), images)


def candidates(case):
    """Functions `least -> seconds of a call`, by name. The first call, which compiles, is made here."""
    in_size, size, batch = CASES[case]
    images = pictures(in_size, batch)
    found = {}
    for name, build in (("ours", ours), ("Keras' layers", keras_layers)):
        for label, how in COMPILED.items():
            label = f"{name}, {BACKEND} {label}"
            try:
                run = build(images, size, how)
                check_views([ops.convert_to_numpy(view) for view in run()], size, batch)
            except Exception as error:
                if name == "ours":
                    raise
                print(f"{label} is left out: {type(error).__name__}: {str(error).strip().splitlines()[0]}\n")
            else:
                found[label] = functools.partial(turn, run)
    return found


# ---- measuring ---------------------------------------------------------------------------------------------------------


def in_turn(runs, rounds, least):
    """Seconds of a call in each round, by name."""
    times = {name: [] for name in runs}
    names = list(runs)
    for run in runs.values():
        run(least)
    for i in range(rounds):
        for name in names if i % 2 == 0 else reversed(names):
            times[name].append(runs[name](least))
    return times


def spread(values, form="{:.0f}"):
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"**{form.format(middle)}** | {form.format(low)} to {form.format(high)}"


def compare(peers):
    """A table for each size."""
    for case in cases():
        batch = CASES[case][2]
        runs = {**candidates(case), **(peers.candidates(case) if peers else {})}
        times = in_turn(runs, ARGUMENTS.rounds, ARGUMENTS.turn)
        reference = times.get(REFERENCE)
        print(f"### {case}, batch {batch}\n")
        print(f"| two views | images/s | quartiles |{f' times {REFERENCE} | quartiles |' if reference else ''}")
        print("|---|---|---|" + ("---|---|" if reference else ""))
        for name, taken in times.items():
            row = f"| {name} | {spread([batch / t for t in taken])} |"
            if reference:
                row += f" {spread([r / t for r, t in zip(reference, taken, strict=True)], '{:.2f}')} |"
            print(row)
        print(f"\nload {os.getloadavg()[0]:.1f} at the end\n", flush=True)
        keras.backend.clear_session()


def parts(in_size, size, batch):
    """The parts of one view: name, function of (images, uniforms), size of the images, shape of the uniforms."""
    (view, *_) = simclr(size).pipelines
    yield (
        "uniforms of both views",
        lambda x, u: random.uniform(Key(SEED, u), "views", (batch, 2 * view.draws)),
        size,
        (),
    )
    for operation in view.operations:
        first = operation is view.operations[0]
        yield type(operation).__name__, operation.apply, in_size if first else size, (batch, operation.draws)
    yield "all operations", view.apply, in_size, (batch, view.draws)
    for name in ("brightness", "contrast", "saturation", "hue"):
        adjust = getattr(color, f"adjust_{name}")
        yield f"adjust_{name}", lambda x, u, adjust=adjust: adjust(x, u[:, 0]), size, (batch, 1)

    def resizing(x, u):
        return [resample.resize_matrix(v, in_size - 2.0 * v, in_size, size) for v in (u[:, 0], u[:, 1])]

    yield "resize_matrix, twice", resizing, size, (batch, 2)
    radius = kernel_size(size) // 2
    yield "blur_matrix", lambda x, u: resample.blur_matrix(u[:, 0] + 0.1, size, radius), size, (batch, 1)
    yield "resample, of the crop", lambda x, u: resample.resample(x, u, u), in_size, (batch, size, in_size)


def breakdown():
    """A table for each size: microseconds an image."""
    for case in cases():
        in_size, size, batch = CASES[case]
        uniforms = np.random.default_rng(SEED)
        print(f"### {case}, batch {batch}: one view, each part compiled by itself\n")
        print(f"| µs an image | {' | '.join(f'{BACKEND} {label}' for label in COMPILED)} |")
        print("|---|" + "---|" * len(COMPILED))
        for name, fn, images_size, shape in parts(in_size, size, batch):
            x = pictures(images_size, batch).astype("float32") / 255
            u = uniforms.random(shape, "float32") if shape else np.asarray(np.int32(3))
            runs = {
                how: functools.partial(turn, functools.partial(compiled(fn, how), x, u)) for how in COMPILED.values()
            }
            for run in runs.values():
                run(0.0)
            times = in_turn(runs, ARGUMENTS.rounds, ARGUMENTS.turn)
            print(
                f"| {name} | {' | '.join(f'{1e6 * statistics.median(t) / batch:.3g}' for t in times.values())} |",
                flush=True,
            )
        print()


class Clock(keras.callbacks.Callback):
    """Times the epochs."""

    def on_epoch_begin(self, epoch, logs=None):
        """Keras' hook."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Keras' hook. Reading the logs waits for the last step."""
        float(logs["loss"])
        self.taken = time.perf_counter() - self.start


def training(data, batch, steps):
    """A function that returns the seconds of a step of `fit`."""
    keras.utils.set_random_seed(SEED)
    encoder = zoo.nets.ResNet18(input_shape=(32, 32, 3), stem="small")
    model = zoo.SimCLR(encoder, views=simclr(32), seed=SEED)
    model.compile()
    clock = Clock()

    def run(least):
        model.fit(data, batch_size=batch, verbose=0, callbacks=[clock])
        return clock.taken / steps

    return run


def share():
    """The table of the share of the views in a step."""
    batch, steps = 64, 2 if ARGUMENTS.quick else 4
    rounds = min(ARGUMENTS.rounds, 7)
    images = pictures(32, batch * steps)
    how = next(iter(COMPILED.values()))
    views = [ops.convert_to_numpy(view) for view in ours(images, 32, how)()]
    times = in_turn(
        {
            "made": training(images, batch, steps),
            "fed": training({"views": tuple(views)}, batch, steps),
            "alone": functools.partial(turn, ours(images[:batch], 32, how)),
        },
        rounds,
        0.3,
    )
    made, fed, alone = times.values()
    print("| SimCLR step, ResNet-18, 32 px, batch 64 | ms | quartiles |\n|---|---|---|")
    for name, taken in (("views made inside", made), ("views fed", fed), ("views alone", alone)):
        print(f"| {name} | {spread([1e3 * t for t in taken], '{:.3g}')} |")
    print("\n| share of the views, % | | quartiles |\n|---|---|---|")
    print(f"| 1 - fed / inside | {spread([100 - 100 * f / m for f, m in zip(fed, made, strict=True)], '{:.1f}')} |")
    print(f"| alone / inside | {spread([100 * a / m for a, m in zip(alone, made, strict=True)], '{:.2f}')} |")
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


def cases():
    """The sizes asked for."""
    found = [case for case in CASES if ARGUMENTS.only in case]
    if not found:
        raise ValueError(f"`--only` must be part of one of {list(CASES)}. Received: {ARGUMENTS.only}.")
    return found


def main():
    """Print the tables."""
    framework = {"jax": "jax", "tensorflow": "tf", "torch": "torch"}[BACKEND]
    peers = Peers(ARGUMENTS.peer_python) if ARGUMENTS.peer_python else None
    print(
        f"{BACKEND} {globals()[framework].__version__}, Keras {keras.__version__}"
        f"{'; ' + peers.ask() if peers else ''}; {THREADS} {'core' if THREADS == 1 else 'cores'}, "
        f"load {os.getloadavg()[0]:.1f} at the start; {ARGUMENTS.rounds} rounds\n",
        flush=True,
    )
    if ARGUMENTS.step:
        share()
    elif ARGUMENTS.breakdown:
        breakdown()
    else:
        compare(peers)
    if peers:
        peers.close()


if __name__ == "__main__":
    main()
