"""Methods that CLODE is compared with, each complete: weights, one call, training.

>>> from clode_core.baselines import load_baseline
>>> method = load_baseline("zero-dce")
>>> bright = method.enhance(image, iterations=8)     # same dtype, shape and range
>>> path = method.solve(image)                       # the network runs once ...
>>> path.at(4), path.at(8.5)                         # ... for every number of iterations
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

_HERE = Path(__file__).parent


class Entry(NamedTuple):
    """How a baseline is found.

    Attributes
    ----------
    module : str
        Module of this package that it lives in; where that is missing, so is the baseline.
    reader : str
        The function there that reads its weights.
    iterates : bool
        Whether it takes a number of iterations.
    """

    module: str
    reader: str
    iterates: bool


_ENTRIES = {
    "zero-dce": Entry("zero_dce", "read_zero_dce", True),
    "zero-dce++": Entry("zero_dce", "read_zero_dce", True),
    "enlightengan": Entry("enlightengan", "read_enlightengan", False),
}
BASELINES = tuple(name for name, entry in _ENTRIES.items() if (_HERE / f"{entry.module}.py").is_file())
"""Names that `load_baseline` knows."""
ITERATED = tuple(name for name in BASELINES if _ENTRIES[name].iterates)
"""Those that take a number of iterations."""

__all__ = ["BASELINES", "ITERATED", "load_baseline", "packaged_weights"]


def packaged_weights(name: str) -> Path:
    """Where the packaged weights of a baseline are.

    Raises
    ------
    ValueError
        If there is no baseline of that name.
    """
    if name not in BASELINES:
        raise ValueError(f"unknown baseline {name!r}: choose one of {', '.join(BASELINES)}")
    return _HERE.parent / "weights" / f"{name.replace('++', '-pp')}.safetensors"


def load_baseline(name: str, weights: str | Path | None = None, device: str = "auto") -> Any:
    """Load a baseline with trained weights.

    Parameters
    ----------
    name : str
        One of `BASELINES`: "zero-dce" (Guo et al., CVPR 2020), "zero-dce++" (Li, Guo and Loy, 2021) or
        "enlightengan" (Jiang et al., 2021).
    weights : str or Path, optional
        A ``.safetensors`` file of this baseline; by default the packaged weights.
    device : str
        "auto" (CUDA, then MPS, then CPU) or a device name.

    Returns
    -------
    ZeroDCE or EnlightenGAN
        Ready to enhance.

    Raises
    ------
    WeightsError
        If the file is missing, is not safetensors, or holds something else.
    ValueError
        If the name is unknown or the device is not available.
    """
    default = packaged_weights(name)
    from clode_core.model import WeightsError, choose_device

    if weights is not None and not isinstance(weights, str | Path):
        raise WeightsError(f"weights are the path of a .safetensors file, not {weights!r}")
    entry = _ENTRIES[name]
    reader = getattr(import_module(f"clode_core.baselines.{entry.module}"), entry.reader)
    method = reader(default if weights is None else Path(weights))
    if method.architecture.variant != name:
        raise WeightsError(f"{weights} holds weights of {method.architecture.variant}, not of {name}")
    return method.to(choose_device(device))
