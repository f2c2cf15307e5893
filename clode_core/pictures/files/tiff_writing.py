"""TIFF out: the axes, dialect and storage of the file that the pixels came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from clode_core.pictures.files.decoder_messages import quiet
from clode_core.pictures.files.picture import Picture, TiffLayout, dpi_for, icc_for
from clode_core.pictures.files.pixels import white_of
from clode_core.pictures.files.reading import Say
from clode_core.pictures.files.tiff_exif import insert_camera

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
    options: dict[str, Any] = {
        "photometric": "rgb" if channels >= 3 else "minisblack",
        "compression": layout.compression,
        "predictor": layout.predictor if layout.compression else None,
        "bigtiff": layout.bigtiff or pixels.nbytes > _CLASSIC_LIMIT,
        "software": False,
        "extratags": [],
    }
    if channels in (2, 4):
        options["extrasamples"] = ["assocalpha" if layout.premultiplied else "unassalpha"]
    if channels == 1 and "S" in axes:
        options["planarconfig"] = "separate"
    if layout.resolution:
        options |= {"resolution": layout.resolution, "resolutionunit": layout.resolution_unit}
    elif dpi := dpi_for(like):
        options |= {"resolution": dpi, "resolutionunit": "inch"}
    if like is not None:
        options["iccprofile"] = icc_for(like, channels)
        if like.xmp:
            options["extratags"].append((700, 1, len(like.xmp), like.xmp, True))
        if pixels.dtype == np.uint16 and not layout.compression and white_of(pixels, like) < 65535:
            options["bitspersample"] = like.bit_depth
    exif = like.exif if like is not None and kind in ("plain", "shaped") and not options["bigtiff"] else None
    options |= _dialect(kind, pixels, axes, channels, layout, like)
    with quiet():
        tifffile.imwrite(handle, pixels, **options)
    if exif:
        insert_camera(handle, exif)


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
