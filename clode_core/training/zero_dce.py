"""Training Zero-DCE and Zero-DCE++: their losses and what is measured on pairs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from clode_core.methods import packaged_weights
from clode_core.methods.zero_dce.model import ITERATIONS, Architecture, ZeroDCE, iterated_curve, read_zero_dce
from clode_core.training import losses
from clode_core.training.config import BaselineConfig, ZeroDCEStage
from clode_core.training.data import Batch, MixedExposureDataset
from clode_core.training.degradation import Draw
from clode_core.training.objectives import Estimators, unit, weighted
from clode_core.training.subject import Family
from clode_core.training.validation import Pair, Picture, mean_numbers, psnr, ssim

MOST_ITERATIONS = 16
"""Up to which the best number of iterations is looked for."""


class ZeroDCEObjective:
    """The four losses of Zero-DCE; none needs a reference."""

    trains: tuple[str, ...] = ("h",)
    betas = (0.9, 0.999)

    def __init__(self, stage: ZeroDCEStage) -> None:
        self.stage = stage

    def terms(self, networks: Estimators, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        stage = self.stage
        image = unit(batch.pictures)
        if Draw(generator).chance(0.5, 1).item():
            image = image.flip(-1)
        maps = networks.maps(image)
        output = iterated_curve(image, maps)
        terms = {
            "spatial": losses.spatial_consistency(output, image),
            "exposure": losses.exposure_control(output, stage.exposure_patch, stage.exposure_level),
            "colour": losses.colour_constancy(output),
            "smooth": losses.illumination_smoothness(maps),
        }
        return weighted(terms, stage.weights)


make_objective = ZeroDCEObjective
make_dataset = MixedExposureDataset


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


def family(setting: BaselineConfig) -> Family:
    """Zero-DCE or Zero-DCE++ as a configuration wants it."""
    architecture = Architecture(**setting.model_dump())
    return Family(
        packaged_weights(setting.variant).name,
        setting.working_size,
        lambda: ZeroDCE(architecture),
        read_zero_dce,
        evaluate,
    )
