"""CLODE: continuous exposure for low-light images by a neural ordinary differential equation.

>>> import clode_core as clode
>>> bright = clode.enhance(image)                    # same dtype, shape and range
>>> path = clode.load_model().solve(image)           # one solve ...
>>> path.at(2.4), path.at("auto", denoise=True)      # ... every exposure time
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clode_core._version import __version__

if TYPE_CHECKING:
    from clode_core.enhancement import enhance, with_fallback
    from clode_core.exposure import SharedExposure
    from clode_core.files import Picture, PictureError, read_picture, write_picture
    from clode_core.image import ImageError, Levels, resolve_levels
    from clode_core.model import Architecture, Model, WeightsError, load_model
    from clode_core.ode import Solver
    from clode_core.trajectory import Trajectory

_HOMES = {
    "enhance": "clode_core.enhancement",
    "with_fallback": "clode_core.enhancement",
    "load_model": "clode_core.model",
    "Model": "clode_core.model",
    "Architecture": "clode_core.model",
    "WeightsError": "clode_core.model",
    "Trajectory": "clode_core.trajectory",
    "SharedExposure": "clode_core.exposure",
    "Solver": "clode_core.ode",
    "ImageError": "clode_core.image",
    "Levels": "clode_core.image",
    "resolve_levels": "clode_core.image",
    "Picture": "clode_core.files",
    "PictureError": "clode_core.files",
    "read_picture": "clode_core.files",
    "write_picture": "clode_core.files",
}

__all__ = [
    "Architecture",
    "ImageError",
    "Levels",
    "Model",
    "Picture",
    "PictureError",
    "SharedExposure",
    "Solver",
    "Trajectory",
    "WeightsError",
    "__version__",
    "enhance",
    "load_model",
    "read_picture",
    "resolve_levels",
    "with_fallback",
    "write_picture",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package does not import torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
