"""The README's picture of local exposure: the same solve at one time, and with the time painted by a brush.

python benchmarks/local_exposure.py [-o docs/local_exposure.png]
"""

import argparse
from pathlib import Path

import numpy as np

from clode_core import exposure_map, load_model, read_picture, write_picture

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/local_exposure.png"))
    arguments = parser.parse_args()
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
