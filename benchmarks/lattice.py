"""The lattice that noise removal can leave in even dark areas, with and without its evening.

    python benchmarks/lattice.py [--weights FILE] [--time T]

The dark corner of examples/dark_coffee.png (60x60 pixels) at a late exposure time, noise removed, less its
blur: the spread of the means of the phases of a lattice of 4x4 pixels, in levels of 255. A lattice of 5
pixels, which nothing makes, shows what chance gives.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from clode_core.methods.clode.model import load_model
from clode_core.pictures.files import read_picture

PICTURE = Path(__file__).parent.parent / "examples" / "dark_coffee.png"


def spread(picture, period, side=60, margin=6):
    """Spread of the phase means of a lattice in the corner of a picture, mean of the channels."""
    corner = picture[:side, :side].astype(float)
    rest = (corner - cv2.blur(corner, (9, 9)))[margin:-margin, margin:-margin]
    whole = len(rest) // period
    cells = rest[: whole * period, : whole * period].reshape(whole, period, whole, period, 3)
    return float(np.mean(cells.mean((0, 2)).std((0, 1))))


def main():
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--time", type=float, default=4.5)
    given = parser.parse_args()
    picture = read_picture(PICTURE).pixels
    for title, evening in (("as it is", None), ("without evening", 0.0)):
        model = load_model(given.weights, device="cpu")
        if evening is not None:
            model.g.evening = evening
        result = model.solve(picture).at(given.time, denoise=True)
        print(f"{title:18}" + "".join(f"  lattice of {n}: {spread(result, n):.3f}" for n in (4, 5)))


if __name__ == "__main__":
    main()
