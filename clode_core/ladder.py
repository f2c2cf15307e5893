"""Contact sheets: one picture over exposure time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clode_core.enhancement import span_for
from clode_core.image import Array, LevelsArgument, as_image, colours, layout, resolve_levels, to_unit
from clode_core.model import Model
from clode_core.ode import Solver

_GAP = 6
_CAPTION = 26


def contact_sheet(
    image: Array,
    exposure_times: Sequence[float],
    *,
    model: Model,
    denoise: bool = True,
    natural_dark: bool = True,
    width: int = 360,
    columns: int = 4,
    solver: Solver | str | None = None,
    levels: LevelsArgument = "dtype",
    rgb: bool | None = None,
) -> NDArray[np.uint8]:
    """Draw a picture at several exposure times, and at the automatic one, with the times printed.

    Parameters
    ----------
    image : ndarray
        One picture, (Y, X) or (Y, X, C); of a stack, the middle plane is drawn.
    exposure_times : sequence of float
        Exposure times, each from -20 to 20.
    model : Model
        The model.
    denoise : bool
        Remove noise.
    natural_dark : bool
        As in `clode_core.enhance`.
    width : int
        Width of one picture on the sheet; its height is at most three times that.
    columns : int
        Pictures in a row.
    solver, levels, rgb
        As in `clode_core.enhance`.

    Returns
    -------
    ndarray
        (Y, X, 3) uint8.
    """
    from PIL import Image, ImageDraw, ImageFont

    array = as_image(image)
    where = layout(array, rgb)
    for length in where.stack:
        array = array[length // 2]
    level = resolve_levels(colours(array, where), levels)
    spans = [span_for(t) for t in exposure_times] or [span_for("auto")]
    span = min(s[0] for s in spans), max(s[1] for s in spans)
    path = model.solve(
        array,
        span=span,
        solver=solver,
        levels=(level.black, level.white),
        rgb=bool(where.channels),
        natural_dark=natural_dark,
    )
    auto = path.auto()
    entries = [(t, f"T = {t:g}") for t in exposure_times] + [(auto, f"auto, T = {auto:.2f}")]
    font = ImageFont.load_default(size=16)
    height = min(3 * width, max(1, round(array.shape[0] * width / array.shape[1])))
    rows = -(-len(entries) // columns)
    columns = min(columns, len(entries))
    cell = (width + _GAP, height + _CAPTION + _GAP)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, rows * cell[1] + _GAP), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for k, (time, caption) in enumerate(entries):
        shown = to_unit(path.at(time, denoise=denoise), level)
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
