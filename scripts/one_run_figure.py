"""Draws docs/one_run.png: the loss of each of 20 steps, one script and one seed, on the three backends.

python scripts/one_run_figure.py          # runs tests/parity/one_run.py once for each method and backend
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


def run(method, backend, folder):
    out = pathlib.Path(folder) / f"{method}-{backend}.npz"
    script = ROOT / "tests" / "parity" / "one_run.py"
    environment = {**os.environ, "KERAS_BACKEND": backend}
    subprocess.run([sys.executable, str(script), method, str(out)], check=True, env=environment)
    with np.load(out) as arrays:
        return arrays["losses"]


def main():
    figure = Figure(figsize=(15, 3.2), layout="constrained")
    axes = figure.subplots(1, len(METHODS))
    with tempfile.TemporaryDirectory() as folder:
        for axis, method in zip(axes, METHODS, strict=True):
            curves = {backend: run(method, backend, folder) for backend in STYLE}
            for backend, (color, width, line) in STYLE.items():
                for k, losses in enumerate(curves[backend].T):
                    axis.plot(losses, color=color, linewidth=width, linestyle=line, label=None if k else backend)
            first, *others = curves.values()
            worst = max(np.max(np.abs(first - other) / np.abs(other)) for other in others)
            axis.set_title(f"{method}: equal to {worst:.0e}", fontsize=10)
            axis.set_xlabel("step")
            axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("loss")
    axes[0].legend(frameon=False)
    figure.savefig(ROOT / "docs" / "one_run.png", dpi=80)


if __name__ == "__main__":
    main()
