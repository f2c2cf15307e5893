"""BMP, and GIF that does not move."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np

from clode_core.pictures.files.picture import Picture, PictureError, check_size, dpi_for
from clode_core.pictures.files.pixels import picture_from
from clode_core.pictures.files.reading import Reading, Say, check_claim

_FIFTH_VERSION = 124
_GIF_BITS = 1 / 4096  # a code of 12 bits stands for up to 4096 pixels


def read_bmp(reading: Reading) -> Picture:
    """Read BMP; palettes become colours."""
    from PIL import BmpImagePlugin

    data = reading.data
    with BmpImagePlugin.BmpImageFile(BytesIO(data)) as image:
        check_size(reading.file, *image.size)
        if image.info.get("compression", 0) not in (1, 2):
            bits = 8 * max(0, len(data) - 54) / max(1, image.size[0] * image.size[1])
            if bits < 1:
                check_claim(reading, *image.size, 1, len(data))
        if image.mode in ("1", "P"):
            reading.say("has a palette; its result has full colours")
        info = dict(image.info) | {"icc_profile": _bmp_profile(data)}
        return picture_from(_colours(image), "bmp", info)


def read_gif(reading: Reading) -> Picture:
    """Read a GIF of one frame; its palette becomes colours."""
    from PIL import GifImagePlugin

    data = reading.data
    with GifImagePlugin.GifImageFile(BytesIO(data)) as image:
        check_size(reading.file, *image.size)
        check_claim(reading, *image.size, _GIF_BITS, len(data))
        if image.n_frames > 1:
            raise PictureError(f"{reading.file} is an animation; save the frame you want as a picture.")
        if image.tile[0][1] != (0, 0, *image.size):
            reading.damaged("its header and its pixels do not agree")
            check_claim(reading, *image.size, 1 / 64, len(data))
        if data.rstrip(b"\0")[-1:] != b";":
            reading.damaged("its end is missing")
        info = dict(image.info) | {"xmp": _gif_xmp(data)}
        picture = picture_from(_colours(image), "gif", info)
        comment = image.info.get("comment")
        return replace(picture, notes={"comment": comment}) if comment else picture


def _bmp_profile(data: bytes) -> bytes | None:
    """Colour profile inside a file with a header of the fifth version."""
    size, space = int.from_bytes(data[14:18], "little"), data[70:74]
    if size != _FIFTH_VERSION or space != b"DEBM":
        return None
    start, length = (int.from_bytes(data[place : place + 4], "little") for place in (126, 130))
    return data[14 + start : 14 + start + length] or None


def _gif_xmp(data: bytes) -> bytes | None:
    """XMP, which stands in an extension as plain text up to a trailer that leads any reader to its end."""
    _, name, behind = data.partition(b"!\xff\x0bXMP DataXMP")
    return behind.partition(b"\x01\xff\xfe\xfd")[0] or None if name else None


def _colours(image: Any) -> np.ndarray:
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGB")
    return np.asarray(image)


def encode_bmp(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write uint8 pixels; nothing but dots per inch is kept beside them."""
    from PIL import Image

    if channels in (2, 4):
        pixels = pixels[..., 0] if channels == 2 else pixels[..., :3]
        say("has an alpha channel, which readers of BMP do not show")
    dpi = dpi_for(like)
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "BMP", dpi=dpi or (0, 0))
    handle.write(file.getvalue())


def encode_gif(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write uint8 pixels with the 256 colours that suit them."""
    from PIL import Image

    if channels in (2, 4):
        pixels = pixels[..., [0, 0, 0, 1]] if channels == 2 else pixels
    say("was written with 256 colours, since GIF holds no more; --format png keeps them all")
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.mode == "RGB":
        image = image.quantize(256)
    file = BytesIO()
    comment = like.notes.get("comment") if like is not None else None
    image.save(file, "GIF", **({"comment": comment} if comment else {}))
    handle.write(file.getvalue())
