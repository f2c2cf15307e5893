"""What can be trained: CLODE itself, or a baseline, by the same trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from clode_core.model import Architecture, Model, read_model
from clode_core.training.config import TrainingConfig, TrainingError
from clode_core.training.validation import evaluate


class Subject(Protocol):
    """Networks with their weights and their card.

    Attributes
    ----------
    h, g : Module
        Curve-parameter estimation and, where there is one, noise removal.
    card : dict
        Model card.
    """

    card: dict[str, Any]

    @property
    def h(self) -> nn.Module:
        """Curve-parameter estimation."""
        ...

    @property
    def g(self) -> nn.Module | None:
        """Noise removal."""
        ...

    def to(self, device: str | torch.device) -> Subject:
        """Move the networks; returns itself."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """Weights, named ``h.*`` and ``g.*``."""
        ...

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Set the weights."""
        ...

    def save(self, path: str | Path) -> Path:
        """Write weights and card."""
        ...


@dataclass(frozen=True)
class Family:
    """How the subjects of one kind are made, read and measured.

    Attributes
    ----------
    file : str
        Name of their weights file.
    working_size : int
        Side, in pixels, of the pictures they are trained on.
    untrained : callable
        Makes one.
    read : callable
        Reads one from a weights file.
    evaluate : callable
        Means over full-size pairs.
    module : callable, optional
        Makes what trains a stage; by default `StageModule`, which it derives from.
    """

    file: str
    working_size: int
    untrained: Callable[[], Subject]
    read: Callable[[Path], Subject]
    evaluate: Callable[[Any, Any], dict[str, float]]
    module: Callable[..., Any] | None = None


def family_of(config: TrainingConfig) -> Family:
    """What a configuration trains.

    Raises
    ------
    TrainingError
        If it is a baseline, and the baselines are not installed.
    """
    other = config.other
    if other is None:
        values = config.architecture.model_dump()
        values["step"] = values.pop("solver_step")
        architecture = Architecture(**values)
        return Family(
            "clode.safetensors",
            architecture.working_size,
            lambda: Model(architecture),
            read_model,
            evaluate,
        )
    try:
        room = import_module(other.room)
    except ModuleNotFoundError as error:
        raise TrainingError(f"baseline: {error.name} is missing: install clode-core again.") from None
    made: Family = room.family(other)
    return made
