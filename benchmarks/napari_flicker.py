"""What "One exposure for all planes" does to the flicker of a time series.

Flicker is the mean change of brightness from one frame to the next, in stops (a doubling is one stop). Each
frame exposed by itself gets a curve of its own; with one exposure all get the same.

    python benchmarks/napari_flicker.py SERIES.tif ...     without a file: the sample of dark cells
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

import clode_core as clode
from napari_clode._samples import dark_cells

TIMES = (1.0, 3.0, 5.0)


def stops(series: NDArray[np.uint16], levels: tuple[float, float]) -> NDArray[np.float64]:
    """Brightness of every frame in stops; of the light above black."""
    black, white = levels
    light = np.clip((series.astype(np.float64) - black) / (white - black), 0, 1)
    return np.log2(light.reshape(len(series), -1).mean(1))


def flicker(series: NDArray[np.uint16], levels: tuple[float, float]) -> float:
    """Mean change from frame to frame, in stops."""
    return float(np.abs(np.diff(stops(series, levels))).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", type=Path, nargs="*", help="TIFF files, (T, Y, X)")
    asked = parser.parse_args()
    found = [(path.name, tifffile.imread(path)) for path in asked.series]
    found = found or [("dark cells (sample)", dark_cells()[0][0])]
    model = clode.load_model()
    print(f"{'series':34}{'T':>4}{'source':>10}{'by itself':>11}{'one exposure':>14}   stops a frame")
    for name, series in found:
        levels = clode.resolve_levels(series, "auto")
        limits = levels.black, levels.white
        for time in TIMES:
            shown = [
                clode.enhance(
                    series, time, denoise=False, model=model, levels=limits, rgb=False, shared_exposure=shared
                )
                for shared in (False, True)
            ]
            by_itself, one = (flicker(each, limits) for each in shown)
            print(f"{name:34}{time:4g}{flicker(series, limits):10.4f}{by_itself:11.4f}{one:14.4f}")


if __name__ == "__main__":
    main()
