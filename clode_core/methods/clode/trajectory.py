"""One solved picture: every exposure time of it, at full size, without the network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clode_core.methods.arguments import callable_or_none, first_and_stop, several, whole, yes_or_no
from clode_core.methods.clode.automatic import automatic_time, grey
from clode_core.methods.clode.cleaning import CleanPicture, Part
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.denoising import NoiseRemoval
from clode_core.methods.clode.exposure import SharedExposure
from clode_core.methods.clode.natural_dark import NaturalDark
from clode_core.methods.clode.ode import DenseExponent
from clode_core.methods.clode.upsampling import GuidedUpsampler
from clode_core.methods.method import Progress
from clode_core.pictures.arrays import Array
from clode_core.pictures.resampling import Interpolated, bands
from clode_core.pictures.source import Source

ExposureTime: TypeAlias = float | Literal["auto"]

GUIDE_MEAN = 0.4
"""Mean to which the guide of the upsampling is exposed."""


class Trajectory:
    """All exposures of one picture, from one solve of the exponent ODE at working resolution.

    Made by ``Model.solve``. The picture is referred to, not copied: do not change it in between.

    Parameters
    ----------
    source : Source
        The picture.
    exponent : DenseExponent
        The solved exponent, (C, h, w) for any time.
    working : Tensor
        The picture at working resolution, (C, h, w).
    g : NoiseRemoval
        Noise removal.
    precision : torch.dtype
        Of the convolutions of `g`.
    auto : float, optional
        The automatic exposure time where it is not this picture's own.
    judge : callable, optional
        The network's own judgement of the automatic exposure time.
    natural_dark : bool or NaturalDark
        Put right what compression left of the dark (`natural_dark`), at positive exposure times; or what
        was found for a larger copy of the picture.
    """

    def __init__(
        self,
        source: Source,
        exponent: DenseExponent,
        working: Tensor,
        g: NoiseRemoval | None,
        *,
        span: tuple[float, float],
        precision: torch.dtype = torch.float32,
        auto: float | None = None,
        judge: Callable[[], float] | None = None,
        natural_dark: bool | NaturalDark = True,
    ) -> None:
        self.source = source
        self.exponent = exponent
        self.working = working
        self.span = span
        self._g = g
        self._precision = precision
        self._shared_auto = auto
        self._judge = judge
        self._natural_dark = natural_dark

    @property
    def evaluations(self) -> int:
        """Evaluations of the curve-parameter network that the solve took."""
        return self.exponent.evaluations

    def at(
        self, exposure_time: ExposureTime = 3.0, *, denoise: bool = False, progress: Progress | None = None
    ) -> Array:
        """Return the picture at an exposure time.

        Parameters
        ----------
        exposure_time : float or "auto"
            Exposure time ``T`` inside the solved span; 0 is the picture itself, negative darkens.
        denoise : bool
            Remove noise. It is removed once, at the exposure of `auto`, where it shows; every further
            time then costs one curve.
        progress : callable, optional
            Called with the fraction done; what it raises stops the work.

        Returns
        -------
        ndarray
            Same shape, dtype and levels as the picture. Alpha, NaN and Inf are as they were.

        Raises
        ------
        ValueError
            If `exposure_time` is not a number inside the span.

        Examples
        --------
        >>> path = load_model().solve(image)
        >>> (path.at(0) == image).all()
        np.True_
        >>> bright, clean = path.at(2.4), path.at("auto", denoise=True)
        """
        everything = slice(0, self.source.height), slice(0, self.source.width)
        return self._shown(everything, exposure_time, denoise, progress)

    def region(
        self,
        rows: tuple[int, int],
        columns: tuple[int, int],
        exposure_time: ExposureTime = 3.0,
        *,
        denoise: bool = False,
        progress: Progress | None = None,
    ) -> Array:
        """Return a part of the picture at an exposure time, without exposing the rest.

        Parameters
        ----------
        rows, columns : (int, int)
            First row or column of the part, and the one after its last.
        exposure_time, denoise, progress
            As in `at`.

        Returns
        -------
        ndarray
            What ``at(exposure_time, denoise=denoise)[slice(*rows), slice(*columns)]`` is, to 1e-5.

        Raises
        ------
        ValueError
            If the part is empty or reaches beyond the picture, or the time is outside the span.

        Examples
        --------
        >>> load_model().solve(image).region((0, 20), (10, 40), 2.4).shape
        (20, 30, 3)
        """
        rows, columns = first_and_stop("rows", rows), first_and_stop("columns", columns)
        for (first, stop), length in ((rows, self.source.height), (columns, self.source.width)):
            if not 0 <= first < stop <= length:
                raise ValueError(
                    f"rows {rows} and columns {columns} are no part of a picture of "
                    f"{self.source.height} rows and {self.source.width} columns"
                )
        return self._shown((slice(*rows), slice(*columns)), exposure_time, denoise, progress)

    def reduced(self, long_side: int) -> Trajectory:
        """Show the same trajectory on a smaller copy of the picture, for previews.

        Nothing is solved again: the copy is exposed by the exponent of the picture, and `auto` is the same.

        Parameters
        ----------
        long_side : int
            Of the copy, in pixels. A picture that is no longer than this is copied at its own size.

        Returns
        -------
        Trajectory
            Its pictures are float32 from 0 to 1 where the picture is from black to white; alpha is reduced
            with it, and NaN and Inf are filled.

        Raises
        ------
        ValueError
            If `long_side` is below 1.

        Examples
        --------
        >>> max(load_model().solve(image).reduced(40).at(2.4).shape)
        40
        """
        if whole("long_side", long_side) < 1:
            raise ValueError(f"the long side of a reduced picture must be at least 1, not {long_side}")
        height, width = self.source.height, self.source.width
        scale = min(1.0, long_side / max(height, width))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        with torch.inference_mode():
            source = self.source.reduced(size)
            dark = self._dark.reduced((height, width), size) if self._dark is not None else False
        return Trajectory(
            source,
            self.exponent,
            self.working,
            self._g,
            span=self.span,
            precision=self._precision,
            auto=self._shared_auto,
            judge=self._judge,
            natural_dark=dark,
        )

    def _shown(
        self, part: Part, exposure_time: ExposureTime, denoise: bool, progress: Progress | None
    ) -> Array:
        yes_or_no("denoise", denoise)
        callable_or_none("progress", progress)
        automatic = isinstance(exposure_time, str) and exposure_time == "auto"
        time = self.auto() if automatic else self._checked(exposure_time)
        if time == 0 and not denoise:
            return self.source.array[part].copy(order="C")
        exponent = self.exponent.at(time)
        share = min(1.0, max(0.0, time))
        if denoise:
            clean = self._clean.part(part, progress)
            exponent = exponent - self.exponent.at(self.auto())
            top = part[0].start

            def read_clean(band: slice) -> Tensor:
                rows = clean[band.start - top : band.stop - top]
                return torch.from_numpy(np.ascontiguousarray(rows.transpose(2, 0, 1))).to(self.working)

            return self._expose(exponent, part, read_clean)
        return self._expose(exponent, part, progress=progress, share=share)

    @cached_property
    def _clean(self) -> CleanPicture:
        """The picture at the exposure of `auto`, noise removed; kept for further times."""
        if self._g is None:
            raise ValueError("these weights hold no noise removal: pass denoise=False or load others")
        exponent = self.exponent.at(self.auto())

        def exposed(part: Part) -> Iterator[tuple[slice, Tensor]]:
            return ((band, out) for band, _, out in self._exposed_bands(exponent, part))

        return CleanPicture(self.source, self._g, self._precision, exposed)

    @cached_property
    def _dark(self) -> NaturalDark | None:
        """What is to be put right in the dark before it is exposed, found once for all times."""
        if not isinstance(self._natural_dark, bool):
            return self._natural_dark
        with torch.inference_mode():
            return NaturalDark.measure(self.source) if self._natural_dark else None

    def _checked(self, time: Any) -> float:
        try:
            value = float(time)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        first, last = self.span
        if not first <= value <= last:
            raise ValueError(
                f"exposure time must be 'auto' or a number from {first:g} to {last:g}, not {time}"
            )
        return value

    def auto(self) -> float:
        """Choose an exposure time without a reference; see `automatic`.

        Returns
        -------
        float
            A time in the solved span; never negative for weights without a learned reach.

        Examples
        --------
        >>> path = load_model().solve(image)
        >>> path.span[0] <= path.auto() <= path.span[1]
        True
        """
        return self._auto

    @cached_property
    def _auto(self) -> float:
        if self._shared_auto is not None:
            return self._shared_auto
        first, last = self.span
        judged = self._judge() if self._judge else automatic_time(self.working, self.exponent, last)
        return min(last, max(first, judged))

    def brightness(self, exposure_times: Iterable[float]) -> NDArray[np.float64]:
        """Mean intensity of the picture at each exposure time, from the working resolution.

        Parameters
        ----------
        exposure_times : iterable of float
            Times inside the solved span.

        Returns
        -------
        ndarray
            One mean in [0, 1] for each time, float64.

        Raises
        ------
        ValueError
            If a time is outside the span.

        Examples
        --------
        >>> dark, normal, bright = load_model().solve(image).brightness([0, 3, 5])
        >>> bool(dark < normal < bright)
        True
        """
        return np.array(
            [
                float(curve(self.working, self.exponent.at(self._checked(t))).mean())
                for t in several("exposure_times", exposure_times)
            ]
        )

    def own_exposure(self) -> SharedExposure:
        """Mean exponent and automatic time of the picture, to share with others."""
        return SharedExposure(self.exponent.uniform(), self.span, self.auto())

    @cached_property
    def _guide_exponent(self) -> float:
        """One exponent that brings the picture to normal exposure, so that edges in the dark count too."""
        low, high = -20.0, 20.0
        for _ in range(24):
            middle = (low + high) / 2
            shown = curve(grey(self.working), torch.tensor(middle).to(self.working))
            low, high = (middle, high) if float(shown.mean()) < GUIDE_MEAN else (low, middle)
        return high

    @cached_property
    def _upsampler(self) -> GuidedUpsampler:
        return GuidedUpsampler(self._guide(self.working))

    def _guide(self, picture: Tensor) -> Tensor:
        return curve(grey(picture), torch.tensor(self._guide_exponent).to(picture))

    @cached_property
    def _whole_guide(self) -> Tensor:
        everything = slice(0, self.source.height)
        return self._guide(self.source.inside(self.source.read(everything), everything).float())

    def _exposed_bands(
        self,
        exponent: Tensor,
        part: Part,
        picture: Callable[[slice], Tensor] | None = None,
        share: float = 1.0,
    ) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Expose a part of the picture, or another in its place, by the upsampled `exponent`, band by band.

        `share` of the correction of the dark is made first, but not to another picture.
        Yields the band, the unit intensities that are stored there, and the exposed ones, (C, rows, X).
        """
        source = self.source
        slope, offset = self._upsampler.coefficients(exponent)
        dark = self._dark if picture is None and share > 0 else None
        rows, columns = part
        maps = Interpolated(torch.cat([slope, offset]), (source.height, source.width), columns)
        for within in bands(rows.stop - rows.start, (columns.stop - columns.start) * source.channels):
            band = slice(rows.start + within.start, rows.start + within.stop)
            unit = source.read(band, columns)
            inside = source.inside(unit, band, columns)
            guide = self._whole_guide[band, columns] if source.small else self._guide(inside.float())
            if picture is not None:
                shown = picture(band)
            else:
                shown = inside if dark is None else dark.apply(inside, band, columns, share)
            fitted = maps[band]
            out = torch.empty_like(shown)
            for c in range(source.channels):
                local = torch.addcmul(fitted[source.channels + c], fitted[c], guide)
                out[c] = curve(shown[c], local.to(shown.dtype))
            yield band, unit, out

    def _expose(
        self,
        exponent: Tensor,
        part: Part,
        picture: Callable[[slice], Tensor] | None = None,
        progress: Progress | None = None,
        share: float = 1.0,
    ) -> Array:
        """A part at full size, in the dtype and levels of the source; `picture` replaces its intensities."""
        source = self.source
        result = source.blank(*part)
        target = result if result.ndim == 3 else result[..., None]
        top, height = part[0].start, part[0].stop - part[0].start
        with torch.inference_mode():
            for band, unit, out in self._exposed_bands(exponent, part, picture, share):
                if source.may_exceed:
                    # Beyond the levels a picture stays as it is; noise below black is noise all the same.
                    shown = unit.isfinite() & (unit <= 1) if picture else (unit >= 0) & (unit < 1)
                    out = torch.where(shown, out.to(unit), unit)
                source.store(out, target[band.start - top : band.stop - top, :, : source.channels])
                if progress is not None:
                    progress((band.stop - top) / height)
        return result
