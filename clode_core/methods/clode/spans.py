"""What must be solved for the exposure times that are asked for."""

from __future__ import annotations

import numpy as np

from clode_core.methods.clode import TIME
from clode_core.methods.clode.rendering import ExposureTime, checked_in
from clode_core.methods.clode.time_maps import checked_map

DEFAULT_SPAN = (-5.0, 5.0)
LARGEST_TIME = TIME.limits[1]


def span_for(
    exposure_time: ExposureTime,
    *,
    automatic: bool = True,
    shadows: float = 0.0,
    highlights: float = 0.0,
) -> tuple[float, float]:
    """Span of exposure times that must be solved for one of them.

    Parameters
    ----------
    exposure_time : float, "auto" or array
        The time that will be asked for, or the map of times.
    automatic : bool
        Whether the automatic time will be needed too, as for noise removal; without it, nothing beyond
        `exposure_time` is solved.
    shadows, highlights : float
        What will be added to it, see `local_exposure`.

    Raises
    ------
    ValueError
        If it is neither "auto" nor a number from -20 to 20, nor a map of such numbers.
    """
    if isinstance(exposure_time, str) and exposure_time == "auto":
        return _bent((0.0, DEFAULT_SPAN[1]), shadows, highlights)
    if np.ndim(exposure_time) > 1:
        times = checked_map(exposure_time, (-LARGEST_TIME, LARGEST_TIME))
        first, last = float(times.min()), float(times.max())
    else:
        first = last = checked_in((-LARGEST_TIME, LARGEST_TIME), exposure_time)
    first, last = _bent((min(0.0, first), max(0.0, last)), shadows, highlights)
    return first, max(DEFAULT_SPAN[1] if automatic or first == last else 0.0, last)


def _bent(span: tuple[float, float], shadows: float, highlights: float) -> tuple[float, float]:
    first, last = span
    first += min(0.0, shadows, highlights)
    last += max(0.0, shadows, highlights)
    return max(-LARGEST_TIME, first), min(LARGEST_TIME, last)
