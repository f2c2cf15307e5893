"""The ``clode`` command, put together from the modules of its commands."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import entry_points

import typer

from clode_core.cli.enhance import enhance
from clode_core.cli.gimp import app as gimp_app
from clode_core.cli.info import info
from clode_core.cli.ladder import ladder
from clode_core.cli.methods import methods
from clode_core.cli.train import train
from clode_core.cli.video import video

app = typer.Typer(
    name="clode",
    help="Continuous exposure for low-light images.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(enhance)
app.command()(ladder)
app.command()(info)
app.command()(methods)
app.command()(train)
with suppress(ModuleNotFoundError):  # a package without videos is whole without the command
    app.command()(video)
with suppress(ModuleNotFoundError):  # so is one without the evaluation
    import clode_core.evaluation  # noqa: F401
    from clode_core.cli.ablate import ablate
    from clode_core.cli.evaluate import evaluate
    from clode_core.cli.plot import plot

    app.command()(evaluate)
    app.command()(ablate)
    app.command()(plot)
app.add_typer(gimp_app)
for entry in sorted(entry_points(group="clode.commands"), key=lambda found: found.name):
    with suppress(ImportError, AttributeError):  # a front end that is not whole is not offered
        app.command(entry.name)(entry.load())


def main() -> None:
    """Entry point of the ``clode`` command."""
    app()
