"""From a file to a ready ViT-B/16, and images a second of ViT-S/16 and ResNet-50, against timm and transformers.

    python benchmarks/loading.py --peer-python PATH [--rounds 9] [--only ours] [--quick]
    python benchmarks/loading.py --peer-python PATH --features [--rounds 9] [--batch 32] [--threads 1 --cpu-time] [--quick]

Loading. Each makes the same network without a head from random weights, saves it as float32 safetensors in its own layout,
and loads it from the folder, each time in a process of its own:

    ours           zoo.from_pretrained(folder), on each backend: with every byte hashed, as it is, and without
    timm           timm.create_model("vit_base_patch16_224", num_classes=0, checkpoint_path=file): nothing is hashed
    transformers   ViTModel.from_pretrained(folder, add_pooling_layer=False): nothing is hashed, and the file is mapped
    copy           np.fromfile(file): what any copy of the bytes costs here

The clock starts when the library is imported and stops when each weight was read once. Files are in the page cache.
Memory is the growth of the process until then, at its peak (VmHWM, set back at the start; Linux alone), over the size of
the file; it counts pages of the file that are mapped.

Features. Inference in float32 of batches that are in memory: `encoder.predict` on each backend, and timm's networks under
`torch.inference_mode()`, with random weights and equal numbers of parameters. Processes take turns; medians and quartiles.
`--cpu-time` counts the processor's seconds of each process; use it with one thread, since threads that wait count too.
"""

import argparse
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import types

import numpy as np
from methods import Side, serve

SCRIPT = pathlib.Path(__file__)
BACKENDS = ("torch", "jax", "tensorflow")
PEERS = ("timm", "transformers")
UNHASHED = ", not hashed"
NETWORKS = {"ViT-S/16": "vit_small_patch16_224", "ResNet-50": "resnet50"}  # by timm's name
SIZE = 224
GOAL_MEMORY, GOAL_FEATURES = 1.2, 0.95


# ---- one process: a library --------------------------------------------------------------------------------------------


def import_torch():
    """torch; where torchvision was built for another one, two of its operators are declared by name."""
    import torch

    torch.set_num_threads(int(os.environ["SIDE_THREADS"]))
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        torch.operators_of_torchvision = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            torch.operators_of_torchvision.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return torch


def library(name):
    """`(versions, save(folder), load(folder), sum of the weights of a model)` of a library, imported."""
    if name == "ours":
        import keras

        import keras_sslzoo as zoo

        def save(folder):
            zoo.save_pretrained(zoo.nets.ViT((SIZE, SIZE, 3), "B"), folder)

        def total(model):
            values = [keras.ops.stop_gradient(weight.value) for weight in model.weights]
            if keras.backend.backend() == "jax":  # whose sums would be compiled, one for each shape
                return float(sum(np.asarray(value).sum() for value in values))
            return float(sum(keras.ops.sum(value) for value in values))

        return f"Keras {keras.__version__}", save, zoo.from_pretrained, total
    if name == "copy":
        return (
            f"NumPy {np.__version__}",
            None,
            lambda folder: np.fromfile(folder / "encoder.safetensors", "uint8"),
            np.max,
        )
    torch = import_torch()

    def total(model):
        return float(sum(weight.detach().sum() for weight in model.state_dict().values()))

    if name == "timm":
        import safetensors.torch
        import timm

        make = functools.partial(timm.create_model, "vit_base_patch16_224", num_classes=0)

        def save(folder):
            safetensors.torch.save_file(make().state_dict(), folder / "model.safetensors")

        def load(folder):
            return make(checkpoint_path=str(folder / "model.safetensors"))

        return f"torch {torch.__version__}, timm {timm.__version__}", save, load, total
    import transformers

    def save(folder):
        transformers.ViTModel(transformers.ViTConfig(), add_pooling_layer=False).save_pretrained(folder)

    load = functools.partial(transformers.ViTModel.from_pretrained, add_pooling_layer=False)
    return f"torch {torch.__version__}, transformers {transformers.__version__}", save, load, total


def status(field):
    """Bytes of this process in /proc."""
    text = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(text.split(f"{field}:")[1].split()[0])


def clocks():
    """Seconds on the wall, and of the processor in this process."""
    return np.array([time.perf_counter(), time.process_time()])


def load_once(name, folder):
    """Prints seconds, those of the processor, and the growth of memory: a line of JSON."""
    versions, _, load, total = library(name.removesuffix(UNHASHED))
    if name.endswith(UNHASHED):
        from keras_sslzoo.hub import files

        class NoHash:
            def __init__(self, data=b""):
                pass

            def update(self, data):
                pass

            def hexdigest(self):
                return ""

        files.hashlib = types.SimpleNamespace(sha256=NoHash)
        files._check_digest = lambda *_: None
    before = status("VmRSS")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
    start = clocks()
    model = load(folder)
    if not abs(total(model)) < 1e9:
        raise RuntimeError("The weights must be finite.")
    wall, cpu = clocks() - start
    memory = status("VmHWM") - before
    print(json.dumps({"wall": wall, "cpu": cpu, "memory": memory, "versions": versions}))


def features(side, name, batch):
    """A function that returns the seconds of a batch in a network, and the number of parameters."""
    images = np.random.default_rng(0).random((batch, SIZE, SIZE, 3), "float32")
    if side == "timm":
        torch = import_torch()
        import timm

        model = timm.create_model(NETWORKS[name], num_classes=0).eval()
        images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        parameters = sum(weight.numel() for weight in model.parameters())

        @torch.inference_mode()
        def run():
            return model(images)

    else:
        import keras_sslzoo as zoo

        make = {"ViT-S/16": zoo.nets.ViT, "ResNet-50": zoo.nets.ResNet50}[name]
        model = make((SIZE, SIZE, 3))
        parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
        run = functools.partial(model.predict, images, batch_size=batch, verbose=0)

    clock = time.process_time if "SIDE_CPU_TIME" in os.environ else time.perf_counter

    def timed():
        start = clock()
        run()
        return clock() - start

    timed()
    return timed, parameters


def serve_features(name):
    """Answer the requests of `features_table`."""
    if name == "ours" and os.environ["KERAS_BACKEND"] == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(int(os.environ["SIDE_THREADS"]))
        tf.config.threading.set_inter_op_parallelism_threads(int(os.environ["SIDE_THREADS"]))
    serve(lambda: library(name)[0], functools.partial(features, name))


# ---- the tables --------------------------------------------------------------------------------------------------------


def spread(values, form):
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"**{form.format(middle)}** | {form.format(low)} to {form.format(high)}"


def in_turn(entrants, rounds, run):
    """What `run(entrant)` returns in each round, by entrant; the order is turned round from one round to the next."""
    found = {entrant: [] for entrant in entrants}
    for i in range(rounds):
        for entrant in entrants if i % 2 == 0 else entrants[::-1]:
            found[entrant].append(run(entrant))
    return found


def child(python, environment, *arguments):
    """The last line that this script prints in a process of its own."""
    command = [python, str(SCRIPT), *map(str, arguments)]
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return output.splitlines()[-1] if output else ""


def loading_table(arguments, environment):
    """Seconds and memory of loading."""
    ours = [name + hashed for name in BACKENDS for hashed in ("", UNHASHED)]
    entrants = [name for name in (*ours, *PEERS, "copy") if arguments.only in name]
    layouts = {name: name if name in PEERS else "ours" for name in entrants}

    def start(name, *rest):
        python = arguments.peer_python if name in PEERS else sys.executable
        backend = {"KERAS_BACKEND": name.removesuffix(UNHASHED)} if name in ours else {}
        return child(python, environment | backend, *rest)

    with tempfile.TemporaryDirectory() as root:
        folders = {layout: pathlib.Path(root) / layout for layout in layouts.values()}
        for layout, folder in folders.items():
            folder.mkdir()
            start(layout if layout in PEERS else "torch", "--save", layout, folder)
        sizes = {layout: sum(f.stat().st_size for f in path.glob("*.safetensors")) for layout, path in folders.items()}

        def run(name):
            side = "ours" + UNHASHED * name.endswith(UNHASHED) if name in ours else name
            return json.loads(start(name, "--load", side, folders[layouts[name]]))

        for name in entrants:
            run(name)  # the files come into the page cache, and Python writes its bytecode
        found = in_turn(entrants, arguments.rounds, run)
    print(f"{'; '.join(dict.fromkeys(rows[0]['versions'] for rows in found.values()))}\n")
    print("| ViT-B/16 | s | quartiles | CPU s | quartiles | extra memory / file | quartiles |")
    print("|---|---|---|---|---|---|---|")
    for name, rows in found.items():
        column = {key: [row[key] for row in rows] for key in ("wall", "cpu", "memory")}
        label = f"ours, {name}" if name in ours else name
        wall, cpu = (spread(column[key], "{:.2f}") for key in ("wall", "cpu"))
        memory = spread([grown / sizes[layouts[name]] for grown in column["memory"]], "{:.2f}")
        print(f"| {label} | {wall} | {cpu} | {memory} |")
    print(f"\n{next(iter(sizes.values())) / 2**20:.0f} MiB a file; goal of memory: {GOAL_MEMORY}.")


def features_table(arguments, environment):
    """Images a second."""
    sides = {
        backend: Side(sys.executable, SCRIPT.name, KERAS_BACKEND=backend, LOADING_SIDE="ours", **environment)
        for backend in BACKENDS
        if arguments.only in backend
    }
    sides["timm"] = Side(arguments.peer_python, SCRIPT.name, LOADING_SIDE="timm", **environment)
    print(f"{'; '.join(dict.fromkeys(side.ask() for side in sides.values()))}\n")
    print("| network | | images/s | quartiles | times timm | quartiles |\n|---|---|---|---|---|---|")
    for network in NETWORKS:
        sizes = {name: side.ask(key="it", name=network, batch=arguments.batch) for name, side in sides.items()}
        if len(set(sizes.values())) > 1:
            raise RuntimeError(f"Both sides must have as many parameters. Received: {sizes}.")
        times = in_turn(list(sides), arguments.rounds, lambda name: sides[name].ask(run="it"))
        for name, taken in times.items():
            ratios = [theirs / ours for theirs, ours in zip(times["timm"], taken, strict=True)]
            label = f"ours, {name}" if name in BACKENDS else name
            speed = spread([arguments.batch / seconds for seconds in taken], "{:.1f}")
            print(f"| {network} | {label} | {speed} | {spread(ratios, '{:.2f}')} |", flush=True)
        for side in sides.values():
            side.ask(drop=True)
    for side in sides.values():
        side.close()
    print(f"\nBatches of {arguments.batch}; goal: {GOAL_FEATURES} on our best backend.")


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="a Python with torch, torchvision, timm and transformers")
    parser.add_argument("--features", action="store_true", help="images a second in place of loading")
    parser.add_argument("--only", default="", help="part of a backend's or library's name")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each")
    parser.add_argument("--batch", type=int, default=32, help="images in a batch")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads, on as many cores")
    parser.add_argument("--cpu-time", action="store_true", help="processor seconds in --features, for a busy machine")
    parser.add_argument("--quick", action="store_true", help="3 rounds of small batches, to see that it runs")
    for name in ("--save", "--load"):
        parser.add_argument(name, nargs=2, help=argparse.SUPPRESS)  # in a process of its own
    arguments = parser.parse_args()
    if arguments.save:
        return library(arguments.save[0])[1](pathlib.Path(arguments.save[1]))
    if arguments.load:
        return load_once(arguments.load[0], pathlib.Path(arguments.load[1]))
    if arguments.quick:
        arguments.rounds, arguments.batch = 3, 4
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "SIDE_THREADS")
    settings = dict.fromkeys(names, str(arguments.threads)) | {"TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
    if arguments.cpu_time:
        settings["SIDE_CPU_TIME"] = "1"
    if hasattr(os, "sched_setaffinity"):  # what XLA and TensorFlow size their pools by; child processes inherit it
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    print(
        f"{arguments.threads} threads, 1-minute load {os.getloadavg()[0]:.1f} at the start; {arguments.rounds} rounds; ",
        end="",
        flush=True,
    )
    if arguments.features:
        features_table(arguments, settings)
    else:
        loading_table(arguments, os.environ | settings)
    return print(f"1-minute load {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    if "LOADING_SIDE" in os.environ:
        serve_features(os.environ["LOADING_SIDE"])
    else:
        main()
