"""Settings of EnlightenGAN's training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from clode_core.training.config import Range, Setting, StageConfig


class EnlightenGANWeights(Setting):
    """Weights of the losses of EnlightenGAN's generator; all 1 as published."""

    adversarial: float = Field(default=1.0, ge=0, description="Against the global discriminator.")
    adversarial_local: float = Field(default=1.0, ge=0, description="Against the local discriminator.")
    features: float = Field(default=1.0, ge=0, description="Features of the whole picture are preserved.")
    features_local: float = Field(default=1.0, ge=0, description="Features of the patches are preserved.")


class EnlightenGANStage(StageConfig):
    """Train EnlightenGAN on dark and on well-exposed pictures that are no pairs."""

    kind: Literal["enlightengan"]
    batch_size: int = Field(
        default=32, ge=1, description="Dark pictures, and normal ones, per step and device."
    )
    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="Peak learning rate of the generator.")
    critic_learning_rate: float = Field(
        default=1e-4, gt=0, le=1, description="Peak learning rate of the discriminators."
    )
    weight_decay: float = Field(default=0.0, ge=0, le=1, description="Weight decay of AdamW.")
    gradient_clip: float = Field(default=10.0, gt=0, description="Largest norm of each network's gradient.")
    zoom: float = Field(
        default=2.0, ge=1, le=64, description="Largest crop, times the working size, that is shrunk to it."
    )
    dark_mean: Range = Field(default=(0.0, 1.0), description="Range of the mean of dark pictures.")
    normal_mean: Range = Field(default=(0.0, 1.0), description="Range of the mean of normal pictures.")
    patches: int = Field(default=5, ge=1, le=64, description="Local patches of each picture.")
    patch: int = Field(default=32, ge=16, le=512, description="Their side in pixels.")
    critic_width: int = Field(
        default=64, ge=1, le=512, description="Channels of the first layer of the discriminators."
    )
    critic_layers: int = Field(default=5, ge=1, le=8, description="Halvings of the global discriminator.")
    local_critic_layers: int = Field(default=3, ge=1, le=8, description="Halvings of the local one.")
    feature_layer: tuple[Annotated[int, Field(ge=1, le=5)], Annotated[int, Field(ge=1, le=3)]] = Field(
        default=(5, 1), description="Block and convolution of VGG16 whose features are preserved."
    )
    weights: EnlightenGANWeights = EnlightenGANWeights()

    @model_validator(mode="after")
    def _patches_are_judged(self) -> EnlightenGANStage:
        if self.patch >> self.local_critic_layers < 3:
            raise ValueError(f"a patch of {self.patch} pixels is too small for the local discriminator")
        return self


class ArchitectureConfig(Setting):
    """EnlightenGAN; mirrors `clode_core.methods.enlightengan.model.Architecture`."""

    width: int = Field(default=32, ge=1, le=128, description="Channels of the generator's first level.")
    depth: int = Field(default=4, ge=1, le=6, description="How often the generator halves the picture.")
    working_size: int = Field(
        default=320, ge=16, le=1024, description="Side, in pixels, of the crops it is trained on."
    )

    @model_validator(mode="after")
    def _halves_evenly(self) -> ArchitectureConfig:
        if self.working_size % (1 << self.depth):
            raise ValueError(f"working_size must be a multiple of {1 << self.depth} at this depth")
        return self
