"""Learning to reach the fusion of a scene's bracket, in one step, and to judge how far to go."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from clode_core.methods.clode.automatic import TRAINED_TIME
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.model import Model
from clode_core.methods.clode.training import losses
from clode_core.methods.clode.training.config import ReachStage
from clode_core.methods.clode.training.degradation import Draw, blur, darken, darken_bracket, residual_noise
from clode_core.methods.clode.training.fusion import KINDS
from clode_core.methods.clode.training.objectives import Estimators
from clode_core.training.data import Batch
from clode_core.training.recipe import Networks, unit, weighted

RIDGE = 0.1
"""Mean squared exponent below which a picture counts as fine."""
_HIGHLIGHT = 0.92  # quantile of the light that contrast is undone from
_LUMINANCE_LIMIT = 4.0
_REACH = (-1.0, 2.5)
_RAMP = 500  # steps until own results count in full


class Known(NamedTuple):
    """Pictures, their targets, the true exponents and the trust in them, (B, 3, H, W) each."""

    image: Tensor
    target: Tensor
    exponent: Tensor
    weight: Tensor

    def some(self, chosen: Tensor) -> Known:
        """Those of some pictures."""
        return Known(*(part[chosen] for part in self))


def _mean(weight: Tensor, value: Tensor) -> Tensor:
    return (weight * value).mean((1, 2, 3), keepdim=True)


def ridge_scale(exponent: Tensor, true_exponent: Tensor, weight: Tensor) -> Tensor:
    r"""How far along an exponent the true one lies, near 0 where the exponent itself is.

    .. math:: c = \frac{\langle S, S^* \rangle}{\langle S, S \rangle + \varepsilon}

    with weighted means; (B, 1, 1, 1), detached.
    """
    along = _mean(weight, exponent * true_exponent)
    ridge = RIDGE * weight.mean((1, 2, 3), keepdim=True)
    return (along / (_mean(weight, exponent.square()) + ridge).clamp(min=1e-6)).clamp(*_REACH).detach()


def undo_contrast(target: Tensor, stage: ReachStage, generator: torch.Generator) -> Tensor:
    r"""Darken a picture so that shadows sink and highlights stay.

    .. math:: I_0 = \operatorname{curve}(J, -a (q - b) - \ell - \delta_c)

    with ``b`` the blurred logit luminance and ``q`` its 92nd percentile.
    """
    draw, count = Draw(generator), len(target)
    one = (count, 1, 1, 1)
    luminance = losses.logit(target.mean(1, keepdim=True)).clamp(-_LUMINANCE_LIMIT, _LUMINANCE_LIMIT)
    base = blur(luminance, max(3, max(target.shape[-2:]) // 10) | 1)
    highlight = base.flatten(1).quantile(_HIGHLIGHT, 1).reshape(one)
    slope, level = draw.uniform(*stage.contrast, *one), draw.uniform(*stage.contrast_level, *one)
    colour = stage.darkening.colour * draw.normal(count, 3, 1, 1)
    return curve(target, -slope * (highlight - base) - level - colour)


class ReachObjective:
    r"""One evaluation reaches the target, ``S = 3 h(I0, 0)``; along the way h says the same.

    At time ``t`` the state on the straight way, :math:`\operatorname{curve}(I_0, \tfrac t3 S^*)`, must give
    :math:`A = S^* / 3`: flow matching in exponent space.
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

    def terms(self, networks: Networks, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Loss terms of a batch, each already times its weight."""
        judged = Estimators(networks, self.model).judged
        known, draw, stage = self.pairs(batch, generator), Draw(generator), self.stage
        count = len(known.image)
        order = torch.rand(count, generator=generator, device=generator.device).argsort()
        onward, again = known.some(order[: stage.onward]), order[-stage.again :]
        time = draw.uniform(0, TRAINED_TIME, len(onward.image))
        state = curve(onward.image, time[:, None, None, None] / TRAINED_TIME * onward.exponent)
        times = torch.cat([torch.zeros_like(time).new_zeros(count), time])
        A, reach = judged(torch.cat([known.image, state]), times)
        exponent, c = TRAINED_TIME * A[:count], reach[:count, None, None, None]
        terms = self._reached(known, exponent, c)
        later = TRAINED_TIME * A[count:]
        terms["onward"] = losses.charbonnier(curve(onward.image, later), onward.target) + (
            stage.weights.exponent * losses.exponent_error(later, onward.exponent, onward.weight)
        )
        far = c.detach() if int(batch.step) % 2 else torch.ones_like(c)
        own = curve(known.image, far * exponent.detach())[again]
        A, reach = judged(own, time.new_zeros(len(own)))
        ramp = min(1.0, int(batch.step) / _RAMP)
        terms["own"] = ramp * (TRAINED_TIME * A).abs().mean()
        terms["own_reach"] = ramp * reach.abs().mean()
        return weighted(terms, stage.weights)

    @staticmethod
    def _reached(known: Known, exponent: Tensor, c: Tensor) -> dict[str, Tensor]:
        """Terms of one evaluation at time 0."""
        image, target, true, weight = known
        scale = losses.best_scale(exponent, true, weight)
        reached, fixed = curve(image, exponent), exponent.detach()
        gap = reached.mean((1, 2, 3)) - target.mean((1, 2, 3))
        return {
            "picture": losses.charbonnier(reached, target),
            "shape": losses.charbonnier(curve(image, exponent * scale), target),
            "exponent": losses.exponent_error(exponent, true, weight),
            "smooth": losses.gradient(exponent),
            "mean": gap.abs().mean(),
            "auto": losses.charbonnier(curve(image, c * fixed), target),
            "reach": F.smooth_l1_loss(c, ridge_scale(fixed, true, weight), beta=0.3),
        }
