"""The command ``clode ladder``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from clode_core.cli.options import ChosenMethod, Device, Levels, Weights, read_levels, with_method
from clode_core.cli.terminal import examples, plain_errors, print_path
from clode_core.errors import UserError
from clode_core.methods import Slider

_PICTURES = 7


@with_method()
@examples("clode ladder photo.jpg", "clode ladder photo.jpg --times 1,2,3,4 -o sheet.png")
def ladder(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    chosen: ChosenMethod,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The sheet to write; by default PICTURE-ladder.png beside the picture."
        ),
    ] = None,
    values: Annotated[
        str | None,
        typer.Option(
            "--times",
            "--values",
            help="Exposure times (or values of the method's slider), with commas between.",
        ),
    ] = None,
    levels: Levels = "dtype",
    width: Annotated[
        int, typer.Option(help="Width of one picture on the sheet in pixels.", min=64, max=4096)
    ] = 360,
    weights: Weights = None,
    device: Device = "auto",
) -> None:
    """Show one picture at many exposure times on one sheet, to choose from."""
    with plain_errors():
        slider = chosen.info.slider
        if slider is None:
            raise UserError(f"{chosen.name} has no slider, so there is only one result: use clode enhance")
        if slider.keyword in chosen.settings:
            raise UserError(f"{slider.flag} is for one picture: a ladder takes --times")
        steps = _steps(values, slider)
        from clode_core.batch.work import depth_levels
        from clode_core.cli.contact_sheet import contact_sheet
        from clode_core.pictures.files import read_picture, write_picture

        target = output or image.with_name(f"{image.stem}-ladder.png")
        if os.path.realpath(target) == os.path.realpath(image):
            raise UserError(f"{image} would be overwritten: choose another name with -o")
        method = chosen.load(weights, device)
        method.settings(**chosen.settings)
        picture = read_picture(image)
        sheet = contact_sheet(
            picture.pixels,
            steps,
            method=method,
            width=width,
            levels=depth_levels(picture, read_levels(levels)),
            rgb=picture.channels_last,
            **chosen.settings,
        )
        write_picture(target, sheet)
        print_path(target)


def _steps(text: str | None, slider: Slider) -> list[float]:
    """The values on the sheet."""
    if text is None:
        return list(slider.ladder) or [
            slider.first + (slider.last - slider.first) * k / (_PICTURES - 1) for k in range(_PICTURES)
        ]
    try:
        steps = [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--times takes numbers separated by commas, not {text!r}") from None
    for step in steps:
        slider.read(str(step))
    return steps
