"""Training enhancers on pairs, with learnable references (LFPV) or without: loss, data, what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.training import losses
from clode_core.methods.clode.training.objectives import Estimators, solve
from clode_core.methods.lfpv.model import Architecture, References, SupervisedEnhancer
from clode_core.methods.lfpv.references import UpdaterOptions, add_updaters, updating_references
from clode_core.methods.lfpv.training.config import ArchitectureConfig, SupervisedStage
from clode_core.training.config import TrainingConfig
from clode_core.training.data import Batch
from clode_core.training.recipe import Networks, unit, weighted
from clode_core.training.validation import Pair, Picture, mean_numbers, psnr, ssim

_UPDATER_SEED = 7_919


def _mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean()


class SupervisedObjective:
    r"""Loss on pairs, :math:`L(\hat I, I) + \lambda L(\bar I, I)`."""

    trains: tuple[str, ...] = ("h",)
    betas = (0.9, 0.999)

    def __init__(self, stage: SupervisedStage) -> None:
        self.stage = stage

    def picture(self, networks: Networks, dark: Tensor) -> Tensor:
        """The enhanced picture: directly, or exposed by the exponent at T = 3."""
        if self.stage.solver is None:
            picture: Tensor = networks("h", dark)
            return picture
        return curve(dark, solve(Estimators(networks), dark, self.stage.solver)[0][-1])

    def terms(self, networks: Networks, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight; one only, where there are no references."""
        dark, target = unit(batch.pictures), unit(batch.targets)
        with updating_references() as updates:
            terms = {"picture": losses.charbonnier(self.picture(networks, dark), target)}
        if updates:
            terms["stored"] = losses.charbonnier(self.picture(networks, dark), target)
            terms["size"] = _mean([F.mse_loss(updated, stored) for stored, updated in updates])
            terms["consolidation"] = _mean(
                [F.mse_loss(stored, updated.detach()) for stored, updated in updates]
            )
        return weighted(terms, self.stage.weights)


def measure(method: SupervisedEnhancer, pair: Pair) -> tuple[dict[str, float], list[Picture]]:
    """PSNR and SSIM on a pair, with the references as stored; pictures: low, enhanced, reference."""
    bright: Picture = method.enhance(pair.low)
    return {"psnr": psnr(bright, pair.high), "ssim": ssim(bright, pair.high)}, [pair.low, bright, pair.high]


def evaluate(method: SupervisedEnhancer, pairs: Sequence[Pair]) -> dict[str, float]:
    """Means over full-size pairs."""
    return mean_numbers([measure(method, pair)[0] for pair in pairs])


def prepared(method: SupervisedEnhancer, config: TrainingConfig) -> SupervisedEnhancer:
    """A method with updaters, which no file holds."""
    given = cast(ArchitectureConfig, config.architecture).references
    if given is not None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_UPDATER_SEED)
            options = UpdaterOptions(given.rounds, given.identity, given.hidden, given.update_step)
            add_updaters(method.h, options)
    return method.to("cpu")


def untrained(config: TrainingConfig) -> SupervisedEnhancer:
    """The enhancer that a configuration describes."""
    setting = cast(ArchitectureConfig, config.architecture)
    references = (
        References(setting.references.count, setting.references.patch) if setting.references else None
    )
    backbone = config.method.removeprefix("lfpv-")
    architecture = Architecture(backbone, setting.widths, references, setting.control, setting.working_size)
    return prepared(SupervisedEnhancer(architecture), config)


def read(path: Path, config: TrainingConfig) -> SupervisedEnhancer:
    """The enhancer in a weights file, ready to be trained further."""
    return prepared(SupervisedEnhancer.read(path), config)


def check(config: TrainingConfig) -> None:
    """A curve backbone needs a solver, a U-Net crops; `ValueError` for a stage that has the other."""
    curve_backbone = config.method.endswith("curve")
    for k, stage in enumerate(config.stages):
        if curve_backbone != (stage.solver is not None):
            raise ValueError(f"stage {k}: a solver is what a curve backbone needs, and no other")
        if stage.patch is None and not curve_backbone:
            raise ValueError(f"stage {k}: a U-Net is trained on crops: set the stage's patch")
