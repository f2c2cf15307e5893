"""Training configuration: one small model per concept, every field explained and bounded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Range = tuple[float, float]


class TrainingError(ValueError):
    """A training that cannot start or go on; the message is one sentence that says why."""


class ConfigError(TrainingError):
    """A training configuration that cannot be used; the message names the file, the field and the fault."""


class Setting(BaseModel):
    """Base of all settings: unknown fields are refused, values are fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Setting):
    """Folders of pictures; relative paths start at the current directory."""

    FOLDERS: ClassVar = ("normal", "dark", "low", "high", "exclude", "scenes")

    normal: list[Path] = Field(
        default_factory=list, description="Pictures of mixed exposure, named in order of shooting."
    )
    dark: list[Path] = Field(default_factory=list, description="Dark pictures; no reference is needed.")
    low: list[Path] = Field(default_factory=list, description="Dark pictures of pairs.")
    high: list[Path] = Field(default_factory=list, description="Their references, of the same names.")
    exclude: list[Path] = Field(
        default_factory=list, description="Folders whose file names, without suffix, are not read."
    )
    scenes: list[Path] = Field(
        default_factory=list,
        description="Tables (CSV) of the scenes of pairs; a scene marked validation or public is not used.",
    )
    largest_side: int = Field(
        default=1024, ge=32, le=8192, description="Larger pictures are shrunk to this when read."
    )
    bracket_correlation: float = Field(
        default=0.9,
        gt=0,
        lt=1,
        description="Rank correlation of thumbnails above which two pictures show one scene.",
    )
    bracket_window: int = Field(
        default=24, ge=1, le=1000, description="How many pictures apart one scene may be."
    )


class ValidationConfig(Setting):
    """Pairs that are measured but never trained on."""

    low: Path = Field(description="Folder of dark pictures.")
    high: Path = Field(description="Folder of references with the same names.")
    every_steps: int = Field(default=500, ge=1, description="Steps between two validations.")
    limit: int = Field(default=30, ge=1, description="Most pairs that are measured.")
    long_side: int = Field(
        default=300, ge=32, description="Pairs are shrunk to this, except for the last validation."
    )
    shown: int = Field(default=6, ge=1, le=32, description="Pairs in the panel picture.")


class TrainerConfig(Setting):
    """How and where the steps run."""

    accelerator: str = Field(default="auto", description="auto, cpu, cuda, mps, ...")
    devices: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        default="auto", description="Devices per node."
    )
    nodes: int = Field(default=1, ge=1, description="Machines that train together.")
    strategy: str = Field(
        default="auto", description="Lightning's name of the way work is shared, such as ddp."
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        default="32-true", description="Of the convolutions; exponents and losses are always 32-bit."
    )
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads; by default what the machine offers."
    )
    workers: int = Field(
        default=0, ge=0, description="Processes that gather batches; 0 is fastest for data in memory."
    )
    checkpoint_every_steps: int = Field(default=250, ge=1, description="Steps between two checkpoints.")
    log_every_steps: int = Field(default=50, ge=1, description="Steps that one logged value is the mean of.")
    progress: bool = Field(default=True, description="Whether to show a progress bar.")


class StageConfig(Setting):
    """What every stage has; a method's stages derive from it and add a `kind`."""

    full_size: ClassVar[bool] = False
    """Whether validation pairs are measured at full size, not shrunk."""
    kind: str
    steps: int = Field(ge=1, description="Optimiser steps.")
    batch_size: int = Field(default=16, ge=1, description="Pictures per step and device.")
    learning_rate: float = Field(default=2e-3, gt=0, le=1, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(default=1e-3, ge=0, le=1, description="Weight decay of AdamW.")
    warmup_steps: int = Field(default=100, ge=1, description="Steps of linear warm-up before the cosine.")
    ema: float = Field(default=0.998, ge=0, lt=1, description="Decay of the averaged weights that are kept.")
    gradient_clip: float = Field(default=1.0, gt=0, description="Largest norm of the gradient.")


class TrainingConfig(Setting):
    """A whole training: which method, from what, and in which stages.

    `clode_core.training.loading.config_type` gives the type for one method, in which `architecture` and
    `stages` are that method's own.
    """

    name: str = Field(min_length=1, description="Name of the model.")
    output: Path = Field(description="Folder that everything is written to.")
    seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of all randomness.")
    method: str = Field(default="clode", description="Which method is trained.")
    architecture: Setting = Field(default=Setting(), description="Its networks.")
    start_from: Path | None = Field(default=None, description="Weights (.safetensors) to start from.")
    noise_from: Path | None = Field(default=None, description="Weights (.safetensors) whose g is taken.")
    data: DataConfig
    validation: ValidationConfig | None = None
    trainer: TrainerConfig = TrainerConfig()
    stages: list[Any] = Field(min_length=1, description="What is trained, in order.")
