"""Methods against metrics on a set of pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from clode_core.evaluation.methods import Enhanced, Entry, Scene
from clode_core.evaluation.metrics import Measure, Metric, Resources, Sample
from clode_core.evaluation.sets import Example

if TYPE_CHECKING:
    from clode_core.methods.method import Method


@dataclass(frozen=True)
class Row:
    """What one method scored on one picture.

    Attributes
    ----------
    picture, method : str
        Stem of the picture's file, and name of the method.
    parameter : float or None
        Exposure time, exponent, factor or iterations it was made with.
    values : dict
        Metric name to value; NaN where it is not defined for the picture.
    seconds : float
        What the method took, without the metrics.
    """

    picture: str
    method: str
    parameter: float | None
    values: dict[str, float]
    seconds: float


@dataclass
class Comparison:
    """Methods measured on pictures.

    Attributes
    ----------
    methods, metrics : sequence
        What was compared, in the order of the table.
    rows : list of Row
        One for each picture and method.
    failures : list of str
        A sentence for each picture or value that could not be had.
    """

    methods: Sequence[Entry]
    metrics: Sequence[Metric]
    rows: list[Row] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def pictures(self) -> int:
        """Number of pictures that were measured."""
        return len({row.picture for row in self.rows})

    def means(self) -> list[tuple[Entry, dict[str, float]]]:
        """Mean over the pictures of each metric, of ``parameter`` and of ``seconds``, method by method."""
        table = []
        for method in self.methods:
            rows = [row for row in self.rows if row.method == method.name]
            values = {m.name: _mean([row.values[m.name] for row in rows]) for m in self.metrics}
            chosen = [row.parameter for row in rows if row.parameter is not None]
            values["parameter"] = _mean(chosen)
            values["seconds"] = _mean([row.seconds for row in rows])
            table.append((method, values))
        return table


def _mean(values: Sequence[float]) -> float:
    """Mean of the numbers among the values; NaN if there is none."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def compare(
    examples: Sequence[Example],
    methods: Sequence[Entry],
    metrics: Sequence[Metric],
    loaded: dict[str, Method],
    *,
    resources: Resources | None = None,
    denoise: bool = True,
    progress: Callable[[float, str], None] | None = None,
    keep: Callable[[str, str, Any], None] | None = None,
) -> Comparison:
    """Measure every method on every picture, one picture in memory at a time.

    Parameters
    ----------
    examples : sequence of Example
        Dark pictures and references.
    methods, metrics : sequence
        From `choose_methods` and `choose_metrics`.
    loaded : dict
        From `load_methods`.
    resources : Resources, optional
        Where the metrics find their model files.
    denoise : bool
        Whether methods that can remove noise do it.
    progress : callable, optional
        Called with the number of pictures done and a label.
    keep : callable, optional
        Called with the method's name, the picture's stem and the result.

    Returns
    -------
    Comparison
        What could be measured; the rest is named in its `failures`.
    """
    measures = [(metric, metric.prepare(resources or Resources())) for metric in metrics]
    done = Comparison(methods, metrics)
    for index, example in enumerate(examples):
        if progress is not None:
            progress(index, example.name)
        try:
            source, reference = example.read()
            scene = Scene(source, reference, loaded, denoise)
            results = [(method, *_timed(method, scene)) for method in methods]
        except (ValueError, OSError, MemoryError) as error:
            message = " ".join(str(error).split()) or "out of memory"
            done.failures.append(message if example.name in message else f"{example.name}: {message}")
            continue
        for method, enhanced, seconds in results:
            if keep is not None:
                keep(method.name, example.name, enhanced.picture)
            sample = Sample(method.name, example.name, enhanced.picture, source, reference)
            values = dict(_measured(measures, sample, done.failures))
            done.rows.append(Row(example.name, method.name, enhanced.parameter, values, seconds))
    return done


def _timed(method: Entry, scene: Scene) -> tuple[Enhanced, float]:
    start = perf_counter()
    enhanced = method.apply(scene)
    return enhanced, perf_counter() - start


def _measured(
    measures: Sequence[tuple[Metric, Measure]], sample: Sample, failures: list[str]
) -> Iterator[tuple[str, float]]:
    for metric, measure in measures:
        try:
            yield metric.name, measure(sample)
        except ValueError as error:
            failures.append(f"{metric.title} of {sample.name} by {sample.method}: {error}")
            yield metric.name, math.nan
