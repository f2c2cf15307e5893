"""TIFF in: plain files and the dialects of microscopes, as one series of planes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clode_core.pictures.files.exif import ORIENTATION
from clode_core.pictures.files.picture import Picture, PictureError, TiffLayout, check_size
from clode_core.pictures.files.pixels import turned, upright
from clode_core.pictures.files.reading import Reading
from clode_core.pictures.files.tiff_damage import check_storage
from clode_core.pictures.files.tiff_exif import DIRECTORIES, read_camera
from clode_core.pictures.files.tiff_tags import notes_of_pages, resolution_of, tags_of

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

_GREY, _COLOUR, _PALETTE = (0, 1), (2, 6), 3
_CODECS = {5: "lzw", 8: "zlib", 32946: "zlib", 32773: "packbits", 34925: "lzma", 50000: "zstd"}
_COUNTS = {"images", "channels", "slices", "frames", "axes", "shape", "order", "truncate"}
_DISPLAY_RANGE = {"min", "max", "Ranges"}


def read_tiff(reading: Reading) -> Picture:
    """Read the only series of a file, with its layout."""
    import tifffile

    file = reading.file
    with tifffile.TiffFile(file) as tif:
        behind = sum(bool(part.keyframe.is_reduced) for part in tif.series)
        series = [part for part in tif.series if not part.keyframe.is_reduced]
        if len(series) != 1:
            there = f"holds {len(series)} pictures that differ" if series else "holds no picture of full size"
            raise PictureError(f"{file} {there}; save one of them apart.")
        page = series[0].keyframe
        _check(file, tif, series[0])
        check_storage(reading, tif, series[0])
        pixels, axes, channels = _decode(file, series[0], tif.is_imagej)
        if not pixels.size:
            raise ValueError("it has no pixels")
        orientation = int(page.tags.valueof(ORIENTATION, default=1))
        if not 1 <= orientation <= 8:
            orientation = 1
        described = not (tif.is_ome or tif.is_imagej or tif.is_shaped)
        exif = None if tif.is_bigtiff else read_camera(file, described=described)
        xmp = page.tags.valueof(700) or None
        levels = len(series[0].levels) - 1
        layout = replace(
            _layout(tif, page, axes, orientation),
            reduced=levels or behind,
            reduced_inside=bool(page.subifds),
            tags=tags_of(tif, page),
        )
        if layout.kind == "plain":
            layout = replace(layout, pages=notes_of_pages(tif, series[0]))
        _tell(reading, tif, page, layout)
    per_inch = {2: 1.0, 3: 2.54}.get(layout.resolution_unit)
    dpi = None
    if layout.resolution and per_inch:
        dpi = layout.resolution[0] * per_inch, layout.resolution[1] * per_inch
    bits = page.bitspersample
    return Picture(
        upright(pixels, channels, orientation),
        "tiff",
        channels,
        bits if 8 < bits < 8 * pixels.dtype.itemsize else 8 * pixels.dtype.itemsize,
        lossless=int(page.compression) in (1, *_CODECS),
        icc_profile=page.tags.valueof(34675) or None,
        exif=exif,
        xmp=xmp,
        dpi=dpi,
        tiff=layout,
    )


def _check(file: Path, tif: TiffFile, series: TiffPageSeries) -> None:
    """Refuse what would be misread, before its pixels are decoded."""
    page = series.keyframe
    check_size(file, page.imagewidth, page.imagelength)
    photometric = int(page.photometric)
    if photometric not in (*_GREY, *_COLOUR, _PALETTE) or 50706 in page.tags:
        name = getattr(page.photometric, "name", str(photometric)).lower()
        raise PictureError(f"{file} holds {name} data; convert it to grey or RGB first.")
    if photometric == 6 and int(page.compression) not in (6, 7):
        raise PictureError(f"{file} holds YCbCr colours; convert it to RGB first.")
    if series.dataoffset is None and any(part is None for part in series.pages):
        raise PictureError(f"{file} lacks planes that it lists; put the files it belongs with beside it.")
    if series.dtype is None or series.dtype.kind not in "buif":
        raise PictureError(f"{file} holds pixels of type {series.dtype}; convert them to real numbers first.")


def _decode(file: Path, series: TiffPageSeries, imagej: bool) -> tuple[np.ndarray, str, int]:
    """Decode a series: colour last, other samples before Y, palette and white-is-zero resolved."""
    page = series.keyframe
    photometric = int(page.photometric)
    pixels, axes, channels = series.asarray(), series.axes, 1
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if photometric == 0 and pixels.dtype.kind in "bu":
        white = True if pixels.dtype == bool else 2**page.bitspersample - 1
        pixels = pixels ^ pixels.dtype.type(white)
    if photometric == _PALETTE and page.colormap is not None and not imagej:
        pixels = np.moveaxis((page.colormap >> 8).astype(np.uint8)[:, pixels], 0, -1)
        return pixels, axes + "S", 3
    if pixels.dtype == bool or page.bitspersample < 8:
        pixels = pixels.astype(np.uint8) * np.uint8(255 // (2**page.bitspersample - 1))
    if "S" in axes:
        samples = pixels.shape[axes.index("S")]
        alpha = bool(page.extrasamples) and int(page.extrasamples[0]) in (1, 2)
        colour = samples in (3, 4) if photometric in _COLOUR else samples == 2 and alpha
        rest = axes.replace("S", "")
        if photometric in _COLOUR and not colour:
            raise PictureError(f"{file} has {samples} channels a pixel; keep RGB and one alpha channel only.")
        place = len(rest) if colour else rest.index("Y")
        pixels = np.moveaxis(pixels, axes.index("S"), place)
        axes = rest[:place] + "S" + rest[place:]
        channels = samples if colour else 1
    if not axes.endswith("YX" if channels == 1 else "YXS"):
        order = f"has axes in the order {axes}" if axes else "does not say which of its axes are Y and X"
        raise PictureError(f"{file} {order}; save it with Y and X last.")
    return pixels, axes, channels


def _layout(tif: TiffFile, page: TiffPage, axes: str, orientation: int) -> TiffLayout:
    kind, metadata, description = "plain", {}, page.description
    if tif.is_ome:
        kind, description = "ome", tif.ome_metadata or ""
    elif tif.is_imagej:
        kind, metadata, description = "imagej", dict(tif.imagej_metadata or {}), ""
    elif tif.is_shaped:
        kind, metadata, description = "shaped", dict((tif.shaped_metadata or ({},))[0]), ""
    resolution, unit = resolution_of(page)
    return TiffLayout(
        axes,
        kind,
        description,
        {key: value for key, value in metadata.items() if key not in _COUNTS | _DISPLAY_RANGE},
        turned(resolution, orientation),
        unit,
        None if int(page.compression) == 1 else _CODECS.get(int(page.compression), "zlib"),
        int(page.predictor) != 1,
        bool(page.extrasamples) and int(page.extrasamples[0]) == 1,
        tif.is_bigtiff,
        tif.byteorder,
        (page.tilelength, page.tilewidth) if page.is_tiled else None,
        int(page.planarconfig) == 2 and int(page.photometric) in _COLOUR,
        _holds_data(page),
    )


def _tell(reading: Reading, tif: TiffFile, page: TiffPage, layout: TiffLayout) -> None:
    """Say what is not kept."""
    if int(page.photometric) == _PALETTE and layout.kind != "imagej":
        reading.say("has a palette; its result has full colours")
    elif page.bitspersample < 8:
        few = page.bitspersample
        reading.say(f"has {few} bit{'s' * (few > 1)} a pixel; its result has 8")
    if int(page.compression) not in (1, *_CODECS):
        coding = getattr(page.compression, "name", str(page.compression)).lower().replace("_", " ")
        reading.say(f"is compressed by {coding}; its result by {layout.compression}, without loss")
    camera = {tag.code for tag in page.tags} & DIRECTORIES
    if camera and (tif.is_bigtiff or layout.kind not in ("plain", "shaped")):
        reading.say("has EXIF, which is not kept in a TIFF file of this kind")


def _holds_data(page: TiffPage) -> bool:
    """Whether a fourth band is data: the file does not say that it is alpha."""
    return (
        page.samplesperpixel == 4
        and int(page.photometric) in _COLOUR
        and (not page.extrasamples or int(page.extrasamples[0]) == 0)
    )
