"""The methods that can be chosen, and how a plane is solved by any of them."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_clode._glimpse import Glimpse, LastGlimpse
from napari_clode._placement import Part
from napari_clode._planes import Window
from napari_clode._where_planes import Grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image

    from clode_core import Method, MethodInfo, SharedExposure, Trajectory
    from napari_clode._planes import LayerPlanes
    from napari_clode._where import Regions
    from napari_clode._where_planes import PlaneRegions

    Progress = Callable[[float], None]

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Values of the slider, and mean brightness in [0, 1] at each."""
GLIMPSE_PIXELS = 700_000
"""Of a glimpse, about as many as a window shows."""
_CURVE_POINTS = 61
_CURVE_POINTS_BY_PICTURE = 13  # where every point is a whole picture
_CURVE_SIDE = 128  # pixels of that picture
_SMALLEST_SIDE = 8
_AMOUNTS = ("shadows", "highlights")


def usable_methods() -> dict[str, MethodInfo]:
    """All methods by name, the default first, whose weights and packages are here."""
    import clode_core

    return {name: info for name, info in clode_core.available_methods().items() if not info.missing()}


def default_method() -> str:
    """Name of the method that is used where none is chosen."""
    import clode_core

    return next(iter(clode_core.available_methods()))


class Local(NamedTuple):
    """How the exposure time differs from place to place.

    Attributes
    ----------
    shadows, highlights : float
        What is added to it where the scene is dark, and where it is bright.
    where : Regions, optional
        Regions with exposure times of their own.
    on_plane : PlaneRegions, optional
        Those of the plane that is exposed.
    """

    shadows: float = 0.0
    highlights: float = 0.0
    where: Regions | None = None
    on_plane: PlaneRegions | None = None

    @property
    def options(self) -> dict[str, float]:
        """Shadows and highlights as arguments of what exposes; none where nothing is added."""
        amounts = {name: getattr(self, name) for name in _AMOUNTS}
        return amounts if any(amounts.values()) else {}

    def at(self, index: tuple[int, ...], planes: LayerPlanes) -> Local:
        """The same on one plane of a stack."""
        if self.where is None:
            return self
        return self._replace(on_plane=self.where.at(index, planes.factors))

    def over(self, layer: Image) -> Local:
        """The same on another layer."""
        return self if self.where is None else self._replace(where=self.where.over(layer))

    def frozen(self) -> Local:
        """A copy that does not change when somebody paints."""
        return self if self.where is None else self._replace(where=self.where.frozen())

    def times(self, value: float, grid: Grid) -> float | NDArray[np.float32]:
        """Exposure times of a picture: one, or a map of them."""
        return value if self.on_plane is None else self.on_plane.times(value, grid)


EVEN = Local()
"""The same exposure time everywhere."""


def bends(info: MethodInfo) -> tuple[float, float] | None:
    """How much a method can add in shadows and highlights; None if it cannot."""
    limits = [option.limits for option in info.options if option.keyword in _AMOUNTS]
    return limits[0] if info.video_tables and len(limits) == len(_AMOUNTS) else None


class SolvedPlane(Protocol):
    """A plane that can be shown at any value of its method's slider."""

    def at(
        self, value: float, denoise: bool, progress: Progress | None = None, local: Local = EVEN
    ) -> NDArray[Any]:
        """The plane at a value, with its noise removed or not; same shape and dtype."""
        ...

    def glimpse(self, value: float, denoise: bool, window: Window | None, local: Local = EVEN) -> Glimpse:
        """What is seen of the plane, quickly: the part in a window if that is small, else a smaller copy."""
        ...

    def auto(self) -> float:
        """The value that the method chooses; asked for only where it can choose."""
        ...

    def curve(self, progress: Progress | None = None) -> Curve:
        """Brightness over the range of the slider; empty without a slider."""
        ...


def solve_plane(
    method: Method,
    plane: NDArray[Any],
    levels: Any,
    rgb: bool,
    exposure: SharedExposure | None = None,
) -> SolvedPlane:
    """Solve a plane by any method.

    Parameters
    ----------
    method : Method
        A loaded method.
    plane : ndarray
        (Y, X) or (Y, X, C).
    levels
        As in `clode_core.Method.solve`.
    rgb : bool
        Whether the last axis is colours.
    exposure : SharedExposure, optional
        The exposure of the series that the plane belongs to; only for methods that work by tables.
    """
    if not method.info.video_tables:
        return _PlaneOfAnyMethod(method, plane, levels, rgb)
    span = slider_range(method.info)
    path = method.solve(plane, span=span, levels=levels, rgb=rgb, exposure=exposure)
    return _PlaneByTables(path, plane, levels, span)


def shown_digits(info: MethodInfo) -> int:
    """Digits after the point to which values of a method's slider are rounded."""
    return max(0, math.ceil(-math.log10(info.slider.step))) + 1 if info.slider else 0


def slider_range(info: MethodInfo) -> tuple[float, float]:
    """First and last value of the slider; twice 0 where there is none."""
    return (info.slider.first, info.slider.last) if info.slider else (0.0, 0.0)


class _PlaneByTables:
    """A plane of a method that works by tables: one solve serves all values, with and without noise."""

    def __init__(self, path: Trajectory, plane: NDArray[Any], levels: Any, span: tuple[float, float]) -> None:
        self._path, self._plane = path, plane
        self._limits = level_limits(levels, plane.dtype)
        self._values = np.linspace(*span, _CURVE_POINTS)
        self._last = LastGlimpse()

    def at(
        self, value: float, denoise: bool, progress: Progress | None = None, local: Local = EVEN
    ) -> NDArray[Any]:
        times = local.times(value, Grid(self._plane.shape[:2]))
        return self._path.at(times, denoise=denoise, progress=progress, **local.options)

    def glimpse(self, value: float, denoise: bool, window: Window | None, local: Local = EVEN) -> Glimpse:
        if window is not None and window.pixels <= GLIMPSE_PIXELS:
            return self._seen(value, denoise, window, local)
        height, width = self._plane.shape[:2]
        size = self._reduced.source.height, self._reduced.source.width
        part = Part((0, 0), (height / size[0], width / size[1]))
        times = local.times(value, Grid(size, part))

        def expose(rows: slice, columns: slice) -> NDArray[Any]:
            # with its noise, of which averaging has left little
            at = (rows.start, rows.stop), (columns.start, columns.stop)
            unit = self._reduced.region(*at, times, **local.options)
            unit = unit[..., 0] if self._plane.ndim == 2 else unit
            return _in_levels(unit, self._limits, self._plane.dtype)

        key = None, tuple(local.options.values())
        return Glimpse(self._last.picture(key, times, size, expose), part)

    def _seen(self, value: float, denoise: bool, window: Window, local: Local) -> Glimpse:
        """The part of the plane in a window."""
        times = local.times(value, Grid(self._plane.shape[:2], window=window))
        top, left = window.rows[0], window.columns[0]

        def expose(rows: slice, columns: slice) -> NDArray[Any]:
            at = (top + rows.start, top + rows.stop), (left + columns.start, left + columns.stop)
            return self._path.region(*at, times, denoise=denoise, **local.options)

        inside = times if isinstance(times, float) else times[slice(*window.rows), slice(*window.columns)]
        key = window, denoise, tuple(local.options.values())
        size = window.rows[1] - top, window.columns[1] - left
        return Glimpse(self._last.picture(key, inside, size, expose), Part((top, left)))

    @cached_property
    def _reduced(self) -> Trajectory:
        height, width = self._plane.shape[:2]
        scale = min(1.0, math.sqrt(GLIMPSE_PIXELS / (height * width)))
        return self._path.reduced(max(1, round(scale * max(height, width))))

    def auto(self) -> float:
        return self._path.auto()

    def curve(self, progress: Progress | None = None) -> Curve:
        return self._values, self._path.brightness(self._values)


def _in_levels(unit: NDArray[Any], limits: tuple[float, float], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A picture from 0 to 1 between the levels of a plane, in its dtype; alpha over the whole dtype."""
    black, white = limits
    scaled = unit * np.float32(white - black)
    if black:
        scaled += np.float32(black)
    if unit.ndim == 3 and unit.shape[-1] == 4:
        scaled[..., 3] = unit[..., 3] * np.float32(level_limits("dtype", dtype)[1])
    return np.rint(scaled, out=scaled).astype(dtype) if dtype.kind in "ui" else scaled.astype(dtype)


class _PlaneOfAnyMethod:
    """A plane of a method of which nothing more is known than its `info`.

    The last picture is kept, for with some methods every picture costs a run of the whole network.
    """

    def __init__(self, method: Method, plane: NDArray[Any], levels: Any, rgb: bool) -> None:
        self._method, self._plane, self._levels, self._rgb = method, plane, levels, rgb
        self._solved: dict[bool, Any] = {}
        self._last: tuple[tuple[float, bool], NDArray[Any]] | None = None
        self._auto: float | None = None
        self._small: tuple[bool, Any] | None = None  # solved smaller copy, with its noise removed or not

    def _solve(self, plane: NDArray[Any], denoise: bool) -> Any:
        info = self._method.info
        options = {"denoise": denoise} if info.noise_removal else {}
        values = slider_range(info) if info.slider else ()
        return self._method.solve_for(plane, values, levels=self._levels, rgb=self._rgb, **options)

    def _solve_once(self, denoise: bool) -> Any:
        if denoise not in self._solved:
            self._solved[denoise] = self._solve(self._plane, denoise)
        return self._solved[denoise]

    def at(
        self, value: float, denoise: bool, progress: Progress | None = None, local: Local = EVEN
    ) -> NDArray[Any]:
        last = self._last
        if last is None or last[0] != (value, denoise):
            values = (value,) if self._method.info.slider else ()
            picture = self._solve_once(denoise).at(*values, progress=progress)
            self._last = last = (value, denoise), picture
        return last[1].copy()  # a layer may be painted on

    def glimpse(self, value: float, denoise: bool, window: Window | None, local: Local = EVEN) -> Glimpse:
        height, width = self._plane.shape[:2]
        step = max(1, math.ceil(math.sqrt(height * width / GLIMPSE_PIXELS)))
        if self._small is None or self._small[0] != denoise:
            small = np.ascontiguousarray(self._plane[::step, ::step])
            self._small = denoise, self._solve(small, denoise)
        values = (value,) if self._method.info.slider else ()
        picture = self._small[1].at(*values)
        return Glimpse(picture, Part((0, 0), (height / picture.shape[0], width / picture.shape[1])))

    def auto(self) -> float:
        if self._auto is None:
            self._auto = float(self._solve_once(False).auto())
        return self._auto

    def curve(self, progress: Progress | None = None) -> Curve:
        """Brightness of a small copy: every point costs a picture."""
        slider = self._method.info.slider
        if slider is None:
            return np.zeros(0), np.zeros(0)
        values = np.linspace(slider.first, slider.last, _CURVE_POINTS_BY_PICTURE)
        short, long = sorted(self._plane.shape[:2])
        step = max(1, min(math.ceil(long / _CURVE_SIDE), short // _SMALLEST_SIDE))
        solved = self._solve(self._plane[::step, ::step], False)
        means = np.zeros(len(values))
        for done, value in enumerate(values.tolist()):
            if progress is not None:
                progress(done / len(values))
            means[done] = self._brightness(solved.at(value))
        return values, means

    def _brightness(self, picture: NDArray[Any]) -> float:
        colours = picture[..., :3] if self._rgb else picture
        finite = colours[np.isfinite(colours)]
        if not finite.size:
            return 0.0
        black, white = level_limits(self._levels, picture.dtype)
        return float(np.clip((finite.astype(np.float64) - black) / (white - black), 0, 1).mean())


def level_limits(levels: Any, dtype: np.dtype[Any]) -> tuple[float, float]:
    """Black and white level as two numbers; `levels` is "dtype" or two numbers."""
    if not isinstance(levels, str):
        black, white = levels
        return float(black), float(white)
    return (0.0, 1.0) if dtype.kind == "f" else (0.0, float(np.iinfo(dtype).max))
