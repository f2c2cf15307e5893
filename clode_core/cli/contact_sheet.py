"""Contact sheets: one picture over the slider of a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clode_core.methods.method import Method
from clode_core.pictures.arrays import (
    Array,
    LevelsArgument,
    as_image,
    colours,
    layout,
    resolve_levels,
    to_unit,
)

_GAP = 6
_CAPTION = 26


def contact_sheet(
    image: Array,
    values: Sequence[float],
    *,
    method: Method,
    width: int = 360,
    columns: int = 4,
    levels: LevelsArgument = "dtype",
    rgb: bool | None = None,
    **options: Any,
) -> NDArray[np.uint8]:
    """Draw a picture at several values of the slider, and at the automatic one, with the values printed.

    Parameters
    ----------
    image : ndarray
        One picture, (Y, X) or (Y, X, C); of a stack, the middle plane is drawn.
    values : sequence of float
        Values of the method's slider.
    method : Method
        A method with a slider.
    width : int
        Width of one picture on the sheet; its height is at most three times that.
    columns : int
        Pictures in a row.
    levels, rgb
        As in `clode_core.enhance`.
    **options
        Settings of the method.

    Returns
    -------
    ndarray
        (Y, X, 3) uint8.
    """
    from PIL import Image, ImageDraw, ImageFont

    slider = method.info.slider
    if slider is None:
        raise ValueError(f"{method.info.name} has no slider, so there is only one result: use clode enhance")
    array = as_image(image)
    where = layout(array, rgb)
    for length in where.stack:
        array = array[length // 2]
    level = resolve_levels(colours(array, where), levels, bool(where.channels))
    path = method.solve_for(
        array, values, levels=(level.black, level.white), rgb=bool(where.channels), **options
    )
    entries = [(value, f"{slider.symbol} = {value:g}") for value in values]
    if slider.automatic:
        auto = path.auto()
        entries.append((auto, f"auto, {slider.symbol} = {auto:.2f}"))
    font = ImageFont.load_default(size=16)
    height = min(3 * width, max(1, round(array.shape[0] * width / array.shape[1])))
    rows = -(-len(entries) // columns)
    columns = min(columns, len(entries))
    cell = (width + _GAP, height + _CAPTION + _GAP)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, rows * cell[1] + _GAP), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for k, (value, caption) in enumerate(entries):
        shown = to_unit(path.at(value), level)
        shown = np.nan_to_num(shown, nan=0.0).clip(0, 1)
        colour = (
            shown[..., :3]
            if shown.ndim == 3 and shown.shape[-1] >= 3
            else shown.reshape(*shown.shape[:2], -1)[..., :1]
        )
        tile = Image.fromarray(
            np.rint(np.broadcast_to(colour, (*colour.shape[:2], 3)) * 255).astype(np.uint8)
        )
        corner = (_GAP + k % columns * cell[0], _GAP + k // columns * cell[1])
        sheet.paste(tile.resize((width, height), Image.Resampling.BOX), (corner[0], corner[1] + _CAPTION))
        draw.text((corner[0] + 4, corner[1] + 2), caption, font=font, fill=(235, 235, 235))
    return np.asarray(sheet)
