"""What happens in the background: load the model, solve a plane, expose it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_clode._planes import Channels, LayerPlanes

if TYPE_CHECKING:
    from collections.abc import Callable

    from clode_core import Model, SharedExposure, Trajectory

    Progress = Callable[[float], None]

Result = TypeVar("Result")
TIMES = (-5.0, 5.0)
_LOOKED_AT = 16  # planes of a lazy stack from which its levels are found


@dataclass(frozen=True)
class Settings:
    """Everything but the exposure time and noise removal: what a plane must be solved again for.

    Attributes
    ----------
    channels : Channels
        Which axis is channels.
    levels : {"dtype", "auto"} or (float, float)
        Black and white level.
    shared : bool
        One exposure for all planes (of a channel).
    device, weights : str
        As in `clode_core.load_model`; weights may be empty for the packaged ones.
    """

    channels: Channels = field(default_factory=Channels)
    levels: Literal["dtype", "auto"] | tuple[float, float] = "dtype"
    shared: bool = False
    device: str = "auto"
    weights: str = ""


class Stack:
    """A layer's planes with one set of settings: model, levels and shared exposures, each found once.

    The methods run in the background, from any thread.
    """

    def __init__(self, planes: LayerPlanes, settings: Settings) -> None:
        self.planes = planes
        self.settings = settings
        self._lock = threading.RLock()
        self._levels: Any = None
        self._exposures: dict[int, SharedExposure] = {}
        self._model: Model | None = None

    @property
    def levels(self) -> Any:
        """Black and white level, for all planes alike where they must be read from the data."""
        import clode_core

        with self._lock:
            if self._levels is None:
                asked = self.settings.levels
                if asked == "auto":
                    found = clode_core.resolve_levels(self._seen(), asked)
                    self._levels = (found.black, found.white)
                else:
                    self._levels = asked
            return self._levels

    @property
    def limits(self) -> tuple[float, float]:
        """Black and white level as two numbers."""
        if self.levels != "dtype":
            return tuple(self.levels)  # type: ignore[return-value]
        dtype = self.planes.dtype
        return (0.0, 1.0) if dtype.kind == "f" else (0.0, float(np.iinfo(dtype).max))

    def _seen(self) -> NDArray[Any]:
        """All pixels of what is in memory, or those of a few planes; no alpha."""
        planes = self.planes
        if planes.lazy:
            numbers = sorted({round(i) for i in np.linspace(0, len(planes) - 1, _LOOKED_AT)})
            pixels = np.stack([planes[i] for i in numbers])
        else:
            pixels = np.asarray(planes.data)
        return pixels[..., :3] if planes.layer_rgb else pixels

    def _run(self, work: Callable[[Model], Result], model: Model | None = None) -> tuple[Result, Model]:
        """Do some work with the model; from the first lack of memory on, the CPU does it."""
        import clode_core

        with self._lock:
            if self._model is None:
                self._model = _load(self.settings.weights, self.settings.device)
            model = model or self._model
        result, self._model = clode_core.with_fallback(model, work)
        return result, self._model

    def _exposure(self, index: tuple[int, ...], progress: Progress | None = None) -> SharedExposure | None:
        if not self.settings.shared:
            return None
        channel, levels = self.planes.channel(index), self.levels
        with self._lock:
            if channel not in self._exposures:
                self._exposures[channel], _ = self._run(
                    lambda model: model.shared_exposure(
                        self.planes.of_channel(channel),
                        span=TIMES,
                        levels=levels,
                        rgb=self.planes.rgb,
                        progress=progress,
                    )
                )
            return self._exposures[channel]

    def _path(self, model: Model, plane: NDArray[Any], exposure: SharedExposure | None) -> Trajectory:
        return model.solve(plane, span=TIMES, levels=self.levels, rgb=self.planes.rgb, exposure=exposure)

    def solve(self, index: tuple[int, ...], progress: Progress | None = None) -> Solved:
        """Read and solve one plane."""
        plane, exposure = self.planes.read(index), self._exposure(index, progress)
        path, model = self._run(lambda model: self._path(model, plane, exposure))
        return Solved(self, index, path, model)

    def expose(
        self,
        plane: NDArray[Any],
        index: tuple[int, ...],
        time: float,
        denoise: bool,
        progress: Progress | None = None,
    ) -> NDArray[Any]:
        """Solve a plane that has been read, and expose it."""
        exposure = self._exposure(index, progress)
        return self._run(
            lambda model: self._path(model, plane, exposure).at(time, denoise=denoise, progress=progress)
        )[0]


@dataclass
class Solved:
    """One solved plane.

    Attributes
    ----------
    stack : Stack
        Where it comes from.
    index : tuple of int
        Its place in the stack.
    path : Trajectory
        Its exposures.
    model : Model
        What solved it.
    cleaned : bool
        Whether noise has been removed already, so that removing it takes no time.
    """

    stack: Stack
    index: tuple[int, ...]
    path: Trajectory
    model: Model
    cleaned: bool = False

    def at(self, time: float, denoise: bool, progress: Callable[[float], None] | None = None) -> NDArray[Any]:
        """The plane at an exposure time; on the CPU where the accelerator's memory does not suffice."""

        def work(model: Model) -> NDArray[Any]:
            if model is not self.model:
                solved = self.stack.solve(self.index)
                self.path, self.model = solved.path, solved.model
            return self.path.at(time, denoise=denoise, progress=progress)

        return self.stack._run(work, self.model)[0]


_models: dict[tuple[str, str, int], Model] = {}
_models_lock = threading.Lock()


def _load(weights: str, device: str) -> Model:
    """The model of a weights file; the last one stays loaded."""
    import clode_core

    with _models_lock:
        changed = os.stat(weights).st_mtime_ns if os.path.exists(weights) else 0
        key = weights, device, changed
        if key not in _models:
            model = clode_core.load_model(weights or None, device=device)
            _models.clear()
            _models[key] = model
        return _models[key]


def warm_up() -> None:
    """Load the packaged model, so that the first picture need not wait for it."""
    _load("", "auto")
