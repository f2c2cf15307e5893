"""One solved picture: every exposure time of it, at full size, without the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clode_core.methods.arguments import first_and_stop, several, whole
from clode_core.methods.clode.automatic import automatic_time
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.denoising import NoiseRemoval
from clode_core.methods.clode.dense import DenseExponent
from clode_core.methods.clode.exposure import SharedExposure
from clode_core.methods.clode.natural_dark import NaturalDark
from clode_core.methods.clode.rendering import ExposureTime, Renderer, checked_in
from clode_core.methods.method import Progress
from clode_core.pictures.arrays import Array
from clode_core.pictures.source import Source


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
        self._noise_removal = g, precision
        self._renderer = Renderer(source, exponent, working, span, self._noise_removal, natural_dark)
        self._shared_auto = auto
        self._judge = judge

    @property
    def evaluations(self) -> int:
        """Evaluations of the curve-parameter network that the solve took."""
        return self.exponent.evaluations

    def at(
        self,
        exposure_time: ExposureTime = 3.0,
        *,
        denoise: bool = False,
        shadows: float = 0.0,
        highlights: float = 0.0,
        progress: Progress | None = None,
    ) -> Array:
        """Return the picture at an exposure time, or at one that differs from place to place.

        Parameters
        ----------
        exposure_time : float, "auto" or array
            Exposure time ``T`` inside the solved span; 0 is the picture itself, negative darkens. A map
            (Y, X) of them exposes every pixel by its own; a map of another size is brought to that of the
            picture, and NaN is 0. See `exposure_map`.
        denoise : bool
            Remove noise. It is removed once, at the exposure of `auto`, where it shows; every further
            time then costs one curve.
        shadows, highlights : float
            What is added to the exposure time where the scene is dark, and where it is bright, from -5 to
            5; the sum stays in the span. See `local_exposure`.
        progress : callable, optional
            Called with the fraction done; what it raises stops the work.

        Returns
        -------
        ndarray
            Same shape, dtype and levels as the picture. Alpha, NaN and Inf are as they were.

        Raises
        ------
        ValueError
            If `exposure_time` is not a number inside the span, or no map of such numbers.

        Examples
        --------
        >>> path = load_model().solve(image)
        >>> (path.at(0) == image).all()
        np.True_
        >>> bright, clean = path.at(2.4), path.at("auto", denoise=True)
        """
        everything = slice(0, self.source.height), slice(0, self.source.width)
        return self._renderer.render(
            everything, exposure_time, denoise, (shadows, highlights), self.auto, progress
        )

    def region(
        self,
        rows: tuple[int, int],
        columns: tuple[int, int],
        exposure_time: ExposureTime = 3.0,
        *,
        denoise: bool = False,
        shadows: float = 0.0,
        highlights: float = 0.0,
        progress: Progress | None = None,
    ) -> Array:
        """Return a part of the picture at an exposure time, without exposing the rest.

        Parameters
        ----------
        rows, columns : (int, int)
            First row or column of the part, and the one after its last.
        exposure_time, denoise, shadows, highlights, progress
            As in `at`; a map of exposure times is that of the whole picture.

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
        bent = (shadows, highlights)
        return self._renderer.render(
            (slice(*rows), slice(*columns)), exposure_time, denoise, bent, self.auto, progress
        )

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
            dark = self._renderer.full.dark()
            smaller = dark.reduced((height, width), size) if dark is not None else False
        return Trajectory(
            source,
            self.exponent,
            self.working,
            self._noise_removal[0],
            span=self.span,
            precision=self._noise_removal[1],
            auto=self._shared_auto,
            judge=self._judge,
            natural_dark=smaller,
        )

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
                float(curve(self.working, self.exponent.at(checked_in(self.span, t))).mean())
                for t in several("exposure_times", exposure_times)
            ]
        )

    def own_exposure(self) -> SharedExposure:
        """Mean exponent and automatic time of the picture, to share with others."""
        return SharedExposure(self.exponent.uniform(), self.span, self.auto())
