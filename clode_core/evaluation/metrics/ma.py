"""The perceptual index, from Ma scores that were computed elsewhere."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path


def perceptual_index(ma: float, niqe: float) -> float:
    r"""Perceptual index of the PIRM 2018 challenge, :math:`\tfrac12 ((10 - \mathrm{Ma}) + \mathrm{NIQE})`."""
    return ((10 - ma) + niqe) / 2


@dataclass(frozen=True)
class MaScores:
    """Ma scores (Ma et al., CVIU 2017), one for each result.

    The regression forests of the metric are a release for MATLAB that no package carries, so the scores come
    from a file: save the results with ``clode evaluate --save-pictures``, score them there, and list them.
    """

    path: Path
    scores: dict[tuple[str, str], float]

    @classmethod
    def read(cls, path: Path | None) -> MaScores:
        """Read a CSV file with the columns method, picture and ma.

        Raises
        ------
        ValueError
            If there is no file, or it has not these columns, or a score is not from 0 to 10.
        """
        if path is None:
            raise ValueError(
                "PI needs Ma scores, which only their authors' MATLAB release computes: save the results "
                "with --save-pictures, score them there, and give a CSV of method,picture,ma by --ma-scores"
            )
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            scores = {(row["method"], row["picture"]): float(row["ma"]) for row in rows}
        except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError):
            raise ValueError(f"{path} is not a CSV file with the columns method, picture and ma") from None
        for key, score in scores.items():
            if not (math.isfinite(score) and 0 <= score <= 10):
                raise ValueError(f"the Ma score of {', '.join(key)} in {path} is {score}, not from 0 to 10")
        return cls(path, scores)

    def of(self, method: str, picture: str) -> float:
        """The score of one result; `ValueError` if it is not listed."""
        try:
            return self.scores[method, picture]
        except KeyError:
            raise ValueError(f"{self.path} has no Ma score of {picture} by {method}") from None
