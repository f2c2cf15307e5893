"""Camera raw files made of pictures: what a camera with a Bayer mosaic would have stored of them.

    python benchmarks/raw_files.py PICTURE OUTPUT.dng [--stops N]

Undoes the curve of sRGB, darkens, goes to the camera's colours, takes one colour a pixel, and adds the
noise of photons and of reading.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

TO_SRGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.969266, 1.8760108, 0.041556],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)
"""From CIE XYZ (IEC 61966-2-1)."""
CAMERA = np.array([[0.75, 0.22, 0.03], [0.08, 0.82, 0.10], [0.02, 0.24, 0.74]])
"""Red, green and blue of sRGB as the filters of this camera see them; white stays white."""
WHITE_BALANCE = np.array([2.1, 1.0, 1.6])
BLACK, WHITE = 512, 16383
ELECTRONS, READING = 12000.0, 4.0
"""At white, and the spread of reading."""


def write_dng(path, light, orientation=1, seed=0):
    """A raw file of 14 bits.

    Parameters
    ----------
    path : path-like
        A name ending in .dng.
    light : ndarray
        (H, W, 3) linear light in sRGB's colours, 0 to 1; H and W even.
    orientation : int
        As in EXIF.
    seed : int
        Of the noise.
    """
    mosaic = bayer(light @ CAMERA.T / WHITE_BALANCE)
    randomness = np.random.default_rng(seed)
    electrons = randomness.poisson(mosaic.clip(0) * ELECTRONS) + randomness.normal(0, READING, mosaic.shape)
    to_camera = CAMERA @ TO_SRGB / WHITE_BALANCE[:, None]
    save_dng(path, electrons / ELECTRONS, (BLACK, WHITE), WHITE_BALANCE, to_camera, orientation)


def bayer(seen):
    """One colour a pixel, (H, W) of (H, W, 3): red first, green beside and below it, blue."""
    mosaic = seen[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = seen[::2, ::2, 0], seen[1::2, 1::2, 2]
    return mosaic


def save_dng(path, mosaic, levels, white_balance, to_camera, orientation=1):
    """Write a mosaic (H, W), 0 to 1, as a raw file.

    Parameters
    ----------
    path : path-like
        A name ending in .dng.
    mosaic : ndarray
        As `bayer` gives it.
    levels : (int, int)
        Numbers that stand for black and white.
    white_balance : ndarray
        (3,) what red, green and blue are multiplied by.
    to_camera : ndarray
        (3, 3) from CIE XYZ to the camera's colours.
    orientation : int
        As in EXIF.
    """
    import tifffile

    black, white = levels
    data = np.rint(mosaic * (white - black) + black).clip(0, white).astype(np.uint16)

    def ratios(values):
        return [part for value in np.ravel(values) for part in (round(float(value) * 10000), 10000)]

    tags = [
        (271, 2, 0, "Lantern", True),
        (272, 2, 0, "Model 1", True),
        (274, 3, 1, orientation, True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, (0, 1, 1, 2), True),
        (50706, 1, 4, (1, 4, 0, 0), True),
        (50708, 2, 0, "Lantern Model 1", True),
        (50714, 3, 1, black, True),
        (50717, 3, 1, white, True),
        (50721, 10, 9, ratios(to_camera), True),
        (50728, 5, 3, ratios(1 / white_balance), True),
        (50778, 3, 1, 21, True),
    ]
    tifffile.imwrite(path, data, photometric=32803, metadata=None, extratags=tags, software="Lantern 1.0")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--stops", type=float, default=0.0, help="how much darker the camera exposed")
    arguments = parser.parse_args()
    from clode_core.pictures.files import read_picture
    from clode_core.pictures.files.linear_light import to_light

    pixels = read_picture(arguments.picture).pixels[..., :3]
    pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
    light = to_light(pixels / np.float32(np.iinfo(pixels.dtype).max)) * 2.0**-arguments.stops
    write_dng(arguments.output, light)
    return 0


if __name__ == "__main__":
    sys.exit(main())
