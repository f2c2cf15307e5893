"""Pairs of a dark picture and its reference, matched by name."""

from __future__ import annotations

import torch
from torch import Tensor

from clode_core.methods.lfpv.training.config import SupervisedStage
from clode_core.training.config import DataConfig, TrainingError
from clode_core.training.data import Batch, BatchDataset
from clode_core.training.pairs import match_pairs
from clode_core.training.pictures import area, read_tensor


class PairedDataset(BatchDataset):
    """Pairs, turned and mirrored alike: random crops at full size, or whole pictures at working size.

    Whole pictures of one batch that differ in shape are cut, at random, to what all of them have.
    """

    def __init__(self, data: DataConfig, stage: SupervisedStage, side: int, seed: int, rank: int = 0) -> None:
        super().__init__(stage.batch_size, seed, rank)
        self.patch = stage.patch
        self.pairs: list[tuple[Tensor, Tensor]] = []
        for paths in match_pairs(data):
            low, high = (read_tensor(path, data.largest_side) for path in paths)
            if low.shape != high.shape:
                raise TrainingError(f"{paths[0]} and {paths[1]} differ in size.")
            height, width = low.shape[1:]
            if self.patch is None:
                scale = side / max(height, width)
                size = (max(1, round(height * scale)), max(1, round(width * scale)))
                self.pairs.append((area(low, size).half(), area(high, size).half()))
            elif min(height, width) < self.patch:
                raise TrainingError(
                    f"{paths[0]} is smaller than the stage's patch of {self.patch} pixels: lower the patch."
                )
            else:
                self.pairs.append((low, high))
        self.facts = {"pairs": len(self.pairs)}

    def __getitem__(self, step: int) -> Batch:
        generator = self.generator(step)
        chosen = [
            self.pairs[int(torch.randint(len(self.pairs), (), generator=generator))]
            for _ in range(self.batch_size)
        ]
        shapes = torch.tensor([low.shape[1:] for low, _ in chosen])
        height, width = shapes.amin(0).tolist() if self.patch is None else (self.patch, self.patch)
        crops = []
        for pair in chosen:
            top = int(torch.randint(pair[0].shape[1] - height + 1, (), generator=generator))
            left = int(torch.randint(pair[0].shape[2] - width + 1, (), generator=generator))
            across, down, turned = (torch.rand(3, generator=generator) < 0.5).tolist()
            flips = [axis for axis, flipped in ((-1, across), (-2, down and self.patch)) if flipped]
            both = torch.stack([x[:, top : top + height, left : left + width] for x in pair]).flip(flips)
            crops.append(both.transpose(-1, -2) if turned and self.patch else both)
        low, high = torch.stack(crops, 1)
        return Batch(low, high, torch.tensor([self.batch_size, 0, 0]), torch.tensor(step))
