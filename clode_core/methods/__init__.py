"""The methods: each folder or module here is one, and says itself what it can do.

>>> from clode_core.methods import available_methods, load_method
>>> "zero-dce" in available_methods()
True
>>> method = load_method("zero-dce")
>>> bright = method.enhance(image, iterations=8)     # same dtype, shape and range
>>> path = method.solve(image)                       # the network runs once ...
>>> four, more = path.at(4), path.at(8.5)            # ... for every number of iterations

A folder joins by a tuple ``METHODS`` of `MethodInfo` in its ``__init__``; deleting the folder takes its
methods away everywhere. Other packages add theirs by the entry-point group ``clode.methods``, which names
such a tuple or one `MethodInfo`.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from clode_core.methods.info import MethodInfo, Option, Slider

if TYPE_CHECKING:
    from clode_core.methods.method import Method

DEFAULT_METHOD = "clode"
GROUP = "clode.methods"

__all__ = [
    "DEFAULT_METHOD",
    "MethodInfo",
    "Option",
    "Slider",
    "available_methods",
    "load_method",
    "method_info",
]


@cache
def available_methods() -> dict[str, MethodInfo]:
    """All methods by name, CLODE first, then by name; nothing heavy is imported.

    Warns
    -----
    UserWarning
        If a method of another package cannot be used; it is left out.

    Examples
    --------
    >>> next(iter(available_methods()))
    'clode'
    """
    found: dict[str, MethodInfo] = {}
    for module in filter(lambda module: module.ispkg, iter_modules(__path__)):
        for info in getattr(import_module(f"{__name__}.{module.name}"), "METHODS", ()):
            found[info.name] = info
    for entry in entry_points(group=GROUP):
        try:
            given = entry.load()
            infos = (given,) if isinstance(given, MethodInfo) else tuple(given)
            for info in infos:
                if not isinstance(info, MethodInfo):
                    raise TypeError(f"it names {info!r}, which is not a MethodInfo")
                if info.name in found:
                    raise ValueError(f"there is already a method called {info.name}")
        except Exception as error:  # a foreign package must not break the command
            warnings.warn(f"the method {entry.name} of {entry.value} cannot be used: {error}", stacklevel=2)
            continue
        found |= {info.name: info for info in infos}
    return {name: found[name] for name in sorted(found, key=lambda name: (name != DEFAULT_METHOD, name))}


def method_info(name: str) -> MethodInfo:
    """What a method can do.

    Raises
    ------
    ValueError
        If there is no method of that name; the message lists those that there are.

    Examples
    --------
    >>> method_info("clode").slider.keyword
    'exposure_time'
    >>> method_info("control").noise_removal
    True
    """
    methods = available_methods()
    if name not in methods:
        raise ValueError(f"there is no method {name!r}: choose one of {', '.join(methods)}")
    return methods[name]


def load_method(
    name: str = DEFAULT_METHOD, weights: str | Path | None = None, device: str = "auto"
) -> Method:
    """Load a method, with trained weights where it has some.

    Parameters
    ----------
    name : str
        One of `available_methods`.
    weights : str or Path, optional
        A ``.safetensors`` file of this method; by default the packaged weights.
    device : str
        "auto" (CUDA, then MPS, then CPU) or a device name.

    Returns
    -------
    Method
        Ready to enhance.

    Raises
    ------
    WeightsError
        If the file is missing, is not safetensors, or holds something else.
    ValueError
        If the name is unknown or the device is not available.

    Examples
    --------
    >>> gamma = load_method("gamma")
    >>> bright = gamma.enhance(image, 0.5)
    >>> bright.dtype == image.dtype and bright.mean() > image.mean()
    True
    """
    info = method_info(name)
    method: Method = info.implement().load(info, weights, device)
    return method
