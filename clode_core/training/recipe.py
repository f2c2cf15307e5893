"""How a method is trained: what it brings to the trainer, which knows no method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from clode_core.methods.method import Method
from clode_core.training.config import DataConfig, Setting, StageConfig, TrainingConfig
from clode_core.training.data import Batch, BatchDataset
from clode_core.training.validation import Measure, Pair


class Networks(Protocol):
    """The networks of a stage, in the trainer's precision, taking and giving 32-bit pictures."""

    def __call__(self, name: str, picture: Tensor, *arguments: Tensor) -> Any:
        """What a network ("h", "g") or a method of one ("h.judged") makes of pictures (B, 3, H, W)."""
        ...


class Objective(Protocol):
    """What one kind of stage minimises.

    Attributes
    ----------
    trains : tuple of str
        Networks that learn: "h", "g".
    betas : (float, float)
        Of AdamW.
    """

    trains: tuple[str, ...]
    betas: tuple[float, float]

    def terms(self, networks: Networks, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        ...


def weighted(terms: dict[str, Tensor], weights: Setting) -> dict[str, Tensor]:
    """Each term times its weight."""
    return {name: getattr(weights, name) * term for name, term in terms.items()}


def unit(pictures: Tensor) -> Tensor:
    """Stored pictures as 32-bit floats in [0, 1]."""
    return pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures.float()


@dataclass(frozen=True)
class Recipe:
    """How the methods of one folder are trained.

    Attributes
    ----------
    architecture : type
        Settings of the networks.
    stages : tuple of type
        Settings of the kinds of stages; the `kind` of each says which it is.
    untrained : callable
        Makes the method that a configuration describes.
    read : callable
        Reads it from a weights file.
    dataset : callable
        Batches of a stage: from data, stage, working size, seed and rank.
    objective : callable
        What a stage minimises: from the stage and the method.
    measure : callable
        What is measured on one pair in a stage.
    evaluate : callable
        Means over full-size pairs at the end.
    check : callable
        Raises `ValueError` for stages that do not fit the architecture.
    module : callable, optional
        Makes what trains a stage; by default `clode_core.training.module.StageModule`.
    """

    architecture: type[Setting]
    stages: tuple[type[StageConfig], ...]
    untrained: Callable[[TrainingConfig], Method]
    read: Callable[[Path, TrainingConfig], Method]
    dataset: Callable[[DataConfig, Any, int, int, int], BatchDataset]
    objective: Callable[[Any, Any], Objective]
    measure: Callable[[Any], Measure]
    evaluate: Callable[[Any, Sequence[Pair]], dict[str, float]]
    check: Callable[[TrainingConfig], None] = lambda config: None
    module: Callable[..., Any] | None = None
