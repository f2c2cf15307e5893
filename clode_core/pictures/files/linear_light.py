"""OpenEXR and Radiance HDR: pictures of linear light, brought to the curve that networks know and back.

Everything else that is enhanced, and all that the networks were trained on, holds intensities on the curve of
sRGB. There equal steps look equal; in linear light nearly all of a dark picture lies below 0.01.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from clode_core.pictures.files.picture import Picture, PictureError, check_size
from clode_core.pictures.files.pixels import white_of
from clode_core.pictures.files.reading import LOST_SECTOR, Reading, Say

_KNEE, _SLOPE, _OFFSET, _POWER = 0.0031308, 12.92, 0.055, 2.4
_MOST_BRIGHT = 0.999
_NEEDS = "holds an OpenEXR picture; to read and write it: pip install 'clode-core[exr]'"


def to_curve(light: np.ndarray, white: float = 1.0) -> np.ndarray:
    """Bring linear light to sRGB's curve (IEC 61966-2-1), which goes on beyond 1 and is odd about 0."""
    unit = np.asarray(light, np.float32) / np.float32(white)
    size = np.abs(unit)
    curved = (1 + _OFFSET) * np.maximum(size, _KNEE) ** (1 / _POWER) - _OFFSET
    values: np.ndarray = np.copysign(np.where(size <= _KNEE, _SLOPE * size, curved), unit)
    return values.astype(np.float32, copy=False)


def to_light(values: np.ndarray, white: float = 1.0) -> np.ndarray:
    """Undo `to_curve`."""
    curved = np.asarray(values, np.float32)
    size = np.abs(curved)
    light = ((np.maximum(size, _SLOPE * _KNEE) + _OFFSET) / (1 + _OFFSET)) ** _POWER
    return (
        np.copysign(np.where(size <= _SLOPE * _KNEE, size / _SLOPE, light), curved) * np.float32(white)
    ).astype(np.float32)


def _white(light: np.ndarray) -> float:
    """What counts as white: 1, as in rendered pictures, or nearly the brightest where the unit is another."""
    finite = light[np.isfinite(light)]
    if not finite.size:
        return 1.0
    bright = float(np.quantile(finite[:: max(1, finite.size // 2_000_000)], _MOST_BRIGHT))
    return max(1.0, bright)


def _picture(light: np.ndarray, kind: str, colours: int, notes: dict[str, Any] | None = None) -> Picture:
    channels = 1 if light.ndim == 2 else light.shape[2]
    white = _white(light[..., :colours] if channels > 1 else light)
    pixels = to_curve(light, white)
    if channels in (2, 4):
        pixels[..., -1] = light[..., -1]
    return Picture(pixels, kind, channels, 32, linear_white=white, notes=notes or {})


def _light(pixels: np.ndarray, channels: int, like: Picture | None) -> np.ndarray:
    """Linear light of pixels: those of floats that came from it, and those of any other picture."""
    if pixels.dtype.kind == "u":
        pixels = pixels.astype(np.float32) / (255 if pixels.dtype == np.uint8 else white_of(pixels, like))
    white = like.linear_white if like is not None and like.linear_white else 1.0
    light = to_light(pixels, white)
    if channels in (2, 4):
        light[..., -1] = pixels[..., -1]
    return light


def read_radiance(reading: Reading) -> Picture:
    """Read Radiance's RGBE."""
    import imagecodecs

    data = reading.data
    if bytes(LOST_SECTOR) in data and not _plain(data):
        reading.damaged("a part of it is empty")
    light = imagecodecs.rgbe_decode(data)
    check_size(reading.file, light.shape[1], light.shape[0])
    header = data[: data.find(b"\n\n") + 1].decode("latin-1")
    kept = [line for line in header.splitlines()[1:] if line and not line.startswith("FORMAT=")]
    return _picture(light, "radiance", 3, {"header": kept})


def _plain(data: bytes) -> bool:
    """Whether the pixels are not run-length coded, so that black is zero bytes."""
    start = data.find(b"\n", data.find(b"\n\n") + 2) + 1
    return data[start : start + 2] != b"\2\2"


def encode_radiance(
    handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say
) -> None:
    """Write RGBE, with the lines of the header of a file they come from."""
    import imagecodecs

    light = _light(pixels, channels, like)
    if channels in (2, 4):
        say("has an alpha channel, which Radiance HDR cannot hold")
        light = light[..., :-1] if channels == 4 else light[..., 0]
    if light.ndim == 2:
        light = np.dstack([light] * 3)
    data = bytes(imagecodecs.rgbe_encode(np.ascontiguousarray(np.maximum(light, 0)), header=True))
    lines = like.notes.get("header", []) if like is not None else []
    split = data.find(b"\n") + 1
    handle.write(data[:split] + "".join(f"{line}\n" for line in lines).encode("latin-1") + data[split:])


def read_exr(reading: Reading) -> Picture:
    """Read the colours of the first part; of more parts and channels only their loss is told."""
    openexr = _openexr(reading.file)
    if bytes(4096) in reading.data:
        reading.damaged("a part of it is empty")
    with openexr.File(str(reading.file), separate_channels=True) as file:
        header = dict(file.header())
        planes = {name: channel.pixels for name, channel in file.channels().items()}
        parts = len(file.parts)
    names = next((list(names) for names in ("RGBA", "RGB", "YA", "Y") if set(names) <= set(planes)), None)
    if names is None or any(planes[name].shape != planes[names[0]].shape for name in names):
        listed = ", ".join(sorted(planes))
        raise PictureError(f"{reading.file} has the channels {listed}; save R, G and B or Y, at full size.")
    others = sorted(set(planes) - set(names))
    if others or parts > 1:
        reading.say(f"holds more than its colours ({', '.join(others) or 'more parts'}); that was not kept")
    light = np.stack([planes[name].astype(np.float32) for name in names], -1)
    check_size(reading.file, light.shape[1], light.shape[0])
    depth = str(planes[names[0]].dtype)
    return _picture(
        light if len(names) > 1 else light[..., 0], "exr", len(names), {"header": header, "depth": depth}
    )


def _openexr(file: Path) -> Any:
    try:
        import OpenEXR
    except ImportError:
        raise PictureError(f"{file} {_NEEDS}") from None
    return OpenEXR


def encode_exr(handle: BinaryIO, pixels: np.ndarray, channels: int, like: Picture | None, say: Say) -> None:
    """Write half floats, or whole ones where the source had them, with the attributes of the source."""
    openexr = _openexr(Path("the result"))
    light = _light(pixels, channels, like)
    notes = like.notes if like is not None else {}
    light = light.astype(notes.get("depth") or np.float16) if notes.get("depth") != "uint32" else light
    header = {
        key: value
        for key, value in (notes.get("header") or {}).items()
        if key not in ("channels", "type", "chunkCount")
    }
    header |= {
        "type": openexr.scanlineimage,
        "compression": header.get("compression", openexr.ZIP_COMPRESSION),
    }
    names = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}[channels]
    planes = {
        name: np.ascontiguousarray(light if channels == 1 else light[..., index])
        for index, name in enumerate(names)
    }
    with tempfile.TemporaryDirectory() as folder:  # the library writes to names only
        place = os.path.join(folder, "picture.exr")
        with openexr.File(header, planes) as file:
            file.write(place)
        handle.write(Path(place).read_bytes())
