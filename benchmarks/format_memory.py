"""Memory of `clode enhance` for one picture of each format, beside what it is thought to need.

    python benchmarks/format_memory.py [--width W] [--height H] [--only FORMAT] [--denoise]

Writes a picture of 24 megapixels in every format, enhances each in a process of its own, and prints the most
memory that it had, its estimate (by which `clode enhance --jobs` shares memory), their ratio, and seconds.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def picture(height, width):
    """A dark picture with structure and grain; in blocks, so that little memory is needed to make it."""
    grain = np.random.default_rng(0).integers(0, 4, (256, 256, 3), dtype=np.uint8)
    y, x = np.mgrid[:256, :256]
    block = (30 + 20 * np.sin(x / 9) * np.cos(y / 11)).astype(np.uint8)[..., None] + grain
    return np.ascontiguousarray(np.tile(block, (height // 256 + 1, width // 256 + 1, 1))[:height, :width])


def files(folder, height, width, only):
    """Write one file of each format, of those whose name holds `only`; gives their names."""
    from raw_files import write_dng

    from clode_core.pictures.files import Picture, write_picture

    pixels = picture(height, width)
    deep = Picture(pixels, "png", 3)
    for suffix in ("jpg", "png", "tif", "webp", "heic", "avif", "jxl", "jp2", "bmp", "exr", "hdr"):
        if only not in f"eight.{suffix}":
            continue
        like = Picture(pixels, "jpeg", 3, lossless=False) if suffix == "webp" else deep
        yield write_picture(folder / f"eight.{suffix}", pixels, like, say=lambda _: None)
    wide = pixels.astype(np.uint16) << 8
    for suffix in ("png", "tif", "heic", "avif", "jxl", "jp2"):
        if only not in f"sixteen.{suffix}":
            continue
        yield write_picture(
            folder / f"sixteen.{suffix}", wide, Picture(wide, "png", 3, 16), say=lambda _: None
        )
    if only not in "raw.dng":
        return
    path = folder / "raw.dng"
    write_dng(path, (pixels.astype(np.float32) / 255) ** 2.2)
    yield path


def enhance(path, folder, denoise):
    """Seconds, and the most bytes a process had."""
    command = [sys.executable, "-m", "clode_core.cli", "enhance", str(path), "-o", str(folder)]
    began = time.perf_counter()
    process = os.spawnvp(os.P_NOWAIT, sys.executable, command if denoise else [*command, "--no-denoise"])
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"{path} was not enhanced")
    return time.perf_counter() - began, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=6000)
    parser.add_argument("--height", type=int, default=4000)
    parser.add_argument("--only", default="")
    parser.add_argument("--denoise", action="store_true")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    from clode_core.batch.memory import PROCESS, size_of

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        print("| file | peak GB | estimate GB | peak / estimate | seconds |\n|---|---|---|---|---|")
        for path in files(Path(folder), arguments.height, arguments.width, arguments.only):
            estimate = size_of(path).needed + PROCESS
            seconds, peak = enhance(path, Path(folder) / "out", arguments.denoise)
            row = f"{peak / 1e9:.2f} | {estimate / 1e9:.2f} | {peak / estimate:.2f} | {seconds:.1f}"
            print(f"| {path.name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
