"""Latency of the GIMP plug-in, in a real GIMP, with a warm worker.

    python benchmarks/gimp_latency.py [--megapixels 2,24]

Slider: from a new exposure time to the preview (1000 x 667) and the detail (as large, at full size), ready to
be drawn. Call: the whole procedure on an 8-bit RGB layer, against `clode_core.enhance` on the same pixels in
Python. Cancel: from pressing it, at eight moments of a call with noise removal, to the end of the call.
Needs GIMP 3, or the folder that tests/gimp/make_root.sh makes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

import clode_core as clode
from clode_core.gimp.install import install

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "gimp"))
from conftest import Batch
from gimp_root import find_room

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "dark_coffee.png"
REPEATS = 3


def enlarged(megapixels: int) -> np.ndarray:
    """The example picture, 3 : 2, with noise of its own at the new size."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(height * 1.5)
    small = clode.read_picture(EXAMPLE).pixels[..., :3]
    rows, columns = (np.arange(n) * m // n for n, m in zip((height, width), small.shape[:2], strict=True))
    noise = np.random.default_rng(0).integers(-3, 4, (height, width, 1), np.int16)
    return np.clip(small[rows][:, columns] + noise, 0, 255).astype(np.uint8)


def in_python(picture: np.ndarray, denoise: bool, model: clode.Model) -> float:
    """Median seconds of the same call inside Python."""
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        clode.enhance(picture, 3.0, denoise=denoise, model=model)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--megapixels", default="2,24")
    options = parser.parse_args()
    sizes = [int(part) for part in options.megapixels.split(",")]
    gimp_root = find_room()
    if gimp_root is None:
        sys.exit("no GIMP 3 here: install it, or run tests/gimp/make_root.sh")
    try:
        profile = gimp_root.base / "profile"
        profile.mkdir()
        install(profile, gimp_root.interpreter)
        batch = Batch(gimp_root, profile)
        pictures = {size: enlarged(size) for size in sizes}
        for size, picture in pictures.items():
            clode.write_picture(batch.folder / f"{size}.png", picture)
        settings = {"CLODE_INTERPRETER": gimp_root.interpreter, "CLODE_MEGAPIXELS": options.megapixels}
        gimp_root.run(batch.words("latency.py"), timeout=1200, env=batch.environment | settings)
        notes = batch.results("latency").notes
    finally:
        gimp_root.close()
    model = clode.load_model()
    print(f"medians on {model.device}, worker warm\n")
    print("megapixels  noise    slider to   slider to   dialog to    whole call   same call    ratio")
    print("            removed  preview ms  detail ms   solved s     in GIMP s    in Python s")
    for size in sizes:
        for denoise in (False, True):
            moves = notes[f"slider {size} {denoise}"]
            # The first move of all includes the removal of noise, which later ones do not repeat.
            view, detail = (1e3 * statistics.median(moves[kind][1:]) for kind in ("view", "detail"))
            whole = statistics.median(notes[f"call {size} {denoise}"]["seconds"])
            python = in_python(pictures[size], denoise, model)
            print(
                f"{size:10d}  {'yes' if denoise else 'no':7s}{view:12.0f}{detail:11.0f}"
                f"{moves['first'][0]:11.2f}{whole:14.2f}{python:15.2f}{whole / python:9.1f}x"
            )
    print()
    for size in sizes:
        waits = notes[f"cancel {size}"]["seconds"]
        print(
            f"{size} megapixels, cancelled at {len(waits)} moments: "
            f"median {1e3 * statistics.median(waits):.0f} ms, at most {1e3 * max(waits):.0f} ms"
        )


if __name__ == "__main__":
    main()
