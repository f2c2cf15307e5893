"""Training on pairs, with learnable references: what `clode_core.training` needs to know of it."""

from __future__ import annotations

from clode_core.methods.lfpv.training.config import ArchitectureConfig, SupervisedStage
from clode_core.methods.lfpv.training.data import PairedDataset
from clode_core.methods.lfpv.training.objective import (
    SupervisedObjective,
    check,
    evaluate,
    measure,
    read,
    untrained,
)
from clode_core.training.recipe import Recipe

RECIPE = Recipe(
    architecture=ArchitectureConfig,
    stages=(SupervisedStage,),
    untrained=untrained,
    read=read,
    dataset=PairedDataset,
    objective=lambda stage, method: SupervisedObjective(stage),
    measure=lambda stage: measure,
    evaluate=evaluate,
    check=check,
)
