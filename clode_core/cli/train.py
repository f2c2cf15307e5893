"""The command ``clode train``."""

from __future__ import annotations

from typing import Annotated

import typer

from clode_core.cli.terminal import examples, plain_errors, print_path
from clode_core.errors import UserError
from clode_core.methods import available_methods


def _configurations() -> str:
    folders = {info.configurations: None for info in available_methods().values() if info.configurations}
    return ", ".join(path.stem for folder in folders for path in sorted(folder.glob("*.yaml")))


@examples(
    "clode train clode-cpu --set data.normal='[photos]' --set data.dark='[dark]' --set validation=null",
    "clode train clode-cpu --resume",
)
def train(
    config: Annotated[
        str, typer.Argument(help=f"A YAML file, or a packaged configuration: {_configurations()}.")
    ],
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change one setting, for example --set stages.0.steps=100. Can be given several times.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Train weights of your own; everything goes to the output folder that the configuration names."""
    with plain_errors():
        try:
            from clode_core.training import load_config, run_training
            from clode_core.training.processes import first_process
        except ModuleNotFoundError as error:
            raise UserError(f"training needs {error.name}: pip install 'clode-core[train]'") from None
        weights = run_training(load_config(config, overrides=change or []), resume=resume)
        if first_process():
            print_path(weights)
