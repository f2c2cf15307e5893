"""The command ``clode enhance``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clode_core.cli.options import ChosenMethod, Device, Levels, Weights, read_levels, with_method
from clode_core.cli.terminal import examples, plain_errors


@with_method()
@examples(
    "clode enhance photo.jpg -o bright --time auto",
    "clode enhance holiday/ -o bright --time 2.5 --jobs 4 --resume",
    "clode enhance cells.tif -o bright --levels auto --shared-exposure",
)
def enhance(
    paths: Annotated[
        list[Path], typer.Argument(help="Pictures, or folders: CLODE also looks into the folders in them.")
    ],
    chosen: ChosenMethod,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the results.")] = Path(
        "enhanced"
    ),
    levels: Levels = "dtype",
    weights: Weights = None,
    device: Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip what an earlier run has finished with the same settings.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="How many processes work at the same time.")] = 1,
    memory: Annotated[
        float | None, typer.Option(help="Gigabytes they may use together; by default 80 % of what is free.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, to let its cluster do the work.")
    ] = None,
) -> None:
    """Brighten pictures; the originals stay as they are."""
    with plain_errors():
        from clode_core.batch.work import Settings
        from clode_core.cli.batch import Means, run

        means = Means(jobs, memory, scheduler)
        settings = Settings(chosen.name, chosen.settings, read_levels(levels))
        run(paths, output, settings, means, weights=weights, device=device, resume=resume)
