"""Step time of every method, on each backend, against what a PyTorch user would take.

    python benchmarks/methods.py --peer-python PATH [--backends jax,torch] [--only DINO] [--device gpu]
        [--rounds 9] [--steps 4] [--threads 2] [--eager] [--quick]

    ours   method.compile(); method.fit(arrays), the step alone: from the start of the epoch to its end; on torch eager
           and with `jit_compile=True`
    peer   eager torch on the same network, batch and data: the losses, heads and moving averages of lightly (SimCLR, BYOL,
           DINO), pythae's VAE, open_clip's towers and loss, and the others written from their papers

Views are made beforehand, so that the method alone is measured (see `views.py`). Both sides use Adam at one rate, gather
their batches from the same NumPy arrays, and must have as many trained parameters. Each backend and the peers run in a
process of their own, on the same cores, never at the same time: a round is an epoch of each, in an order that is turned
round from one round to the next, and a ratio is the median over the rounds. An epoch of each comes first, untimed, so that
compilation is left out. `--peer-python` names a Python that has torch, torchvision, lightly, pythae and open_clip_torch.
Markdown tables.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

import numpy as np

IMAGE, SMALL = (28, 28, 1), (32, 32, 3)
RESNET = "ResNet-18, 32 px"
CASES = {  # sizes, shared by both sides; `quick` replaces some
    "AutoEncoder": {"net": "ConvEncoder, ConvDecoder, 28 px", "peer": "plain torch", "shape": IMAGE, "batch": 128},
    "VAE": {"net": "ConvEncoder, ConvDecoder, 28 px", "peer": "pythae", "shape": IMAGE, "batch": 128},
    "GAN": {"net": "DCGAN, 28 px", "peer": "plain torch", "shape": IMAGE, "batch": 64},
    "LSGAN": {"net": "DCGAN, 28 px", "peer": "plain torch", "shape": IMAGE, "batch": 64},
    "Pix2Pix": {
        "net": "U-Net, PatchGAN 34, 64 px",
        "peer": "plain torch",
        "shape": (64, 64, 3),
        "batch": 16,
        "width": 32,
    },
    "SimCLR": {"net": RESNET, "peer": "lightly", "shape": SMALL, "batch": 64},
    "BYOL": {"net": RESNET, "peer": "lightly", "shape": SMALL, "batch": 64},
    "DINO": {
        "net": f"{RESNET}, 4 crops of 16",
        "peer": "lightly",
        "shape": SMALL,
        "batch": 32,
        "local": 16,
        "crops": 4,
    },
    "CLIP": {
        "net": "ViT of 4 and text transformer of 4 blocks",
        "peer": "open_clip",
        "shape": (64, 64, 3),
        "batch": 64,
        "patch": 8,
        "width": 256,
        "depth": 4,
        "vocabulary": 4096,
        "context": 32,
    },
}
SEED = 7
TEMPERATURE = 0.5
LATENT = 64  # of the games
CODE, FEATURES = 16, 256  # of autoencoders
HIDDEN, PROJECTION, PROTOTYPES = 512, 128, 4096  # of heads
RATE = 1e-3
GOAL_BEST, GOAL_EACH = 1.0, 1.3


def arrays(name, case, steps):
    """Data of an epoch by name, float32 in [0, 1], channels last; texts are ids."""
    rng = np.random.default_rng(0)
    n = steps * case["batch"]

    def images(shape=case["shape"]):
        return rng.random((n, *shape), "float32")

    if name in ("SimCLR", "BYOL"):
        return {"view1": images(), "view2": images()}
    if name == "DINO":
        local = (case["local"], case["local"], 3)
        return {
            "view1": images(), "view2": images(), **{f"view{3 + i}": images(local) for i in range(case["crops"])}
        }  # fmt: skip
    if name == "Pix2Pix":
        return {"x": images(), "y": images()}
    if name == "CLIP":
        text = rng.integers(1, case["vocabulary"] - 1, (n, case["context"]), dtype="int32")
        text[:, -1] = case["vocabulary"] - 1  # the end token
        return {"image": images(), "text": text}
    return {"x": images()}


# ---- processes -----------------------------------------------------------------------------------------------------------


def serve(versions, build):
    """Answer requests, a line of JSON each: `versions()`, build a case, time an epoch of one.

    `build(name, case, steps, device, jit)` returns a function that runs an epoch and gives its seconds, and the number of
    trained parameters.
    """
    answers, sys.stdout = sys.stdout, sys.stderr
    runs = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "run" in request:
                answer = runs[request["run"]]()
            elif "drop" in request:
                answer = runs.clear()
            elif "name" in request:
                key = request.pop("key")
                runs[key], answer = build(**request)
                runs[key]()
            else:
                answer = versions()
        except Exception as error:  # the other process tells it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class Side:
    """A process that serves: ours on one backend, or the peers."""

    def __init__(self, python, script, **environment):
        command = [python, str(pathlib.Path(__file__).with_name(script))]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, **pipes)

    def ask(self, **request):
        """The answer to a request."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "the process ended"}
        if isinstance(answer, dict):
            raise RuntimeError(answer["error"])
        return answer

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


# ---- the table -----------------------------------------------------------------------------------------------------------


def measure(name, case, sides, arguments):
    """Seconds of an epoch, by entrant, in rounds; and the parameters. `sides` are by backend, the peers' by "peer"."""
    compiled = [] if arguments.eager else ["torch"]
    entrants = [(side, jit) for side in sides for jit in ((False, True) if side in compiled else (False,))]
    sizes = {}
    for side, jit in entrants:
        sizes[side] = sides[side].ask(
            key=str(jit), name=name, case=case, steps=arguments.steps, device=arguments.device, jit=jit
        )
    if len(set(sizes.values())) > 1:
        raise RuntimeError(f"Both sides must have as many trained parameters. Received: {sizes}.")
    seconds = {entrant: [] for entrant in entrants}
    for i in range(arguments.rounds):
        for side, jit in entrants if i % 2 == 0 else entrants[::-1]:  # so that none always follows the same one
            seconds[side, jit].append(sides[side].ask(run=str(jit)))
    for side in sides.values():
        side.ask(drop=True)
    return seconds, sizes["peer"]


def rows(name, case, seconds, parameters, steps):
    """Lines of the table, and the ratios' medians by entrant."""
    peer = seconds.pop(("peer", False))
    lines, medians = [], {}
    for (side, jit), column in seconds.items():
        ratios = [a / b for a, b in zip(column, peer, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        medians[side, jit] = middle
        ours, theirs = (f"{1e3 * statistics.median(c) / steps:.3g}" for c in (column, peer))
        how = f"{side}, `jit_compile=True`" if jit else side
        what = f"{name} | {case['net']}, batch {case['batch']}, {parameters:,} parameters"
        lines.append(
            f"| {what} | {how} | {ours} | {case['peer']} | {theirs} | **{middle:.2f}** | {low:.2f} to {high:.2f} |"
        )
    return lines, medians


def verdict(medians):
    """Which goals the table meets, in words."""
    best = {name: min(found.values()) for name, found in medians.items()}
    slow = [name for name, ratio in best.items() if ratio > GOAL_BEST]
    far = [
        f"{name} on {side}"
        for name, found in medians.items()
        for side in sorted({side for side, _ in found})
        if min(ratio for (s, _), ratio in found.items() if s == side) > GOAL_EACH
    ]
    return (
        f"Our best backend is as fast as the peer in {len(best) - len(slow)} of {len(best)} rows"
        f"{'; not in ' + ', '.join(slow) if slow else ''}. More than {GOAL_EACH} times slower: {', '.join(far) or 'none'}."
    )


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="a Python with torch, lightly, pythae, open_clip_torch")
    parser.add_argument("--backends", default="jax,tensorflow,torch", help="which of ours")
    parser.add_argument("--only", default="", help="part of the names of the methods to run, several with commas")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="where both sides run")
    parser.add_argument("--rounds", type=int, default=9, help="epochs of each, in turn")
    parser.add_argument("--steps", type=int, default=4, help="steps of an epoch")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads, on as many cores")
    parser.add_argument("--eager", action="store_true", help="leave out torch with `jit_compile=True`, slow to compile")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 2 steps of 8 samples, to see that it runs")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.steps = 3, 2
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "SIDE_THREADS")
    environment = dict.fromkeys(names, str(arguments.threads)) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if arguments.device == "cpu":
        environment |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
        if hasattr(os, "sched_setaffinity"):  # what XLA and TensorFlow size their pools by; child processes inherit it
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    sides = {
        backend: Side(sys.executable, "methods_ours.py", KERAS_BACKEND=backend, **environment)
        for backend in arguments.backends.split(",")
    }
    sides["peer"] = Side(arguments.peer_python, "methods_peers.py", **environment)
    print(
        f"{'; '.join(side.ask() for side in sides.values())}; {arguments.threads} threads, {arguments.device}, 1-minute "
        f"load {os.getloadavg()[0]:.1f} at the start; {arguments.rounds} rounds of {arguments.steps} steps\n"
    )
    print("| method | network | backend | ours, ms | peer | peer, ms | ours / peer | quartiles |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    medians, failures = {}, []
    for name, case in CASES.items():
        if not any(part in name for part in arguments.only.split(",")):
            continue
        if arguments.quick:
            case = {**case, "batch": 8}
        try:
            seconds, parameters = measure(name, case, sides, arguments)
        except RuntimeError as error:
            failures.append(f"{name} is left out: {error}")
            continue
        lines, medians[name] = rows(name, case, seconds, parameters, arguments.steps)
        print("\n".join(lines), flush=True)
    for side in sides.values():
        side.close()
    print(f"\n{verdict(medians)} 1-minute load {os.getloadavg()[0]:.1f} at the end.")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
