"""One exposure for many pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from clode_core.methods.clode.dense import DenseExponent
from clode_core.pictures.arrays import ImageError


@dataclass(frozen=True)
class SharedExposure:
    """One exposure for many pictures: the same curve for every pixel of every picture.

    Made by ``Model.shared_exposure``.

    Attributes
    ----------
    exponent : DenseExponent
        Exponents of the channels, (C, 1, 1) for any time.
    span : (float, float)
        Exposure times it holds.
    auto : float
        Automatic exposure time of the pictures together.
    """

    exponent: DenseExponent
    span: tuple[float, float]
    auto: float

    @classmethod
    def mean(
        cls, exposures: Sequence[SharedExposure], weights: Sequence[float] | None = None
    ) -> SharedExposure:
        """Average of exposures over the same span; weights need not sum to one."""
        knots = [e.exponent for e in exposures]
        if any(k.exponents.shape != knots[0].exponents.shape for k in knots):
            raise ImageError("pictures with different channels cannot share one exposure")
        parts = [1.0] * len(knots) if weights is None else list(weights)
        given = torch.tensor(parts, dtype=torch.float64, device="cpu")
        shares = (given / given.sum()).to(knots[0].exponents)
        average = DenseExponent(
            knots[0].times,
            torch.tensordot(shares, torch.stack([k.exponents for k in knots]), 1),
            torch.tensordot(shares, torch.stack([k.slopes for k in knots]), 1),
            sum(k.evaluations for k in knots),
        )
        auto = sum(float(share) * e.auto for share, e in zip(shares, exposures, strict=True))
        return cls(average, exposures[0].span, auto)

    def over(self, working: Tensor) -> DenseExponent:
        """The exponent for every pixel of a working picture (C, h, w)."""
        channels = self.exponent.exponents.shape[1]
        if channels != len(working):
            raise ImageError(f"the shared exposure has {channels} channels, the picture has {len(working)}")
        return self.exponent.expanded(working)
