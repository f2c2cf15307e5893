"""All planes of a layer at once: in memory where they fit, otherwise in a folder on disk."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_clode._planes import LayerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_clode._engine import Stack

    Progress = Callable[[float], None]

MEMORY_SHARE = 0.25
"""Share of the free memory that a result may take; larger ones are written to disk."""
SUFFIX = ".zarr"
_UNFINISHED = ".part"
_RUN, _DONE = "clode_run", "clode_planes_done"  # attributes of an unfinished folder


def result_bytes(stack: Stack) -> int:
    """What the result of all planes takes."""
    planes = stack.planes
    return len(planes) * math.prod(planes.picture_shape) * planes.dtype.itemsize


def fits_in_memory(stacks: Sequence[Stack]) -> bool:
    """Whether the results of all planes of some stacks may be kept in memory."""
    import psutil

    return bool(sum(map(result_bytes, stacks)) <= MEMORY_SHARE * psutil.virtual_memory().available)


def enhance_in_memory(stack: Stack, value: float, denoise: bool, progress: Progress) -> Any:
    """Enhance every plane; shape (stack..., Y, X[, C]) with length 1 where channels became colours.

    Parameters
    ----------
    stack : Stack
        The planes and their settings.
    value : float
        Of the method's slider.
    denoise : bool
        Remove noise.
    progress : callable
        Called with the fraction done; what it raises stops the work.
    """
    planes = stack.planes
    result = np.empty((*planes.pictures, *planes.picture_shape), planes.dtype)
    _fill(result, stack, value, denoise, progress)
    return result


def enhance_to_disk(
    stack: Stack, value: float, denoise: bool, progress: Progress, folder: Path, about: dict[str, Any]
) -> Any:
    """Enhance every plane into a Zarr folder, one chunk a plane; an unfinished one is gone on with.

    Parameters
    ----------
    stack, value, denoise, progress
        As in `enhance_in_memory`. Work that is stopped leaves ``folder`` + ".part", with which the same
        work goes on another time.
    folder : Path
        Where the result is to be. It is written beside and renamed.
    about : dict
        How the result is made; goes into its attributes under "clode".

    Returns
    -------
    zarr.Array
        The result, for reading.

    Raises
    ------
    LayerError
        If there is something at that place already, or too little room.
    """
    import zarr

    if folder.exists():
        raise LayerError(f"{folder.name} exists already: choose another name")
    unfinished = folder.with_name(folder.name + _UNFINISHED)
    array = _opened(unfinished, stack, about)
    _fill(array, stack, value, denoise, progress, first=int(array.attrs[_DONE]), note=array.attrs)
    for name in (_RUN, _DONE):
        del array.attrs[name]
    unfinished.rename(folder)
    return zarr.open_array(folder, mode="r")


def planes_done(folder: Path) -> int:
    """How many planes of a result that is to be at `folder` have been written already."""
    import zarr

    unfinished = folder.with_name(folder.name + _UNFINISHED)
    return int(zarr.open_array(unfinished, mode="r").attrs.get(_DONE, 0)) if unfinished.exists() else 0


def _opened(unfinished: Path, stack: Stack, about: dict[str, Any]) -> Any:
    """The folder that is being filled: the one begun before, if the work is the same, or a new one."""
    import zarr

    planes = stack.planes
    shape = (*planes.pictures, *planes.picture_shape)
    run = {"source": planes.name, "dtype": str(planes.dtype), **json.loads(json.dumps(about))}
    if unfinished.exists():
        begun = zarr.open_array(unfinished, mode="r+")
        if begun.attrs.get(_RUN) == run and begun.shape == shape:
            return begun
        shutil.rmtree(unfinished)
    free = shutil.disk_usage(unfinished.parent).free
    if result_bytes(stack) > free:
        raise LayerError(
            f"the result may need {result_bytes(stack) / 1e9:.1f} GB and {unfinished.parent} has only "
            f"{free / 1e9:.1f} GB left: choose another place"
        )
    scale = [step * factor for step, factor in zip(planes.scale, planes.factors, strict=True)]
    labels = [*planes.axis_labels, *(["channel"] if len(shape) > len(planes.axis_labels) else [])]
    return zarr.create_array(
        unfinished,
        shape=shape,
        chunks=(*(1 for _ in planes.pictures), *planes.picture_shape),
        dtype=planes.dtype,
        dimension_names=labels,
        attributes={"clode": about, "scale": scale, _RUN: run, _DONE: 0},
    )


def _fill(
    target: Any,
    stack: Stack,
    value: float,
    denoise: bool,
    progress: Progress,
    first: int = 0,
    note: Any = None,
) -> None:
    """Enhance the planes from `first` on, each into its place; how many are done is noted."""
    planes = stack.planes
    for number in range(first, len(planes)):

        def report(fraction: float, done: int = number) -> None:
            progress((done + fraction) / len(planes))

        report(0.0)
        index = planes.place(number)
        target[index] = stack.expose(planes[number], index, value, denoise, report)
        if note is not None:
            note[_DONE] = number + 1
