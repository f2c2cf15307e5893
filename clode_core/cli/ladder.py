"""The command ``clode ladder``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from clode_core.cli.options import ChosenMethod, Device, Levels, Weights, read_levels, with_method
from clode_core.cli.terminal import examples, is_folder_name, named, plain_errors, print_path
from clode_core.errors import UserError
from clode_core.methods import Slider

_PICTURES = 7


@with_method()
@examples("clode ladder photo.jpg", "clode ladder photo.jpg --times 1,2,3,4 -o sheet.png")
def ladder(
    image: Annotated[Path, typer.Argument(help="A picture.")],
    chosen: ChosenMethod,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            help="The sheet to write, or a folder for it; by default PICTURE-ladder.png beside the picture.",
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
        from clode_core.pictures.atomic import make_folder
        from clode_core.pictures.files import read_picture, write_picture

        target = _sheet(image, output)
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
        make_folder(target.parent)
        write_picture(target, sheet)
        print_path(target)


def _sheet(image: Path, output: str | None) -> Path:
    """Where the sheet goes, known before any work."""
    from clode_core.pictures.files import WRITTEN

    usual = f"{image.stem}-ladder.png"
    if output is None:
        return image.with_name(usual)
    target = named(output)
    if is_folder_name(output):
        return target / usual
    if target.suffix.lower() not in WRITTEN:
        raise UserError(
            f"{target} is the name of no picture that can be written: end it in one of {', '.join(WRITTEN)}, "
            "or give the name of a folder that is there"
        )
    return target


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
