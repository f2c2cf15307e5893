"""Training EnlightenGAN: what `clode_core.training` needs to know of it."""

from __future__ import annotations

from clode_core.methods.enlightengan.model import Architecture, EnlightenGAN
from clode_core.methods.enlightengan.training.config import ArchitectureConfig, EnlightenGANStage
from clode_core.methods.enlightengan.training.data import UnpairedDataset
from clode_core.methods.enlightengan.training.module import (
    EnlightenGANModule,
    evaluate,
    make_objective,
    measure,
)
from clode_core.training.config import TrainingConfig
from clode_core.training.recipe import Recipe


def _untrained(config: TrainingConfig) -> EnlightenGAN:
    return EnlightenGAN(Architecture(**config.architecture.model_dump()))


RECIPE = Recipe(
    architecture=ArchitectureConfig,
    stages=(EnlightenGANStage,),
    untrained=_untrained,
    read=lambda path, config: EnlightenGAN.read(path),
    dataset=UnpairedDataset,
    objective=lambda stage, method: make_objective(stage),
    measure=lambda stage: measure,
    evaluate=evaluate,
    module=EnlightenGANModule,
)
