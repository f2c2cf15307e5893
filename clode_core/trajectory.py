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

from clode_core.curve import curve
from clode_core.denoising import NoiseRemoval, remove_noise
from clode_core.exposure import SharedExposure
from clode_core.image import Array, Levels, from_unit, to_unit, working_dtype
from clode_core.ode import DenseExponent
from clode_core.upsampling import GuidedUpsampler, Interpolated, bands, shrink, working_shape

ExposureTime: TypeAlias = float | Literal["auto"]
Progress: TypeAlias = Callable[[float], None]

TRAINED_TIME = 3.0
"""Exposure time at which the packaged network reaches a normal exposure."""
AUTO_QUANTILE, AUTO_LEVEL, AUTO_WEIGHT = 0.98, 0.65, 0.3
"""The highlight anchor of the automatic exposure time: which quantile, to what level, with what weight."""
HELD_ELEMENTS = 16_000_000
"""Pictures up to this many intensities are kept as floats between two exposure times."""
GUIDE_MEAN = 0.4
"""Mean to which the guide of the upsampling is exposed."""
HIGHLIGHT = 0.95
"""Intensity above which noise removal fades out."""
_FLOOR = np.float32(2e-4)  # a pixel cleaned to exactly 0 could never be brightened


class Source:
    """A picture (Y, X) or (Y, X, C) in its own dtype, read as unit intensities in bands of rows."""

    def __init__(self, array: Array, levels: Levels, *, alpha: bool, device: torch.device) -> None:
        self.array = array
        self.levels = levels
        self.device = device
        pixels = array if array.ndim == 3 else array[..., None]
        self.pixels = pixels[..., :-1] if alpha else pixels
        self.height, self.width, self.channels = self.pixels.shape
        self.dtype = working_dtype(array.dtype)
        full_scale = array.dtype.kind == "u" and levels == Levels(0, np.iinfo(array.dtype).max)
        self.may_exceed = not full_scale
        self.has_holes = array.dtype.kind == "f" and not np.isfinite(np.sum(self.pixels, dtype=np.float64))
        self._filler: Interpolated | None = None

    def read(self, band: slice) -> Tensor:
        """Unit intensities (C, rows, X) as stored: NaN, Inf and values beyond the levels included."""
        return self._held[:, band] if self.small else self._converted(band)

    @property
    def small(self) -> bool:
        """Whether the picture is kept as floats, so that a slider need not convert it again and again."""
        return self.pixels.size <= HELD_ELEMENTS

    @cached_property
    def _held(self) -> Tensor:
        return self._converted(slice(0, self.height))

    def _converted(self, band: slice) -> Tensor:
        unit = to_unit(self.pixels[band].transpose(2, 0, 1), self.levels, self.dtype)
        return torch.from_numpy(np.ascontiguousarray(unit)).to(self.device)

    def inside(self, unit: Tensor, band: slice) -> Tensor:
        """Unit intensities limited to [0, 1]; NaN and Inf as what the working picture shows there."""
        if not self.may_exceed:
            return unit
        if self.has_holes and self._filler is not None:
            unit = torch.where(unit.isfinite(), unit, self._filler[band].to(unit))
        return unit.clamp(0, 1)

    def store(self, unit: Tensor, target: Array) -> None:
        """Write unit intensities (C, rows, X) into `target`, (rows, X, C), in its dtype and levels."""
        if target.dtype == np.uint8 and not self.may_exceed:
            done = unit.mul_(255).round_().to(torch.uint8).permute(1, 2, 0)
            target[...] = done.cpu().numpy()
        else:
            target[...] = from_unit(unit.cpu().numpy(), self.levels, target.dtype).transpose(1, 2, 0)

    def shrunk(self, working_size: int) -> Tensor:
        """Area average (C, h, w) of what is finite, with the long side at `working_size`."""
        size = working_shape(self.height, self.width, working_size)
        if not self.has_holes:
            return shrink(lambda band: self.inside(self.read(band), band).float(), self.height, size)
        seen = shrink(lambda band: self.read(band).isfinite().float(), self.height, size)
        light = shrink(
            lambda band: self.read(band).nan_to_num(0.0, 0.0, 0.0).clamp(0, 1).float(), self.height, size
        )
        mean = light.sum() / seen.sum().clamp(min=1e-6)
        working = torch.where(seen > 1e-3, light / seen.clamp(min=1e-3), mean).clamp(0, 1)
        self._filler = Interpolated(working, (self.height, self.width))
        return working

    def blank(self) -> Array:
        """A new array like the source; alpha is already in it."""
        out = np.empty_like(self.array, order="C", subok=False)
        if self.pixels.shape != self.array.shape and self.array.ndim == 3:
            out[..., -1] = self.array[..., -1]
        return out


def grey(picture: Tensor) -> Tensor:
    """Mean of the channels: (C, H, W) to (H, W)."""
    total = picture[0].clone()
    for channel in picture[1:]:
        total += channel
    return total.div_(len(picture))


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
    ) -> None:
        self.source = source
        self.exponent = exponent
        self.working = working
        self.span = span
        self._g = g
        self._precision = precision
        self._shared_auto = auto
        self._cleaned: NDArray[np.float32] | None = None

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
        """
        automatic = isinstance(exposure_time, str) and exposure_time == "auto"
        time = self.auto() if automatic else self._checked(exposure_time)
        if time == 0 and not denoise:
            return self.source.array.copy(order="C")
        exponent = self.exponent.at(time)
        if denoise:
            clean = self._clean(progress)
            exponent = exponent - self.exponent.at(self.auto())

            def read_clean(band: slice) -> Tensor:
                return torch.from_numpy(np.ascontiguousarray(clean[band].transpose(2, 0, 1))).to(self.working)

            return self._expose(exponent, read_clean)
        return self._expose(exponent, progress=progress)

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
        r"""Choose an exposure time without a reference.

        Two independent estimates are averaged: the time at which the network was trained to reach a
        normal exposure, and the time at which the highlights do (their quantile meets a set level):

        .. math:: T_\mathrm{auto} = (1 - w)\,T_\mathrm{trained}
            + w \min\{T \ge 0 : Q_{q}(\mathrm{grey}(\tilde I_T)) \ge \ell\}

        The network judges the scene but cannot know how bright it was meant to be; the highlights
        say how much room is left but not what the scene is.

        Returns
        -------
        float
            A time in the solved span, never negative.
        """
        return self._auto

    @cached_property
    def _auto(self) -> float:
        if self._shared_auto is not None:
            return self._shared_auto
        last = self.span[1]
        low, high = 0.0, last
        for _ in range(20):
            middle = (low + high) / 2
            if self._highlights(middle) < AUTO_LEVEL:
                low = middle
            else:
                high = middle
        return min(last, (1 - AUTO_WEIGHT) * TRAINED_TIME + AUTO_WEIGHT * high)

    def _highlights(self, time: float) -> float:
        exposed = curve(self.working, self.exponent.at(time).to(self.working))
        return float(torch.quantile(grey(exposed).flatten(), AUTO_QUANTILE))

    def brightness(self, exposure_times: Iterable[float]) -> NDArray[np.float64]:
        """Mean intensity in [0, 1] of the picture at each exposure time, from the working resolution."""
        return np.array(
            [float(curve(self.working, self.exponent.at(self._checked(t))).mean()) for t in exposure_times]
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
        self, exponent: Tensor, picture: Callable[[slice], Tensor] | None = None
    ) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Expose the picture, or another in its place, by the upsampled `exponent`, band by band.

        Yields the band, the unit intensities that are stored there, and the exposed ones, (C, rows, X).
        """
        source = self.source
        slope, offset = self._upsampler.coefficients(exponent)
        maps = Interpolated(torch.cat([slope, offset]), (source.height, source.width))
        for band in bands(source.height, source.width * source.channels):
            unit = source.read(band)
            inside = source.inside(unit, band)
            guide = self._whole_guide[band] if source.small else self._guide(inside.float())
            shown = inside if picture is None else picture(band)
            fitted = maps[band]
            out = torch.empty_like(shown)
            for c in range(source.channels):
                local = torch.addcmul(fitted[source.channels + c], fitted[c], guide)
                out[c] = curve(shown[c], local.to(shown.dtype))
            yield band, unit, out

    def _expose(
        self,
        exponent: Tensor,
        picture: Callable[[slice], Tensor] | None = None,
        progress: Progress | None = None,
    ) -> Array:
        """Full-size picture, in the dtype and levels of the source; `picture` replaces its intensities."""
        source = self.source
        result = source.blank()
        target = result if result.ndim == 3 else result[..., None]
        with torch.inference_mode():
            for band, unit, out in self._exposed_bands(exponent, picture):
                if source.may_exceed:
                    # Beyond the levels a picture stays as it is; noise below black is noise all the same.
                    shown = unit.isfinite() & (unit <= 1) if picture else (unit > 0) & (unit < 1)
                    out = torch.where(shown, out.to(unit), unit)
                source.store(out, target[band, :, : source.channels])
                if progress is not None:
                    progress(band.stop / source.height)
        return result

    def _clean(self, progress: Progress | None) -> NDArray[np.float32]:
        """The picture at the exposure of `auto`, noise removed, (Y, X, C); kept for further times."""
        if self._cleaned is None:
            self._cleaned = self._remove_noise(progress)
        return self._cleaned

    def _remove_noise(self, progress: Progress | None) -> NDArray[np.float32]:
        source = self.source
        if self._g is None:
            raise ValueError("these weights hold no noise removal: pass denoise=False or load others")
        shown = np.empty((source.height, source.width, source.channels), np.float32)
        with torch.inference_mode():
            for band, _, out in self._exposed_bands(self.exponent.at(self.auto())):
                shown[band] = out.permute(1, 2, 0).cpu().numpy()
        clean = remove_noise(
            self._g, shown, self.working.device, precision=self._precision, progress=progress
        )
        # Highlights carry no visible noise, and darkening would multiply any error there: keep them.
        for band in bands(source.height, source.width * source.channels):
            keep = np.clip((shown[band] - HIGHLIGHT) / (1 - HIGHLIGHT), 0, 1)
            clean[band] += keep * (shown[band] - clean[band])
        return np.maximum(clean, _FLOOR, out=clean)
