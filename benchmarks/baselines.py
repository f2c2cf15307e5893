"""Zero-DCE, Zero-DCE++ and EnlightenGAN with the packaged weights: quality on pairs, speed and memory.

    python benchmarks/baselines.py LOW HIGH [--limit N]
    python benchmarks/baselines.py --speed

PSNR and SSIM as in quality.py, on pictures as they come: no noise removal is added. `best n` is the best
whole number of iterations of each picture from 1 to 16; EnlightenGAN has nothing to iterate. Every speed is
one run in a process of its own, so that its peak memory is its own; times are without imports and the making
of the picture.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from quality import psnr, ssim
from speed import SIZES, photograph

from clode_core.methods import DEFAULT_METHOD, available_methods, load_method
from clode_core.pictures.files import read_picture

ITERATIONS = range(1, 17)
SHIPPED = [
    info.name
    for info in available_methods().values()
    if info.name != DEFAULT_METHOD and info.recipe and not info.missing()
]


def enhanced(method, pairs):
    return ((method.enhance(low), high) for low, high in pairs)


def rows_of(method, pairs):
    """PSNR, SSIM and iterations, means over the pairs, at 8 and at the best number of iterations."""
    if method.info.slider is None:
        rows = [(psnr(out, high), ssim(out, high), np.nan) for out, high in enhanced(method, pairs)]
        return {"": np.mean(rows, 0)}
    table = {"8": [], "best n": []}
    for low, high in pairs:
        path = method.solve(low)
        pictures = {n: path.at(n) for n in ITERATIONS}
        best = max(ITERATIONS, key=lambda n: psnr(pictures[n], high))
        for title, n in (("8", 8), ("best n", best)):
            table[title].append((psnr(pictures[n], high), ssim(pictures[n], high), n))
    return {title: np.mean(rows, 0) for title, rows in table.items()}


def quality(low, high, limit):
    names = sorted(p.name for p in low.iterdir())[:limit]
    pairs = [(read_picture(low / n).pixels, read_picture(high / n).pixels) for n in names]
    print(f"{len(pairs)} pairs\n{'':26}{'PSNR':>8}{'SSIM':>8}{'mean n':>8}")
    for baseline in SHIPPED:
        for title, (p, s, n) in rows_of(load_method(baseline, device="cpu"), pairs).items():
            mean = "-" if np.isnan(n) else f"{n:.2f}"
            print(f"{', '.join(filter(None, (baseline, title))):26}{p:8.2f}{s:8.3f}{mean:>8}", flush=True)


def child(baseline, megapixels):
    picture = photograph(*SIZES[megapixels])
    method = load_method(baseline, device="cpu")
    start = time.perf_counter()
    method.enhance(picture)
    result = {"seconds": time.perf_counter() - start}
    laps = []
    repeated = method.info.slider is not None and megapixels < 8
    if repeated:
        path = method.solve(picture)
        path.at(8)
    for n in (6, 7, 9) if repeated else ():
        start = time.perf_counter()
        path.at(n)
        laps.append(time.perf_counter() - start)
    result["again"] = statistics.median(laps) if laps else None
    result["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def speed():
    print(f"{'':12}{'megapixels':>12}{'enhance s':>12}{'new n s':>10}{'MB':>8}")
    for baseline in SHIPPED:
        for megapixels in (2, 24):
            command = [sys.executable, __file__, "--child", baseline, str(megapixels)]
            row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            again = f"{row['again']:.2f}" if row["again"] else "-"
            print(
                f"{baseline:12}{megapixels:12}{row['seconds']:12.2f}{again:>10}{row['megabytes']:8.0f}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", metavar="LOW HIGH")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child[0], int(arguments.child[1]))
    elif arguments.speed:
        speed()
    elif len(arguments.folders) == 2:
        quality(*arguments.folders, arguments.limit)
    else:
        parser.error("name the folders LOW and HIGH, or --speed")


if __name__ == "__main__":
    main()
