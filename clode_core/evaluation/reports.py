"""Tables on the terminal and in files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clode_core.evaluation.metrics import METRICS
from clode_core.pictures.atomic import write_atomically

if TYPE_CHECKING:
    from rich.console import Console

    from clode_core.evaluation.comparison import Comparison
    from clode_core.evaluation.published import PublishedTable

_ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}


def number(value: float, digits: int) -> str:
    """A number with so many decimals; a dash for what is no number."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def heading(metric: str) -> str:
    """Heading of a metric's column, with an arrow to the better side."""
    return METRICS[metric].title + _ARROWS[METRICS[metric].better]


def print_table(
    console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, names: int = 1
) -> None:
    """Print a table whose first `names` columns are text and whose others are numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for k, name in enumerate(headings):
        table.add_column(Text(name), justify="left" if k < names else "right")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def print_comparison(console: Console, comparison: Comparison, *, seconds: bool, title: str = "") -> None:
    """Print the means of a comparison."""
    metrics = comparison.metrics
    headings = ["measured", *(heading(m.name) for m in metrics), "mean setting", *(["s"] if seconds else [])]
    rows = []
    for method, values in comparison.means():
        cells = [number(values[m.name], m.digits) for m in metrics]
        chosen = number(values["parameter"], 2)
        rows.append([method.title, *cells, chosen, *([number(values["seconds"], 2)] if seconds else [])])
    heading_line = f"{comparison.pictures} pictures, means"
    print_table(console, f"{title}: {heading_line}" if title else heading_line, headings, rows)


def means_over_sets(comparisons: Mapping[str, Comparison]) -> list[tuple[str, dict[str, float]]]:
    """Mean over the sets of the mean of each metric, method by method: every set counts alike."""
    tables = [{entry.title: values for entry, values in c.means()} for c in comparisons.values()]
    metrics = next(iter(comparisons.values())).metrics
    return [
        (title, {m.name: float(np.mean([table[title][m.name] for table in tables])) for m in metrics})
        for title in tables[0]
    ]


def print_means_over_sets(console: Console, comparisons: Mapping[str, Comparison]) -> None:
    """Print the means over the sets."""
    metrics = next(iter(comparisons.values())).metrics
    rows = [
        [title, *(number(values[m.name], m.digits) for m in metrics)]
        for title, values in means_over_sets(comparisons)
    ]
    title = f"mean over {len(comparisons)} sets"
    print_table(console, title, ["measured", *(heading(m.name) for m in metrics)], rows)


def write_means_over_sets(folder: Path, comparisons: Mapping[str, Comparison]) -> Path:
    """Write ``sets.csv``: each set's means, and the mean over the sets."""
    metrics = [metric.name for metric in next(iter(comparisons.values())).metrics]
    rows: list[list[Any]] = [
        [name, entry.title, *(values[m] for m in metrics)]
        for name, comparison in comparisons.items()
        for entry, values in comparison.means()
    ]
    rows += [["mean", title, *(values[m] for m in metrics)] for title, values in means_over_sets(comparisons)]
    return write_text(folder / "sets.csv", csv_text(["set", "method", *metrics], rows))


def print_published(console: Console, table: PublishedTable) -> None:
    """Print a published table, marked as not measured here."""
    rows = [
        [row.method, row.training, row.source + (f" ({row.note})" if row.note else "")]
        + [f"{row.values[c]:g}" if c in row.values else "-" for c in table.columns]
        for row in table.rows
    ]
    print_table(
        console,
        f"PUBLISHED, not measured here and not on these pictures: {table.dataset}",
        ["published", "training", "source", *(table.headings.get(c) or heading(c) for c in table.columns)],
        rows,
        names=3,
    )


def csv_text(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """CSV with six decimals for floats and nothing for what is no number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([[_cell(cell) for cell in row] for row in rows])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6f}" if math.isfinite(value) else ""
    return "" if value is None else value


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 6)


def write_text(path: Path, text: str) -> Path:
    """Write a text file, whole or not at all."""
    return write_atomically(path, lambda handle: handle.write(text.encode("utf-8")))


def write_comparison(
    folder: Path,
    comparison: Comparison,
    settings: dict[str, Any],
    published: Sequence[PublishedTable] = (),
    *,
    seconds: bool = False,
) -> list[Path]:
    """Write ``table.csv``, ``pictures.csv`` and ``table.json`` into a folder that exists.

    Without `seconds` the files hold no times, so that two runs write the same.
    """
    metrics = [metric.name for metric in comparison.metrics]
    timed = ["seconds"] if seconds else []
    means = comparison.means()
    summary = [
        [m.name, comparison.pictures, *(v[name] for name in metrics), v["parameter"], *(v[t] for t in timed)]
        for m, v in means
    ]
    each = [
        [row.picture, row.method, *(row.values[name] for name in metrics), row.parameter]
        + ([row.seconds] if seconds else [])
        for row in comparison.rows
    ]
    stored = {
        "settings": settings,
        "pictures": comparison.pictures,
        "metrics": {
            m.name: {"title": m.title, "better": m.better, "implementation": m.source}
            for m in comparison.metrics
        },
        "measured": [
            {"method": m.name, "title": m.title, "uses_reference": m.needs_reference}
            | {name: _plain(v[name]) for name in [*metrics, "parameter", *timed]}
            for m, v in means
        ],
        "published": {
            table.name: {
                "dataset": table.dataset,
                "rows": [
                    {"method": row.method, "training": row.training, "source": row.source, "note": row.note}
                    | row.values
                    for row in table.rows
                ],
            }
            for table in published
        },
        "failures": comparison.failures,
    }
    texts = {
        "table.csv": csv_text(["method", "pictures", *metrics, "parameter", *timed], summary),
        "pictures.csv": csv_text(["picture", "method", *metrics, "parameter", *timed], each),
        "table.json": json.dumps(stored, indent=1, ensure_ascii=False) + "\n",
    }
    return [write_text(folder / name, text) for name, text in texts.items()]
