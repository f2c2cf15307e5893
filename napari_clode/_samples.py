"""Sample data: pictures that the project made itself and gives away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

LayerData = tuple[Any, dict[str, Any], str]


def _picture(name: str) -> Path:
    """A picture that lies in the wheel beside this file and in a checkout among the examples."""
    here = Path(__file__).parent
    installed = here / name
    return installed if installed.exists() else here.parent / "examples" / name


def dark_photograph() -> list[LayerData]:
    """An 8-bit colour photograph, (Y, X, 3), darkened and with sensor noise."""
    import clode_core

    pixels = clode_core.read_picture(_picture("dark_coffee.png")).pixels
    return [(pixels, {"name": "dark photograph", "rgb": True}, "image")]


def dark_cells(frames: int = 24, height: int = 256, width: int = 320) -> list[LayerData]:
    """A time series of drifting cells, (T, Y, X) uint16, as a 12-bit camera records them in too little light.

    Camera offset 100, shot noise, read noise; the lamp flickers by a few per cent.
    """
    random = np.random.default_rng(12)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    count = 26
    centre = random.uniform((0, 0), (height, width), (count, 2))
    drift = random.normal(0, 1.1, (count, 2))
    radius = random.uniform(9, 17, count)
    stretch = random.uniform(0.7, 1.4, count)
    angle = random.uniform(0, np.pi, count)
    glow = random.uniform(60, 260, count)
    lamp = 1 + random.normal(0, 0.05, frames)
    series = np.empty((frames, height, width), np.uint16)
    for t in range(frames):
        light = np.full((height, width), 9.0)
        for k in range(count):
            down, right = y - centre[k, 0] - drift[k, 0] * t, x - centre[k, 1] - drift[k, 1] * t
            along = np.cos(angle[k]) * right + np.sin(angle[k]) * down
            across = np.cos(angle[k]) * down - np.sin(angle[k]) * right
            distance = np.hypot(along / stretch[k], across * stretch[k]) / radius[k]
            body = 1 / (1 + np.exp(9 * (distance - 1)))
            nucleus = np.exp(-((distance / 0.38) ** 2))
            light += glow[k] * (0.45 * body + 0.8 * nucleus)
        electrons = random.poisson(light * lamp[t])
        series[t] = np.clip(100 + electrons + random.normal(0, 4, light.shape), 0, 4095).round()
    layer = {
        "name": "dark cells",
        "contrast_limits": (0, 4095),
        "scale": (5.0, 0.32, 0.32),
        "units": ("second", "micrometer", "micrometer"),
        "axis_labels": ("t", "y", "x"),
    }
    return [(series, layer, "image")]
