"""Halos at a step edge of a large picture.

    python benchmarks/halo.py [--megapixels 24]

A picture of two flat halves is enhanced; beside the edge, each half should stay as flat as it is far from
it. Printed: the largest deviation within 300 pixels of the edge, in percent of full scale, from the straight
line through the 300 pixels beyond, and how many pixels deviate by more than 2 percent.
"""

import argparse

import numpy as np

from clode_core.methods.clode.model import load_model


def halo(model, height, width, dark, bright, time):
    picture = np.full((height, width, 3), dark, np.uint16)
    picture[:, width // 2 :] = bright
    row = model.solve(picture).at(time)[height // 2].astype(float) / 65535
    height_of_halo, width_of_halo = 0.0, 0
    left, right = row[width // 2 - 600 : width // 2][::-1], row[width // 2 : width // 2 + 600]
    for side in (left, right):  # each begins at the edge
        trend = np.polynomial.Polynomial.fit(np.arange(300, 600), side[300:].mean(1), 1)
        away = np.abs(side.mean(1) - trend(np.arange(600)))
        height_of_halo = max(height_of_halo, away.max())
        width_of_halo = max(width_of_halo, int((away > 0.02).sum()))
    return height_of_halo, width_of_halo


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=24)
    arguments = parser.parse_args()
    height = round((arguments.megapixels * 1e6 / 1.5) ** 0.5)
    width = round(height * 1.5)
    model = load_model(device="cpu")
    print(f"{width} x {height}\n{'dark':>6}{'bright':>8}{'T':>5}{'halo %':>9}{'pixels over 2 %':>17}")
    for dark, bright in ((0.02, 0.1), (0.02, 0.4), (0.02, 0.8), (0.1, 0.5)):
        for time in (1.5, 3.0, 5.0):
            size, wide = halo(model, height, width, dark * 65535, bright * 65535, time)
            print(f"{dark:6.2f}{bright:8.2f}{time:5.1f}{100 * size:9.2f}{wide:17}", flush=True)


if __name__ == "__main__":
    main()
