"""Weights files: safetensors with a header that says what they hold. Nothing in them is ever executed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor


class WeightsError(ValueError):
    """Weights that cannot be used; the message says what to do."""


def read_weights(path: Path, kind: str, name: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and tensors of a safetensors file whose header says that it is of one format.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        The format wanted, such as "clode-1".
    name : str
        What the user knows it by, such as "CLODE".

    Raises
    ------
    WeightsError
        If the file is missing, is not safetensors, or is of another format.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"no weights at {path}: give the path of a .safetensors file written by CLODE")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a readable safetensors file ({error}): pickled checkpoints are never loaded"
        ) from error
    if header.get("format") != kind:
        raise WeightsError(
            f"{path} is a safetensors file but not {name} weights (format {header.get('format')!r})"
        )
    return header, tensors


def read_card(header: dict[str, str]) -> dict[str, Any]:
    """The model card in the header of a weights file."""
    card = json.loads(header.get("card", "{}"))
    if not isinstance(card, dict):
        raise ValueError("its model card is no table")
    return card


def write_weights(
    path: Path, kind: str, architecture: dict[str, Any], card: dict[str, Any], tensors: dict[str, Tensor]
) -> Path:
    """Write what `read_weights` reads, beside and renamed."""
    from safetensors.torch import save

    from clode_core.pictures.atomic import write_atomically

    header = {"format": kind, "architecture": json.dumps(architecture), "card": json.dumps(card)}
    data = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, metadata=header)
    return write_atomically(path, lambda handle: handle.write(data))


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Turn what building networks for the weights in `path` raises into one sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"{path} describes networks that do not fit its weights ({reason[:200]})"
        ) from error


def check_tensors(tensors: dict[str, Tensor], prefixes: tuple[str, ...]) -> None:
    """Refuse weights of unknown networks, of a dtype that is not floating point, or not finite."""
    for name, tensor in tensors.items():
        if not name.startswith(prefixes):
            raise ValueError(f"unexpected tensor {name}")
        if not tensor.is_floating_point():
            raise ValueError(f"tensor {name} is {tensor.dtype}")
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"tensor {name} holds numbers that are not finite")
