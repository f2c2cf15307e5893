"""From a solved exponent to pixels: the whole picture or a part, exposed, with or without noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from clode_core.methods.arguments import callable_or_none, yes_or_no
from clode_core.methods.clode.cleaning import CleanPicture, Part
from clode_core.methods.clode.denoising import NoiseRemoval
from clode_core.methods.clode.dense import DenseExponent
from clode_core.methods.clode.full_size import Exposure, FullSize, Uniformly
from clode_core.methods.clode.local_exposure import Locally, checked_bend
from clode_core.methods.clode.natural_dark import NaturalDark
from clode_core.methods.clode.time_maps import TimeMap
from clode_core.methods.method import Progress
from clode_core.pictures.arrays import Array
from clode_core.pictures.source import Source

ExposureTime: TypeAlias = float | Literal["auto"] | Array
"""A number, "auto", or a map of numbers (Y, X)."""


def checked_in(span: tuple[float, float], time: Any) -> float:
    """The exposure time as a float; a ValueError where it is no number in the solved span."""
    try:
        value = float(time)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    first, last = span
    if not first <= value <= last:
        raise ValueError(f"exposure time must be 'auto' or a number from {first:g} to {last:g}, not {time}")
    return value


class Renderer:
    """Makes the pixels of a trajectory.

    Parameters
    ----------
    source, exponent, working, span
        As in `Trajectory`.
    noise_removal : (NoiseRemoval or None, torch.dtype)
        The network g, and the precision of its convolutions.
    natural_dark : bool or NaturalDark
        As in `Trajectory`.
    """

    def __init__(
        self,
        source: Source,
        exponent: DenseExponent,
        working: Tensor,
        span: tuple[float, float],
        noise_removal: tuple[NoiseRemoval | None, torch.dtype],
        natural_dark: bool | NaturalDark,
    ) -> None:
        self.source = source
        self.exponent = exponent
        self.working = working
        self.span = span
        self.full = FullSize(source, working, natural_dark)
        self._noise_removal = noise_removal
        self._cleaned: CleanPicture | None = None

    def render(
        self,
        part: Part,
        exposure_time: ExposureTime,
        denoise: bool,
        bent: tuple[float, float],
        auto: Callable[[], float],
        progress: Progress | None,
    ) -> Array:
        """Return a part of the picture at an exposure time, or a map of them; see `Trajectory.region`.

        `auto` finds the automatic exposure time, at which noise is removed.
        """
        yes_or_no("denoise", denoise)
        callable_or_none("progress", progress)
        time = auto() if _is_auto(exposure_time) else self._time(exposure_time, part)
        bent = checked_bend("shadows", bent[0]), checked_bend("highlights", bent[1])
        if isinstance(time, float) and time == 0 and not denoise and not any(bent):
            return self.source.array[part].copy(order="C")
        if not denoise:
            exposure = self._exposure(time, part, bent)
            return self.full.expose(exposure, part, progress=progress)
        judged = auto()
        clean = self._clean(judged).part(part, progress)
        top = part[0].start

        def read_clean(band: slice) -> Tensor:
            rows = clean[band.start - top : band.stop - top]
            return torch.from_numpy(np.ascontiguousarray(rows.transpose(2, 0, 1))).to(self.working)

        exposure = self._exposure(time, part, bent, self.exponent.at(judged))
        check = None if progress is None else (lambda _: progress(1.0))
        return self.full.expose(exposure, part, read_clean, check)

    def _time(self, exposure_time: Any, part: Part) -> float | TimeMap:
        if np.ndim(exposure_time) > 0:
            return TimeMap.of(exposure_time, self.full.size, part, self.span)
        return checked_in(self.span, exposure_time)

    def _exposure(
        self, time: float | TimeMap, part: Part, bent: tuple[float, float], less: Tensor | None = None
    ) -> Exposure:
        """The exponent at full size, less the one by which the picture has been exposed already."""
        columns = part[1]
        with torch.inference_mode():
            if isinstance(time, float) and not any(bent):
                exponent = self.exponent.at(time)
                share = min(1.0, max(0.0, time))
                return Uniformly(self.full, exponent if less is None else exponent - less, columns, share)
            shadows, highlights = bent
            return Locally(
                self.full,
                self.exponent,
                time,
                self.span,
                part,
                shadows=shadows,
                highlights=highlights,
                less=less,
            )

    def _clean(self, auto: float) -> CleanPicture:
        """The picture at the automatic exposure, noise removed; kept for further times."""
        if self._cleaned is None:
            g, precision = self._noise_removal
            if g is None:
                raise ValueError("these weights hold no noise removal: pass denoise=False or load others")
            full, exponent = self.full, self.exponent.at(auto)

            def exposed(part: Part) -> Iterator[tuple[slice, Tensor]]:
                return full.exposed(Uniformly(full, exponent, part[1]), part)

            self._cleaned = CleanPicture(self.source, g, precision, exposed)
        return self._cleaned


def _is_auto(exposure_time: Any) -> bool:
    return isinstance(exposure_time, str) and exposure_time == "auto"
