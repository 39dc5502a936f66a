"""Draws docs/one_run.png: the loss of each of 20 steps, one script and one seed, on the three backends.

python scripts/one_run_figure.py          # runs tests/parity/one_run.py once on each backend
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from matplotlib.figure import Figure

ROOT = pathlib.Path(__file__).resolve().parent.parent
METHODS = ["AutoEncoder", "VAE", "SimCLR", "BYOL", "LSGAN"]
STYLE = {"jax": ("tab:green", 7, "-"), "tensorflow": ("tab:orange", 4, "-"), "torch": ("black", 1.2, "--")}


def run(backend, folder):
    out = pathlib.Path(folder) / backend
    out.mkdir()
    script = ROOT / "tests" / "parity" / "one_run.py"
    environment = {**os.environ, "KERAS_BACKEND": backend}
    subprocess.run([sys.executable, str(script), ",".join(METHODS), str(out)], check=True, env=environment)
    return {method: np.load(out / f"{method}.npz")["losses"] for method in METHODS}


def main():
    figure = Figure(figsize=(15, 3.2), layout="constrained")
    axes = figure.subplots(1, len(METHODS))
    with tempfile.TemporaryDirectory() as folder:
        runs = {backend: run(backend, folder) for backend in STYLE}
    for axis, method in zip(axes, METHODS, strict=True):
        for backend, (color, width, line) in STYLE.items():
            for k, losses in enumerate(runs[backend][method].T):
                axis.plot(losses, color=color, linewidth=width, linestyle=line, label=None if k else backend)
        first, *others = (losses[method] for losses in runs.values())
        worst = max(np.max(np.abs(first - other) / np.abs(other)) for other in others)
        axis.set_title(f"{method}: equal to {worst:.0e}", fontsize=10)
        axis.set_xlabel("step")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("loss")
    axes[0].legend(frameon=False)
    figure.savefig(ROOT / "docs" / "one_run.png", dpi=80)


if __name__ == "__main__":
    main()
