"""Learning to reach the fusion of a scene's bracket, in one step, and to judge how far to go."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from clode_core.methods.clode.automatic import TRAINED_TIME
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.model import Model
from clode_core.methods.clode.training import losses
from clode_core.methods.clode.training.config import ReachStage
from clode_core.methods.clode.training.degradation import (
    Draw,
    blur,
    darken,
    darken_bracket,
    on_black,
    residual_noise,
    smooth_field,
)
from clode_core.methods.clode.training.fusion import KINDS
from clode_core.methods.clode.training.objectives import Estimators
from clode_core.training.data import Batch
from clode_core.training.recipe import Networks, unit, weighted

_HIGHLIGHT = 0.92  # quantile of the light that contrast is undone from
_LUMINANCE_LIMIT = 4.0
_SCALES = tuple(0.25 + 0.175 * k for k in range(9))  # of the exponent, among which the best is looked for
_LATER = (-1.5, 4.5)
_EDGE = 3.0  # working pixels beside an edge in which the exponent may change
_OWN_TARGET = ("contrast", "undo", "fine")  # kinds whose pictures are their targets, darkened or as they are
_RAMP = 300  # steps until own results count in full


class Known(NamedTuple):
    """Pictures, their targets, the true exponents and the trust in them, (B, 3, H, W) each."""

    image: Tensor
    target: Tensor
    exponent: Tensor
    weight: Tensor

    def some(self, chosen: Tensor) -> Known:
        """Those of some pictures."""
        return Known(*(part[chosen] for part in self))


def best_reach(image: Tensor, exponent: Tensor, target: Tensor) -> Tensor:
    r"""Find the best exposure of each picture along its exponent.

    .. math:: c = \arg\min_{0.25 \le c \le 1.65} \|\operatorname{curve}(I_0, c S) - J\|^2

    among nine scales, and then at the vertex of the parabola through the best and its neighbours. Every
    other pixel is looked at. (B, 1, 1, 1), detached.
    """
    image, exponent, target = (x.detach()[..., ::2, ::2] for x in (image, exponent, target))
    errors = torch.stack(
        [(curve(image, scale * exponent) - target).square().mean((1, 2, 3)) for scale in _SCALES]
    )
    middle = errors.argmin(0).clamp(1, len(_SCALES) - 2)
    before, at, after = (errors.gather(0, (middle + k)[None])[0] for k in (-1, 0, 1))
    bend = (before - 2 * at + after).clamp(min=1e-9)
    vertex = middle + ((before - after) / (2 * bend)).clamp(-1, 1)
    return (_SCALES[0] + (_SCALES[1] - _SCALES[0]) * vertex)[:, None, None, None]


def flat_halves(count: int, size: tuple[int, int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (count, 3, H, W) of two flat parts with a straight edge, and where that edge is not near."""
    draw, one = Draw(generator), (count, 1, 1, 1)
    down, across = (torch.arange(n, device=generator.device) - (n - 1) / 2 for n in size)
    angle, offset = draw.uniform(0, 2 * math.pi, *one), draw.uniform(-0.3, 0.3, *one) * min(size)
    away = angle.cos() * across + angle.sin() * down[:, None] - offset
    levels = draw.log_uniform(5e-3, 0.9, 2, count, 3, 1, 1).mean(2, keepdim=True)
    first, second = levels * (1 + 0.1 * draw.normal(2, count, 3, 1, 1)).clamp(0.7, 1.1)
    picture = torch.where(away > 0, first, second).clamp(0, 1)
    return picture, (away.abs() > _EDGE).float()


def undo_contrast(target: Tensor, stage: ReachStage, generator: torch.Generator) -> Tensor:
    r"""Darken a picture so that shadows sink and highlights stay.

    .. math:: I_0 = \operatorname{curve}(J, -a (q - b) - \ell - f(x) - \delta_c)

    with ``b`` the blurred logit luminance, ``q`` its 92nd percentile and ``f`` a smooth random field.
    """
    draw, count = Draw(generator), len(target)
    one = (count, 1, 1, 1)
    luminance = losses.logit(target.mean(1, keepdim=True)).clamp(-_LUMINANCE_LIMIT, _LUMINANCE_LIMIT)
    base = blur(luminance, max(3, max(target.shape[-2:]) // 10) | 1)
    highlight = base.flatten(1).quantile(_HIGHLIGHT, 1).reshape(one)
    slope, level = draw.uniform(*stage.contrast, *one), draw.uniform(*stage.contrast_level, *one)
    colour = stage.darkening.colour * draw.normal(count, 3, 1, 1)
    field = draw.uniform(0, stage.contrast_field, *one) * smooth_field(
        draw, count, (target.shape[-2], target.shape[-1])
    )
    return curve(target, -(slope * (highlight - base) + level + field).clamp(min=0) - colour)


class ReachObjective:
    r"""One evaluation reaches the target, ``S = 3 h(I0, 0)``; along the way h says the same.

    At time ``t`` the state on the way, :math:`\operatorname{curve}(I_0, t A)`, must give the ``A`` it was
    reached by, so that a solver with any number of steps goes straight.
    """

    trains: tuple[str, ...] = ("h",)
    betas = (0.9, 0.999)

    def __init__(self, stage: ReachStage, model: Model) -> None:
        self.stage = stage
        self.model = model

    def pairs(self, batch: Batch, generator: torch.Generator) -> Known:
        """Pictures of a batch, darkened where their kind says so."""
        stage, counts = self.stage, batch.counts.tolist()
        pictures, target = unit(batch.pictures), unit(batch.targets)
        if stage.on_black:
            pictures, target = self._on_black(pictures, target, counts, generator)
        parts = dict(zip(KINDS, torch.split(pictures, counts), strict=True))
        if len(parts["bracket"]):
            parts["bracket"] = darken_bracket(parts["bracket"], stage.darkening, generator)
        if len(parts["contrast"]):
            darker = undo_contrast(parts["contrast"], stage, generator)
            parts["contrast"] = residual_noise(darker, stage.darkening, generator)
        if len(parts["undo"]):
            darker = darken(parts["undo"], stage.darkening, generator)
            parts["undo"] = residual_noise(darker, stage.darkening, generator)
        image = torch.cat(list(parts.values()))
        true = losses.logit(target) - losses.logit(image)
        return Known(image, target, true, losses.exponent_weight(image, target))

    def _on_black(
        self, pictures: Tensor, target: Tensor, counts: list[int], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Put black around parts of the pictures that are their own targets."""
        kinds = [kind in _OWN_TARGET for kind in KINDS for _ in range(counts[KINDS.index(kind)])]
        own = torch.tensor(kinds, device=pictures.device)
        if not own.any():
            return pictures, target
        shown = on_black(pictures[own], self.stage.on_black, generator)
        return pictures.index_put((own,), shown), target.index_put((own,), shown)

    def terms(self, networks: Networks, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        judged = Estimators(networks, self.model).judged
        known, stage = self.pairs(batch, generator), self.stage
        A, reach = judged(known.image, known.image.new_zeros(len(known.image)))
        terms = self._reached(known, TRAINED_TIME * A, reach[:, None, None, None])
        own, straight, terms["flat"] = self._further(judged, known.image, A, reach.detach(), batch, generator)
        ramp = min(1.0, int(batch.step) / _RAMP)
        terms["own"] = ramp * own
        terms["straight"] = straight
        return weighted(terms, stage.weights)

    def _further(
        self,
        judged: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
        image: Tensor,
        A: Tensor,
        reach: Tensor,
        batch: Batch,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What h says of own results, of later states, and of two flat halves, in one evaluation."""
        stage, draw = self.stage, Draw(generator)
        order = torch.rand(len(image), generator=generator, device=generator.device).argsort()
        again, later = order[: stage.again], order[-stage.later :]
        far = reach[again] if int(batch.step) % 2 else torch.ones_like(reach[again])
        fixed = A.detach()
        own = curve(image[again], TRAINED_TIME * far[:, None, None, None] * fixed[again])
        time = draw.uniform(*_LATER, len(later))
        states = curve(image[later], time[:, None, None, None] * fixed[later])
        flats, even = flat_halves(stage.flats, (image.shape[-2], image.shape[-1]), generator)
        times = torch.cat([time.new_zeros(len(own)), time, time.new_zeros(stage.flats)])
        said, _ = judged(torch.cat([own, states, flats]), times)
        of_own, of_states, of_flats = torch.split(said, [len(own), len(states), stage.flats])
        across, down = (of_flats.diff(dim=axis).abs() for axis in (-1, -2))
        shading = (
            (across * even[..., 1:]).mean() + (down * even[..., 1:, :]).mean()
            if stage.flats
            else 0 * time.sum()
        )
        return (
            (TRAINED_TIME * of_own).abs().mean(),
            (of_states - A[later]).abs().mean(),
            TRAINED_TIME * shading,
        )

    @staticmethod
    def _reached(known: Known, exponent: Tensor, c: Tensor) -> dict[str, Tensor]:
        """Terms of one evaluation at time 0."""
        image, target, true, weight = known
        best = best_reach(image, exponent, target)
        reached, fixed = curve(image, exponent), exponent.detach()
        gap = reached.mean((1, 2, 3)) - target.mean((1, 2, 3))
        clear = (
            fixed.square().mean((1, 2, 3), keepdim=True).clamp(max=1)
        )  # a small exponent has no best scale
        return {
            "picture": losses.log_error(reached, target),
            "shape": losses.log_error(curve(image, exponent * best), target),
            "exponent": losses.exponent_error(exponent, true, weight),
            "smooth": losses.edge_aware_gradient(exponent, target),
            "mean": gap.abs().mean(),
            "auto": losses.log_error(curve(image, c * fixed), target),
            "reach": (clear * F.smooth_l1_loss(c, best, beta=0.3, reduction="none")).mean(),
        }
