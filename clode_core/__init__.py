"""CLODE: continuous exposure for low-light images by a neural ordinary differential equation.

>>> import clode_core as clode
>>> bright = clode.enhance(image)                    # same dtype, shape and range
>>> path = clode.load_model().solve(image)           # one solve ...
>>> darker, clean = path.at(2.4), path.at("auto", denoise=True)      # ... every exposure time
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from clode_core._version import __version__

if TYPE_CHECKING:
    from clode_core.methods import MethodInfo, available_methods, load_method, method_info
    from clode_core.methods.clode.enhancement import enhance
    from clode_core.methods.clode.exposure import SharedExposure
    from clode_core.methods.clode.model import Architecture, Model, load_model
    from clode_core.methods.clode.ode import Solver
    from clode_core.methods.clode.trajectory import Trajectory
    from clode_core.methods.device import with_fallback
    from clode_core.methods.method import Method
    from clode_core.methods.weights import WeightsError
    from clode_core.pictures.arrays import ImageError, Levels, resolve_levels
    from clode_core.pictures.files import Picture, PictureError, read_picture, write_picture

_HOMES = {
    "enhance": "clode_core.methods.clode.enhancement",
    "with_fallback": "clode_core.methods.device",
    "load_model": "clode_core.methods.clode.model",
    "Method": "clode_core.methods.method",
    "MethodInfo": "clode_core.methods",
    "available_methods": "clode_core.methods",
    "load_method": "clode_core.methods",
    "method_info": "clode_core.methods",
    "Model": "clode_core.methods.clode.model",
    "Architecture": "clode_core.methods.clode.model",
    "WeightsError": "clode_core.methods.weights",
    "Trajectory": "clode_core.methods.clode.trajectory",
    "SharedExposure": "clode_core.methods.clode.exposure",
    "Solver": "clode_core.methods.clode.ode",
    "ImageError": "clode_core.pictures.arrays",
    "Levels": "clode_core.pictures.arrays",
    "resolve_levels": "clode_core.pictures.arrays",
    "Picture": "clode_core.pictures.files",
    "PictureError": "clode_core.pictures.files",
    "read_picture": "clode_core.pictures.files",
    "write_picture": "clode_core.pictures.files",
}

__all__ = [
    "Architecture",
    "ImageError",
    "Levels",
    "Method",
    "MethodInfo",
    "Model",
    "Picture",
    "PictureError",
    "SharedExposure",
    "Solver",
    "Trajectory",
    "WeightsError",
    "__version__",
    "available_methods",
    "enhance",
    "load_method",
    "load_model",
    "method_info",
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
