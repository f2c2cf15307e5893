"""Memory of the worker and of the plug-in's process over many pictures, in a real GIMP.

    python benchmarks/gimp_memory.py [--pictures 20] [--megapixels 6]

Every picture is loaded, enhanced with noise removed by the plug-in's procedure, and closed; one worker
serves them all. A leak shows as a rise from picture to picture. Needs GIMP 3, or the folder that
tests/gimp/make_root.sh makes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import clode_core as clode
from clode_core.gimp.install import install

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "gimp"))
from conftest import Batch
from gimp_latency import enlarged
from gimp_root import find_room


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--megapixels", type=int, default=6)
    options = parser.parse_args()
    gimp_root = find_room()
    if gimp_root is None:
        sys.exit("no GIMP 3 here: install it, or run tests/gimp/make_root.sh")
    try:
        profile = gimp_root.base / "profile"
        profile.mkdir()
        install(profile, gimp_root.interpreter)
        batch = Batch(gimp_root, profile)
        clode.write_picture(batch.folder / "picture.png", enlarged(options.megapixels))
        settings = {"CLODE_PICTURES": str(options.pictures)}
        gimp_root.run(batch.words("memory.py"), timeout=3000, env=batch.environment | settings)
        notes = batch.results("memory").notes
    finally:
        gimp_root.close()
    print(
        f"{options.megapixels} megapixels, 8 bits, noise removed; MB after each picture (plug-in: its peak)\n"
    )
    print("picture   worker   plug-in")
    for number in range(options.pictures):
        note = notes[str(number)]
        print(f"{number + 1:7d}{note['worker']:9.0f}{note['plug_in']:10.0f}")


if __name__ == "__main__":
    main()
