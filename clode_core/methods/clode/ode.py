"""The exposure ODE in exponent form and in state form, solved by torchdiffeq."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.dense import DenseExponent

with torch.device("cpu"):  # its tableaus are tensors, made when it is imported, on the default device
    from torchdiffeq import odeint

CurveEstimator = Callable[[Tensor, Tensor], Tensor]
"""``A = h(I_t, t)``: picture (B, C, H, W) in [0, 1] and time to curve-parameter map, same shape."""

FIXED_STEP = ("euler", "midpoint", "heun2", "heun3", "rk4")
ADAPTIVE = ("dopri5", "bosh3", "adaptive_heun", "fehlberg2", "dopri8")
SOLVERS = FIXED_STEP + ADAPTIVE
_BOUNDS = {"step": (1e-3, 100.0), "tolerance": (1e-12, 1.0), "max_steps": (1, 100_000)}


@dataclass(frozen=True)
class Solver:
    """How the exposure ODE is integrated.

    Parameters
    ----------
    name : str
        One of `SOLVERS`.
    step : float
        Step in exposure time of the fixed-step solvers, and spacing of the dense output of all solvers.
    tolerance : float
        Relative and absolute tolerance of the adaptive solvers.
    max_steps : int
        Most steps that one solve may take, in each direction of time.

    Raises
    ------
    ValueError
        If a value is out of range or the solver is unknown.

    Examples
    --------
    >>> bright = enhance(image, solver=Solver("rk4", step=0.25))
    >>> Solver("dopri5", tolerance=1e-5).adaptive
    True
    """

    name: str = "midpoint"
    step: float = 0.5
    tolerance: float = 1e-3
    max_steps: int = 1000

    def __post_init__(self) -> None:
        if self.name not in SOLVERS:
            raise ValueError(f"unknown solver {self.name!r}: choose one of {', '.join(SOLVERS)}")
        for quantity, (least, most) in _BOUNDS.items():
            value = getattr(self, quantity)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise ValueError(
                    f"solver {quantity} must be a number from {least:g} to {most:g}, not {value}"
                )

    @classmethod
    def named(cls, solver: Solver | str | None) -> Solver:
        """A solver, the solver of that name, or the default."""
        if isinstance(solver, Solver):
            return solver
        if solver is not None and not isinstance(solver, str):
            raise ValueError(f"a solver is a Solver or one of {', '.join(SOLVERS)}, not {solver!r}")
        return cls() if solver is None else cls(solver)

    @property
    def adaptive(self) -> bool:
        """Whether the step is chosen from `tolerance`."""
        return self.name in ADAPTIVE

    def knots(self, end: float) -> list[float]:
        """Multiples of `step` from 0 to `end` (either sign) or just beyond: where the solution is kept.

        They do not depend on `end`, so a time has one exponent whatever the span it was solved in.
        """
        intervals = max(1, math.ceil(abs(end) / self.step - 1e-9))
        if intervals > self.max_steps:
            raise ValueError(
                f"{intervals} steps are needed to reach t={end:g}, more than max_steps={self.max_steps}: "
                "raise the step or max_steps"
            )
        return [math.copysign(self.step, end) * k for k in range(intervals + 1)]


def integrate(
    derivative: Callable[[Tensor, Tensor], Tensor], start: Tensor, times: Tensor, solver: Solver
) -> Tensor:
    """Integrate ``dy/dt = derivative(t, y)`` from ``times[0]``; return y at `times`, stacked first.

    Raises
    ------
    ValueError
        If an adaptive solver needs more than ``solver.max_steps`` steps.
    """
    if not solver.adaptive:
        fixed: Tensor = odeint(derivative, start, times, method=solver.name)
        return fixed
    try:
        adaptive: Tensor = odeint(
            derivative,
            start,
            times,
            method=solver.name,
            rtol=solver.tolerance,
            atol=solver.tolerance,
            options={"max_num_steps": solver.max_steps},
        )
    except AssertionError as error:
        raise ValueError(
            f"{solver.name} did not finish within {solver.max_steps} steps at tolerance "
            f"{solver.tolerance:g}: raise the tolerance or max_steps"
        ) from error
    return adaptive


def exponent_derivative(h: CurveEstimator, image: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    r"""Right side of the exponent ODE, :math:`dS/dt = h(\mathrm{curve}(I_0, S), t)`."""
    return lambda time, exponent: h(curve(image, exponent), time)


def state_derivative(h: CurveEstimator) -> Callable[[Tensor, Tensor], Tensor]:
    r"""Right side of the state ODE, :math:`dI/dt = h(I, t) \otimes I \otimes (1 - I)` (CLODE, eq. 3)."""
    return lambda time, state: h(state, time) * state * (1 - state)


def solve_exponent(h: CurveEstimator, image: Tensor, times: Tensor, solver: Solver) -> Tensor:
    """Solve the exponent ODE from ``S = 0`` at ``times[0]``.

    Parameters
    ----------
    h : callable
        Curve-parameter estimation.
    image : Tensor
        Picture ``I0``, (B, C, H, W) in [0, 1].
    times : Tensor
        Strictly monotone times; a fixed-step solver steps exactly from one to the next.
    solver : Solver
        Method and tolerance.

    Returns
    -------
    Tensor
        Exposure exponents, (len(times), B, C, H, W).
    """
    return integrate(exponent_derivative(h, image), torch.zeros_like(image), times, solver)


def solve_state(h: CurveEstimator, image: Tensor, times: Tensor, solver: Solver) -> Tensor:
    """Solve the state ODE from ``I = I0``: the reference path. Shapes as in `solve_exponent`."""
    return integrate(state_derivative(h), image, times, solver)


def solve_dense(h: CurveEstimator, image: Tensor, span: tuple[float, float], solver: Solver) -> DenseExponent:
    """Solve the exponent ODE over a span of exposure times that contains 0.

    Parameters
    ----------
    h : callable
        Curve-parameter estimation.
    image : Tensor
        Picture ``I0``, (C, H, W) in [0, 1].
    span : (float, float)
        First and last exposure time, ``first <= 0 <= last``.
    solver : Solver
        Method, step and tolerance.

    Returns
    -------
    DenseExponent
        The exponent for any time in the span.
    """
    try:
        first, last = (float(end) for end in span)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"a span is two exposure times (first, last), not {span!r}") from None
    if not (math.isfinite(first) and math.isfinite(last) and first <= 0 <= last and first < last):
        raise ValueError(f"a span of exposure times must contain 0 and be finite, not ({first}, {last})")
    batch = image[None]
    evaluations = 0
    seen: dict[float, Tensor] = {}

    def recorded(state: Tensor, time: Tensor) -> Tensor:
        nonlocal evaluations
        if float(time) == 0 and 0.0 in seen:  # both directions start at the picture itself
            return seen[0.0]
        evaluations += 1
        seen[float(time)] = A = h(state, time)
        return A

    def solve_to(end: float) -> tuple[list[float], list[Tensor], list[Tensor]]:
        grid = torch.tensor(solver.knots(end), dtype=torch.float32, device="cpu").to(image)
        solved = solve_exponent(recorded, batch, grid, solver)
        # A fixed-step solver starts every step with the slope at its knot; only the last is missing.
        known = {} if solver.adaptive else {float(t): seen[float(t)] for t in grid[:-1]}
        if solver.name == "euler":  # its last step is straight to the end
            known[float(grid[-1])] = known[float(grid[-2])]
        slopes = [
            known[float(t)] if float(t) in known else recorded(curve(batch, s), t)
            for t, s in zip(grid, solved, strict=True)
        ]
        return grid.tolist(), list(solved), slopes

    if first < 0:
        times, exponents, slopes = solve_to(first)
        times, exponents, slopes = times[:0:-1], exponents[:0:-1], slopes[:0:-1]
    else:
        times, exponents, slopes = [], [], []
    if last > 0:
        later = solve_to(last)
    else:
        later = [0.0], [torch.zeros_like(batch)], [recorded(batch, image.new_zeros(()))]
    return DenseExponent(
        torch.tensor(times + later[0], dtype=torch.float64, device="cpu"),
        torch.cat(exponents + later[1]),
        torch.cat(slopes + later[2]),
        evaluations,
    )
