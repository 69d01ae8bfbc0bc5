"""A folder of JPEG files, decoded and batched by the public reader: images per second.

The files are CIFAR-10's 60,000 images, brought to 64 x 64 pixels and saved with quality 90, in a
folder for each class; a batch of 128 is uint8 decoded to float32 in 0 to 1, in a new order each
pass. Each run is a process of its own that may use so many cores, and decodes by as many threads;
the peer is a loop around Pillow that gives the same float32 batches. The first pass of a process is
not counted, since it may wait for the disk.

CIFAR10 names the folder of the binary files, IMAGES_COUNT, IMAGES_SIZE, IMAGES_QUALITY and
IMAGES_ROUNDS say what is made of them and how often it is read.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.timing import machine, table

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASSES = 10
PROGRAM = """
import json, os, sys, time
import numpy as np
who, folder, size, cores = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
if who == "chainrule":
    from chainrule.data import image_folder, prefetch
    data = image_folder(folder, size=(size, size))
    batches = lambda epoch: prefetch(data.batches(128, seed=0, epoch=epoch))
else:
    from pathlib import Path
    from PIL import Image
    paths = sorted(Path(folder).rglob("*.jpg"))
    def batches(epoch):
        order = np.random.default_rng(epoch).permutation(len(paths))
        for start in range(0, len(order), 128):
            images = [np.asarray(Image.open(paths[k]).convert("RGB").resize((size, size)))
                      for k in order[start : start + 128]]
            yield np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / 255, None
def count(epoch):
    return sum(len(images) for images, _ in batches(epoch))
count(0)
start = time.perf_counter()
images = count(1)
seconds = time.perf_counter() - start
peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"rate": images / seconds, "memory": peak}))
"""


def pictures(folder: Path) -> Iterator[tuple[int, np.ndarray]]:
    """The images of CIFAR-10 with their labels, as they follow one another in its files."""
    for name in (*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"):
        records = np.fromfile(folder / name, np.uint8).reshape(-1, 3073)
        for record in records:
            yield int(record[0]), record[1:].reshape(3, 32, 32).transpose(1, 2, 0)


def save(folder: Path, cifar: Path, count: int, size: int, quality: int) -> int:
    """Write JPEG files in a folder for each class; give how many bytes they are."""
    from PIL import Image

    for label in range(CLASSES):
        (folder / str(label)).mkdir()

    def write(entry: tuple[int, tuple[int, np.ndarray]]) -> int:
        number, (label, pixels) = entry
        image = Image.fromarray(np.ascontiguousarray(pixels))
        path = folder / str(label) / f"{number:05d}.jpg"
        image.resize((size, size), Image.Resampling.BICUBIC).save(path, quality=quality)
        return path.stat().st_size

    with ThreadPoolExecutor() as pool:
        return sum(pool.map(write, enumerate(islice(pictures(cifar), count))))


def measured(who: str, folder: Path, size: int, cores: int) -> dict[str, float]:
    """Images per second, and the peak memory in MB, of one process."""
    command = [sys.executable, "-c", PROGRAM, who, str(folder), str(size), str(cores)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def main() -> None:
    """Print one table."""
    cifar = os.environ.get("CIFAR10")
    if cifar is None:
        print("images: name the folder of CIFAR-10's binary files with CIFAR10")
        return
    count = int(os.environ.get("IMAGES_COUNT", "60000"))
    size, quality = (
        int(os.environ.get(f"IMAGES_{n}", d)) for n, d in (("SIZE", 64), ("QUALITY", 90))
    )
    rounds = int(os.environ.get("IMAGES_ROUNDS", "5"))
    cases = [("chainrule", 1), ("chainrule", 2), ("Pillow in a loop", 1)]
    found: dict[tuple[str, int], list[dict[str, float]]] = {case: [] for case in cases}
    with tempfile.TemporaryDirectory() as scratch:
        begun = time.perf_counter()
        stored = save(Path(scratch), Path(cifar), count, size, quality)
        print(machine())
        print(f"{stored / 2**20:.0f} MB written in {time.perf_counter() - begun:.0f} s")
        for _ in range(rounds):
            for who, cores in cases:
                found[who, cores].append(measured(who, Path(scratch), size, cores))
    head = f"{count:,} JPEGs of {size} x {size}, quality {quality}"
    rows = [[head, "cores", "median images/s", "smallest to largest", "peak MB"]]
    for (who, cores), runs in found.items():
        rates = [run["rate"] for run in runs]
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        memory = max(run["memory"] for run in runs)
        median = f"{statistics.median(rates):,.0f}"
        rows.append([who, str(cores), median, spread, f"{memory:.0f}"])
    print(table(rows))
