"""One call from a dark array to a bright one."""

from __future__ import annotations

import copy
import math
import os
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from clode_core.exposure import SharedExposure
from clode_core.image import Array, LevelsArgument, Planes, as_image, colours, layout, resolve_levels
from clode_core.model import DEFAULT_SPAN, PACKAGED_WEIGHTS, Model, load_model
from clode_core.ode import Solver
from clode_core.trajectory import ExposureTime, Progress

LARGEST_TIME = 20.0
Result = TypeVar("Result")


class OnDevice(Protocol):
    """What works on a device and can be moved to another, as `Model` can."""

    device: torch.device

    def to(self: Mover, device: str | torch.device) -> Mover:
        """Move, and return itself."""
        ...


Mover = TypeVar("Mover", bound=OnDevice)


def span_for(exposure_time: ExposureTime) -> tuple[float, float]:
    """Span of exposure times that must be solved for one of them.

    Raises
    ------
    ValueError
        If it is neither "auto" nor a number from -20 to 20.
    """
    if isinstance(exposure_time, str) and exposure_time == "auto":
        return 0.0, DEFAULT_SPAN[1]
    try:
        time = float(exposure_time)
    except (TypeError, ValueError, OverflowError):
        time = math.nan
    if not abs(time) <= LARGEST_TIME:
        raise ValueError(
            f"exposure time must be 'auto' or a number from {-LARGEST_TIME:g} to {LARGEST_TIME:g}, "
            f"not {exposure_time}"
        )
    return min(0.0, time), max(DEFAULT_SPAN[1], time)


@lru_cache(maxsize=4)
def _loaded(weights: Path, device: str, modified: int, size: int) -> Model:
    return load_model(weights, device=device)


def _load_once(weights: str | Path | None, device: str) -> Model:
    """The model of a weights file, loaded again only if the file has changed."""
    if not isinstance(device, str) or not isinstance(weights, str | Path | None):
        return load_model(weights, device=device)  # which says what is wrong
    path = Path(os.path.realpath(weights)) if weights is not None else PACKAGED_WEIGHTS
    try:
        state = path.stat()
    except OSError:
        return load_model(path, device=device)
    return _loaded(path, device, state.st_mtime_ns, state.st_size)


def enhance(
    image: Any,
    exposure_time: ExposureTime = 3.0,
    *,
    denoise: bool = True,
    model: Model | str | Path | None = None,
    device: str = "auto",
    solver: Solver | str | None = None,
    levels: LevelsArgument = "dtype",
    rgb: bool | None = None,
    precision: str = "float32",
    shared_exposure: bool = False,
    natural_dark: bool = True,
    progress: Progress | None = None,
) -> Array:
    """Enhance a picture or a stack of pictures.

    Parameters
    ----------
    image : array_like
        (..., Y, X) grey or (..., Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA. Any integer
        or floating-point dtype.
    exposure_time : float or "auto"
        Exposure time ``T`` from -20 to 20. 3 is the time of training, 0 leaves the exposure as it is,
        negative darkens, "auto" chooses for each picture (`Trajectory.auto`).
    denoise : bool
        Remove noise.
    model : Model or path, optional
        A loaded model or a ``.safetensors`` file; by default the packaged weights, loaded once.
    device : str
        "auto", "cpu", "cuda", "mps"; not used if `model` is already loaded.
    solver : Solver or str, optional
        How the exposure ODE is integrated.
    levels : {"dtype", "auto"} or (float, float)
        Black and white level; see `clode_core.image.resolve_levels`.
    rgb : bool, optional
        Whether the last axis is channels; by default guessed from the shape.
    precision : {"float32", "bfloat16"}
        Of the convolutions.
    shared_exposure : bool
        Expose all planes of a stack alike (`Model.shared_exposure`), so that a time series does not
        flicker; by default each plane is solved on its own.
    natural_dark : bool
        Put right what JPEG or a video codec left of the dark of 8-bit pictures before it is brightened;
        see `Model.solve`.
    progress : callable, optional
        Called with the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray
        A new array with the shape, dtype and levels of `image`.

    Raises
    ------
    ImageError
        If the array cannot be understood as pictures.
    WeightsError
        If the weights cannot be loaded.
    ValueError
        If another argument is out of range.

    Notes
    -----
    If the accelerator runs out of memory,
    the work is done again on the CPU with a warning, and the result is the same.
    """
    array = as_image(image)
    where = layout(array, rgb)
    level = resolve_levels(colours(array, where), levels)
    span = span_for(exposure_time)
    used = model if isinstance(model, Model) else _load_once(model, device)
    result = np.empty(array.shape, array.dtype)
    pictures = Planes(array, where)
    exposure: SharedExposure | None = None
    if shared_exposure:
        exposure, used = with_fallback(
            used,
            lambda on: on.shared_exposure(
                pictures,
                span=span,
                solver=solver,
                levels=(level.black, level.white),
                rgb=where.channels > 0,
                precision=precision,
            ),
        )
    for number, plane in enumerate(pictures):

        def report(fraction: float, done: int = number) -> None:
            if progress is not None:
                progress((done + fraction) / len(pictures))

        def expose(on: Model, plane: Array = plane) -> Array:
            path = on.solve_plane(
                plane, where.alpha, level, span, solver, precision, exposure, natural_dark=natural_dark
            )
            return path.at(exposure_time, denoise=denoise, progress=report)

        result[pictures.place(number)], used = with_fallback(used, expose)
        report(1.0)
    return result


def with_fallback(model: Mover, work: Callable[[Mover], Result]) -> tuple[Result, Mover]:
    """Do some work with a model; where its accelerator runs out of memory, do it again on the CPU.

    Parameters
    ----------
    model : Model
        A loaded model; it stays on its device.
    work : callable
        Takes a model and returns a result.

    Returns
    -------
    result
        What `work` returned.
    Model
        The model that did it, for further work: `model` itself, or a copy on the CPU.

    Raises
    ------
    MemoryError
        If the CPU's memory does not suffice either.

    Warns
    -----
    UserWarning
        If the work had to be done again.
    """
    try:
        return work(model), model
    except torch.OutOfMemoryError:
        if model.device.type == "cpu":
            raise
        warnings.warn(
            f"{model.device} ran out of memory: this picture is enhanced on the CPU instead", stacklevel=3
        )
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise MemoryError("not enough memory for this picture: cut it into parts") from None
    return with_fallback(copy.deepcopy(model).to("cpu"), work)
