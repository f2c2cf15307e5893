"""The README's picture of local exposure: the same solve at one time, and with the time painted by a brush.

python benchmarks/local_exposure.py [-o docs/local_exposure.png]

With --speed: what a map of times costs beside one time, in turn in one process, in seconds of the processor.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from speed import photograph

from clode_core import exposure_map, load_model, read_picture, write_picture

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def seconds(work):
    """What one call takes of the processor."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(megapixels, repeat):
    """One time and a map of times in turn; medians, and the median of the ratios."""
    rows = round((megapixels * 1e6 / 1.5) ** 0.5)
    picture = photograph(rows, round(1.5 * rows))
    path = load_model(device="cpu").solve(picture)
    inside = np.zeros(picture.shape[:2], bool)
    inside[rows // 4 : rows // 2, rows // 4 : rows] = True
    times = exposure_map(picture.shape, [(inside, 4.0)], base=2.0)
    path.at(1.0)
    taken = [(seconds(lambda: path.at(2.5)), seconds(lambda: path.at(times))) for _ in range(repeat)]
    alike, local = (statistics.median(column) for column in zip(*taken, strict=True))
    ratio = statistics.median(b / a for a, b in taken)
    print(f"{megapixels:g} MP: one time {alike:.3f} s, a map {local:.3f} s, {ratio:.2f} times as much")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speed", type=float, nargs="*", metavar="MP", help="measure at 2 and 24 megapixels")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/local_exposure.png"))
    arguments = parser.parse_args()
    if arguments.speed is not None:
        for megapixels in arguments.speed or (2, 24):
            measure(megapixels, arguments.repeat)
        return
    picture = read_picture(EXAMPLES / "dark_cat.png").pixels[..., :3]
    rows, columns = picture.shape[:2]
    y, x = np.mgrid[:rows, :columns]
    brush = ((y / rows - 0.55) / 0.35) ** 2 + ((x / columns - 0.5) / 0.28) ** 2 < 1
    path = load_model(device="cpu").solve(picture)
    times = exposure_map(picture.shape, [(brush, 3.0)], base=0.9, feather=0.45 * rows)
    painted = ((times - times.min()) / (times.max() - times.min()) * 255).astype(np.uint8)
    alike, local = (path.at(time, denoise=True) for time in (3.0, times))
    shown = [picture, alike, np.repeat(painted[..., None], 3, 2), local]
    gap = np.full((rows, 8, 3), 255, np.uint8)
    write_picture(arguments.output, np.hstack([part for tile in shown for part in (tile, gap)][:-1]))


if __name__ == "__main__":
    main()
