"""Settings of training on pairs, with learnable references or without."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from clode_core.methods.clode.training.config import SolverConfig
from clode_core.training.config import Setting, StageConfig


class SupervisedWeights(Setting):
    """Weights of the losses on pairs; all but the first are for learnable references."""

    picture: float = Field(default=1.0, ge=0, description="Picture by updated references against its target.")
    stored: float = Field(default=1.0, ge=0, description="Picture by stored references against it, lambda.")
    size: float = Field(default=0.001, ge=0, description="Mean square of the updates, to keep them small.")
    consolidation: float = Field(
        default=0.005, ge=0, description="Stored references against updated ones, which are held constant."
    )


class SupervisedStage(StageConfig):
    """Train an enhancer on pairs, with or without learnable references."""

    kind: Literal["supervised"]
    batch_size: int = Field(default=8, ge=1, description="Pictures per step and device.")
    weight_decay: float = Field(default=1e-4, ge=0, le=1, description="Weight decay of AdamW.")
    patch: int | None = Field(
        default=None,
        ge=16,
        le=1024,
        multiple_of=16,
        description="Side of crops at full size; by default whole pictures at working size.",
    )
    solver: SolverConfig | None = Field(
        default=None, description="How the curve backbone is solved; a U-Net gives the picture itself."
    )
    weights: SupervisedWeights = SupervisedWeights()


class ReferencesConfig(Setting):
    """Learnable references; all but the first two are of the updaters, which only training has."""

    count: int = Field(default=52, ge=1, le=1024, description="Number of vectors, and of patches.")
    patch: int = Field(default=2, ge=1, le=16, description="Side of a patch in pixels of the feature.")
    rounds: int = Field(default=1, ge=1, le=16, description="Rounds of updates per step, O.")
    identity: int = Field(default=16, ge=1, le=256, description="Length of the identity embeddings.")
    hidden: int = Field(default=32, ge=1, le=1024, description="Hidden units of each updater.")
    update_step: float = Field(
        default=0.1, gt=0, le=1, description="Half the most that a round moves a number."
    )


class ArchitectureConfig(Setting):
    """An enhancer for pairs; mirrors `clode_core.methods.lfpv.model.Architecture`."""

    widths: tuple[int, ...] = Field(default=(), description="Channels per level; by default its own.")
    references: ReferencesConfig | None = Field(
        default=ReferencesConfig(), description="Learnable references at the deepest feature, or null."
    )
    control: int = Field(
        default=0, ge=0, le=4096, description="Hidden channels of plain convolutions in their place."
    )
    working_size: int = Field(
        default=96, ge=16, le=1024, description="Long side, in pixels, that the curve backbone works at."
    )

    @model_validator(mode="after")
    def _one_boost(self) -> ArchitectureConfig:
        if self.references is not None and self.control:
            raise ValueError("references and their control cannot be in one network: set references to null")
        return self
