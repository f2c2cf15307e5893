"""Methods that CLODE is compared with, each complete: weights, one call, training.

>>> from clode_core.baselines import load_baseline
>>> method = load_baseline("zero-dce")
>>> bright = method.enhance(image, iterations=8)     # same dtype, shape and range
>>> path = method.solve(image)                       # the network runs once ...
>>> path.at(4), path.at(8.5)                         # ... for every number of iterations
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clode_core.baselines.zero_dce import ZeroDCE

BASELINES = ("zero-dce", "zero-dce++")
"""Names that `load_baseline` knows."""

__all__ = ["BASELINES", "load_baseline", "packaged_weights"]


def packaged_weights(name: str) -> Path:
    """Where the packaged weights of a baseline are.

    Raises
    ------
    ValueError
        If there is no baseline of that name.
    """
    if name not in BASELINES:
        raise ValueError(f"unknown baseline {name!r}: choose one of {', '.join(BASELINES)}")
    return Path(__file__).parents[1] / "weights" / f"{name.replace('++', '-pp')}.safetensors"


def load_baseline(name: str, weights: str | Path | None = None, device: str = "auto") -> ZeroDCE:
    """Load a baseline with trained weights.

    Parameters
    ----------
    name : str
        One of `BASELINES`: "zero-dce" (Guo et al., CVPR 2020) or "zero-dce++" (Li, Guo and Loy, 2021).
    weights : str or Path, optional
        A ``.safetensors`` file of this baseline; by default the packaged weights.
    device : str
        "auto" (CUDA, then MPS, then CPU) or a device name.

    Returns
    -------
    ZeroDCE
        Ready to enhance.

    Raises
    ------
    WeightsError
        If the file is missing, is not safetensors, or holds something else.
    ValueError
        If the name is unknown or the device is not available.
    """
    default = packaged_weights(name)
    from clode_core.baselines.zero_dce import read_zero_dce
    from clode_core.model import WeightsError, choose_device

    if weights is not None and not isinstance(weights, str | Path):
        raise WeightsError(f"weights are the path of a .safetensors file, not {weights!r}")
    method = read_zero_dce(default if weights is None else Path(weights))
    if method.architecture.variant != name:
        raise WeightsError(f"{weights} holds weights of {method.architecture.variant}, not of {name}")
    return method.to(choose_device(device))
