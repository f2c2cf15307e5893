"""TIFF out: the axes, dialect and storage of the file that the pixels came from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from clode_core.pictures.files.decoder_messages import quiet
from clode_core.pictures.files.photoshop import PHOTOSHOP_TAG, as_tags, blocks_of, with_new_thumbnail
from clode_core.pictures.files.picture import PageNotes, Picture, Tag, TiffLayout, dpi_for, icc_for
from clode_core.pictures.files.pixels import white_of
from clode_core.pictures.files.reading import Say
from clode_core.pictures.files.tiff_exif import DIRECTORIES, directory_tags, insert_camera

if TYPE_CHECKING:
    from tifffile import TiffWriter

_BINARY = {"Info", "Labels", "LUTs", "Plot", "ROI", "Overlays", "Properties"}
_CLASSIC_LIMIT = 4_000_000_000


def encode_tiff(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write pixels of any real type, laid out like the file they come from."""
    import tifffile

    layout = like.tiff if like is not None else None
    known = layout is not None and like is not None and like.pixels.ndim == pixels.ndim
    axes = layout.axes if layout is not None and known else _default_axes(pixels, channels)
    layout = layout or TiffLayout(axes, "plain" if axes in ("YX", "YXS") else "shaped")
    kind = layout.kind if known or axes in ("YX", "YXS") else "shaped"
    options = _storage(pixels, axes, channels, layout, like)
    if like is not None:
        options["iccprofile"] = icc_for(like, channels)
    tags = [(tag.code, tag.kind, 0, tag.content, True) for tag in _tags(layout, pixels, like)]
    if like is not None and like.xmp:
        tags.append((700, 1, len(like.xmp), like.xmp, True))
    bigtiff = layout.bigtiff or pixels.nbytes > _CLASSIC_LIMIT
    exif = like.exif if like is not None and kind in ("plain", "shaped") else None
    if exif and bigtiff and DIRECTORIES & directory_tags(exif):
        say("has EXIF, which was left out: a TIFF file of 64 bits does not hold it here")
    options |= {"extratags": tags} | _dialect(kind, pixels, axes, channels, layout, like)
    whole: dict[str, Any] = {"bigtiff": bigtiff, "byteorder": layout.byte_order}
    whole |= {key: options.pop(key) for key in ("bigtiff", "imagej", "ome") if key in options}
    pages = layout.pages if known and len(layout.pages) == np.prod(pixels.shape[: axes.index("Y")]) else ()
    stored = (
        np.moveaxis(pixels, -1, -3) if options.get("planarconfig") == "separate" and channels > 1 else pixels
    )
    with quiet(), tifffile.TiffWriter(handle, **whole) as tif:
        if pages:
            _write_pages(tif, stored, pages, options, pixels.ndim - axes.index("Y"))
        else:
            reduced = layout.reduced if axes in ("YX", "YXS") else 0
            inside: dict[str, Any] = {"subifds": reduced} if reduced and layout.reduced_inside else {}
            tif.write(stored, **options, **inside)
            _write_reduced(tif, pixels, reduced, options, channels)
    if layout.reduced and not (axes in ("YX", "YXS") and not pages):
        say("held smaller copies of its planes; they were not made anew")
    if exif and not bigtiff:
        insert_camera(handle, exif)


def _tags(layout: TiffLayout, pixels: np.ndarray, like: Picture | None) -> list[Tag]:
    """Tags to copy, and Photoshop's blocks of a file that keeps them elsewhere; their thumbnail is new."""
    tags = list(layout.tags)
    present = {tag.code for tag in tags}
    if PHOTOSHOP_TAG in present:
        return [
            tag._replace(content=with_new_thumbnail(tag.content, pixels, like))
            if tag.code == PHOTOSHOP_TAG and pixels.ndim <= 3
            else tag
            for tag in tags
        ]
    if (blocks := blocks_of(like)) and like is not None and like.tiff is None:
        tags += as_tags(with_new_thumbnail(blocks, pixels, like))
    return tags


def _storage(
    pixels: np.ndarray, axes: str, channels: int, layout: TiffLayout, like: Picture | None
) -> dict[str, Any]:
    """Options that say how pixels are stored."""
    options: dict[str, Any] = {
        "photometric": "rgb" if channels >= 3 else "minisblack",
        "compression": layout.compression,
        "predictor": layout.predictor if layout.compression else None,
        "software": False,
    }
    if channels in (2, 4):
        alpha = "assocalpha" if layout.premultiplied else "unassalpha"
        options["extrasamples"] = ["unspecified" if layout.data_band and channels == 4 else alpha]
    if channels == 1 and "S" in axes:
        options["planarconfig"] = "separate"
    if layout.planar and channels > 1 and layout.kind != "imagej":
        options["planarconfig"] = "separate"
    if layout.tile and layout.kind != "imagej":
        options["tile"] = layout.tile
    if layout.resolution:
        options |= {"resolution": layout.resolution, "resolutionunit": layout.resolution_unit}
    elif dpi := dpi_for(like):
        options |= {"resolution": dpi, "resolutionunit": "inch"}
    packed = pixels.dtype == np.uint16 and not layout.compression and layout.byte_order == "<"
    if like is not None and packed and white_of(pixels, like) < 65535:
        options["bitspersample"] = like.bit_depth  # in the other order the library packs wrongly
    return options


def _write_pages(
    tif: TiffWriter,
    pixels: np.ndarray,
    pages: Sequence[PageNotes],
    options: Mapping[str, Any],
    axes: int,
) -> None:
    """Write every page with its own tags, description, scale and profile."""
    planes = pixels.reshape(-1, *pixels.shape[pixels.ndim - axes :])
    common = {key: value for key, value in options.items() if key not in ("resolution", "resolutionunit")}
    for plane, page in zip(planes, pages, strict=True):
        own = [(tag.code, tag.kind, 0, tag.content, True) for tag in page.tags]
        if page.xmp:
            own.append((700, 1, len(page.xmp), page.xmp, True))
        changed: dict[str, Any] = {
            "extratags": own,
            "description": page.description.encode() or None,
            "iccprofile": page.icc_profile,
        }
        if page.resolution:
            changed |= {"resolution": page.resolution, "resolutionunit": page.resolution_unit}
        tif.write(plane, **{**common, **changed}, contiguous=False)


def _write_reduced(
    tif: TiffWriter, pixels: np.ndarray, levels: int, options: Mapping[str, Any], channels: int
) -> None:
    """Make the smaller copies anew, each half as large as the one before, by the mean of four."""
    kept = (
        "photometric",
        "compression",
        "predictor",
        "extrasamples",
        "planarconfig",
        "tile",
        "bitspersample",
    )
    own = {key: options[key] for key in kept if key in options}
    for _ in range(levels):
        rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
        if not rows or not columns:
            return
        fours = pixels[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, *pixels.shape[2:])
        mean = fours.mean((1, 3), dtype=np.float64)
        pixels = (np.rint(mean) if pixels.dtype.kind in "ui" else mean).astype(pixels.dtype)
        planar = own.get("planarconfig") == "separate" and channels > 1
        tif.write(
            np.moveaxis(pixels, -1, 0) if planar else pixels,
            **own,
            subfiletype=1,
            metadata=None,
            software=False,
        )


def _default_axes(pixels: np.ndarray, channels: int) -> str:
    tail = "YX" if channels == 1 else "YXS"
    return "QPONM"[: pixels.ndim - len(tail)] + tail


def _dialect(
    kind: str, pixels: np.ndarray, axes: str, channels: int, layout: TiffLayout, like: Picture | None
) -> dict[str, Any]:
    """Options that make tifffile describe the axes the way the source did."""
    metadata = {**layout.metadata, "axes": axes}
    if kind == "imagej":
        order = iter("TZCYXS")
        depths = ("u1",) if channels > 1 else ("u1", "u2", "i2", "f4")
        if (
            all(axis in order for axis in axes)
            and pixels.dtype in [np.dtype(depth) for depth in depths]
            and pixels.nbytes < _CLASSIC_LIMIT
        ):
            return {"imagej": True, "bigtiff": False, "metadata": _escaped(metadata)}
        return {"metadata": {"axes": axes}}
    if kind == "ome":
        same = like is not None and (like.pixels.shape, like.pixels.dtype) == (pixels.shape, pixels.dtype)
        xml = _ome_xml(layout.description, pixels, axes) if same else None
        return {"description": xml, "metadata": None} if xml else {"ome": True, "metadata": {"axes": axes}}
    if kind == "shaped":
        return {"metadata": metadata}
    return {"description": layout.description.encode() or None, "metadata": None}


def _escaped(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Write letters beyond ASCII, as in a unit of µm, the way ImageJ does in a description."""

    def escape(text: str) -> str:
        return re.sub(r"[^\x00-\x7f]", lambda letter: f"\\u{ord(letter[0]):04X}", text)

    return {
        escape(key): escape(value) if isinstance(value, str) and key not in _BINARY else value
        for key, value in metadata.items()
    }


def _ome_xml(xml: str, pixels: np.ndarray, axes: str) -> bytes | None:
    """OME description for the planes in the order they are written, or None when it cannot be kept."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(xml)
    space = root.tag.partition("}")[0] + "}"
    images = root.findall(f".//{space}Pixels")
    order = iter(images[0].get("DimensionOrder", "")[::-1] if len(images) == 1 else "")
    if not all(axis in order for axis in axes if axis != "S"):
        return None
    for child in list(images[0]):
        if child.tag.removeprefix(space) in ("TiffData", "BinData", "MetadataOnly"):
            images[0].remove(child)
    place = sum(child.tag == f"{space}Channel" for child in images[0])
    planes = int(np.prod(pixels.shape[: axes.index("Y")])) if "S" not in axes[: axes.index("Y")] else 1
    images[0].insert(place, ElementTree.Element(f"{space}TiffData", IFD="0", PlaneCount=str(planes)))
    root.attrib.pop("UUID", None)
    ElementTree.register_namespace("", space[1:-1])
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written
