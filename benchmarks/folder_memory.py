"""What a folder of images costs: memory and speed of `zoo.data.image_folder`, by the number of files and of threads.

    python benchmarks/folder_memory.py [--files 20000]

Writes JPEG files of 64x64 pixels to a temporary folder, and reads one epoch of a tenth of them, and of all, at 64x64 in
batches of 64, each in a process of its own. Peak memory is that of the process (VmHWM on Linux, else ru_maxrss), Python
and Keras included; the row of 0 files is a process that reads none. A Markdown table.
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

SIDE = 64
BATCH = 64


def peak():
    """Largest memory of this process so far, in MiB."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        # ru_maxrss of a child begins at what its parent held
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    maximum = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return maximum / 2**20 if sys.platform == "darwin" else maximum / 1024


def read(folder, workers):
    """One epoch: `images seconds MiB`."""
    from keras_sslzoo.data import image_folder

    images, start = 0, time.perf_counter()
    if folder != "none":
        data = image_folder(folder, SIDE, batch_size=BATCH, seed=0, workers=workers)
        images = sum(len(batch) for (batch,) in data)
    print(images, time.perf_counter() - start, peak())


def write(folder, start, stop):
    """JPEG files of smooth colours, a thousand in each subfolder."""
    rng = np.random.default_rng(start)
    for i in range(start, stop):
        below = folder / f"{i // 1000:03}"
        below.mkdir(exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), "uint8"))
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(below / f"{i:06}.jpg")


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--read", nargs=2, metavar=("FOLDER", "WORKERS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read(arguments.read[0], int(arguments.read[1]))
        return
    print("| files | threads | images a second | peak memory, MiB |\n|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        few, rest = folder / "few", folder / "rest"
        few.mkdir()
        rest.mkdir()
        write(few, 0, arguments.files // 10)
        write(rest, arguments.files // 10, arguments.files)
        for below, workers in (("none", 1), (few, 1), (few, 2), (folder, 1), (folder, 2)):
            command = [sys.executable, __file__, "--read", str(below), str(workers)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            images, seconds, memory = map(float, output.split()[-3:])
            speed = f"{images / seconds:.0f}" if images else "-"
            print(f"| {images:.0f} | {workers if images else '-'} | {speed} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
