"""The ``clode`` command, put together from the modules of its commands."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.metadata import entry_points

import typer

from clode_core.cli.enhance import enhance
from clode_core.cli.gimp import app as gimp_app
from clode_core.cli.info import info
from clode_core.cli.ladder import ladder
from clode_core.cli.methods import methods
from clode_core.cli.terminal import add_command, print_error
from clode_core.cli.train import train
from clode_core.cli.video import video

app = typer.Typer(
    name="clode",
    help="Brighten dark photographs, videos and microscopy by one slider: the exposure time.",
    epilog="First try: clode enhance photo.jpg -o bright --time auto",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (enhance, ladder, methods, info, train):
    add_command(app, command)
with suppress(ModuleNotFoundError):  # a package without videos is whole without the command
    add_command(app, video)
with suppress(ModuleNotFoundError):  # so is one without the evaluation
    import clode_core.evaluation  # noqa: F401
    from clode_core.cli.ablate import ablate
    from clode_core.cli.evaluate import evaluate
    from clode_core.cli.plot import plot

    for measuring in (evaluate, ablate, plot):
        add_command(app, measuring)
app.add_typer(gimp_app)
for entry in sorted(entry_points(group="clode.commands"), key=lambda found: found.name):
    with suppress(ImportError, AttributeError):  # a front end that is not whole is not offered
        add_command(app, entry.load(), entry.name)


def main() -> None:
    """Entry point of the ``clode`` command."""
    if _stands_nowhere():  # torch's libraries end the process without a reason there
        print_error("the folder you are in was deleted: go to another one (cd) and try again")
        sys.exit(1)
    app()


def _stands_nowhere() -> bool:
    """Whether the current folder was deleted; one that only lies outside of a changed root is no harm."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return os.stat(".").st_nlink == 0
    return False
