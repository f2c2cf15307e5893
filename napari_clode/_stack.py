"""All planes of a layer at once: in memory where they fit, otherwise when they are looked at."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_clode._engine import Stack

MEMORY_SHARE = 0.25
"""Share of the free memory that a result may take; larger ones are computed when they are looked at."""


def is_large(stack: Stack) -> bool:
    """Whether the result should be computed plane by plane, when it is looked at."""
    import psutil

    planes = stack.planes
    pixels = len(planes) * int(np.prod(planes.picture_shape))
    return planes.lazy or pixels * planes.dtype.itemsize > MEMORY_SHARE * psutil.virtual_memory().available


def enhance_stack(stack: Stack, time: float, denoise: bool, progress: Callable[[float], None]) -> Any:
    """Enhance every plane; shape (stack..., Y, X[, C]) with length 1 where channels became colours.

    Parameters
    ----------
    stack : Stack
        The planes and their settings.
    time : float
        Exposure time.
    denoise : bool
        Remove noise.
    progress : callable
        Called with the fraction done; what it raises stops the work.

    Returns
    -------
    ndarray or dask.array.Array
        Lazy where `is_large`.
    """
    return _lazy(stack, time, denoise) if is_large(stack) else _eager(stack, time, denoise, progress)


def _eager(stack: Stack, time: float, denoise: bool, progress: Callable[[float], None]) -> Any:
    planes = stack.planes
    result = np.empty((*planes.pictures, *planes.picture_shape), planes.dtype)
    for number, plane in enumerate(planes):

        def report(fraction: float, done: int = number) -> None:
            progress((done + fraction) / len(planes))

        report(0.0)
        index = planes.place(number)
        result[index] = stack.expose(plane, index, time, denoise, report)
    return result


def _lazy(stack: Stack, time: float, denoise: bool) -> Any:
    import dask.array as da

    planes = stack.planes
    stack.solve(planes.place(0))  # what is wrong shows now, not when somebody scrolls
    chunks = (*((1,) * n for n in planes.pictures), *((n,) for n in planes.picture_shape))
    depth = len(planes.pictures)

    def plane(block_info: Any = None) -> Any:
        index = tuple(int(i) for i in block_info[None]["chunk-location"][:depth])
        return stack.expose(planes.read(index), index, time, denoise)[(np.newaxis,) * depth]

    return da.map_blocks(
        plane,
        chunks=chunks,
        dtype=planes.dtype,
        meta=np.empty((0,) * len(chunks), planes.dtype),
        name=f"clode-{uuid.uuid4().hex}",  # or dask would read the whole source to find one
    )
