"""The free pictures that the site shows: those in examples/, and two more, darkened in the same way."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage import data

DOCS = Path(__file__).resolve().parent
EXAMPLES = DOCS.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
from make_dark import photograph_in_the_dark  # noqa: E402

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """A dark picture, and what to call it."""

    name: str
    title: str
    alt: str
    dark: Picture


def scenes() -> list[Scene]:
    """All pictures, (Y, X, 3)."""
    from clode_core import read_picture

    return [
        Scene(
            "coffee",
            "Coffee",
            "A cup of coffee and a spoon on a wooden table",
            read_picture(EXAMPLES / "dark_coffee.png").pixels,
        ),
        Scene(
            "cat", "Cat", "The face of a tabby cat, close by", read_picture(EXAMPLES / "dark_cat.png").pixels
        ),
        Scene(
            "astronaut",
            "Astronaut",
            "A smiling astronaut in an orange suit before a flag",
            photograph_in_the_dark(data.astronaut(), 0.02, 12000.0, 2.5),
        ),
        Scene(
            "rocket",
            "Rocket",
            "A rocket on its launch pad in the evening, with floodlights around it",
            photograph_in_the_dark(data.rocket(), 0.03, 12000.0, 2.5),
        ),
    ]
