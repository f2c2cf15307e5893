"""Folders of pictures, read once into memory, and the exposure brackets among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from clode_core.pictures.files import SUFFIXES, PictureError, read_picture
from clode_core.training.config import TrainingError

THUMBNAIL = 64


def natural_order(path: Path) -> list[tuple[int, int, str]]:
    """Sort key that puts ``2.jpg`` before ``10.jpg``."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def list_pictures(folders: Iterable[Path], exclude: Iterable[Path] = ()) -> list[Path]:
    """Pictures of folders in natural order, without those whose stem occurs in an excluded folder.

    Raises
    ------
    TrainingError
        If a folder is missing or nothing is left in it.
    """
    for folder in exclude:
        if not folder.is_dir():
            raise TrainingError(f"data.exclude: the folder {folder} does not exist.")
    never = {path.stem for folder in exclude for path in folder.iterdir()}
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise TrainingError(f"the data folder {folder} does not exist.")
        files = [f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and f.stem not in never]
        if not files:
            raise TrainingError(f"the data folder {folder} holds no picture to train on.")
        found += sorted(files, key=natural_order)
    return found


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read a picture as 8-bit (Y, X, 3); grey is repeated, alpha dropped.

    Raises
    ------
    PictureError
        One sentence that names the file.
    """
    pixels = read_picture(path).pixels
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[-1] > 4 or pixels.dtype.kind not in "uf":
        raise PictureError(f"{path} is not one grey or colour picture; take it out of the folder.")
    colours = pixels[..., :3] if pixels.shape[-1] >= 3 else np.repeat(pixels[..., :1], 3, axis=-1)
    if colours.dtype.kind == "f":
        colours = np.clip(np.nan_to_num(colours), 0, 1) * 255
    elif colours.dtype != np.uint8:
        colours = colours / (np.iinfo(colours.dtype).max / 255)
    return np.array(colours if colours.dtype == np.uint8 else np.rint(colours), np.uint8, order="C")


def read_tensor(path: Path, largest_side: int) -> Tensor:
    """Read a picture as 8-bit (3, H, W), shrunk by area so that no side exceeds `largest_side`."""
    picture = torch.from_numpy(read_rgb(path)).permute(2, 0, 1)
    if max(picture.shape[1:]) <= largest_side:
        return picture.contiguous()
    scale = largest_side / max(picture.shape[1:])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[2] * scale)))
    return area(picture, size).mul_(255).round_().byte()


def area(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Area average of an 8-bit picture (3, H, W) as floats in [0, 1]."""
    return F.adaptive_avg_pool2d(picture[None].float(), size)[0] / 255


def square(picture: Tensor, side: int) -> Tensor:
    """Central square of an 8-bit picture, area-averaged to (3, side, side) half-precision floats.

    Half precision keeps the levels between two of 8 bit that averaging creates, which matter in the dark.
    """
    short = min(picture.shape[1:])
    top, left = (picture.shape[1] - short) // 2, (picture.shape[2] - short) // 2
    return area(picture[:, top : top + short, left : left + short], (side, side)).half()


@dataclass(frozen=True)
class Brackets:
    """Exposure brackets among pictures.

    Attributes
    ----------
    scenes : list of list of int
        Indices of the pictures of each scene with at least three exposures and a good one.
    pairs : Tensor
        (P, 2) indices: a darker picture and the best one of its scene.
    normal : Tensor
        Indices of all well-exposed pictures.
    """

    scenes: list[list[int]]
    pairs: Tensor
    normal: Tensor


def rank_profile(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standardised ranks of a thumbnail's values (equal values share their mean rank); 0 if all are equal.

    Exposure changes values but hardly their order, so the correlation of ranks recognises a scene.
    """
    _, inverse, counts = np.unique(grey.round(3), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse.ravel()]
    deviation = ranks - ranks.mean()
    spread = np.sqrt(np.square(deviation).mean())
    profile: NDArray[np.float32] = (deviation / spread if spread > 0 else deviation * 0).astype(np.float32)
    return profile


def well_exposedness(pictures: Tensor) -> Tensor:
    r"""Mean of :math:`\exp(-(I - 0.5)^2 / (2 \cdot 0.2^2))` per picture (Mertens et al., 2007)."""
    return torch.exp(-(pictures.float() - 0.5).square() / (2 * 0.2**2)).mean((1, 2, 3))


def find_brackets(pictures: Tensor, correlation: float = 0.9, window: int = 24) -> Brackets:
    """Find exposure brackets among pictures in order of shooting.

    Parameters
    ----------
    pictures : Tensor
        (N, 3, S, S) in [0, 1].
    correlation : float
        Rank correlation of thumbnails above which two pictures show one scene.
    window : int
        How many pictures apart they may be.

    Returns
    -------
    Brackets
        The target of a bracket is its best-exposed picture, if its mean lies between 0.3 and 0.65.
    """
    count, side = len(pictures), min(THUMBNAIL, pictures.shape[-1])
    chunks = [
        F.adaptive_avg_pool2d(part.float().mean(1, keepdim=True), (side, side))
        for part in torch.split(pictures, 256)
    ]
    profiles = np.stack([rank_profile(thumb) for thumb in torch.cat(chunks)[:, 0].mul(255).numpy()])
    scene_of = list(range(count))

    def first_of(k: int) -> int:
        while scene_of[k] != k:
            k = scene_of[k]
        return k

    for i in range(count):
        following = profiles[i + 1 : i + 1 + window]
        for j in np.flatnonzero(following @ profiles[i] / profiles.shape[1] > correlation):
            one, other = first_of(i), first_of(i + 1 + int(j))
            scene_of[max(one, other)] = min(one, other)

    score = torch.cat([well_exposedness(part) for part in torch.split(pictures, 256)])
    mean = torch.cat([part.float().mean((1, 2, 3)) for part in torch.split(pictures, 256)])
    normal = torch.nonzero((score > 0.42) & (mean > 0.3) & (mean < 0.65))[:, 0]
    groups: dict[int, list[int]] = {}
    for k in range(count):
        groups.setdefault(first_of(k), []).append(k)
    scenes: list[list[int]] = []
    pairs: list[tuple[int, int]] = []
    for members in groups.values():
        best = max(members, key=lambda k: float(score[k]))
        if len(members) < 3 or not 0.3 < float(mean[best]) < 0.65:
            continue
        scenes.append(members)
        pairs += [(k, best) for k in members if 0.008 < float(mean[k]) < 0.9 * float(mean[best])]
    return Brackets(scenes, torch.tensor(pairs, dtype=torch.long).reshape(-1, 2), normal)


def describe(folders: Sequence[Path], counts: dict[str, int]) -> dict[str, object]:
    """What a model card says of the data: names of the folders and numbers, no paths."""
    return {"folders": [folder.name for folder in folders], **counts}
