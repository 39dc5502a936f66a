"""Peak memory and speed of `data.image_folder` over folders of 2,000 and of 20,000 generated JPEG files.

    python benchmarks/folder_memory.py [--files 2000 20000] [--size 64]

Each folder and number of threads is read in a process of its own, one epoch, batches of 64, shuffled. Peak memory is that
process's resident set, with Keras and its backend in it: what counts is that it does not grow with the folder.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

READ = """
import resource, sys, time
import keras_sslzoo as zoo
data = zoo.data.image_folder(sys.argv[1], size=int(sys.argv[2]), batch_size=64, workers=int(sys.argv[3]), seed=0)
start = time.perf_counter()
count = sum(len(data[i][0]) for i in range(len(data)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, round(count / (time.perf_counter() - start)))
"""


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[2000, 20000])
    parser.add_argument("--size", type=int, default=64)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    print("| files | threads | peak memory, MB | images a second |\n|---|---|---|---|")
    for files in arguments.files:
        with tempfile.TemporaryDirectory() as folder:
            for i in range(files):
                path = pathlib.Path(folder, f"{i % 100:02}", f"{i:06}.jpg")
                path.parent.mkdir(exist_ok=True)
                coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), "uint8"))
                coarse.resize((96, 72), Image.Resampling.BICUBIC).save(path)
            for threads in (1, 2):
                command = [sys.executable, "-c", READ, folder, str(arguments.size), str(threads)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                print(f"| {files} | {threads} | {' | '.join(done.stdout.split())} |", flush=True)


if __name__ == "__main__":
    main()
