r"""One exposure applied to a whole frame: a table of 65,536 values for each channel.

The exponent of a `SharedExposure` is the same for all pixels, so the curve
:math:`\tilde I = I e^S / (1 - I + I e^S)` depends on the value alone and is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.exposure import SharedExposure
from clode_core.methods.clode.local_exposure import bend
from clode_core.video.frames import WHITE, Planes16

_VALUES = torch.arange(1 << 16, dtype=torch.float32, device="cpu").div(WHITE).clamp(max=1)


def tone_tables(
    exposure: SharedExposure,
    exposure_time: float,
    dtype: type[np.uint8] | type[np.uint16] = np.uint8,
    white: int = 255,
    *,
    shadows: float = 0.0,
    highlights: float = 0.0,
) -> list[NDArray[Any]]:
    """The curve of each channel as a table over 16-bit values.

    Parameters
    ----------
    exposure : SharedExposure
        Exponents of three channels.
    exposure_time : float
        Exposure time ``T`` inside the span of the exposure.
    dtype : type
        numpy.uint8 or numpy.uint16, of the result.
    white : int
        What white becomes.
    shadows, highlights : float
        What is added to the exposure time where the exposed value is dark, and where it is bright, see
        `local_exposure`: part of the table, so that a frame takes no longer. Order is kept.

    Returns
    -------
    list of ndarray
        Red, green and blue, 65,536 values each; black is 0 and values from `WHITE` on are `white`.
    """
    exponents = exposure.exponent.at(exposure_time).flatten().cpu()
    if not (shadows or highlights):
        return [curve(_VALUES, s).mul(white).round().numpy().astype(dtype) for s in exponents]
    tables = []
    for channel, exponent in enumerate(exponents):
        bent = exposure_time + bend(curve(_VALUES, exponent), shadows, highlights)
        bent = bent.clamp(*exposure.span).to(exposure.exponent.exponents)
        local = exposure.exponent.over(bent)[channel].cpu()
        shown = curve(_VALUES, local).cummax(0).values
        tables.append(shown.mul(white).round().numpy().astype(dtype))
    return tables


def look_up(tables: Sequence[NDArray[Any]], planes: Planes16, targets: Sequence[NDArray[Any]]) -> None:
    """Expose the planes of a frame by their tables into other planes of the same shape."""
    for table, plane, target in zip(tables, planes, targets, strict=True):
        if target.flags.c_contiguous:
            np.take(table, plane, out=target, mode="clip")
        else:
            target[...] = table[plane]
