"""Training Zero-DCE and Zero-DCE++: their losses and what is measured on pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from clode_core.methods.clode.training import losses
from clode_core.methods.clode.training.degradation import Draw
from clode_core.methods.zero_dce.model import ITERATIONS, Architecture, ZeroDCE, iterated_curve
from clode_core.training.config import Setting, StageConfig, TrainingConfig
from clode_core.training.data import Batch, MixedExposureDataset
from clode_core.training.recipe import Networks, Recipe, unit, weighted
from clode_core.training.validation import Pair, Picture, mean_numbers, psnr, ssim

MOST_ITERATIONS = 16
"""Up to which the best number of iterations is looked for."""


class ZeroDCEWeights(Setting):
    """Weights of the four losses of Zero-DCE."""

    spatial: float = Field(default=1.0, ge=0, description="Spatial consistency.")
    exposure: float = Field(default=10.0, ge=0, description="Exposure control.")
    colour: float = Field(default=5.0, ge=0, description="Colour constancy.")
    smooth: float = Field(
        default=200.0, ge=0, description="Illumination smoothness; 1600 for the one map of Zero-DCE++."
    )


class ZeroDCEStage(StageConfig):
    """Train Zero-DCE or Zero-DCE++ on mixed exposures, without references."""

    kind: Literal["zero_dce"]
    batch_size: int = Field(default=8, ge=1, description="Pictures per step and device.")
    learning_rate: float = Field(default=1e-4, gt=0, le=1, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(default=1e-4, ge=0, le=1, description="Weight decay of AdamW.")
    exposure_patch: int = Field(
        default=16, ge=1, le=256, description="Side in pixels of the regions of exposure control."
    )
    exposure_level: float = Field(default=0.6, gt=0, lt=1, description="Their desired mean E.")
    weights: ZeroDCEWeights = ZeroDCEWeights()


class ArchitectureConfig(Setting):
    """The network; mirrors `clode_core.methods.zero_dce.model.Architecture`."""

    width: int = Field(default=32, ge=1, le=512, description="Channels of its hidden layers.")
    working_size: int = Field(
        default=128, ge=16, le=1024, description="Side, in pixels, of the whole pictures it is trained on."
    )


class ZeroDCEObjective:
    """The four losses of Zero-DCE; none needs a reference."""

    trains: tuple[str, ...] = ("h",)
    betas = (0.9, 0.999)

    def __init__(self, stage: ZeroDCEStage) -> None:
        self.stage = stage

    def terms(self, networks: Networks, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        stage = self.stage
        image = unit(batch.pictures)
        if Draw(generator).chance(0.5, 1).item():
            image = image.flip(-1)
        maps = networks("h", image)
        output = iterated_curve(image, maps)
        terms = {
            "spatial": losses.spatial_consistency(output, image),
            "exposure": losses.exposure_control(output, stage.exposure_patch, stage.exposure_level),
            "colour": losses.colour_constancy(output),
            "smooth": losses.illumination_smoothness(maps),
        }
        return weighted(terms, stage.weights)


def measure(method: ZeroDCE, pair: Pair) -> tuple[dict[str, float], list[Picture]]:
    """Numbers at 8 and at the best number of iterations; pictures: low, both of these, reference."""
    path = method.solve(pair.low)
    pictures: dict[int, Picture] = {n: path.at(n) for n in range(1, MOST_ITERATIONS + 1)}
    best = max(pictures, key=lambda n: psnr(pictures[n], pair.high))
    numbers = {
        "psnr_trained": psnr(pictures[ITERATIONS], pair.high),
        "ssim_trained": ssim(pictures[ITERATIONS], pair.high),
        "psnr_best": psnr(pictures[best], pair.high),
        "ssim_best": ssim(pictures[best], pair.high),
        "best_iterations": float(best),
    }
    return numbers, [pair.low, pictures[ITERATIONS], pictures[best], pair.high]


def evaluate(method: ZeroDCE, pairs: Sequence[Pair]) -> dict[str, float]:
    """Means over full-size pairs."""
    return mean_numbers([measure(method, pair)[0] for pair in pairs])


def _untrained(config: TrainingConfig) -> ZeroDCE:
    return ZeroDCE(Architecture(config.method, **config.architecture.model_dump()))


RECIPE = Recipe(
    architecture=ArchitectureConfig,
    stages=(ZeroDCEStage,),
    untrained=_untrained,
    read=lambda path, config: ZeroDCE.read(path),
    dataset=MixedExposureDataset,
    objective=lambda stage, method: ZeroDCEObjective(stage),
    measure=lambda stage: measure,
    evaluate=evaluate,
)
