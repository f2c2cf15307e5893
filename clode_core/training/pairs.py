"""Pairs of a dark picture and its reference, matched by name."""

from __future__ import annotations

from pathlib import Path

from clode_core.training.config import DataConfig, TrainingError
from clode_core.training.pictures import list_pictures


def match_pairs(data: DataConfig) -> list[tuple[Path, Path]]:
    """Dark pictures and their references: of equal names without suffix, in natural order.

    References that no dark picture asks for are not used.

    Raises
    ------
    TrainingError
        If a folder is not named or missing, a dark picture has no reference, or a name occurs twice.
    """
    for name in ("low", "high"):
        if not getattr(data, name):
            raise TrainingError(f"data.{name} names no folder, but a supervised stage needs pairs.")
    low, high = (list_pictures(folders, data.exclude) for folders in (data.low, data.high))
    for paths in (low, high):
        seen: dict[str, Path] = {}
        for path in paths:
            if path.stem in seen:
                raise TrainingError(f"{seen[path.stem]} and {path} have the same name: keep one of them.")
            seen[path.stem] = path
    references = {path.stem: path for path in high}
    alone = [path for path in low if path.stem not in references]
    if alone:
        more = f" (nor have {len(alone) - 1} others)" if len(alone) > 1 else ""
        raise TrainingError(f"{alone[0]} has no reference of the same name in data.high{more}.")
    return [(path, references[path.stem]) for path in low]
