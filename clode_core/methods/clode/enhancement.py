"""One call from a dark array to a bright one."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from clode_core.methods import method_info
from clode_core.methods.clode.model import Model, load_model
from clode_core.methods.clode.ode import Solver
from clode_core.methods.clode.rendering import ExposureTime
from clode_core.methods.method import Progress
from clode_core.pictures.arrays import Array, LevelsArgument


@lru_cache(maxsize=4)
def _loaded(weights: Path, device: str, modified: int, size: int) -> Model:
    return load_model(weights, device=device)


def _load_once(weights: str | Path | None, device: str) -> Model:
    """The model of a weights file, loaded again only if the file has changed."""
    if not isinstance(device, str) or not isinstance(weights, str | Path | None):
        return load_model(weights, device=device)  # which says what is wrong
    packaged = method_info("clode").weights
    path = packaged if weights is None else Path(os.path.realpath(weights))
    if path is None:
        return load_model(device=device)
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
    precision: str = "auto",
    shared_exposure: bool = False,
    natural_dark: bool = True,
    shadows: float = 0.0,
    highlights: float = 0.0,
    progress: Progress | None = None,
) -> Array:
    """Enhance a picture or a stack of pictures.

    Parameters
    ----------
    image : array_like
        (..., Y, X) grey or (..., Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA. Any integer
        or floating-point dtype.
    exposure_time : float, "auto" or array
        Exposure time ``T`` from -20 to 20. 3 is the time of training, 0 leaves the exposure as it is,
        negative darkens, "auto" chooses for each picture (`Trajectory.auto`). A map (Y, X) of times exposes
        every pixel by its own, on all planes of a stack; see `exposure_map`.
    denoise : bool
        Remove noise.
    model : Model or path, optional
        A loaded model or a ``.safetensors`` file; by default the packaged weights, loaded once.
    device : str
        "auto", "cpu", "cuda", "mps"; not used if `model` is already loaded.
    solver : Solver or str, optional
        How the exposure ODE is integrated.
    levels : {"dtype", "auto"} or (float, float)
        Black and white level; see `clode_core.pictures.arrays.resolve_levels`.
    rgb : bool, optional
        Whether the last axis is channels; by default guessed from the shape.
    precision : {"auto", "float32", "bfloat16"}
        Of the convolutions. With auto, noise removal alone is in bfloat16, where the processor has it.
    shared_exposure : bool
        Expose all planes of a stack alike (`Model.shared_exposure`), so that a time series does not
        flicker; by default each plane is solved on its own.
    natural_dark : bool
        Put right what JPEG or a video codec left of the dark of 8-bit pictures before it is brightened;
        see `Model.solve`.
    shadows, highlights : float
        What is added to the exposure time where the scene is dark, and where it is bright, from -5 to 5.
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

    Examples
    --------
    >>> bright = enhance(image)
    >>> bright.shape == image.shape and bright.dtype == image.dtype
    True
    >>> bool(bright.mean() > image.mean())
    True
    >>> darker = enhance(image, -1.5, denoise=False)
    >>> series = enhance(stack, "auto", levels="auto", shared_exposure=True)
    """
    used = model if isinstance(model, Model) else _load_once(model, device)
    return used.enhance(
        image,
        levels=levels,
        rgb=rgb,
        progress=progress,
        exposure_time=exposure_time,
        denoise=denoise,
        solver=solver,
        precision=precision,
        shared_exposure=shared_exposure,
        natural_dark=natural_dark,
        shadows=shadows,
        highlights=highlights,
    )
