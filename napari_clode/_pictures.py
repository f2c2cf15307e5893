"""Pictures that napari itself cannot open: camera raw files, HEIF, AVIF, OpenEXR and others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

LayerData = tuple[Any, dict[str, Any], str]
_GREY_AND_ALPHA = 2


def read_picture(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """The reader of one or several pictures, for napari; each becomes a layer."""
    return _layers if path else None


def _layers(path: str | list[str]) -> list[LayerData]:
    return [_layer(Path(file)) for file in (path if isinstance(path, list) else [path])]


def _layer(file: Path) -> LayerData:
    """One picture as an image layer, with the contrast limits of its depth."""
    from clode_core import read_picture

    picture = read_picture(file)
    pixels = picture.pixels
    if picture.channels == _GREY_AND_ALPHA:  # napari knows alpha beside colours only
        pixels = pixels[..., 0]
    look: dict[str, Any] = {"name": file.stem, "rgb": picture.rgb}
    if not picture.rgb:
        white = 1.0 if pixels.dtype.kind == "f" else float(2**picture.bit_depth - 1)
        look["contrast_limits"] = (0.0, white)
    return pixels, look, "image"
