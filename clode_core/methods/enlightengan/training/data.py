"""Dark pictures and well-exposed ones that have nothing to do with each other."""

from __future__ import annotations

import torch
from torch import Tensor

from clode_core.methods.enlightengan.training.config import EnlightenGANStage
from clode_core.training.config import DataConfig, Range, TrainingError
from clode_core.training.data import Batch, BatchDataset
from clode_core.training.pictures import area, list_pictures, read_tensor


class UnpairedDataset(BatchDataset):
    """Random square crops of dark pictures, and as many of well-exposed ones, each mirrored half the time.

    A crop is cut at random from one to `zoom` times the working size and area-averaged to it. Both halves
    of a batch are drawn independently: that a folder holds the counterpart of a dark picture is of no use.
    """

    def __init__(
        self, data: DataConfig, stage: EnlightenGANStage, side: int, seed: int, rank: int = 0
    ) -> None:
        super().__init__(stage.batch_size, seed, rank)
        self.side = side
        self.zoom = stage.zoom
        self.dark = self._read(data, "dark", stage.dark_mean)
        self.normal = self._read(data, "normal", stage.normal_mean)
        self.facts = {"dark_pictures": len(self.dark), "normal_pictures": len(self.normal)}

    def _read(self, data: DataConfig, kind: str, mean: Range) -> list[Tensor]:
        folders = getattr(data, kind)
        if not folders:
            raise TrainingError(f"data.{kind} names no folder, but an enlightengan stage needs one.")
        kept = []
        for path in list_pictures(folders, data.exclude):
            picture = read_tensor(path, data.largest_side)
            if (
                min(picture.shape[1:]) >= self.side
                and mean[0] <= float(picture.float().mean()) / 255 <= mean[1]
            ):
                kept.append(picture)
        if not kept:
            raise TrainingError(
                f"data.{kind} holds no picture of {self.side} pixels with a mean from {mean[0]:g} to "
                f"{mean[1]:g}: name another folder or change the stage's {kind}_mean."
            )
        return kept

    def _crop(self, pictures: list[Tensor], generator: torch.Generator) -> Tensor:
        def drawn(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        picture = pictures[drawn(len(pictures))]
        height, width = picture.shape[1:]
        largest = max(self.side, min(height, width, int(self.zoom * self.side)))
        side = self.side + drawn(largest - self.side + 1)
        top, left = drawn(height - side + 1), drawn(width - side + 1)
        crop = area(picture[:, top : top + side, left : left + side], (self.side, self.side)).half()
        return crop.flip(-1) if drawn(2) else crop

    def __getitem__(self, step: int) -> Batch:
        generator, count = self.generator(step), self.batch_size
        dark, normal = (
            torch.stack([self._crop(pictures, generator) for _ in range(count)])
            for pictures in (self.dark, self.normal)
        )
        return Batch(dark, normal, torch.tensor([0, 0, count]), torch.tensor(step))
