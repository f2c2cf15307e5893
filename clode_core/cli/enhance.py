"""The command ``clode enhance``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from clode_core.cli.options import ChosenMethod, Device, Levels, Weights, read_levels, with_method
from clode_core.cli.terminal import examples, is_folder_name, named, plain_errors
from clode_core.errors import UserError


@with_method()
@examples(
    "clode enhance photo.jpg -o bright --time auto",
    "clode enhance photo.jpg -o bright.png",
    "clode enhance holiday/ -o bright --time 2.5 --jobs 4 --resume",
    "clode enhance cells.tif -o bright --levels auto --shared-exposure",
)
def enhance(
    paths: Annotated[
        list[str], typer.Argument(help="Pictures, or folders: CLODE also looks into the folders in them.")
    ],
    chosen: ChosenMethod,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            help="Folder for the results; for one picture also the name of its result, such as bright.png.",
        ),
    ] = "enhanced",
    kind: Annotated[
        str | None,
        typer.Option(
            "--format", help="Format of the results, such as png; by default their own, TIFF for camera raw."
        ),
    ] = None,
    levels: Levels = "dtype",
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Accept damaged pictures, as far as they can be decoded.")
    ] = False,
    weights: Weights = None,
    device: Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip what an earlier run has finished with the same settings.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="How many processes work at the same time.")] = 1,
    memory: Annotated[
        float | None, typer.Option(help="Gigabytes they may use together; by default 80 % of what is free.")
    ] = None,
    effort: Annotated[
        int,
        typer.Option(
            help="Of the PNG, WebP, AVIF and JPEG XL encoders: 1 is the fastest, 9 makes the smallest files."
        ),
    ] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, to let its cluster do the work.")
    ] = None,
) -> None:
    """Brighten pictures; the originals stay as they are."""
    with plain_errors():
        from clode_core.batch.work import Settings
        from clode_core.cli.batch import Means, run

        means = Means(jobs, memory, scheduler)
        settings = Settings(chosen.name, chosen.settings, read_levels(levels), effort, lenient)
        suffix = _suffix(kind) if kind is not None else None
        sources = [named(path) for path in paths]
        folder, name = _place(output, sources, suffix)
        work = settings, means
        run(sources, folder, *work, weights=weights, device=device, resume=resume, suffix=suffix, name=name)


def _place(output: str, sources: Sequence[Path], suffix: str | None) -> tuple[Path, str | None]:
    """The folder of the results and, where -o names the result of one picture, its name."""
    from clode_core.pictures.files import FORMATS, WRITTEN, format_of

    result = named(output)
    kind = format_of(result.suffix)
    if kind is None or is_folder_name(output):
        return result, None
    if len(sources) > 1 or sources[0].is_dir():
        raise UserError(
            f"{result} is the name of one picture, and there may be more: give the name of a folder after -o"
        )
    if result.suffix.lower() not in WRITTEN:
        raise UserError(
            f"{result} cannot be written ({FORMATS[kind].title}): choose a name that ends in "
            f"one of {', '.join(WRITTEN)}"
        )
    if suffix is not None and format_of(suffix) != kind:
        raise UserError(f"-o {result} and --format {suffix[1:]} ask for two formats: leave --format out")
    return result.parent, result.name


def _suffix(kind: str) -> str:
    """The suffix of a format by its name or by one of its suffixes."""
    from clode_core.pictures.files import FORMATS, WRITTEN

    name = kind.lower().removeprefix(".")
    for title, known in FORMATS.items():
        if known.encode is not None and (name == title or f".{name}" in known.suffixes):
            return known.suffixes[0] if name == title else f".{name}"
    raise UserError(f"--format takes one of {', '.join(suffix[1:] for suffix in WRITTEN)}, not {kind!r}")
