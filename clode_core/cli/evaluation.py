"""What ``evaluate``, ``ablate`` and ``plot`` share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clode_core.cli.terminal import plain_errors, print_error
from clode_core.errors import UserError

if TYPE_CHECKING:
    from clode_core.evaluation.pairs import Matched

Low = Annotated[Path, typer.Option("--input", "-i", help="Folder of dark pictures, or one picture.")]
High = Annotated[
    Path, typer.Option("--reference", "-r", help="Folder of the same pictures well exposed, or one.")
]
MaybeHigh = Annotated[
    Path | None,
    typer.Option("--reference", "-r", help="Folder of the same pictures well exposed, under the same names."),
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Folder for the tables, as CSV and JSON files.")
]
Limit = Annotated[
    int | None, typer.Option(help="Measure only so many pictures, in the order of their names.", min=1)
]
Seconds = Annotated[bool, typer.Option("--seconds", help="Write the times into the files too.")]


@contextmanager
def evaluation_errors() -> Iterator[None]:
    """The command line's sentences for errors, and one for a package that is missing."""
    with plain_errors():
        try:
            yield
        except ModuleNotFoundError as error:
            raise UserError(f"this command needs {error.name}: pip install 'clode-core[eval]'") from None


def matched_pairs(low: Path, high: Path | None, limit: int | None) -> Matched:
    """Match two folders and say on the error output what did not match."""
    from clode_core.evaluation.pairs import match

    matched = match(low, high, limit)
    if matched.alone:
        shown = ", ".join(str(path) for path in matched.alone[:10])
        more = f" and {len(matched.alone) - 10} more" if len(matched.alone) > 10 else ""
        typer.echo(
            f"clode: skipped, since the other folder has no picture of that name: {shown}{more}", err=True
        )
    return matched


def table_console() -> Any:
    """A console for tables."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a table in a file is not broken to fit a window
    return console


def finish(failures: list[str], what: str) -> None:
    """Say what could not be measured, and end with an error if that is anything."""
    for failure in failures:
        print_error(failure)
    if failures:
        raise UserError(f"{len(failures)} {what} could not be measured")
