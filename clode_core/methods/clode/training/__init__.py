"""Training CLODE: what `clode_core.training` needs to know of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from clode_core.methods.clode.model import Architecture, Model
from clode_core.methods.clode.training.config import (
    ArchitectureConfig,
    DenoiseStage,
    ReachStage,
    UndoStage,
    ZeroReferenceStage,
)
from clode_core.methods.clode.training.data import DenoiseDataset, UndoDataset
from clode_core.methods.clode.training.fusion import ReachDataset
from clode_core.methods.clode.training.objectives import (
    DenoiseObjective,
    UndoObjective,
    ZeroReferenceObjective,
)
from clode_core.methods.clode.training.reach import ReachObjective
from clode_core.methods.clode.training.validation import evaluate, measure_exposure, measure_noise_removal
from clode_core.training.config import DataConfig, StageConfig, TrainingConfig
from clode_core.training.data import BatchDataset, MixedExposureDataset
from clode_core.training.recipe import Objective, Recipe
from clode_core.training.validation import Measure


class _Kind(NamedTuple):
    """What a kind of stage is trained on, what it minimises, and what is measured."""

    dataset: Callable[..., BatchDataset]
    objective: Callable[..., Objective]
    measure: Measure


_KINDS: dict[type[StageConfig], _Kind] = {
    ReachStage: _Kind(ReachDataset, ReachObjective, measure_exposure),
    UndoStage: _Kind(UndoDataset, UndoObjective, measure_exposure),
    DenoiseStage: _Kind(DenoiseDataset, DenoiseObjective, measure_noise_removal),
    ZeroReferenceStage: _Kind(MixedExposureDataset, ZeroReferenceObjective, measure_exposure),
}


def _untrained(config: TrainingConfig) -> Model:
    values = config.architecture.model_dump()
    values["step"] = values.pop("solver_step")
    return Model(Architecture(**values))


def _read(path: Path, config: TrainingConfig) -> Model:
    return Model.read(path)


def _dataset(data: DataConfig, stage: Any, side: int, seed: int, rank: int) -> BatchDataset:
    return _KINDS[type(stage)].dataset(data, stage, side, seed, rank)


def _check(config: TrainingConfig) -> None:
    assert isinstance(config.architecture, ArchitectureConfig)
    for k, stage in enumerate(config.stages):
        if isinstance(stage, ReachStage) and config.architecture.curve_network != "reach":
            raise ValueError(f"stage {k} (reach) needs architecture.curve_network reach")
    if config.architecture.noise_network:
        return
    for k, stage in enumerate(config.stages):
        if not isinstance(stage, UndoStage | ReachStage):
            raise ValueError(f"stage {k} ({stage.kind}) trains g, but architecture.noise_network is empty")


RECIPE = Recipe(
    architecture=ArchitectureConfig,
    stages=tuple(_KINDS),
    untrained=_untrained,
    read=_read,
    dataset=_dataset,
    objective=lambda stage, model: _KINDS[type(stage)].objective(stage, model),
    measure=lambda stage: _KINDS[type(stage)].measure,
    evaluate=evaluate,
    check=_check,
)
