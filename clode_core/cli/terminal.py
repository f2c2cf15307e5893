"""What every command of ``clode`` does alike: errors in plain words, paths, progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import typer

from clode_core.errors import UserError

Command = TypeVar("Command", bound=Callable[..., None])


def examples(*lines: str) -> Callable[[Command], Command]:
    """Give a command examples, which its help shows last."""

    def decorate(command: Command) -> Command:
        command.examples = lines  # type: ignore[attr-defined]
        return command

    return decorate


def add_command(app: typer.Typer, command: Callable[..., None], name: str | None = None) -> None:
    """Add a command with its examples to the command line."""
    lines = getattr(command, "examples", ())
    app.command(name, epilog="\n\n".join(["Examples:", *lines]) if lines else None)(command)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Show an error that a user can cause as one sentence, and leave with exit code 1."""
    try:
        yield
    except (UserError, ValueError, OSError, MemoryError) as error:
        print_error(error)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print_error("interrupted; finished files are complete")
        raise typer.Exit(130) from None


def print_error(error: object) -> None:
    """One line on the error output."""
    typer.echo(f"clode: {_visible(' '.join(str(error).split())) or type(error).__name__}", err=True)


def print_path(path: Path) -> None:
    """Print a path, whatever bytes are in its name: on one line, in the quotes of a shell where need be."""
    encoding = sys.stdout.encoding or "utf-8"
    text = os.fsencode(path).decode(encoding, "surrogateescape")
    if text.isprintable():
        typer.echo(text)
        return
    escaped = "".join(map(_escaped, text.replace("\\", "\\\\").replace("'", "\\'")))
    typer.echo(f"$'{escaped}'")


def named(text: str) -> Path:
    """A path that was given.

    Raises
    ------
    UserError
        For an empty one, as of a variable that is not set, which would mean the folder one is in.
    """
    if not text.strip():
        raise UserError("a name is empty: give the names of pictures or folders, and of one folder after -o")
    return Path(text)


def is_folder_name(text: str) -> bool:
    """Whether a name that was given is that of a folder: one is there, or it ends in a separator."""
    return Path(text).is_dir() or text.endswith((os.sep, os.altsep or os.sep))


def _visible(text: str) -> str:
    """Show characters that would steer the terminal, or be seen as nothing, as escapes."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no text
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


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
