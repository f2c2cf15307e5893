"""Methods whose results do not depend on the number of threads.

At working size the order in which a mean or a convolution is summed depends on it, and the last digits of the
exponent with it; at full size everything is computed pixel by pixel or tile by tile, and nothing does. So
only the solve, which is small, is done by one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from clode_core.model import Model
from clode_core.trajectory import Trajectory


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread. Meant for processes that do one thing at a time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class SteadyModel(Model):
    """A `Model` that solves with one thread."""

    def solve_plane(self, *arguments: Any, **options: Any) -> Trajectory:
        """Solve one plane; see `Model.solve_plane`."""
        with one_thread():
            return super().solve_plane(*arguments, **options)


def steady_model(model: Model) -> Model:
    """The same model, solving with one thread."""
    steady = SteadyModel(model.architecture, model.card, tensors=model.state_dict())
    return steady.to(model.device)


def steady_baseline(method: Any) -> Any:
    """The same baseline, a `ZeroDCE`, estimating the maps of a shrunken picture with one thread."""
    kind = type(method)

    class Steady(kind):  # type: ignore[misc, valid-type]
        def _solve_plane(self, *arguments: Any, **options: Any) -> Any:
            with one_thread():
                return super()._solve_plane(*arguments, **options)

    return Steady(method.architecture, method.card, tensors=method.state_dict()).to(method.device)
