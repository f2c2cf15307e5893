"""The former place of the methods: use `clode_core.load_method`. It will go with the next version."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from clode_core.methods import load_method

__all__ = ["load_baseline"]


def load_baseline(name: str, weights: str | Path | None = None, device: str = "auto") -> Any:
    """Load a method; the former name of `clode_core.load_method`."""
    warnings.warn("load_baseline is now clode_core.load_method", DeprecationWarning, stacklevel=2)
    return load_method(name, weights, device)
