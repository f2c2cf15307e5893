"""Training enhancers on pairs, with learnable references (LFPV) or without: loss, data, what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from clode_core.methods.clode.curve import curve
from clode_core.methods.lfpv.model import Architecture, References, SupervisedEnhancer, read_supervised
from clode_core.methods.lfpv.references import UpdaterOptions, add_updaters, updating_references
from clode_core.training import losses
from clode_core.training.config import SupervisedConfig, SupervisedStage
from clode_core.training.data import Batch
from clode_core.training.objectives import Estimators, solve, unit, weighted
from clode_core.training.paired import PairedDataset
from clode_core.training.subject import Family
from clode_core.training.validation import Pair, Picture, mean_numbers, psnr, ssim

_UPDATER_SEED = 7_919


def _mean(values: list[Tensor]) -> Tensor:
    return torch.stack(values).mean()


class SupervisedObjective:
    r"""Loss on pairs, :math:`L(\hat I, I) + \lambda L(\bar I, I)`; see `clode_core.methods.lfpv.references`."""

    trains: tuple[str, ...] = ("h",)
    betas = (0.9, 0.999)

    def __init__(self, stage: SupervisedStage) -> None:
        self.stage = stage

    def picture(self, networks: Estimators, dark: Tensor) -> Tensor:
        """The enhanced picture: directly, or exposed by the exponent at T = 3."""
        if self.stage.solver is None:
            return networks.maps(dark)
        return curve(dark, solve(networks, dark, self.stage.solver)[0][-1])

    def terms(self, networks: Estimators, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
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


make_objective = SupervisedObjective
make_dataset = PairedDataset


def measure(method: SupervisedEnhancer, pair: Pair) -> tuple[dict[str, float], list[Picture]]:
    """PSNR and SSIM on a pair, with the references as stored; pictures: low, enhanced, reference."""
    bright: Picture = method.enhance(pair.low)
    return {"psnr": psnr(bright, pair.high), "ssim": ssim(bright, pair.high)}, [pair.low, bright, pair.high]


def evaluate(method: SupervisedEnhancer, pairs: Sequence[Pair]) -> dict[str, float]:
    """Means over full-size pairs."""
    return mean_numbers([measure(method, pair)[0] for pair in pairs])


def family(setting: SupervisedConfig) -> Family:
    """A supervised enhancer as a configuration wants it."""
    given = setting.references
    references = References(given.count, given.patch) if given else None
    architecture = Architecture(
        setting.backbone, setting.widths, references, setting.control, setting.working_size
    )

    def prepared(method: SupervisedEnhancer) -> SupervisedEnhancer:
        """With updaters, which no file holds."""
        if given is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(_UPDATER_SEED)
                add_updaters(
                    method.h, UpdaterOptions(given.rounds, given.identity, given.hidden, given.update_step)
                )
        return method.to("cpu")

    def read(path: Path) -> SupervisedEnhancer:
        return prepared(read_supervised(path))

    return Family(
        f"{architecture.variant}.safetensors",
        setting.working_size,
        lambda: prepared(SupervisedEnhancer(architecture)),
        read,
        evaluate,
    )
