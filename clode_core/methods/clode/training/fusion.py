"""Exposure brackets, the fusion that is their target, and the batches that teach h to reach it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from clode_core.methods.clode.training.config import ReachStage
from clode_core.pictures import fusion
from clode_core.training.config import DataConfig, TrainingError
from clode_core.training.data import Batch, BatchDataset
from clode_core.training.pairs import match_pairs
from clode_core.training.pictures import area, find_brackets, list_pictures, read_tensor, square

KINDS = ("bracket", "pairs", "contrast", "undo", "fine", "over")
"""Sources of a batch, in the order of `Batch.counts`; fields of `ReachMixture`."""
_ROOM = 1.6  # stored pictures are at most this times the working size: room for crops
_SHORT = (2 / 3, 2 / 3, 0.75, 0.84, 1.0)  # short sides of batches, relative to the long
_PAIRED_FINE = 0.3
_SINGLE_SHOT = 0.3


def fuse(exposures: Tensor) -> Tensor:
    """Exposure fusion (Mertens, Kautz and Van Reeth, 2007) by OpenCV, (N, 3, H, W) to (3, H, W), 8-bit.

    Raises
    ------
    TrainingError
        If OpenCV is not installed.
    """
    try:
        fused = fusion.fuse([picture.permute(1, 2, 0).numpy() for picture in exposures])
    except ValueError as error:
        raise TrainingError(f"{error}.") from None
    return torch.from_numpy(fused).permute(2, 0, 1).mul(255).round().byte()


def parts(count: int, hold_back: int, develop: int) -> tuple[list[int], list[int]]:
    """Numbers of the bracket scenes that are trained on, and of those for development.

    Every `hold_back`-th is in neither; of the others every `develop`-th is for development. At 0, none is.
    """
    known = [number for number in range(count) if not hold_back or number % hold_back]
    development = known[develop // 2 :: develop] if develop else []
    return [number for number in known if number not in set(development)], development


def kept_back(tables: Sequence[Path]) -> set[str]:
    """Names, without suffix, of all pictures of a scene that a table marks as validation or public test.

    A table is a CSV file with the columns name, scene, validation and in_public_test (0 or 1).

    Raises
    ------
    TrainingError
        If a table is missing or has other columns.
    """
    return {name for table in tables for kept, names in _scenes(table) if kept for name in names}


def for_development(tables: Sequence[Path], develop: int) -> set[str]:
    """Names, without suffix, of the pictures of every `develop`-th scene that a table does not keep back.

    Raises
    ------
    TrainingError
        As for `kept_back`.
    """
    if not develop:
        return set()
    known = [names for table in tables for kept, names in _scenes(table) if not kept]
    return {name for names in known[develop // 2 :: develop] for name in names}


def _scenes(table: Path) -> list[tuple[bool, list[str]]]:
    """The scenes of a table, in its order: whether it keeps them back, and names of their pictures."""
    scenes: dict[str, tuple[list[bool], list[str]]] = {}
    try:
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                marks, names = scenes.setdefault(row["scene"], ([], []))
                marks.append("1" in (row["validation"], row["in_public_test"]))
                names.append(Path(row["name"]).stem)
    except (OSError, KeyError) as error:
        raise TrainingError(f"{table} cannot be used as a table of scenes ({error}).") from None
    return [(any(marks), names) for marks, names in scenes.values()]


class Scene:
    """One bracket: indices of its darker, well-exposed and brighter pictures."""

    def __init__(self, members: Sequence[int], means: Tensor, normal: set[int], target: float) -> None:
        self.dark = [k for k in members if 0.008 < float(means[k]) < 0.9 * target]
        self.good = [k for k in members if k in normal]
        self.over = [k for k in members if float(means[k]) > 1.1 * target]


class ReachDataset(BatchDataset):
    """Darker, brighter and fine pictures of brackets with their fusion, and pairs if there are any.

    Pictures of kind contrast and undo are targets; the objective darkens them. With `development`, the scenes
    are those that the stage leaves for development.
    """

    def __init__(
        self,
        data: DataConfig,
        stage: ReachStage,
        side: int,
        seed: int,
        rank: int = 0,
        *,
        development: bool = False,
    ) -> None:
        super().__init__(stage.batch_size, seed, rank)
        self.side = side
        self.shares = torch.tensor([float(getattr(stage.mixture, kind)) for kind in KINDS])
        if not data.normal:
            raise TrainingError("data.normal names no folder, but a reach stage needs brackets.")
        self.facts = {}
        self._read_brackets(data, stage, development)
        self.pairs: list[tuple[Tensor, Tensor]] = []
        if stage.mixture.pairs > 0:
            never = kept_back(data.scenes)
            later = for_development(data.scenes, stage.develop)
            chosen = [
                pair
                for pair in match_pairs(data)
                if pair[0].stem not in never and (pair[0].stem in later) == development
            ]
            if not chosen:
                raise TrainingError("data.low holds no pair of a scene that is not kept back.")
            self.pairs = [(self._stored(low), self._stored(high)) for low, high in self._read(chosen)]
            self.facts["pairs"] = len(self.pairs)

    @staticmethod
    def _read(paths: Sequence[tuple[Path, Path]]) -> list[tuple[Tensor, Tensor]]:
        pairs = []
        for low_path, high_path in paths:
            low, high = read_tensor(low_path, 8192), read_tensor(high_path, 8192)
            if low.shape != high.shape:
                raise TrainingError(f"{low_path} and {high_path} differ in size.")
            pairs.append((low, high))
        return pairs

    def _read_brackets(self, data: DataConfig, stage: ReachStage, development: bool) -> None:
        paths = list_pictures(data.normal, data.exclude)
        pictures = [read_tensor(path, data.largest_side) for path in paths]
        squares = torch.stack([square(picture, self.side) for picture in pictures])
        found = find_brackets(squares, data.bracket_correlation, data.bracket_window)
        normal = set(found.normal.tolist())
        means = torch.stack([picture.float().mean() / 255 for picture in pictures])
        self.scenes: list[tuple[Scene, Tensor]] = []
        self.stored: dict[int, Tensor] = {}
        for number in parts(len(found.scenes), stage.hold_back, stage.develop)[development]:
            members = found.scenes[number]
            if len({pictures[k].shape for k in members}) > 1:
                raise TrainingError(f"{paths[members[0]]} and others of its scene differ in size.")
            fused = fuse(torch.stack([pictures[k] for k in members]))
            scene = Scene(members, means, normal, float(fused.float().mean()) / 255)
            self.scenes.append((scene, self._stored(fused)))
            self.stored |= {k: self._stored(pictures[k]) for k in members}
        self.dark = [k for k, (scene, _) in enumerate(self.scenes) if scene.dark]
        self.over = [k for k, (scene, _) in enumerate(self.scenes) if scene.over]
        if not self.dark:
            raise TrainingError("data.normal holds no exposure bracket that may be trained on.")
        if not self.over:
            self.shares[KINDS.index("over")] = 0.0
        self.facts |= {"normal_pictures": len(paths), "bracket_scenes": len(self.scenes)}

    def _stored(self, picture: Tensor) -> Tensor:
        """An 8-bit picture as half-precision floats, with room for crops at working size."""
        scale = min(1.0, _ROOM * self.side / min(picture.shape[1:]))
        return area(picture, (round(picture.shape[1] * scale), round(picture.shape[2] * scale))).half()

    def _pair(self, kind: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A picture and its target, both at stored size."""

        def below(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        chance = float(torch.rand((), generator=generator))
        if kind == "pairs" or (kind == "fine" and self.pairs and chance < _PAIRED_FINE):
            low, high = self.pairs[below(len(self.pairs))]
            return (high if kind == "fine" else low), high
        possible = {"bracket": self.dark, "over": self.over}.get(kind, range(len(self.scenes)))
        scene, target = self.scenes[possible[below(len(possible))]]
        if kind in ("bracket", "over"):
            members = scene.dark if kind == "bracket" else scene.over
            return self.stored[members[below(len(members))]], target
        if scene.good and float(torch.rand((), generator=generator)) < _SINGLE_SHOT:
            target = self.stored[scene.good[below(len(scene.good))]]
        return target, target

    def __getitem__(self, step: int) -> Batch:
        generator = self.generator(step)
        kinds = torch.multinomial(self.shares, self.batch_size, replacement=True, generator=generator)
        counts = torch.bincount(kinds, minlength=len(KINDS))
        short = _SHORT[int(torch.randint(len(_SHORT), (), generator=generator))]
        size = (max(1, round(short * self.side)), self.side)
        if float(torch.rand((), generator=generator)) < 0.3:
            size = size[::-1]
        cut = []
        for kind, count in zip(KINDS, counts.tolist(), strict=True):
            for _ in range(count):
                cut.append(_crops(self._pair(kind, generator), size, generator))
        pictures, targets = torch.stack(cut, 1)
        return Batch(pictures, targets, counts, torch.tensor(step))


def _crops(pair: tuple[Tensor, Tensor], size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """The same random crop of both, often mirrored, area-averaged to `size`: (2, 3, *size)."""
    zoom, down, across, mirror = torch.rand(4, generator=generator).tolist()
    height, width = pair[0].shape[1:]
    scale = min(height / size[0], width / size[1]) * (0.7 + 0.3 * min(1.0, zoom / 0.7))
    rows, columns = min(height, round(size[0] * scale)), min(width, round(size[1] * scale))
    top, left = int(down * (height - rows + 1)), int(across * (width - columns + 1))
    both = torch.stack([x[:, top : top + rows, left : left + columns] for x in pair]).float()
    shrunk = F.adaptive_avg_pool2d(both, size)
    return shrunk.flip(-1) if mirror < 0.5 else shrunk
