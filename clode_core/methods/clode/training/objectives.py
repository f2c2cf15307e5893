"""What each kind of stage minimises: from a batch of pictures to its loss terms."""

from __future__ import annotations

import torch
from torch import Tensor

from clode_core.methods.clode.automatic import TRAINED_TIME
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.model import Model, clean_state
from clode_core.methods.clode.noise_networks import CascadeNoiseNet
from clode_core.methods.clode.ode import Solver, solve_exponent
from clode_core.methods.clode.training import losses
from clode_core.methods.clode.training.config import DenoiseStage, SolverConfig, UndoStage, ZeroReferenceStage
from clode_core.methods.clode.training.degradation import (
    Draw,
    darken,
    darken_bracket,
    expose_to_mean,
    residual_noise,
    white_balanced,
)
from clode_core.methods.clode.training.sensor import noisy_pair
from clode_core.training.data import Batch
from clode_core.training.recipe import Networks, unit, weighted

EXTRAPOLATION = 5.0
"""Times from minus to plus this are shown to h, so that the whole slider is in its experience."""


class Estimators:
    """The networks as functions of 32-bit pictures: ``A(I, t) = h(I, t)`` or ``h(g(I), t)``, and ``g(I)``.

    Parameters
    ----------
    networks : Networks
        From the trainer.
    model : Model, optional
        What is trained; without one, ``A`` is ``h``.
    """

    def __init__(self, networks: Networks, model: Model | None = None) -> None:
        self.networks = networks
        self.cleaned = model is not None and model.architecture.clean_state and model.g is not None
        self.multiple = 1 if model is None or model.g is None else int(model.g.multiple)

    def A(self, picture: Tensor, exposure_time: Tensor) -> Tensor:  # noqa: N802
        """Curve-parameter map of pictures (B, 3, H, W) at a time (scalar or (B,))."""
        A: Tensor = self.networks("h", self.g(picture) if self.cleaned else picture, exposure_time)
        return A

    def judged(self, picture: Tensor, exposure_time: Tensor) -> tuple[Tensor, Tensor]:
        """Curve-parameter map and reach, of a network that has one."""
        A, reach = self.networks("h.judged", self.g(picture) if self.cleaned else picture, exposure_time)
        return A, reach

    def g(self, picture: Tensor) -> Tensor:
        """Noise removal."""
        return clean_state(lambda x: self.networks("g", x), picture, self.multiple)


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

    def __init__(self, stage: UndoStage, model: Model) -> None:
        self.stage = stage
        self.model = model

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

    def terms(self, networks: Networks, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        dark, target = self.pairs(batch, generator)
        estimators = Estimators(networks, self.model)
        knots, parameters, _ = solve(estimators, dark, self.stage.solver)
        exponent = knots[-1]
        true = losses.logit(target) - losses.logit(dark)
        weight = losses.exponent_weight(dark, target)
        scale = losses.best_scale(exponent, true, weight)

        mean = exponent.detach() / TRAINED_TIME
        time = Draw(generator).uniform(-EXTRAPOLATION, EXTRAPOLATION, len(dark))
        elsewhere = estimators.A(curve(dark, mean * time[:, None, None, None]), time)
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

    def __init__(self, stage: DenoiseStage, model: Model) -> None:
        self.stage = stage
        self.model = model
        if isinstance(model.g, CascadeNoiseNet):
            model.g.detail_only = stage.detail_only

    def terms(self, networks: Networks, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        noisy, clean = noisy_pair(unit(batch.pictures), self.stage.noise, generator)
        cleaned = Estimators(networks, self.model).g(noisy)
        weights = self.stage.weights
        errors = {"picture": ((cleaned - clean).square() + 1e-6).sqrt().mean((1, 2, 3))}
        if weights.structure > 0:
            errors["structure"] = losses.structural_dissimilarity(cleaned, clean)
        knees = {"picture": weights.knee, "structure": 10 * weights.knee}
        terms = {
            name: losses.evened(error, knees[name]) if weights.knee else error.mean()
            for name, error in errors.items()
        }
        return weighted(terms, self.stage.weights)


class ZeroReferenceObjective:
    """The paper's losses on h and g together: ``A = h(g(I), t)``, output ``g(I_T)``."""

    trains: tuple[str, ...] = ("h", "g")
    betas = (0.9, 0.999)

    def __init__(self, stage: ZeroReferenceStage, model: Model) -> None:
        self.stage = stage
        self.model = model

    def terms(self, networks: Networks, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        stage = self.stage
        image = unit(batch.pictures)
        if Draw(generator).chance(0.5, 1).item():
            image = image.flip(-1)
        estimators = Estimators(networks, self.model)
        knots, _, starts = solve(estimators, image, stage.solver)
        duration = TRAINED_TIME / stage.solver.steps
        output = estimators.g(curve(image, knots[-1]))
        noise = [
            losses.zero_shot_noise(estimators.g, curve(image, knot.detach()))
            for knot in (knots[0], knots[-1])
        ]
        terms = {
            "spatial": losses.spatial_consistency(output, image),
            "exposure": losses.exposure_control(output, stage.exposure_patch, stage.exposure_level),
            "colour": losses.colour_constancy(output),
            "smooth": losses.parameter_smoothness(starts, [duration] * len(starts)),
            "noise": torch.stack(noise).mean(),
        }
        return weighted(terms, stage.weights)
