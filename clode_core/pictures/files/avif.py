"""AVIF of 8, 10 and 12 bits, with its metadata, which are items beside the picture."""

from __future__ import annotations

import struct
from contextlib import suppress
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np

from clode_core.pictures.files.av1 import stream_size
from clode_core.pictures.files.boxes import box, boxes, found
from clode_core.pictures.files.effort import avif_options
from clode_core.pictures.files.items import besides, items
from clode_core.pictures.files.picture import Picture, PictureError, check_size, icc_for
from clode_core.pictures.files.pixels import depth_of, picture_from, scaled_to
from clode_core.pictures.files.reading import LOST_SECTOR, Reading, Say, check_claim
from clode_core.pictures.files.thumbnail import exif_for

_QUALITY = 90
_PRIMARY = 1
_LAYERS = {b"a1lx", b"a1op", b"lsel"}
_LEAST_BITS = 1 / 4096  # a superblock of 128 x 128 pixels and its tree take a few bits


def read_avif(reading: Reading) -> Picture:
    """Read one picture."""
    import imagecodecs
    from PIL import AvifImagePlugin

    data = reading.data
    kinds = {kind.kind for kind in boxes(data)}
    if b"moov" in kinds:
        raise PictureError(f"{reading.file} is an animation; save the frame you want as a picture.")
    sizes = [struct.unpack_from(">II", size, 4) for size in found(data, b"meta", b"iprp", b"ipco", b"ispe")]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    check_size(reading.file, width, height)
    check_claim(reading, width, height, _LEAST_BITS, len(data))
    if false_size := _false_size(data):
        reading.damaged(false_size)
    if any(bytes(LOST_SECTOR) in part for part in found(data, b"mdat")):
        reading.damaged("a part of it is empty")
    if more := besides(data):
        reading.say(f"holds {' and '.join(more)} besides its pixels; that was not kept")
    pixels = imagecodecs.avif_decode(data)
    with AvifImagePlugin.AvifImageFile(BytesIO(data)) as image:
        info = dict(image.info)
    depths = list(found(data, b"meta", b"iprp", b"ipco", b"pixi"))
    bits = depths[0][5] if depths and pixels.dtype == np.uint16 else 8 * pixels.dtype.itemsize
    return picture_from(pixels, "avif", info, bit_depth=bits, colour_space=_colour_space(data))


def _false_size(data: bytes) -> str:
    """What the container says of the size of a coded picture, where that is not true; else nothing.

    The decoder stretches such a picture to the size that it is told. Layers of several sizes are left alone,
    as is what cannot be understood: the decoder speaks of that.
    """
    with suppress(ValueError, struct.error):
        for item in items(data):
            said = item.properties.get(b"ispe", b"")[4:12]
            if item.kind != b"av01" or _LAYERS & set(item.properties):
                continue
            coded = stream_size(item.properties.get(b"av1C", b"")[4:]) or stream_size(item.beginning)
            width, height = struct.unpack(">II", said)
            if coded is not None and coded != (width, height):
                return f"it says {width} x {height} pixels, but holds {coded[0]} x {coded[1]}"
    return ""


def _colour_space(data: bytes) -> tuple[int, int, int] | None:
    """Primaries, transfer and matrix by the numbers of ITU-T H.273, where they are given."""
    for content in found(data, b"meta", b"iprp", b"ipco", b"colr"):
        if content.startswith(b"nclx"):
            return struct.unpack_from(">HHH", content, 4)
    return None


def encode_avif(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write 8, 10 or 12 bits: those of the source, or 12 for 16."""
    import imagecodecs

    bits, exif = 8, exif_for(like, pixels, say)
    if pixels.dtype == np.uint16:
        depth = depth_of(pixels, like)
        bits = depth if depth in (10, 12) else 12
        if depth > 12:
            say(f"has {depth} bits a colour; AVIF holds 12")
        pixels = scaled_to(pixels, like, bits)
    if channels == 2:
        pixels = pixels[..., [0, 0, 0, 1]]
    options: dict[str, Any] = {"bitspersample": bits, "pixelformat": "444" if channels > 1 else "400"}
    options |= avif_options()
    space = like.colour_space if like is not None else None
    if space and like is not None and like.rgb == (channels >= 3):
        options |= dict(zip(("primaries", "transfer", "matrix"), space, strict=True))
    data = bytes(imagecodecs.avif_encode(np.ascontiguousarray(pixels), level=_QUALITY, **options))
    if like is not None:
        data = _with_metadata(data, exif, like.xmp, icc_for(like, channels))
    handle.write(data)


def _with_metadata(data: bytes, exif: bytes | None, xmp: bytes | None, icc: bytes | None) -> bytes:
    """Add items for EXIF and XMP that describe the picture, and its colour profile as one more property."""
    items = []
    if exif:
        items.append((b"Exif", b"", struct.pack(">I", 0) + exif))
    if xmp:
        items.append((b"mime", b"application/rdf+xml\0", xmp))
    if not items and not icc:
        return data
    top = {part.kind: part for part in boxes(data)}
    meta, media = top[b"meta"], top[b"mdat"]
    parts = {part.kind: data[part.content : part.end] for part in boxes(data, meta.content, meta.end)}
    reference = b""
    if items:
        first = 1000  # beyond the numbers of what is there
        numbers = range(first, first + len(items))
        entries = b"".join(
            box(b"infe", struct.pack(">IHH4s", 2 << 24, number, 0, kind) + b"\0" + mime)
            for number, (kind, mime, _) in zip(numbers, items, strict=True)
        )
        (count,) = struct.unpack_from(">H", parts[b"iinf"], 4)
        parts[b"iinf"] = (
            parts[b"iinf"][:4] + struct.pack(">H", count + len(items)) + parts[b"iinf"][6:] + entries
        )
        links = b"".join(box(b"cdsc", struct.pack(">HHH", number, 1, _PRIMARY)) for number in numbers)
        reference = bytes(4) + links
    if icc:
        parts[b"iprp"] = _with_profile(parts[b"iprp"], icc)
    if reference:
        old = parts.get(b"iref")
        parts[b"iref"] = old + reference[4:] if old else reference
    content = b"".join(item for _, _, item in items)
    located = _located(parts[b"iloc"], items, 0, 0)
    grown = (
        sum(8 + len(part) for part in (parts | {b"iloc": located}).values()) + 12 - (meta.end - meta.start)
    )
    parts[b"iloc"] = _located(parts[b"iloc"], items, grown, media.end + grown)
    made = box(b"meta", bytes(4) + b"".join(box(kind, part) for kind, part in parts.items()))
    new = struct.pack(">I4s", media.end - media.start + len(content), b"mdat")
    return (
        data[: meta.start]
        + made
        + data[meta.end : media.start]
        + new
        + data[media.start + 8 : media.end]
        + content
    )


def _with_profile(properties: bytes, icc: bytes) -> bytes:
    """Put a profile in front of the properties' list end, and give it to the picture."""
    inner = {part.kind: properties[part.content : part.end] for part in boxes(properties)}
    held = list(boxes(inner[b"ipco"]))
    inner[b"ipco"] += box(b"colr", b"prof" + icc)
    ipma = inner[b"ipma"]
    count = ipma[10]
    split = 11 + count  # the first entry is that of the picture; indices have one byte each
    inner[b"ipma"] = ipma[:10] + bytes((count + 1,)) + ipma[11:split] + bytes((len(held) + 1,)) + ipma[split:]
    return b"".join(box(kind, part) for kind, part in inner.items())


def _located(iloc: bytes, items: list[tuple[bytes, bytes, bytes]], shift: int, start: int) -> bytes:
    """The table of places with all moved by `shift`, and the new items from `start` on."""
    version, sizes = iloc[0], iloc[4]
    if version != 0 or sizes != 0x44 or iloc[5]:
        raise ValueError("an unknown table of places")
    (count,) = struct.unpack_from(">H", iloc, 6)
    out = bytearray(iloc[:6] + struct.pack(">H", count + len(items)) + iloc[8:])
    position = 8
    for _ in range(count):
        (extents,) = struct.unpack_from(">H", out, position + 4)
        for extent in range(extents):
            place = position + 6 + 8 * extent
            struct.pack_into(">I", out, place, struct.unpack_from(">I", out, place)[0] + shift)
        position += 6 + 8 * extents
    for number, (_, _, content) in enumerate(items, 1000):
        out += struct.pack(">HHHII", number, 0, 1, start, len(content))
        start += len(content)
    return bytes(out)
