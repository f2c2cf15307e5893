"""Make the dark example pictures: free photographs from scikit-image, seen by a starved sensor.

Each photograph is taken back to linear light, given a small share of it, read out with photon and read
noise, and developed again to 8 bits. Run with ``python examples/make_dark.py`` (needs scikit-image).
"""

from pathlib import Path

import numpy as np
from skimage import data, io

HERE = Path(__file__).parent
PICTURES = {
    # name: (photograph, share of the light, electrons at full scale, read noise in electrons)
    "dark_coffee.png": (data.coffee, 0.03, 9000.0, 2.5),
    "dark_cat.png": (data.chelsea, 0.012, 12000.0, 2.5),
}


def to_linear(encoded):
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def to_encoded(linear):
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def photograph_in_the_dark(picture, share, electrons, read_noise, seed=0):
    """Return the picture, uint8 (Y, X, 3), as a camera would record it with `share` of its light."""
    random = np.random.default_rng(seed)
    charge = random.poisson(to_linear(picture / 255.0) * share * electrons)
    charge = charge + random.normal(0.0, read_noise, picture.shape)
    return np.rint(to_encoded(np.clip(charge / electrons, 0, 1)) * 255).astype(np.uint8)


if __name__ == "__main__":
    for name, (picture, share, electrons, read_noise) in PICTURES.items():
        io.imsave(
            HERE / name, photograph_in_the_dark(picture(), share, electrons, read_noise), check_contrast=False
        )
        print(HERE / name)
