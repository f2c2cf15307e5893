"""What every command of ``clode`` does alike: errors in plain words, progress, folders, models."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from clode_core.methods.clode.model import Model
    from clode_core.methods.clode.trajectory import ExposureTime


Options = dict[str, float]


class UserError(Exception):
    """What the user can put right; its message is all that is shown."""


@contextmanager
def plain_errors() -> Iterator[None]:
    """Show an error that a user can cause as one sentence, and leave with exit code 1."""
    try:
        yield
    except (UserError, ValueError, OSError, MemoryError) as error:
        complain(error)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        complain("interrupted; finished files are complete")
        raise typer.Exit(130) from None


def complain(error: object) -> None:
    """One line on the error output."""
    typer.echo(f"clode: {' '.join(str(error).split()) or type(error).__name__}", err=True)


def say(path: Path) -> None:
    """Print a path, whatever bytes are in its name."""
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(os.fsencode(path).decode(encoding, "backslashreplace"))


def make_folder(folder: Path) -> None:
    """Make a folder for results, or say why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made or is no folder ({error.strerror}): choose another with -o"
        ) from None


def chosen_model(weights: Path | None, device: str) -> Model:
    """The model that the options name."""
    from clode_core.methods.clode.model import load_model

    return load_model(weights, device=device)


def read_exposure_time(text: str) -> ExposureTime:
    """The exposure time that an option gives: a finite number or "auto"."""
    if text == "auto":
        return "auto"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UserError(f"--time takes a number or 'auto', not {text!r}")
    return value


def baseline_options(name: str) -> tuple[str, ...]:
    """Options that a baseline has and others need not have; "iterations" is one."""
    try:
        from clode_core.methods import BASELINES, own_options
    except ModuleNotFoundError:
        raise UserError(f"--method {name} is not part of this installation: use clode") from None
    if name not in BASELINES:
        raise UserError(f"--method takes one of {', '.join(('clode', *BASELINES))}, not {name!r}")
    return own_options(name)


def chosen_baseline(name: str, weights: Path | None, device: str, iterations: float) -> tuple[Any, Options]:
    """The baseline that the options name, and the options that its `enhance` takes."""
    options: Options = {}
    if "iterations" in baseline_options(name):
        from clode_core.methods.zero_dce.model import checked_iterations

        options["iterations"] = checked_iterations(iterations)
    from clode_core.methods import load_baseline

    return load_baseline(name, weights, device), options


@contextmanager
def progress_bar(total: int, what: str, *, rate: str = "") -> Iterator[Callable[[float, str], None]]:
    """A progress bar on the terminal; gives a function of (units done, label).

    Parameters
    ----------
    total : int
        Units there are.
    what : str
        First label.
    rate : str
        What to call units per second, such as "pictures/s"; by default they are not shown.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:.2g} {rate}")

    columns: tuple[ProgressColumn, ...] = (
        TextColumn("{task.description}", markup=False),  # a file may be called [/b].png
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    console = Console(stderr=True)
    columns += (Rate(),) * bool(rate) + (TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, label: bar.update(task, completed=done, description=label)


def count_weights(network: object) -> int:
    """Number of weights of a network; 0 for none."""
    from torch import nn

    return sum(p.numel() for p in network.parameters()) if isinstance(network, nn.Module) else 0
