"""Where the networks are, and what happens when its memory does not suffice."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Protocol, TypeVar

import torch

Result = TypeVar("Result")
_DEVICES = {"cpu", "cuda", "mps", "xpu"}


def choose_device(device: str = "auto") -> torch.device:
    """Turn "auto", "cpu", "cuda", "cuda:1" or "mps" into a device that exists.

    Raises
    ------
    ValueError
        If the device is unknown or not available here.
    """
    if not isinstance(device, str | torch.device):
        raise ValueError(f"a device is 'auto', 'cpu', 'cuda' or 'mps', not {device!r}")
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        if chosen.type not in _DEVICES:
            raise RuntimeError
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ValueError(f"device {device!r} is not available here: use 'auto' or 'cpu'") from None
    return chosen


class OnDevice(Protocol):
    """What works on a device and can be moved to another, as a `Method` can."""

    device: torch.device

    def to(self: Mover, device: str | torch.device) -> Mover:
        """Move, and return itself."""
        ...


Mover = TypeVar("Mover", bound=OnDevice)


def with_fallback(model: Mover, work: Callable[[Mover], Result]) -> tuple[Result, Mover]:
    """Do some work with a model; where its accelerator runs out of memory, do it again on the CPU.

    Parameters
    ----------
    model : Model
        A loaded model; it stays on its device.
    work : callable
        Takes a model and returns a result.

    Returns
    -------
    result
        What `work` returned.
    Model
        The model that did it, for further work: `model` itself, or a copy on the CPU.

    Raises
    ------
    MemoryError
        If the CPU's memory does not suffice either.

    Warns
    -----
    UserWarning
        If the work had to be done again.

    Examples
    --------
    >>> path, used = with_fallback(load_model(), lambda model: model.solve(image))
    """
    try:
        return work(model), model
    except torch.OutOfMemoryError:
        if model.device.type == "cpu":
            raise
        warnings.warn(
            f"{model.device} ran out of memory: this picture is enhanced on the CPU instead", stacklevel=3
        )
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise MemoryError("not enough memory for this picture: cut it into parts") from None
    return with_fallback(copy.deepcopy(model).to("cpu"), work)
