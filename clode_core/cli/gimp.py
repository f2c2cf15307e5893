"""``clode gimp install``, ``doctor`` and ``uninstall``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="gimp",
    help="Install, check or remove the plug-in for GIMP 3.",
    no_args_is_help=True,
    add_completion=False,
)

_Profile = Annotated[
    Path | None,
    typer.Option(help="Profile folder of GIMP, such as ~/.config/GIMP/3.0; by default every one found."),
]


@app.command()
def install(profile: _Profile = None) -> None:
    """Put the plug-in into GIMP 3 and connect it with this Python."""
    from clode_core.gimp.install import install as put

    done = _each(profile, lambda place: f"installed: {put(place)}")
    if done:
        typer.echo("Restart GIMP; the filter is in Filters > Light and Shadow > CLODE.")


@app.command()
def uninstall(profile: _Profile = None) -> None:
    """Take the plug-in out of GIMP 3."""
    from clode_core.gimp.install import uninstall as take

    def remove(place: Path) -> str:
        folder = take(place)
        return f"removed: {folder}" if folder else f"nothing to remove in {place}"

    _each(profile, remove)


@app.command()
def doctor(profile: _Profile = None) -> None:
    """Check everything from GIMP to the network, and say what to do."""
    from clode_core.gimp.doctor import examine

    marks = {True: "ok   ", False: "WRONG", None: "?    "}
    found = []
    for finding in examine(profile):
        typer.echo(f"{marks[finding.good]}  {finding.text}")
        found.append(finding.good)
    if False in found:
        raise typer.Exit(1)
    typer.echo("All is well." if None not in found else "All that could be checked is well.")


def _each(profile: Path | None, act: Callable[[Path], str]) -> int:
    """Act on every profile; what fails in one does not keep the others from it."""
    from clode_core.gimp.profiles import SetupError, chosen_profiles

    done = failed = 0
    try:
        places = chosen_profiles(profile)
    except SetupError as error:
        typer.echo(f"clode: {error}", err=True)
        raise typer.Exit(1) from None
    for place in places:
        try:
            typer.echo(act(place))
            done += 1
        except SetupError as error:
            typer.echo(f"clode: {error}", err=True)
            failed += 1
    if failed:
        raise typer.Exit(1)
    return done
