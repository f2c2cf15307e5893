"""Methods whose results do not depend on the number of threads.

At working size the order in which a mean or a convolution is summed depends on it, and the last digits of the
exponent with it; at full size everything is computed pixel by pixel or tile by tile, and nothing does. So
only the solve, which is small, is done by one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from clode_core.methods.clode.model import Model
from clode_core.methods.clode.trajectory import Trajectory
from clode_core.pictures.arrays import Array


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


def steady_enhance(method: Any) -> Callable[..., Array]:
    """What a baseline's `enhance` does, independent of the number of threads.

    Zero-DCE estimates its maps with one thread; of other baselines, whose network is all there is, everything
    is done by one.
    """
    kind = type(method)
    enhance: Callable[..., Array] = method.enhance
    if hasattr(kind, "_solve_plane"):

        class Steady(kind):  # type: ignore[misc, valid-type]
            def _solve_plane(self, *arguments: Any, **options: Any) -> Any:
                with one_thread():
                    return super()._solve_plane(*arguments, **options)

        steady = Steady(method.architecture, method.card, tensors=method.state_dict())
        enhance = steady.to(method.device).enhance
        return enhance

    def alone(*arguments: Any, **options: Any) -> Array:
        with one_thread():
            return enhance(*arguments, **options)

    return alone
