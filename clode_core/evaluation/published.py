"""Results that others published, kept as data with their source."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("published.yaml")


@dataclass(frozen=True)
class PublishedRow:
    """One published result.

    Attributes
    ----------
    method, training : str
        Its name, and how it was trained: none, zero-reference, unsupervised, unpaired, supervised.
    values : dict
        Metric name to value.
    source, note : str
        Where the values stand, and what is particular about them.
    parameters : int or None
        Number of weights, where a source says so.
    """

    method: str
    training: str
    values: dict[str, float]
    source: str
    note: str = ""
    parameters: int | None = None


@dataclass(frozen=True)
class PublishedTable:
    """Published results on one data set."""

    name: str
    dataset: str
    columns: tuple[str, ...]
    rows: tuple[PublishedRow, ...]
    headings: dict[str, str] = field(default_factory=dict)
    """Of the columns that are no metric of ours, such as one metric on each of six sets."""


@cache
def published_tables() -> dict[str, PublishedTable]:
    """All published tables by name."""
    import yaml

    stored: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: _table(name, entry) for name, entry in stored.items()}


def _table(name: str, entry: dict[str, Any]) -> PublishedTable:
    columns = tuple(entry["columns"])
    rows = tuple(
        PublishedRow(
            row["method"],
            row["training"],
            {column: float(row[column]) for column in columns if column in row},
            row.get("source", entry["source"]),
            row.get("note", ""),
            row.get("parameters"),
        )
        for row in entry["rows"]
    )
    return PublishedTable(name, entry["dataset"], columns, rows, entry.get("headings", {}))


def published_table(name: str) -> PublishedTable:
    """One published table; `ValueError` if there is none of that name."""
    tables = published_tables()
    if name not in tables:
        raise ValueError(f"there is no published table {name!r}: choose among {', '.join(tables)}")
    return tables[name]
