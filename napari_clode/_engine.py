"""What happens in the background: load a method, solve a plane, show it at a value of the slider."""

from __future__ import annotations

import copy
import math
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_clode._methods import (
    EVEN,
    GLIMPSE_PIXELS,
    Local,
    default_method,
    level_limits,
    slider_range,
    solve_plane,
)
from napari_clode._planes import Channels, LayerPlanes, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from clode_core import Method, MethodInfo, SharedExposure
    from napari_clode._glimpse import Glimpse
    from napari_clode._methods import Curve, SolvedPlane
    from napari_clode._where_planes import PlaneRegions

    Progress = Callable[[float], None]

Result = TypeVar("Result")
_SAMPLED = 16  # planes of a lazy stack from which its levels are found


@dataclass(frozen=True)
class Settings:
    """Everything but the slider and noise removal: what a plane must be solved again for.

    Attributes
    ----------
    channels : Channels
        Which axis is channels.
    levels : {"dtype", "auto"} or (float, float)
        Black and white level.
    shared : bool
        One exposure for all planes (of a channel).
    device, weights : str
        As in `clode_core.load_method`; weights may be empty for the packaged ones.
    method : str
        Name of the method.
    """

    channels: Channels = field(default_factory=Channels)
    levels: Literal["dtype", "auto"] | tuple[float, float] = "dtype"
    shared: bool = False
    device: str = "auto"
    weights: str = ""
    method: str = field(default_factory=default_method)


class Stack:
    """A layer's planes with one set of settings: method, levels and shared exposures, each found once.

    All of it may be called from any thread in the background.

    Attributes
    ----------
    info : MethodInfo
        What the method of the settings can do.
    span : (float, float)
        Range of its slider.
    local : Local
        How the exposure time differs from place to place, where all planes are enhanced.
    """

    def __init__(self, planes: LayerPlanes, settings: Settings) -> None:
        import clode_core

        self.planes = planes
        self.settings = settings
        self.info: MethodInfo = clode_core.method_info(settings.method)
        self.span = slider_range(self.info)
        self.local = EVEN
        self._lock = threading.RLock()
        self._levels: Any = None
        self._exposures: dict[int, SharedExposure] = {}
        self._method: Method | None = None

    def bent(self, local: Local) -> Stack:
        """The same stack with an exposure time that differs otherwise from place to place."""
        other = copy.copy(self)
        other.local = local
        return other

    @property
    def levels(self) -> Any:
        """Black and white level, for all planes alike where they must be read from the data."""
        import clode_core

        with self._lock:
            if self._levels is None:
                asked = self.settings.levels
                if asked == "auto":
                    found = clode_core.resolve_levels(self._sampled(), asked, self.planes.layer_rgb)
                    self._levels = (found.black, found.white)
                else:
                    self._levels = asked
            return self._levels

    @property
    def limits(self) -> tuple[float, float]:
        """Black and white level as two numbers."""
        return level_limits(self.levels, self.planes.dtype)

    def _sampled(self) -> NDArray[Any]:
        """All pixels of what is in memory, or those of a few planes; no alpha."""
        planes = self.planes
        if planes.lazy:
            numbers = sorted({round(i) for i in np.linspace(0, len(planes) - 1, _SAMPLED)})
            pixels = np.stack([planes[i] for i in numbers])
        else:
            pixels = np.asarray(planes.data)
        return pixels[..., :3] if planes.layer_rgb else pixels

    def run(self, work: Callable[[Method], Result], method: Method | None = None) -> tuple[Result, Method]:
        """Do some work with the method; from the first lack of memory on, the CPU does it."""
        import clode_core

        with self._lock:
            if self._method is None:
                self._method = _load(self.settings.method, self.settings.weights, self.settings.device)
            method = method or self._method
        result, self._method = clode_core.with_fallback(method, work)
        return result, self._method

    def _exposure(self, index: tuple[int, ...], progress: Progress | None = None) -> SharedExposure | None:
        if not self.settings.shared:
            return None
        channel, levels = self.planes.channel(index), self.levels
        with self._lock:
            if channel not in self._exposures:
                self._exposures[channel] = self._find_exposure(channel, levels, progress)
            return self._exposures[channel]

    def _find_exposure(self, channel: int, levels: Any, progress: Progress | None) -> SharedExposure:
        def work(method: Any) -> SharedExposure:
            found: SharedExposure = method.shared_exposure(
                self.planes.of_channel(channel),
                span=self.span,
                levels=levels,
                rgb=self.planes.rgb,
                progress=progress,
            )
            return found

        return self.run(work)[0]

    def _solved(self, method: Method, plane: NDArray[Any], exposure: SharedExposure | None) -> SolvedPlane:
        return solve_plane(method, plane, self.levels, self.planes.rgb, exposure)

    def solve(self, index: tuple[int, ...], progress: Progress | None = None) -> Solved:
        """Read and solve one plane."""
        plane, exposure = self.planes.read(index), self._exposure(index, progress)
        path, method = self.run(lambda method: self._solved(method, plane, exposure))
        return Solved(self, index, path, method)

    def expose(
        self,
        plane: NDArray[Any],
        index: tuple[int, ...],
        value: float,
        denoise: bool,
        progress: Progress | None = None,
    ) -> NDArray[Any]:
        """Solve a plane that has been read, and show it at a value of the slider."""
        exposure = self._exposure(index, progress)
        local = self.local.at(index, self.planes)

        def work(method: Method) -> NDArray[Any]:
            return self._solved(method, plane, exposure).at(value, denoise, progress, local)

        return self.run(work)[0]


@dataclass
class Solved:
    """One solved plane of a stack.

    Attributes
    ----------
    stack : Stack
        Where it comes from.
    index : tuple of int
        Its place in the stack.
    path : SolvedPlane
        The plane at all values of the slider.
    method : Method
        What solved it.
    cleaned : bool
        Whether noise has been removed already, so that removing it takes no time.
    regions : PlaneRegions or None
        The regions of the plane when it was shown last.
    """

    stack: Stack
    index: tuple[int, ...]
    path: SolvedPlane
    method: Method
    cleaned: bool = False
    regions: PlaneRegions | None = None

    def at(
        self, value: float, denoise: bool, progress: Progress | None = None, local: Local = EVEN
    ) -> NDArray[Any]:
        """The plane at a value; on the CPU where the accelerator's memory does not suffice."""
        local = local.at(self.index, self.stack.planes)
        self.regions = local.on_plane
        return self._run(lambda path: path.at(value, denoise, progress, local))

    def glimpse(
        self, value: float, denoise: bool, window: Window | None = None, local: Local = EVEN
    ) -> Glimpse:
        """What is seen of the plane at a value, quickly; see `SolvedPlane.glimpse`."""
        local = local.at(self.index, self.stack.planes)
        self.regions = local.on_plane
        return self._run(lambda path: path.glimpse(value, denoise, window, local))

    @property
    def large(self) -> bool:
        """Whether it takes too long to be shown whole while the slider moves."""
        return math.prod(self.stack.planes.size) > GLIMPSE_PIXELS

    def auto(self) -> float:
        """The value that the method chooses."""
        return self._run(lambda path: path.auto())

    def curve(self, progress: Progress | None = None) -> Curve:
        """Brightness over the range of the slider."""
        return self._run(lambda path: path.curve(progress))

    def prepare(self, value: float, progress: Progress) -> Curve:
        """Do in advance what takes long, so that the plane can be shown at once; gives its curve."""
        info = self.stack.info
        if info.automatic:
            self.auto()
        if self.large:
            self.glimpse(value, False)
        elif not info.video_tables:
            self.at(value, False, progress)
        return self.curve(progress)

    def _run(self, ask: Callable[[SolvedPlane], Result]) -> Result:
        def work(method: Method) -> Result:
            if method is not self.method:
                solved = self.stack.solve(self.index)
                self.path, self.method = solved.path, solved.method
            return ask(self.path)

        return self.stack.run(work, self.method)[0]


_methods: dict[tuple[str, str, str, int], Method] = {}
_methods_lock = threading.Lock()


def _load(name: str, weights: str, device: str) -> Method:
    """A method with the weights of a file; the last one stays loaded."""
    import clode_core

    with _methods_lock:
        changed = os.stat(weights).st_mtime_ns if os.path.exists(weights) else 0
        key = name, weights, device, changed
        if key not in _methods:
            method = clode_core.load_method(name, weights or None, device=device)
            _methods.clear()
            _methods[key] = method
        return _methods[key]


def warm_up() -> None:
    """Load the default method, so that the first picture need not wait for it."""
    _load(default_method(), "", "auto")
