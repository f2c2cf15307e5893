"""Methods that CLODE is compared with, each complete: weights, one call, training.

>>> from clode_core.baselines import load_baseline
>>> method = load_baseline("zero-dce")
>>> bright = method.enhance(image, iterations=8)     # same dtype, shape and range
>>> path = method.solve(image)                       # the network runs once ...
>>> path.at(4), path.at(8.5)                         # ... for every number of iterations
>>> bright = load_baseline("lfpv-unet").enhance(image)
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple


class _Entry(NamedTuple):
    """Module of a baseline in this package, its function that reads weights, and options of `enhance`."""

    module: str
    read: str
    options: tuple[str, ...] = ()


_ENTRIES = {
    "zero-dce": _Entry("zero_dce", "read_zero_dce", ("iterations",)),
    "zero-dce++": _Entry("zero_dce", "read_zero_dce", ("iterations",)),
    "enlightengan": _Entry("enlightengan", "read_enlightengan"),
    "lfpv-unet": _Entry("lfpv_enhancer", "read_supervised"),
    "lfpv-curve": _Entry("lfpv_enhancer", "read_supervised"),
}
BASELINES = tuple(name for name, entry in _ENTRIES.items() if find_spec(f"{__name__}.{entry.module}"))
"""Names that `load_baseline` knows: those whose module is installed."""
ITERATED = tuple(name for name in BASELINES if "iterations" in _ENTRIES[name].options)
"""Those that take a number of iterations."""

__all__ = ["BASELINES", "ITERATED", "load_baseline", "own_options", "packaged_weights"]


def _entry(name: str) -> _Entry:
    if name not in BASELINES:
        raise ValueError(f"unknown baseline {name!r}: choose one of {', '.join(BASELINES)}")
    return _ENTRIES[name]


def own_options(name: str) -> tuple[str, ...]:
    """Options of `enhance` that a baseline has and others need not have.

    Raises
    ------
    ValueError
        If there is no baseline of that name.
    """
    return _entry(name).options


def packaged_weights(name: str) -> Path:
    """Where the packaged weights of a baseline are, if it has any.

    Raises
    ------
    ValueError
        If there is no baseline of that name.
    """
    _entry(name)
    return Path(__file__).parents[1] / "weights" / f"{name.replace('++', '-pp')}.safetensors"


def load_baseline(name: str, weights: str | Path | None = None, device: str = "auto") -> Any:
    """Load a baseline with trained weights.

    Parameters
    ----------
    name : str
        One of `BASELINES`: "zero-dce" (Guo et al., CVPR 2020), "zero-dce++" (Li, Guo and Loy, 2021),
        "enlightengan" (Jiang et al., 2021), "lfpv-unet" or "lfpv-curve" (learnable references, Xu et al.,
        ICCV 2023, in a U-Net and in CLODE's h).
    weights : str or Path, optional
        A ``.safetensors`` file of this baseline; by default the packaged weights, which all have but
        "lfpv-curve".
    device : str
        "auto" (CUDA, then MPS, then CPU) or a device name.

    Returns
    -------
    ZeroDCE, EnlightenGAN or SupervisedEnhancer
        Ready to enhance.

    Raises
    ------
    WeightsError
        If the file is missing, is not safetensors, or holds something else.
    ValueError
        If the name is unknown or the device is not available.
    """
    entry, default = _entry(name), packaged_weights(name)
    from clode_core.model import WeightsError, choose_device

    read = getattr(import_module(f"{__name__}.{entry.module}"), entry.read)
    if weights is not None and not isinstance(weights, str | Path):
        raise WeightsError(f"weights are the path of a .safetensors file, not {weights!r}")
    method = read(default if weights is None else Path(weights))
    if method.architecture.variant != name:
        raise WeightsError(f"{weights} holds weights of {method.architecture.variant}, not of {name}")
    return method.to(choose_device(device))
