"""Figures: trajectories, quality and brightness over exposure time, solvers, parameters against quality."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from clode_core.evaluation.ablation import REFERENCE_SOLVER, TIME, discrete_path
from clode_core.evaluation.methods import Scene
from clode_core.evaluation.metrics.fidelity import psnr, ssim
from clode_core.evaluation.pairs import read_pair, read_rgb
from clode_core.evaluation.published import PublishedTable
from clode_core.evaluation.search import LAST_TIME
from clode_core.methods.clode.control import control_of
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.ode import Solver, solve_dense
from clode_core.pictures.arrays import Levels
from clode_core.pictures.source import Source

if TYPE_CHECKING:
    from torch import Tensor

    from clode_core.methods.clode.model import Model

SUFFIXES = (".png", ".svg")
Report = Callable[[float, str], None]

COLOURS = {"CLODE": "#0b6e8f", "control": "#c2571a"}
DISCRETE = (1, 5, 10, 30)
CURVE_TIMES = [0.25 * k for k in range(round(LAST_TIME / 0.25) + 1)]
BRIGHTNESS_TIMES = [0.25 * k for k in range(-20, 21)]
FIXED = {
    "euler": (3.0, 1.0, 0.5, 0.25, 0.1),
    "midpoint": (3.0, 1.0, 0.5, 0.25, 0.1),
    "rk4": (3.0, 1.0, 0.5, 0.25),
}
ADAPTIVE = {"bosh3": (1e-1, 1e-2, 1e-3, 1e-4), "dopri5": (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)}
_STYLE: Any = {
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "clode",
}


def _counted(pictures: int) -> str:
    return "1 picture" if pictures == 1 else f"{pictures} pictures"


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG (150 dots per inch) or SVG, whole or not at all, the same bytes each time.

    Raises
    ------
    ValueError
        If the suffix is neither.
    """
    from clode_core.pictures.atomic import write_atomically

    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ValueError(f"{path} has a suffix that figures do not have: use one of {', '.join(SUFFIXES)}")
    metadata = {"Date": None} if kind == ".svg" else {"Software": None}
    with rc_context(_STYLE):
        return write_atomically(
            path, lambda handle: figure.savefig(handle, format=kind[1:], dpi=150, metadata=metadata)
        )


def _figure(columns: int = 1, width: float = 7.0, height: float = 4.6) -> tuple[Figure, list[Any]]:
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, list(np.ravel(figure.subplots(1, columns)))


def principal_components(states: Sequence[NDArray[Any]]) -> tuple[list[NDArray[np.float64]], list[float]]:
    """Project paths (n, ...) on the two directions in which all of them together vary most.

    Returns
    -------
    list of ndarray, list of float
        The paths, (n, 2) each, and the share of the variance of each direction.
    """
    flat = [np.asarray(path, np.float64).reshape(len(path), -1) for path in states]
    everything = np.concatenate(flat)
    middle = everything.mean(0)
    _, strength, directions = np.linalg.svd(everything - middle, full_matrices=False)
    # The sign of a direction is arbitrary: the last state of the first path lies to the upper right.
    sign = np.sign((flat[0][-1] - middle) @ directions[:2].T)
    shares = strength**2 / (strength**2).sum()
    basis = (directions[:2] * np.where(sign == 0, 1, sign)[:, None]).T
    return [(path - middle) @ basis for path in flat], shares[:2].tolist()


def trajectories(low: Path, high: Path | None, model: Model) -> Figure:
    """Continuous and discrete improvement of one picture in the plane of its two principal components."""
    source, reference = read_pair(low, high)
    image = _shrunk(source, model)
    with torch.inference_mode():
        dense = solve_dense(model.curve_parameters, image, (0.0, LAST_TIME), Solver())
        times = [0.1 * k for k in range(round(LAST_TIME * 10) + 1)]
        paths = [torch.stack([curve(image, dense.at(t).to(image)) for t in times])]
        paths += [
            torch.cat(discrete_path(model.curve_parameters, image, n, torch.tensor([TIME]))) for n in DISCRETE
        ]
    arrays = [path.cpu().numpy() for path in paths]
    points, shares = principal_components(arrays)
    figure, (axes,) = _figure(height=5.0)
    continuous, *discrete = points
    axes.plot(*continuous.T, color=COLOURS["CLODE"], linewidth=2.4, label=f"ODE, T from 0 to {LAST_TIME:g}")
    for time in range(round(LAST_TIME) + 1):
        at = continuous[10 * time]
        axes.plot(*at, "o", color=COLOURS["CLODE"], markersize=5)
        rising = time > 0 and at[1] > continuous[10 * time - 1][1]
        axes.annotate(
            f"T={time}",
            at,
            xytext=(-6, 6) if rising else (3, 8),
            ha="right" if rising else "left",
            textcoords="offset points",
            color=COLOURS["CLODE"],
        )
    for n, path, colour in zip(DISCRETE, discrete, ("#8c564b", "#c2571a", "#e0a030", "#7a7a7a"), strict=True):
        label = f"{n} discrete step{'s' * (n > 1)} to T={TIME:g}"
        axes.plot(*path.T, "--", color=colour, marker="s", markersize=4, linewidth=1.2, label=label)
    if reference is not None:
        basis_points, _ = _project(arrays, _shrunk(reference, model).cpu().numpy())
        axes.plot(*basis_points, "*", color="black", markersize=13, linestyle="none", label="reference")
    axes.set_xlabel(f"first principal component ({100 * shares[0]:.0f} % of variance)")
    axes.set_ylabel(f"second principal component ({100 * shares[1]:.0f} % of variance)")
    axes.set_title(f"States of {low.name} on the way, {image.shape[2]} x {image.shape[1]} pixels")
    axes.margins(0.1)
    axes.legend(loc="best")
    return figure


def _project(paths: Sequence[NDArray[Any]], picture: NDArray[Any]) -> tuple[NDArray[np.float64], list[float]]:
    """One more picture in the plane of `principal_components`, which it does not change."""
    flat = [np.asarray(path, np.float64).reshape(len(path), -1) for path in paths]
    points, shares = principal_components(paths)
    everything, projected = np.concatenate(flat), np.concatenate(points)
    middle = everything.mean(0)
    basis = np.linalg.pinv(projected) @ (everything - middle)
    return np.asarray((picture.ravel().astype(np.float64) - middle) @ np.linalg.pinv(basis)), shares


def _shrunk(picture: NDArray[np.uint8], model: Model) -> Tensor:
    source = Source(picture, Levels(0, 255), alpha=False, device=model.device)
    return source.shrunk(model.architecture.working_size)


def quality_over_time(
    pairs: Sequence[tuple[Path, Path | None]], model: Model, *, denoise: bool, report: Report
) -> Figure:
    """PSNR and SSIM over exposure time: mean and the middle half of the pictures, CLODE and control."""
    models = {"clode": model, "control": control_of(model)}
    scores: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in models}
    for index, (low, high) in enumerate(pairs):
        report(index, low.name)
        source, reference = read_pair(low, high)
        assert reference is not None
        scene = Scene(source, reference, models, denoise)
        for name in models:
            shown = [scene.shown(name, time) for time in CURVE_TIMES]
            scores[name].append([(psnr(p, reference), ssim(p, reference)) for p in shown])
    figure, panels = _figure(2, width=9.6, height=4.2)
    for column, (axes, label) in enumerate(zip(panels, ("PSNR in dB", "SSIM"), strict=True)):
        for name, title in (("clode", "CLODE"), ("control", "control, A = 1")):
            values = np.array(scores[name])[..., column]
            colour = COLOURS["CLODE" if name == "clode" else "control"]
            axes.plot(CURVE_TIMES, values.mean(0), color=colour, linewidth=2, label=f"{title}: mean")
            axes.fill_between(
                CURVE_TIMES,
                *np.quantile(values, [0.25, 0.75], axis=0),
                color=colour,
                alpha=0.15,
                linewidth=0,
                label=f"{title}: middle half",
            )
        axes.set_xlabel("exposure time T")
        axes.set_ylabel(label)
    panels[0].legend(loc="best", fontsize=9)
    figure.suptitle(f"{len(pairs)} pairs, noise removal {'on' if denoise else 'off'}", fontsize=10)
    return figure


def brightness_over_time(paths: Sequence[Path], model: Model, *, report: Report) -> Figure:
    """Mean brightness over exposure time: every picture, their mean, and the mean of the control."""
    control = control_of(model)
    span = (BRIGHTNESS_TIMES[0], BRIGHTNESS_TIMES[-1])
    lines: dict[str, list[NDArray[np.float64]]] = {"CLODE": [], "control": []}
    for index, path in enumerate(paths):
        report(index, path.name)
        picture = read_rgb(path)
        for name, one in (("CLODE", model), ("control", control)):
            lines[name].append(one.solve(picture, span=span).brightness(BRIGHTNESS_TIMES))
    figure, (axes,) = _figure()
    for line in lines["CLODE"]:
        axes.plot(BRIGHTNESS_TIMES, line, color=COLOURS["CLODE"], alpha=0.12, linewidth=0.8)
    axes.plot([], [], color=COLOURS["CLODE"], alpha=0.4, linewidth=0.8, label="CLODE, each picture")
    for name, style in (("CLODE", "-"), ("control", "--")):
        mean = np.mean(lines[name], axis=0)
        axes.plot(BRIGHTNESS_TIMES, mean, style, color=COLOURS[name], linewidth=2.4, label=f"{name}, mean")
    axes.set_xlabel("exposure time T")
    axes.set_ylabel("mean intensity (0 black, 1 white)")
    axes.set_ylim(0, 1)
    axes.set_title(_counted(len(paths)))
    axes.legend(loc="upper left")
    return figure


def solver_errors(paths: Sequence[Path], model: Model, *, report: Report) -> Figure:
    """Distance from the tightest solve at T = 3 against evaluations, solver by solver."""
    settings = {name: [Solver(name, step=step) for step in steps] for name, steps in FIXED.items()}
    settings |= {
        name: [Solver(name, step=TIME, tolerance=t, max_steps=10_000) for t in tolerances]
        for name, tolerances in ADAPTIVE.items()
    }
    found: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in settings}
    for index, path in enumerate(paths):
        report(index, path.name)
        image = _shrunk(read_rgb(path), model)
        tight, _ = _solved(model, image, REFERENCE_SOLVER)
        for name, solvers in settings.items():
            measured: list[tuple[float, float]] = []
            for solver in solvers:
                picture, evaluations = _solved(model, image, solver)
                measured.append((evaluations, psnr(picture, tight)))
            found[name].append(measured)
    figure, (axes,) = _figure(width=7.6, height=5.0)
    for name, marker, colour in zip(
        found, "osD^v", ("#8c564b", "#0b6e8f", "#3a9a5b", "#c2571a", "#6a51a3"), strict=True
    ):
        evaluations, distance = np.mean(found[name], axis=0).T
        kind = "tolerance" if name in ADAPTIVE else "step"
        values = ADAPTIVE.get(name) or FIXED[name]
        label = f"{name}, {kind} {values[0]:g} to {values[-1]:g}"
        axes.plot(evaluations, distance, color=colour, marker=marker, markersize=6, label=label)
    (default,) = (k for k, solver in enumerate(settings["midpoint"]) if solver == Solver())
    at = np.mean(found["midpoint"], axis=0)[default]
    axes.annotate("default", at, xytext=(10, -22), textcoords="offset points", arrowprops={"arrowstyle": "-"})
    axes.set_xscale("log")
    ticks = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("evaluations of h for one solve to T = 3")
    axes.set_ylabel("PSNR against the tightest solve in dB")
    axes.set_title(f"{_counted(len(paths))} at {model.architecture.working_size} pixels")
    axes.legend(loc="upper left")
    return figure


def _solved(model: Model, image: Tensor, solver: Solver) -> tuple[NDArray[np.float64], int]:
    with torch.inference_mode():
        dense = solve_dense(model.curve_parameters, image, (0.0, TIME), solver)
        shown = curve(image, dense.at(TIME).to(image))
    return shown.cpu().numpy().astype(np.float64) * 255, dense.evaluations


def _name_points(axes: Axes, points: Sequence[tuple[str, float, int | None]]) -> None:
    """Write the name of each point to its right, above those of its neighbours that lie lower."""
    spread = max(p[1] for p in points) - min(p[1] for p in points)
    apart = 0.045 * spread
    written: list[tuple[float, float]] = []
    for name, value, count in sorted(points, key=lambda point: point[1]):
        decade, height = math.log10(count or 1), value
        for other, taken in sorted(written, key=lambda place: place[1]):
            if abs(decade - other) < 1.2 and abs(height - taken) < apart:
                height = taken + apart
        written.append((decade, height))
        axes.annotate(
            name, (count or 1, height), xytext=(8, 0), textcoords="offset points", va="center", fontsize=9
        )


def parameters_against_quality(
    table: PublishedTable, measured: Sequence[tuple[str, float, int]] = ()
) -> Figure:
    """Number of weights against PSNR: published results, and measured ones told apart.

    Parameters
    ----------
    table : PublishedTable
        Rows whose number of weights no source says are named below the figure instead.
    measured : sequence of (str, float, int)
        Name, PSNR in dB and number of weights of what was measured here.
    """
    figure, (axes,) = _figure(width=7.6, height=5.0)
    known = [row for row in table.rows if row.parameters is not None]
    unknown = [row for row in table.rows if row.parameters is None]
    points = [(row.method, row.values["psnr"], row.parameters) for row in known]
    for label, rows, marker, colour in (
        ("published", points, "o", "#7a7a7a"),
        ("measured here, on other pictures", measured, "D", COLOURS["CLODE"]),
    ):
        if rows:
            axes.plot(
                [row[2] for row in rows],
                [row[1] for row in rows],
                marker,
                color=colour,
                markersize=8,
                label=label,
                zorder=5,
            )
    _name_points(axes, [*points, *measured])
    values = [row.values["psnr"] for row in table.rows] + [row[1] for row in measured]
    free = -math.inf
    for row in sorted(unknown, key=lambda row: row.values["psnr"]):
        axes.axhline(row.values["psnr"], color="#7a7a7a", linewidth=0.7, linestyle=":", zorder=0)
        height = max(row.values["psnr"], free)
        free = height + 0.035 * (max(values) - min(values))
        axes.annotate(
            row.method,
            (1.01, height),
            xycoords=("axes fraction", "data"),
            fontsize=8,
            color="#555555",
            va="center",
        )
    counts = [int(point[2] or 1) for point in points] + [row[2] for row in measured]
    axes.set_xscale("log")
    axes.set_xlim(
        10 ** math.floor(math.log10(min(counts)) - 0.2), 10 ** math.ceil(math.log10(max(counts)) + 0.4)
    )
    axes.set_xlabel("number of weights (dotted: not stated by a source at hand)")
    axes.set_ylabel("PSNR in dB")
    axes.set_title(table.dataset, fontsize=10)
    figure.legend(loc="outside lower center", ncols=2)
    return figure
