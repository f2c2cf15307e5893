"""What each kind of stage minimises: from a batch of pictures to its loss terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import torch
from torch import Tensor

from clode_core.curve import curve
from clode_core.ode import Solver, solve_exponent
from clode_core.training import losses
from clode_core.training.config import (
    DenoiseStage,
    Setting,
    SolverConfig,
    Stage,
    UndoStage,
    ZeroReferenceStage,
)
from clode_core.training.data import Batch
from clode_core.training.degradation import (
    Draw,
    darken,
    darken_bracket,
    expose_to_mean,
    noisy_pair,
    residual_noise,
    white_balanced,
)
from clode_core.trajectory import TRAINED_TIME

EXTRAPOLATION = 5.0
"""Times from minus to plus this are shown to h, so that the whole slider is in its experience."""


@dataclass(frozen=True)
class Estimators:
    """The networks as functions of 32-bit pictures, whatever precision they run in.

    Attributes
    ----------
    A : callable
        Curve-parameter map of pictures (B, 3, H, W) at a time (scalar or (B,)).
    g : callable
        Noise removal.
    maps : callable
        All maps of a discrete curve, (B, N * 3, H, W), of a network that knows no time.
    judged : callable, optional
        Curve-parameter map and reach, of a network that has one.
    """

    A: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor], Tensor]
    maps: Callable[[Tensor], Tensor]
    judged: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None


class Objective(Protocol):
    """One kind of training."""

    trains: tuple[str, ...]
    betas: tuple[float, float]

    def terms(self, networks: Estimators, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        ...


def unit(pictures: Tensor) -> Tensor:
    """Stored pictures as 32-bit floats in [0, 1]."""
    return pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures.float()


def weighted(terms: dict[str, Tensor], weights: Setting) -> dict[str, Tensor]:
    """Each term times its weight."""
    return {name: getattr(weights, name) * term for name, term in terms.items()}


def solve(
    networks: Estimators, image: Tensor, solver: SolverConfig
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Solve the exponent ODE to the exposure time of normal exposure.

    Returns
    -------
    exponents : Tensor
        (steps + 1, B, 3, H, W), the exponent at the knots.
    parameters : list of Tensor
        The curve-parameter map of every evaluation, in order.
    """
    parameters: list[Tensor] = []

    def recorded(state: Tensor, time: Tensor) -> Tensor:
        parameters.append(networks.A(state, time))
        return parameters[-1]

    times = torch.linspace(0, TRAINED_TIME, solver.steps + 1, device=image.device)
    knots = solve_exponent(recorded, image, times, Solver(solver.method, TRAINED_TIME / solver.steps))
    per_step = len(parameters) // solver.steps
    return knots, parameters, parameters[::per_step]


class UndoObjective:
    """Learn h by undoing darkenings; see `losses` for the terms."""

    trains: tuple[str, ...] = ("h",)
    betas = (0.9, 0.999)

    def __init__(self, stage: UndoStage) -> None:
        self.stage = stage

    def pairs(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Dark pictures and their targets, (B, 3, H, W), cropped to one random shape per batch."""
        stage, draw = self.stage, Draw(generator)
        undo, bracket, dark = batch.counts.tolist()
        normal, shot, unlit = torch.split(unit(batch.pictures), [undo, bracket, dark])
        lit = (
            expose_to_mean(unlit, draw.uniform(*stage.darkening.dark_mean, dark, 1, 1, 1)) if dark else unlit
        )
        references = unit(batch.targets)
        references = torch.cat([normal, references[undo : undo + bracket], lit])
        darkened = [
            darken(normal, stage.darkening, generator) if undo else normal,
            darken_bracket(shot, stage.darkening, generator) if bracket else shot,
            darken(lit, stage.darkening, generator) if dark else lit,
        ]
        inputs = residual_noise(torch.cat(darkened), stage.darkening, generator)
        return self._cropped(inputs, white_balanced(references, stage.white_balance), draw)

    def _cropped(self, inputs: Tensor, targets: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """Mirror at random and cut to a random aspect, landscape more often than portrait."""
        side = inputs.shape[-1]
        length = draw.integer(max(1, int(side * self.stage.smallest_side)), side + 1)
        start = draw.integer(0, side - length + 1)
        mirrored, portrait = draw.chance(0.5, 1).item(), draw.chance(0.3, 1).item()
        kept = slice(start, start + length)
        both = [x.flip(-1) if mirrored else x for x in (inputs, targets)]
        dark, target = ((x[..., kept] if portrait else x[..., kept, :]).contiguous() for x in both)
        return dark, target

    def terms(self, networks: Estimators, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        dark, target = self.pairs(batch, generator)
        knots, parameters, _ = solve(networks, dark, self.stage.solver)
        exponent = knots[-1]
        true = losses.logit(target) - losses.logit(dark)
        weight = losses.exponent_weight(dark, target)
        scale = losses.best_scale(exponent, true, weight)

        mean = exponent.detach() / TRAINED_TIME
        time = Draw(generator).uniform(-EXTRAPOLATION, EXTRAPOLATION, len(dark))
        elsewhere = networks.A(curve(dark, mean * time[:, None, None, None]), time)
        terms = {
            "picture": losses.charbonnier(curve(dark, exponent), target),
            "shape": losses.charbonnier(curve(dark, exponent * scale), target),
            "exponent": losses.exponent_error(exponent, true, weight),
            "straight": losses.straightness(parameters, exponent, TRAINED_TIME),
            "extrapolation": losses.straightness([elsewhere], exponent, TRAINED_TIME),
            "smooth": losses.gradient(exponent),
            "colour": losses.partial_white_balance(
                exponent, dark, self.stage.white_balance.strength, self.stage.white_balance.limit
            ),
        }
        return weighted(terms, self.stage.weights)


class DenoiseObjective:
    """Learn g on darkened, noisy, brightened pictures."""

    trains: tuple[str, ...] = ("g",)
    betas = (0.9, 0.99)

    def __init__(self, stage: DenoiseStage) -> None:
        self.stage = stage

    def terms(self, networks: Estimators, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        noisy, clean = noisy_pair(unit(batch.pictures), self.stage.noise, generator)
        return {"picture": losses.charbonnier(networks.g(noisy), clean, epsilon=1e-6)}


class ZeroReferenceObjective:
    """The paper's losses on h and g together: ``A = h(g(I), t)``, output ``g(I_T)``."""

    trains: tuple[str, ...] = ("h", "g")
    betas = (0.9, 0.999)

    def __init__(self, stage: ZeroReferenceStage) -> None:
        self.stage = stage

    def terms(self, networks: Estimators, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        stage = self.stage
        image = unit(batch.pictures)
        if Draw(generator).chance(0.5, 1).item():
            image = image.flip(-1)
        knots, _, starts = solve(networks, image, stage.solver)
        duration = TRAINED_TIME / stage.solver.steps
        output = networks.g(curve(image, knots[-1]))
        noise = [
            losses.zero_shot_noise(networks.g, curve(image, knot.detach())) for knot in (knots[0], knots[-1])
        ]
        terms = {
            "spatial": losses.spatial_consistency(output, image),
            "exposure": losses.exposure_control(output, stage.exposure_patch, stage.exposure_level),
            "colour": losses.colour_constancy(output),
            "smooth": losses.parameter_smoothness(starts, [duration] * len(starts)),
            "noise": torch.stack(noise).mean(),
        }
        return weighted(terms, stage.weights)


def make_objective(stage: Stage) -> Objective:
    """The objective of a stage."""
    if stage.room:  # only here is a baseline needed
        objective: Objective = import_module(stage.room).make_objective(stage)
        return objective
    if isinstance(stage, UndoStage):
        return UndoObjective(stage)
    if isinstance(stage, DenoiseStage):
        return DenoiseObjective(stage)
    assert isinstance(stage, ZeroReferenceStage)
    return ZeroReferenceObjective(stage)
