"""Batches of CLODE's stages."""

from __future__ import annotations

import torch
from torch import Tensor

from clode_core.methods.clode.training.config import DenoiseStage, MixtureConfig, UndoStage
from clode_core.methods.clode.training.fusion import kept_back
from clode_core.training.config import DataConfig, TrainingError
from clode_core.training.data import Batch, BatchDataset
from clode_core.training.pictures import area, find_brackets, list_pictures, read_tensor, square


def _choice(indices: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return indices[torch.randint(len(indices), (count,), generator=generator)]


class UndoDataset(BatchDataset):
    """Well-exposed pictures, bracket pairs and dark pictures, all square at working size."""

    def __init__(self, data: DataConfig, stage: UndoStage, side: int, seed: int, rank: int = 0) -> None:
        super().__init__(stage.batch_size, seed, rank)
        self.side = side
        mixture = stage.mixture
        self.shares = torch.tensor([mixture.undo, mixture.bracket, mixture.dark])
        self.facts = {}
        if mixture.undo + mixture.bracket > 0:
            self._read_normal(data, mixture)
        if mixture.dark > 0:
            if not data.dark:
                raise TrainingError("data.dark names no folder, but the stage's mixture.dark is above 0.")
            paths = list_pictures(data.dark, data.exclude)
            # twice the working size leaves room for crops without holding more than is ever seen
            self.dark = [read_tensor(path, min(data.largest_side, 2 * side)) for path in paths]
            self.facts["dark_pictures"] = len(self.dark)

    def _read_normal(self, data: DataConfig, mixture: MixtureConfig) -> None:
        if not data.normal:
            raise TrainingError(
                "data.normal names no folder, but the stage's mixture.undo or mixture.bracket is above 0."
            )
        paths = list_pictures(data.normal, data.exclude)
        self.squares = torch.stack(
            [square(read_tensor(path, data.largest_side), self.side) for path in paths]
        )
        brackets = find_brackets(self.squares, data.bracket_correlation, data.bracket_window)
        self.pairs, self.normal = brackets.pairs, brackets.normal
        self.facts |= {
            "normal_pictures": len(paths),
            "well_exposed": len(self.normal),
            "bracket_scenes": len(brackets.scenes),
            "bracket_pairs": len(self.pairs),
        }
        if mixture.undo > 0 and not len(self.normal):
            raise TrainingError(
                "data.normal holds no well-exposed picture: set the stage's mixture.undo to 0."
            )
        if mixture.bracket > 0 and not len(self.pairs):
            raise TrainingError(
                "data.normal holds no exposure bracket: set the stage's mixture.bracket to 0."
            )

    def _dark_square(self, generator: torch.Generator) -> Tensor:
        """Random square crop of a dark picture, at least two thirds of its short side, at working size."""
        picture = self.dark[int(torch.randint(len(self.dark), (), generator=generator))]
        height, width = picture.shape[1:]
        short = min(height, width)
        side = int(torch.randint(-(-2 * short // 3), short + 1, (), generator=generator))
        top = int(torch.randint(height - side + 1, (), generator=generator))
        left = int(torch.randint(width - side + 1, (), generator=generator))
        return area(picture[:, top : top + side, left : left + side], (self.side, self.side)).half()

    def __getitem__(self, step: int) -> Batch:
        generator = self.generator(step)
        kinds = torch.multinomial(self.shares, self.batch_size, replacement=True, generator=generator)
        counts = torch.bincount(kinds, minlength=3)
        undo, bracket, dark = counts.tolist()
        pictures: list[Tensor] = []
        targets: list[Tensor] = []
        if undo:
            chosen = self.squares[_choice(self.normal, undo, generator)]
            pictures.append(chosen)
            targets.append(chosen)
        if bracket:
            pairs = _choice(self.pairs, bracket, generator)
            pictures.append(self.squares[pairs[:, 0]])
            targets.append(self.squares[pairs[:, 1]])
        if dark:
            crops = torch.stack([self._dark_square(generator) for _ in range(dark)])
            pictures.append(crops)
            targets.append(crops)
        return Batch(torch.cat(pictures), torch.cat(targets), counts, torch.tensor(step))


class DenoiseDataset(BatchDataset):
    """Random crops at full size, turned and mirrored, of pictures of usual brightness.

    They come from `data.normal` and, where that is named, `data.high`; neither brackets that are held back
    nor references of scenes that the tables keep back are among them.
    """

    def __init__(self, data: DataConfig, stage: DenoiseStage, side: int, seed: int, rank: int = 0) -> None:
        super().__init__(stage.batch_size, seed, rank)
        self.patch = stage.patch
        if not data.normal:
            raise TrainingError("data.normal names no folder, but a denoise stage needs one.")
        pictures = [read_tensor(path, data.largest_side) for path in list_pictures(data.normal, data.exclude)]
        if stage.hold_back:
            pictures = _without_held_back(pictures, data, stage.hold_back, side)
        if data.high:
            never = kept_back(data.scenes)
            paths = [path for path in list_pictures(data.high, data.exclude) if path.stem not in never]
            pictures += [read_tensor(path, data.largest_side) for path in paths]
        low, high = stage.brightness
        self.pictures = [
            picture
            for picture in pictures
            if min(picture.shape[1:]) >= self.patch and low < float(picture.float().mean()) / 255 < high
        ]
        if not self.pictures:
            raise TrainingError(
                f"data.normal holds no picture of {self.patch} pixels with a mean from {low:g} to {high:g}."
            )
        self.facts = {"denoise_pictures": len(self.pictures)}

    def __getitem__(self, step: int) -> Batch:
        generator = self.generator(step)
        patch, crops = self.patch, []
        for _ in range(self.batch_size):
            picture = self.pictures[int(torch.randint(len(self.pictures), (), generator=generator))]
            top = int(torch.randint(picture.shape[1] - patch + 1, (), generator=generator))
            left = int(torch.randint(picture.shape[2] - patch + 1, (), generator=generator))
            crop = picture[:, top : top + patch, left : left + patch]
            across, down, turned = (torch.rand(3, generator=generator) < 0.5).tolist()
            crop = crop.flip([axis for axis, flipped in ((-1, across), (-2, down)) if flipped])
            crops.append(crop.transpose(-1, -2) if turned else crop)
        batch = torch.stack(crops)
        return Batch(batch, batch, torch.tensor([self.batch_size, 0, 0]), torch.tensor(step))


def _without_held_back(pictures: list[Tensor], data: DataConfig, hold_back: int, side: int) -> list[Tensor]:
    """Pictures without every `hold_back`-th bracket, counted as for a reach stage."""
    squares = torch.stack([square(picture, side) for picture in pictures])
    found = find_brackets(squares, data.bracket_correlation, data.bracket_window)
    left_out = {k for members in found.scenes[::hold_back] for k in members}
    return [picture for k, picture in enumerate(pictures) if k not in left_out]
