"""A picture in memory: its pixels, and all that its file said besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MAX_PIXELS = 500_000_000
"""Most pixels of one plane; a file that claims more is refused before memory is taken for it."""

LARGEST_DPI = 4_000_000


class PictureError(ValueError):
    """A picture file cannot be read or written; the message is one sentence for the person who asked."""


class Chunk(NamedTuple):
    """One chunk of a PNG file: its four-letter name and its content."""

    name: bytes
    content: bytes


class Tag(NamedTuple):
    """One tag of a TIFF file: its number, its type by TIFF's numbers, and its bytes in the file's order."""

    code: int
    kind: int
    content: bytes


class Segment(NamedTuple):
    """One segment of a JPEG file: second byte of its marker, and its content without the length."""

    marker: int
    content: bytes


@dataclass(frozen=True)
class JpegLayout:
    """How a JPEG file is made, as far as it is needed to write another one like it.

    Attributes
    ----------
    tables : tuple of tuple of int
        Quantisation tables of 64 values, that of brightness first.
    subsampling : int
        0 colour at full resolution, 1 at half across, 2 at half across and down.
    progressive : bool
        Whether it comes in passes.
    segments : tuple of Segment
        Photoshop's blocks with IPTC, comments, and whatever else can be copied as it is.
    """

    tables: tuple[tuple[int, ...], ...] = ()
    subsampling: int = 0
    progressive: bool = False
    segments: tuple[Segment, ...] = ()


class PageNotes(NamedTuple):
    """What one page of a TIFF file says besides its pixels: tags to copy, text, scale and unit, profile."""

    tags: tuple[Tag, ...]
    description: str
    resolution: tuple[float, float] | None
    resolution_unit: int
    icc_profile: bytes | None
    xmp: bytes | None


@dataclass(frozen=True)
class TiffLayout:
    """How a TIFF file is laid out, as far as it is needed to write another one like it.

    Attributes
    ----------
    axes : str
        One letter per axis of the pixels, such as ``"YX"``, ``"YXS"``, ``"TZCYX"``.
    kind : str
        ``"plain"``, or the dialect that names the axes: ``"imagej"``, ``"ome"``, ``"shaped"`` (tifffile's).
    description : str
        First page's description; the XML text of an OME file.
    metadata : mapping
        Entries of an ImageJ or tifffile description.
    resolution : tuple of float or None
        Pixels per unit, across and down.
    resolution_unit : int
        1 no unit, 2 inch, 3 centimetre.
    compression : str or None
        Codec that loses nothing, or None when the file was not compressed.
    predictor : bool
        Whether differences of neighbours were compressed.
    premultiplied : bool
        Whether colours are stored multiplied by alpha.
    bigtiff : bool
        Whether offsets have 64 bits.
    byte_order : str
        ``"<"`` or ``">"``.
    tile : (int, int) or None
        Rows and columns of the tiles, None for strips.
    planar : bool
        Whether each colour is stored apart.
    data_band : bool
        Whether the fourth band is neither colour nor alpha, but data.
    reduced : int
        How many smaller copies the file held.
    reduced_inside : bool
        Whether they were below the picture (SubIFDs) rather than behind it.
    tags : tuple of Tag
        Tags of the first page that can be copied: of maps, IPTC, Photoshop, names, private ones.
    pages : tuple of PageNotes
        What every page says, where they differ from page to page.
    """

    axes: str
    kind: str = "plain"
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    resolution: tuple[float, float] | None = None
    resolution_unit: int = 1
    compression: str | None = None
    predictor: bool = False
    premultiplied: bool = False
    bigtiff: bool = False
    byte_order: str = "<"
    tile: tuple[int, int] | None = None
    planar: bool = False
    data_band: bool = False
    reduced: int = 0
    reduced_inside: bool = False
    tags: tuple[Tag, ...] = ()
    pages: tuple[PageNotes, ...] = ()


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels of a file, upright, and what is needed to write them back.

    Attributes
    ----------
    pixels : ndarray
        (H, W) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGBA; from TIFF also stacks
        (..., Y, X) and (..., Y, X, C). Values as in the file, with its dtype.
    format : str
        ``"png"``, ``"jpeg"``, ``"tiff"``, ``"raw"`` ... as in `FORMATS`, recognised from the content.
    channels : int
        Length of the last axis when it holds colour or alpha, else 1: there is no such axis.
    bit_depth : int
        Bits that the values span: 8, 16, 32, 64, or fewer than the dtype has for packed TIFF data.
    lossless : bool
        Whether the file held its pixels exactly.
    icc_profile, exif, xmp : bytes or None
        Colour profile, EXIF (its orientation set to 1, without the ``Exif`` prefix), XMP packet.
    dpi : tuple of float or None
        Dots per inch across and down.
    png_chunks : tuple of Chunk
        Colour space and text chunks of a PNG file.
    tiff : TiffLayout or None
        Axes, dialect and storage of a TIFF file.
    jpeg : JpegLayout or None
        Tables, sampling and further segments of a JPEG file.
    colour_space : tuple of int or None
        Primaries, transfer and matrix of an AVIF or HEIF file, by the numbers of ITU-T H.273.
    linear_white : float or None
        Light that became 1 when a picture of linear light was brought to sRGB's curve; None for others.
    photoshop : bytes or None
        Photoshop's blocks, IPTC among them, of a camera raw file.
    notes : mapping
        Header lines and attributes of OpenEXR and Radiance files, comment of GIF, name of a PNG's profile.
    """

    pixels: np.ndarray
    format: str
    channels: int = 1
    bit_depth: int = 8
    lossless: bool = True
    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    png_chunks: tuple[Chunk, ...] = ()
    tiff: TiffLayout | None = None
    jpeg: JpegLayout | None = None
    colour_space: tuple[int, int, int] | None = None
    linear_white: float | None = None
    photoshop: bytes | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def channels_last(self) -> bool:
        """Whether there is a channel axis, which is then the last one."""
        return self.channels > 1

    @property
    def rgb(self) -> bool:
        """Whether the last axis is colour: RGB or RGBA."""
        return self.channels >= 3

    @property
    def alpha(self) -> bool:
        """Whether the last channel of the last axis is alpha."""
        return self.channels in (2, 4)

    @property
    def axes(self) -> str:
        """One letter per axis of the pixels; ``S`` is the axis of colour and alpha."""
        return self.tiff.axes if self.tiff else "YXS" if self.channels_last else "YX"


def check_size(file: Path, width: int, height: int) -> None:
    """Refuse a picture of more than `MAX_PIXELS`."""
    if width * height > MAX_PIXELS:
        millions = MAX_PIXELS // 1_000_000
        raise PictureError(
            f"{file} has {width} x {height} pixels, over the limit of {millions} million; cut it into parts."
        )


def icc_for(like: Picture | None, channels: int) -> bytes | None:
    """Colour profile for pixels that may have gone from grey to colour or back."""
    if like is None or like.icc_profile is None:
        return None
    space = b"RGB " if channels >= 3 else b"GRAY"
    same = like.rgb == (channels >= 3)
    return like.icc_profile if same or like.icc_profile[16:20] == space else None


def dpi_for(like: Picture | None, largest: int = LARGEST_DPI) -> tuple[float, float] | None:
    """Dots per inch, if they are known and the format can hold them."""
    return like.dpi if like is not None and like.dpi and max(like.dpi) <= largest else None
