"""One picture's work, from file to file, as something that can be sent to another process."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clode_core._version import __version__
from clode_core.terminal import UserError, chosen_baseline, chosen_model, make_folder

if TYPE_CHECKING:
    from clode_core.files import Picture
    from clode_core.image import Array, LevelsArgument
    from clode_core.trajectory import ExposureTime, Progress

FileState = tuple[int, int]
"""Size in bytes and time of change in nanoseconds, by which a file is known to be the same."""


@dataclass(frozen=True)
class Task:
    """A picture file and where its result goes."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes
    ----------
    task : Task
        The task.
    error : str
        Why there is no result; empty where there is one.
    source, target : (int, int) or None
        State of the picture before it was read, and of the result after it was written.
    """

    task: Task
    error: str = ""
    source: FileState | None = None
    target: FileState | None = None


@dataclass(frozen=True)
class Settings:
    """What a result depends on besides its picture and the weights.

    Attributes
    ----------
    method : str
        "clode" or a name in `clode_core.baselines.BASELINES`.
    exposure_time, denoise, levels, shared_exposure, natural_dark
        As in `clode_core.enhance`.
    solver, step, tolerance
        As in `clode_core.Solver`.
    iterations : float
        Of the curve of Zero-DCE.
    """

    method: str = "clode"
    exposure_time: ExposureTime = 3.0
    denoise: bool = True
    levels: LevelsArgument = "dtype"
    solver: str = "midpoint"
    step: float = 0.5
    tolerance: float = 1e-3
    shared_exposure: bool = False
    natural_dark: bool = True
    iterations: float = 8.0


class Work:
    """Read a picture, enhance it, write the result beside its name and rename it.

    Parameters
    ----------
    settings : Settings
        How to enhance.
    weights : Path, optional
        A ``.safetensors`` file; by default the packaged weights of the method.
    device : str
        "auto", "cpu", "cuda", ...

    Raises
    ------
    UserError, ValueError
        If a setting is out of range, or the weights or the device cannot be used.

    Notes
    -----
    Sent to another process, it takes the weights along and loads them there once, when they are needed.
    """

    def __init__(self, settings: Settings, weights: Path | None = None, device: str = "auto") -> None:
        self.settings = settings
        self.device = device
        self.version = __version__
        self._lock = threading.Lock()
        self._enhance: Callable[..., Array] | None = self._loaded(weights)
        self._weights = (weights or _packaged(settings.method)).read_bytes()

    @property
    def fingerprint(self) -> str:
        """A text that differs where results would: settings, weights and version; not the device."""
        told = asdict(self.settings) | {
            "weights": hashlib.sha256(self._weights).hexdigest(),
            "version": self.version,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_lock": None, "_enhance": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | {"_lock": threading.Lock()}

    def load(self) -> Callable[..., Array]:
        """The method, with its weights loaded."""
        with self._lock:
            if self._enhance is None:
                with tempfile.TemporaryDirectory() as folder:
                    file = Path(folder, "sent.safetensors")
                    file.write_bytes(self._weights)
                    self._enhance = self._loaded(file)
            return self._enhance

    def _loaded(self, weights: Path | None) -> Callable[..., Array]:
        chosen = self.settings
        if chosen.method != "clode":
            return _baseline(chosen.method, weights, self.device, chosen.iterations)
        from clode_core.batch.steady import steady_model
        from clode_core.enhancement import enhance, span_for
        from clode_core.ode import Solver

        span_for(chosen.exposure_time)
        return partial(
            enhance,
            exposure_time=chosen.exposure_time,
            denoise=chosen.denoise,
            solver=Solver(chosen.solver, chosen.step, chosen.tolerance),
            model=steady_model(chosen_model(weights, self.device)),
            shared_exposure=chosen.shared_exposure,
            natural_dark=chosen.natural_dark,
        )

    def __call__(self, task: Task, progress: Progress | None = None) -> Outcome:
        """Enhance one picture; whatever goes wrong with it is told in the outcome, not raised."""
        from clode_core.files import read_picture, write_picture

        try:
            before = file_state(task.source)
            picture = read_picture(task.source)
            result = self.load()(
                picture.pixels,
                levels=depth_levels(picture, self.settings.levels),
                rgb=picture.channels_last,
                progress=progress,
            )
            make_folder(task.target.parent)
            write_picture(task.target, result, picture)
        except Exception as error:  # one picture of ten thousand must not end the others
            return Outcome(task, _reason(error))
        return Outcome(task, "", before, file_state(task.target))


def file_state(path: Path) -> FileState | None:
    """Size and time of change of a file, None where there is no such file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def depth_levels(picture: Picture, levels: LevelsArgument) -> LevelsArgument:
    """The levels of a file that says it holds fewer bits than its integers could, such as 12 in 16."""
    dtype = picture.pixels.dtype
    if levels == "dtype" and dtype.kind == "u" and picture.bit_depth < 8 * dtype.itemsize:
        return 0.0, float(2**picture.bit_depth - 1)
    return levels


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return str(error) or "out of memory"
    expected = isinstance(error, UserError | ValueError | OSError) and str(error)
    return str(error) if expected else f"{type(error).__name__}: {error}"


def _packaged(method: str) -> Path:
    if method == "clode":
        from clode_core.model import PACKAGED_WEIGHTS

        return PACKAGED_WEIGHTS
    from clode_core.baselines import packaged_weights

    return packaged_weights(method)


def _baseline(name: str, weights: Path | None, device: str, iterations: float) -> Callable[..., Array]:
    method, options = chosen_baseline(name, weights, device, iterations)
    from clode_core.batch.steady import steady_enhance

    return partial(steady_enhance(method), **options)
