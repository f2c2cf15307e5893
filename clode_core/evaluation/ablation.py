"""Discrete against continuous: one `h`, used in a few discrete steps or as an ODE (CLODE, Table 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clode_core.evaluation.metrics.fidelity import psnr, ssim
from clode_core.evaluation.pairs import read_pair
from clode_core.evaluation.search import LAST_TIME
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.ode import CurveEstimator, Solver, solve_dense

if TYPE_CHECKING:
    from clode_core.methods.clode.model import Model

STEPS = (1, 5, 10, 20, 30)
"""Numbers of discrete steps that are compared."""
TIME = 3.0
REFERENCE_SOLVER = Solver("dopri5", tolerance=1e-6, max_steps=10_000)
"""The solve that the others are measured against."""
GRID = 0.1
_COARSE = 4

Plane = NDArray[np.floating]


def discrete_states(h: CurveEstimator, image: Tensor, steps: int, last: Tensor) -> Tensor:
    r"""Improve a picture in equal discrete steps.

    .. math:: I \leftarrow I + \tfrac{T}{n}\, A(I, t)\, I\, (1 - I), \qquad A = h(I, t)

    that is Zero-DCE's iteration with `h` of the ODE: the state form solved by Euler's method. A result beyond
    [0, 1], which large steps give, is cut off after each step, as it has to be for `h`.

    Parameters
    ----------
    h : callable
        Curve-parameter estimation.
    image : Tensor
        (3, H, W) in [0, 1].
    steps : int
        Number of steps ``n``.
    last : Tensor
        (B,) exposure times ``T``, all computed at once.

    Returns
    -------
    Tensor
        (B, 3, H, W) in [0, 1].
    """
    return discrete_path(h, image, steps, last)[-1]


def discrete_path(h: CurveEstimator, image: Tensor, steps: int, last: Tensor) -> list[Tensor]:
    """All states of `discrete_states`, the picture itself first."""
    width = (last / steps).to(image)
    states = [image[None].expand(len(width), -1, -1, -1)]
    for k in range(steps):
        state, step = states[-1], width[:, None, None, None]
        states.append((state + step * h(state, k * width) * state * (1 - state)).clamp(0, 1))
    return states


def exponent_states(h: CurveEstimator, image: Tensor, steps: int, last: Tensor) -> Tensor:
    r"""The same steps for the exponent, :math:`S \leftarrow S + \tfrac{T}{n} h(\mathrm{curve}(I_0, S), t)`.

    Nothing is cut off: the curve keeps to [0, 1] for any step. Shapes as in `discrete_states`.
    """
    width = (last / steps).to(image)
    exponent = torch.zeros_like(image)[None].expand(len(width), -1, -1, -1)
    for k in range(steps):
        state = curve(image, exponent)
        exponent = exponent + width[:, None, None, None] * h(state, k * width)
    return curve(image, exponent)


@dataclass(frozen=True)
class Variant:
    """One row of the ablation.

    Attributes
    ----------
    name, form : str
        What it is, and which quantity is stepped: "state" or "exponent".
    at : callable
        From `h`, a picture (3, H, W) and times (B,) to pictures (B, 3, H, W) and the evaluations of `h` that
        one picture took.
    one_solve : bool
        Whether one solve serves all times.
    """

    name: str
    form: str
    at: Callable[[CurveEstimator, Tensor, Tensor], tuple[Tensor, int]]
    one_solve: bool = False


def _stepped(
    states: Callable[[CurveEstimator, Tensor, int, Tensor], Tensor], steps: int
) -> Callable[[CurveEstimator, Tensor, Tensor], tuple[Tensor, int]]:
    return lambda h, image, times: (states(h, image, steps, times), steps)


def _continuous(solver: Solver) -> Callable[[CurveEstimator, Tensor, Tensor], tuple[Tensor, int]]:
    def at(h: CurveEstimator, image: Tensor, times: Tensor) -> tuple[Tensor, int]:
        dense = solve_dense(h, image, (0.0, float(times.max())), solver)
        return torch.stack([curve(image, dense.at(float(t)).to(image)) for t in times]), dense.evaluations

    return at


def variants(steps: Sequence[int] = STEPS) -> list[Variant]:
    """The rows: discrete steps, the same steps in exponent form, and the ODE by three solvers."""
    rows = [Variant(f"discrete, {_count(n)}", "state", _stepped(discrete_states, n)) for n in steps]
    rows += [Variant(f"Euler, {_count(n)}", "exponent", _stepped(exponent_states, n)) for n in steps]
    solvers = {
        "ODE, midpoint, step 0.5 (default)": Solver(),
        "ODE, dopri5 at 1e-3": Solver("dopri5", tolerance=1e-3),
        "ODE, dopri5 at 1e-5": Solver("dopri5", tolerance=1e-5, max_steps=10_000),
    }
    return rows + [Variant(name, "exponent", _continuous(s), one_solve=True) for name, s in solvers.items()]


def _count(steps: int) -> str:
    return f"{steps} step" + "s" * (steps > 1)


@dataclass(frozen=True)
class AblationRow:
    """Means of one variant over the pictures.

    Attributes
    ----------
    name, form : str
        As in `Variant`.
    evaluations : float
        Evaluations of `h` for one picture at T = 3.
    seconds : float
        What they took, the median over the pictures.
    psnr, ssim : float
        Against the reference at T = 3.
    best_psnr, best_ssim, best_time : float
        The same at the best exposure time of each picture, on a grid of 0.1.
    distance : float
        PSNR in dB against the tightest solve at T = 3.
    """

    name: str
    form: str
    evaluations: float
    seconds: float
    psnr: float
    ssim: float
    best_psnr: float
    best_ssim: float
    best_time: float
    distance: float


def ablate(
    pairs: Sequence[tuple[Path, Path | None]],
    model: Model,
    *,
    steps: Sequence[int] = STEPS,
    size: int | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[list[AblationRow], list[str]]:
    """Measure all variants at one size, without noise removal and without upsampling.

    Parameters
    ----------
    pairs : sequence of (Path, Path)
        Dark picture and reference; both are shrunk by area average.
    model : Model
        Whose `h` is used.
    steps : sequence of int
        Numbers of discrete steps.
    size : int, optional
        Long side in pixels; by default the working size of the model.
    progress : callable, optional
        Called with the number of pictures done and a label.

    Returns
    -------
    list of AblationRow, list of str
        The rows, and a sentence for each pair that could not be used.
    """
    rows = variants(steps)
    numbers: list[list[list[float]]] = [[] for _ in rows]
    failures = []
    for index, (low, high) in enumerate(pairs):
        if progress is not None:
            progress(index, low.name)
        try:
            image, reference = _shrunk_pair(model, low, high, size or model.architecture.working_size)
            tight, _ = _at(_continuous(REFERENCE_SOLVER), model, image, [TIME])
            found = [_measure(variant, model, image, reference, tight[0]) for variant in rows]
        except (ValueError, OSError) as error:
            failures.append(str(error) if str(low) in str(error) else f"{low}: {error}")
            continue
        for measured, values in zip(numbers, found, strict=True):
            measured.append(values)
    table = []
    for variant, measured in zip(rows, numbers, strict=True):
        if measured:
            means = np.mean(measured, axis=0).tolist()
            means[1] = float(np.median([row[1] for row in measured]))
            table.append(AblationRow(variant.name, variant.form, *means))
    return table, failures


def _shrunk_pair(model: Model, low: Path, high: Path | None, size: int) -> tuple[Tensor, Plane]:
    from clode_core.pictures.arrays import Levels
    from clode_core.pictures.source import Source

    source, reference = read_pair(low, high)
    if reference is None:
        raise ValueError(f"{low} has no reference")
    image, wanted = (
        Source(picture, Levels(0, 255), alpha=False, device=model.device).shrunk(size)
        for picture in (source, reference)
    )
    return image, _pixels(wanted)


def _pixels(unit: Tensor) -> Plane:
    pixels: Plane = (unit.cpu().numpy().astype(np.float64) * 255).transpose(1, 2, 0)
    return pixels


def _at(
    at: Callable[[CurveEstimator, Tensor, Tensor], tuple[Tensor, int]],
    model: Model,
    image: Tensor,
    times: Sequence[float],
) -> tuple[list[Plane], int]:
    with torch.inference_mode():
        pictures, evaluations = at(model.curve_parameters, image, torch.tensor(times))
    return [_pixels(picture) for picture in pictures], evaluations


def _measure(variant: Variant, model: Model, image: Tensor, reference: Plane, tight: Plane) -> list[float]:
    start = perf_counter()
    (trained,), evaluations = _at(variant.at, model, image, [TIME])
    seconds = perf_counter() - start
    best_time, best_picture = _best(variant, model, image, reference)
    return [
        evaluations,
        seconds,
        psnr(trained, reference),
        ssim(trained, reference),
        psnr(best_picture, reference),
        ssim(best_picture, reference),
        best_time,
        psnr(trained, tight),
    ]


def _best(variant: Variant, model: Model, image: Tensor, reference: Plane) -> tuple[float, Plane]:
    """The best time on a grid and its picture: every fourth grid time at once, then those around the best."""
    count = round(LAST_TIME / GRID)
    coarse = range(_COARSE, count + 1, _COARSE)

    def scores(grid: Sequence[int]) -> tuple[int, Plane]:
        pictures, _ = _at(variant.at, model, image, [k * GRID for k in grid])
        values = [psnr(picture, reference) for picture in pictures]
        at = int(np.argmax(values))
        return grid[at], pictures[at]

    middle, _ = scores(coarse)
    found, picture = scores(range(max(1, middle - _COARSE + 1), min(count, middle + _COARSE - 1) + 1))
    return found * GRID, picture
