"""Batches. Item k is the whole batch of step k, so a resumed training goes on identically."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from clode_core.training.config import DataConfig, StageConfig, TrainingError
from clode_core.training.pictures import list_pictures, read_tensor, square


def step_generator(
    seed: int, step: int, rank: int = 0, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Generator of one step of one process: its numbers do not depend on the steps before."""
    mixed = (seed * 1_000_003 + step) * 4_099 + rank
    return torch.Generator(device=device).manual_seed(mixed % (2**63))


class Batch(NamedTuple):
    """Pictures of one step, before anything is done to them.

    Attributes
    ----------
    pictures, targets : Tensor
        (B, 3, H, W) 8-bit or half-precision; equal unless the picture is of a bracket, or nothing is paired.
    counts : Tensor
        How many of the pictures, in order, are normal, of brackets, and dark.
    step : Tensor
        Step number, from which the randomness on the device is seeded.
    """

    pictures: Tensor
    targets: Tensor
    counts: Tensor
    step: Tensor


class BatchDataset(Dataset[Batch]):
    """Base: a batch for every step number."""

    facts: dict[str, int]

    def __init__(self, batch_size: int, seed: int, rank: int) -> None:
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank

    def generator(self, step: int) -> torch.Generator:
        """Randomness of a step's choice of pictures."""
        return step_generator(self.seed, step, self.rank)


class MixedExposureDataset(BatchDataset):
    """All pictures whatever their exposure, square at working size."""

    def __init__(
        self,
        data: DataConfig,
        stage: StageConfig,
        side: int,
        seed: int,
        rank: int = 0,
    ) -> None:
        super().__init__(stage.batch_size, seed, rank)
        folders = [*data.normal, *data.dark]
        if not folders:
            raise TrainingError(
                f"data.normal and data.dark name no folder, but a {stage.kind} stage needs one."
            )
        paths = list_pictures(folders, data.exclude)
        self.squares = torch.stack([square(read_tensor(path, data.largest_side), side) for path in paths])
        self.facts = {"mixed_exposure_pictures": len(paths)}

    def __getitem__(self, step: int) -> Batch:
        generator = self.generator(step)
        batch = self.squares[torch.randint(len(self.squares), (self.batch_size,), generator=generator)]
        return Batch(batch, batch, torch.tensor([self.batch_size, 0, 0]), torch.tensor(step))


class StepSampler(Sampler[int]):
    """Step numbers from a first one on; its length stays that of the whole stage."""

    def __init__(self, first: int, steps: int) -> None:
        self.first = first
        self.steps = steps

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.steps))

    def __len__(self) -> int:
        return self.steps


def batches(dataset: BatchDataset, first: int, steps: int, workers: int, pin: bool) -> DataLoader[Batch]:
    """Loader of the batches from step `first` to the last."""
    return DataLoader(
        dataset,
        batch_size=None,
        sampler=StepSampler(first, steps),
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=pin,
    )
