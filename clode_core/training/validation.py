"""Measuring a model on pairs during training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from clode_core.pictures.files import write_picture
from clode_core.training.config import TrainingError, ValidationConfig
from clode_core.training.pictures import list_pictures, read_rgb

Picture = NDArray[np.uint8]
_CELL = (128, 192)


@dataclass(frozen=True)
class Pair:
    """A dark picture and its reference, both 8-bit (Y, X, 3)."""

    low: Picture
    high: Picture

    def shrunk(self, long_side: int) -> Pair:
        """The pair with no side above `long_side`, by area average."""
        height, width = self.low.shape[:2]
        scale = long_side / max(height, width)
        if scale >= 1:
            return self
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        return Pair(_resized(self.low, size), _resized(self.high, size))

    def centre(self, side: int) -> Pair:
        """The central part, at most `side` pixels a side."""
        height, width = self.low.shape[:2]
        top, left = max(0, height - side) // 2, max(0, width - side) // 2
        part = np.s_[top : top + side, left : left + side]
        return Pair(self.low[part], self.high[part])


Measure = Callable[[Any, Pair], tuple[dict[str, float], list[Picture]]]
"""What is measured of a model on a pair, and the pictures of the panel."""


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    resized: Picture = F.adaptive_avg_pool2d(tensor, size)[0].permute(1, 2, 0).round().byte().numpy()
    return resized


def read_pairs(setting: ValidationConfig) -> list[Pair]:
    """Read the validation pairs at full size.

    Raises
    ------
    TrainingError
        If there is no pair, or the sizes of one differ.
    """
    high = {path.stem: path for path in list_pictures([setting.high])}
    paths = [(low, high[low.stem]) for low in list_pictures([setting.low]) if low.stem in high]
    if not paths:
        raise TrainingError(f"no picture in {setting.low} has one of the same name in {setting.high}.")
    pairs = []
    for low_path, high_path in paths[: setting.limit]:
        pair = Pair(read_rgb(low_path), read_rgb(high_path))
        if pair.low.shape != pair.high.shape:
            raise TrainingError(f"{low_path} and {high_path} differ in size.")
        pairs.append(pair)
    return pairs


def psnr(picture: Picture, reference: Picture) -> float:
    """Peak signal-to-noise ratio in dB of 8-bit pictures; at most 100."""
    if np.array_equal(picture, reference):
        return 100.0
    given, wanted = (torch.from_numpy(x).float() for x in (picture, reference))
    return float(peak_signal_noise_ratio(given, wanted, data_range=255.0))


def ssim(picture: Picture, reference: Picture) -> float:
    """Structural similarity of 8-bit pictures: Gaussian window 11, sigma 1.5, valid border."""
    given, wanted = (torch.from_numpy(x).permute(2, 0, 1)[None].float() for x in (picture, reference))
    value = structural_similarity_index_measure(given, wanted, data_range=255.0)
    assert isinstance(value, torch.Tensor)
    return float(value)


def mean_numbers(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means over the rows, rounded to four digits."""
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]} if rows else {}


class Panel:
    """A picture of the first validation pairs: one column each, one row per kind of picture."""

    def __init__(self, folder: Path, shown: int) -> None:
        self.folder = folder
        self.shown = shown
        self._columns: list[list[Picture]] = []

    def add(self, pictures: list[Picture]) -> None:
        """Add a column, while there is room."""
        if len(self._columns) < self.shown:
            self._columns.append(pictures)

    def write(self, step: int) -> Path:
        """Write ``panel-<step>.png`` and start anew."""
        columns = [np.concatenate([_cell(picture) for picture in column]) for column in self._columns]
        self._columns = []
        self.folder.mkdir(parents=True, exist_ok=True)
        return write_picture(self.folder / f"panel-{step:07d}.png", np.concatenate(columns, axis=1))


def _cell(picture: Picture) -> Picture:
    """The picture as large as fits the cell, on black."""
    scale = min(_CELL[0] / picture.shape[0], _CELL[1] / picture.shape[1])
    height, width = (max(1, int(n * scale)) for n in picture.shape[:2])
    cell = np.zeros((*_CELL, 3), np.uint8)
    cell[:height, :width] = _resized(picture, (height, width))
    return cell
