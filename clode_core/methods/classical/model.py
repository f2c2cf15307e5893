"""Classical methods as methods like all others: any dtype, stacks, levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clode_core.methods.classical import filters
from clode_core.methods.method import Progress, WholeMethod
from clode_core.pictures.arrays import Array, Levels, from_unit

_FILTERS: dict[str, Callable[..., filters.Unit]] = {
    "gamma": filters.gamma,
    "gain": filters.gain,
    "histogram-equalisation": filters.histogram_equalisation,
    "clahe": filters.clahe,
    "lime": filters.lime,
    "exposure-fusion": filters.exposure_fusion,
}


class Classical(WholeMethod):
    """A filter without weights, on whole pictures in 64-bit numbers."""

    def check(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Check the settings of a call."""
        for name, value in settings.items():
            number = float(value)
            if not 0 <= number < float("inf"):
                raise ValueError(f"{name} must be a finite number from 0 on, not {value}")
            settings[name] = number
        return settings

    def enhance_plane(
        self, array: Array, alpha: bool, levels: Levels, progress: Progress, **settings: Any
    ) -> Array:
        """Enhance one plane; a grey one is shown as three equal channels. NaN and Inf stay as they were."""
        planes = array if array.ndim == 3 else array[..., None]
        count = planes.shape[2] - alpha
        unit = (planes[..., :count].astype(np.float64) - levels.black) / (levels.white - levels.black)
        seen = np.isfinite(unit)
        inside = np.clip(np.where(seen, unit, 0.0), 0.0, 1.0)
        shown = np.broadcast_to(inside, (*inside.shape[:2], 3)) if count == 1 else inside
        bright = np.clip(_FILTERS[self.info.name](shown, *settings.values()), 0.0, 1.0)
        if count == 1:
            bright = bright.mean(2, keepdims=True)
        kept = seen & (unit >= 0) & (unit <= 1)  # beyond the levels a picture stays as it is
        result = planes.copy()
        result[..., :count] = from_unit(np.where(kept, bright, unit), levels, array.dtype)
        progress(1.0)
        return result.reshape(array.shape)
