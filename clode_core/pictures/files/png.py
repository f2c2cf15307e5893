"""PNG at its full depth: pixels of 8 or 16 bits in any colour type, and the chunks around them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from clode_core.pictures.files.decoder_messages import remarks
from clode_core.pictures.files.effort import png_tries
from clode_core.pictures.files.exif import made_upright
from clode_core.pictures.files.picture import Chunk, Picture, PictureError, check_size, dpi_for, icc_for
from clode_core.pictures.files.pixels import turned, upright
from clode_core.pictures.files.reading import Reading, Say, check_claim
from clode_core.pictures.files.thumbnail import with_new_thumbnail

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DOTS_PER_METRE = 1 / 0.0254
_MOST_PACKED = 1032
"""Bytes that deflate can make of one."""
_LONGEST_EXIF = 2**24
_LARGEST_PROFILE = 64 * 1024 * 1024
_XMP_KEYWORD = b"XML:com.adobe.xmp\0\0\0\0\0"
_DESCRIPTIVE = frozenset(
    (
        b"cICP",
        b"mDCV",
        b"cLLI",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"tEXt",
        b"zTXt",
        b"iTXt",
        b"tIME",
        b"sBIT",
        b"sCAL",
    )
)
"""Chunks whose meaning does not depend on the pixels; kept, like all whose name says so."""
_ELSEWHERE = frozenset((b"iCCP", b"eXIf", b"pHYs", b"tRNS"))
_PALETTE = 3


def read_png(reading: Reading) -> Picture:
    """Read pixels, metadata, colour space and texts."""
    file, data = reading.file, reading.data
    chunks = _read_chunks(data)
    width, height, bits, kind = struct.unpack_from(">IIBB", chunks[0].content)
    check_size(file, width, height)
    _check_claim(reading, chunks[0].content)
    if any(chunk.name == b"acTL" for chunk in chunks):
        raise PictureError(f"{file} is an animation; save the frame you want as a picture.")
    pixels = _decode(reading)
    _tell(reading, chunks, bits, kind)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    orientation, exif, xmp = made_upright(_exif(chunks), _xmp(chunks))
    return Picture(
        upright(pixels, channels, orientation),
        "png",
        channels,
        max(8, bits),
        icc_profile=_icc_profile(chunks),
        exif=exif,
        xmp=xmp,
        dpi=turned(_dpi(chunks), orientation),
        png_chunks=_descriptive(chunks),
        notes=_profile_name(chunks),
    )


def encode_png(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write uint8 or uint16 pixels, with the chunks of the picture they come from."""
    chunks: tuple[Chunk, ...] = ()
    if like is not None:
        exif = with_new_thumbnail(like.exif, pixels, _LONGEST_EXIF, like) if like.exif else None
        name = like.notes.get("profile name", b"ICC profile")
        metadata = _pack_metadata(icc_for(like, channels), exif, like.xmp, dpi_for(like), name)
        chunks = (*(chunk for chunk in like.png_chunks if _fits(chunk, pixels, channels)), *metadata)
    handle.write(_encode(pixels, chunks))


def _all_chunks(data: bytes) -> Iterator[Chunk]:
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        yield Chunk(name, data[position + 8 : position + 8 + length])
        position += 12 + length


def _read_chunks(data: bytes) -> list[Chunk]:
    """Split a whole file into its chunks, but ``IDAT`` and optional ones with a wrong checksum."""
    chunks = []
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        optional = bool(name[0] & 0x20)
        if name != b"IDAT":
            content = data[position + 8 : end]
            if not optional or zlib.crc32(name + content) == int.from_bytes(data[end : end + 4], "big"):
                chunks.append(Chunk(name, content))
        if name == b"IEND":
            if chunks[0].name != b"IHDR":
                raise ValueError("the header is missing")
            return chunks
        position = end + 4
    raise ValueError("the end of the file is missing")


def _decode(reading: Reading) -> np.ndarray:
    """Decode a whole file to uint8 or uint16: grey (H, W), or grey and alpha, RGB or RGBA (H, W, 2..4).

    Palettes become RGB(A), a transparent colour becomes an alpha channel, and 1, 2 and 4 bits are stretched
    to 8.
    """
    import imagecodecs

    with remarks() as lines:
        pixels: np.ndarray = imagecodecs.png_decode(b"".join(_needed(reading.data)))
    if any("image data" in line for line in lines):
        reading.damaged("its header and its pixels do not agree")
    return pixels


def _check_claim(reading: Reading, header: bytes) -> None:
    """Refuse a header that promises more than the compressed data can be unpacked to."""
    width, height, bits, kind = struct.unpack_from(">IIBB", header)
    across = bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(kind, 1)
    held = sum(len(chunk.content) for chunk in _all_chunks(reading.data) if chunk.name == b"IDAT")
    check_claim(reading, width, height, across / _MOST_PACKED, held)


def _needed(data: bytes) -> Iterator[bytes]:
    """Leave out the chunks that only describe the picture: the decoder would print messages about them."""
    yield SIGNATURE
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if name == b"tRNS" or not name[0] & 0x20:
            yield data[position:end]
        position = end


def _encode(pixels: np.ndarray, chunks: Iterable[Chunk]) -> bytes:
    """Encode a whole file of uint8 or uint16 pixels, with the chunks right after its header."""
    import imagecodecs

    whole = np.ascontiguousarray(pixels)
    data = min((bytes(imagecodecs.png_encode(whole, **options)) for options in png_tries()), key=len)
    split = len(SIGNATURE) + 12 + 13
    return b"".join((data[:split], *map(_packed, chunks), data[split:]))


def _packed(chunk: Chunk) -> bytes:
    body = chunk.name + chunk.content
    return struct.pack(">I", len(chunk.content)) + body + struct.pack(">I", zlib.crc32(body))


def _pack_metadata(
    icc_profile: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
    profile_name: bytes,
) -> Iterator[Chunk]:
    """Chunks for a colour profile, EXIF without its ``Exif`` prefix, XMP, and dots per inch."""
    if icc_profile:
        yield Chunk(b"iCCP", profile_name + b"\0\0" + zlib.compress(icc_profile))
    if dpi:
        across, down = (round(value * _DOTS_PER_METRE) for value in dpi)
        yield Chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if exif:
        yield Chunk(b"eXIf", exif)
    if xmp:
        yield Chunk(b"iTXt", _XMP_KEYWORD + xmp)


def _icc_profile(chunks: Iterable[Chunk]) -> bytes | None:
    """Return the colour profile, or None when there is none that can be read."""
    for name, content in chunks:
        if name == b"iCCP":
            unpacker = zlib.decompressobj()
            try:
                return unpacker.decompress(content[content.index(b"\0") + 2 :], _LARGEST_PROFILE) or None
            except (ValueError, zlib.error):
                return None
    return None


def _profile_name(chunks: Iterable[Chunk]) -> dict[str, bytes]:
    for name, content in chunks:
        title = content.partition(b"\0")[0]
        if name == b"iCCP" and 0 < len(title) < 80:
            return {"profile name": title}
    return {}


def _exif(chunks: Iterable[Chunk]) -> bytes | None:
    """Return the EXIF block, without its ``Exif`` prefix."""
    return next((content for name, content in chunks if name == b"eXIf"), None)


def _xmp(chunks: Iterable[Chunk]) -> bytes | None:
    """Return the XMP packet, if it is stored in the way its standard asks for."""
    found = (content for name, content in chunks if name == b"iTXt" and content.startswith(_XMP_KEYWORD))
    return next((content[len(_XMP_KEYWORD) :] for content in found), None)


def _dpi(chunks: Iterable[Chunk]) -> tuple[float, float] | None:
    """Return dots per inch across and down, or None when only a ratio or nothing is given."""
    for name, content in chunks:
        if name == b"pHYs" and len(content) == 9:
            across, down, unit = struct.unpack(">IIB", content)
            if unit == 1 and across and down:
                return across / _DOTS_PER_METRE, down / _DOTS_PER_METRE
    return None


def _descriptive(chunks: Iterable[Chunk]) -> tuple[Chunk, ...]:
    """Return the chunks that can be copied to another picture, XMP and those made anew excepted."""
    return tuple(
        chunk
        for chunk in chunks
        if _kept(chunk.name) or (chunk.name == b"pHYs" and chunk.content[8:] == b"\0")  # a ratio of the sides
        if not chunk.content.startswith(_XMP_KEYWORD)
    )


def _kept(name: bytes) -> bool:
    """Whether a chunk may be copied: it is known, or its name says that it does not depend on the pixels."""
    safe = bool(name[0] & 0x20) and bool(name[3] & 0x20)
    return name in _DESCRIPTIVE or (safe and name not in _ELSEWHERE)


def _tell(reading: Reading, chunks: Iterable[Chunk], bits: int, kind: int) -> None:
    """Say what is not kept."""
    if kind == _PALETTE:
        reading.say("has a palette; its result has full colours")
    elif bits < 8:
        reading.say(
            f"has {bits} bit a pixel; its result has 8".replace("bit a", "bits a" if bits > 1 else "bit a")
        )
    lost = {c.name.decode("latin-1") for c in chunks if c.name[0] & 0x20 and not _kept(c.name)} - {
        name.decode() for name in _ELSEWHERE
    }
    if lost:
        reading.say(
            f"has parts that depend on the old pixels ({', '.join(sorted(lost))}); they were not kept"
        )


def _fits(chunk: Chunk, pixels: np.ndarray, channels: int) -> bool:
    """Whether a chunk fits pixels that may have got another depth or other colours."""
    if chunk.name != b"sBIT":
        return True
    return len(chunk.content) == channels and max(chunk.content) <= 8 * pixels.dtype.itemsize
