r"""High dynamic range: the signal that is exposed, and what the file says of its light.

HLG is a camera's curve, like that of ordinary video, and is exposed as it is. PQ codes absolute luminance
:math:`L` up to 10,000 nits; exposing its codes would move mid-greys by stops. It is exposed as the HLG signal
of the same luminance on a display of 1,000 nits (ITU-R BT.2100, BT.2408),

.. math:: x = \mathrm{OETF}_\mathrm{HLG}\big((L / 1000)^{1/1.2}\big),

and coded as PQ again; what is brighter than 1,000 nits stays as it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from clode_core.video.frames import WHITE, Planes16

if TYPE_CHECKING:
    from av import VideoFrame

PQ, HLG = 16, 18
"""Transfer characteristics in the numbers of ITU-T H.273."""
PEAK = 1000
"""Nits of the display whose HLG signal is exposed."""
_SYSTEM_GAMMA = 1.2
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A = 0.17883277
_B, _C = 1 - 4 * _A, 0.5 - _A * np.log(4 * _A)
_DYNAMIC = {"DYNAMIC_HDR_PLUS": "HDR10+ metadata", "DOVI_METADATA": "Dolby Vision metadata"}


def pq_to_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Luminance in nits of a PQ signal in [0, 1] (SMPTE ST 2084)."""
    root = signal ** (1 / _M2)
    nits: NDArray[np.float64] = 10000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)
    return nits


def nits_to_pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ signal in [0, 1] of a luminance in nits."""
    root = (nits / 10000) ** _M1
    signal: NDArray[np.float64] = ((_C1 + _C2 * root) / (1 + _C3 * root)) ** _M2
    return signal


def light_to_hlg(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """HLG signal of scene light in [0, 1]."""
    log = _A * np.log(np.maximum(12 * light - _B, 1e-9)) + _C
    return np.where(light <= 1 / 12, np.sqrt(3 * light), log)


def hlg_to_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scene light in [0, 1] of an HLG signal."""
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)


@dataclass(frozen=True)
class Signal:
    """Tables of 65,536 values between what is stored and what is exposed; white is `WHITE` in both.

    Attributes
    ----------
    enter, leave : ndarray
        From the stored signal to the exposed one, and back.
    """

    enter: NDArray[np.uint16]
    leave: NDArray[np.uint16]

    def entered(self, planes: Planes16) -> Planes16:
        """Planes in the signal that is exposed."""
        red, green, blue = (self.enter[plane] for plane in planes)
        return red, green, blue


@cache
def pq_signal() -> Signal:
    """The tables for PQ."""
    codes = np.minimum(np.arange(1 << 16) / WHITE, 1.0)
    light = (pq_to_nits(codes) / PEAK).clip(0, 1) ** (1 / _SYSTEM_GAMMA)
    enter = np.rint(light_to_hlg(light) * WHITE).astype(np.uint16)
    nits = PEAK * hlg_to_light(codes).clip(0, 1) ** _SYSTEM_GAMMA
    return Signal(enter, np.rint(nits_to_pq(nits) * WHITE).astype(np.uint16))


def signal_of(frame: VideoFrame) -> Signal | None:
    """The tables that a frame needs; None if it is exposed as it is stored."""
    return pq_signal() if int(frame.color_trc) == PQ else None


@dataclass(frozen=True)
class Light:
    """What a file says of the light in its picture.

    Attributes
    ----------
    display : tuple of float
        The mastering display: x and y of red, green, blue and white, least and most luminance in nits; empty
        if it is not known.
    most : int
        Luminance of the brightest pixel, MaxCLL, in nits; 0 if it is not known.
    lost : tuple of str
        Descriptions that change with the picture and cannot be kept, in words.
    """

    display: tuple[float, ...] = ()
    most: int = 0
    lost: tuple[str, ...] = ()

    @classmethod
    def of(cls, frame: VideoFrame) -> Light:
        """What the first frame of a file says."""
        kept: Any = frame.side_data  # its annotations say that it yields names; it yields the data
        found = {data.type.name: bytes(data) for data in kept}
        level = found.get("CONTENT_LIGHT_LEVEL", b"")
        most = struct.unpack_from("=I", level)[0] if len(level) >= 4 else 0
        lost = tuple(words for name, words in _DYNAMIC.items() if name in found)
        return cls(_display(found.get("MASTERING_DISPLAY_METADATA", b"")), most, lost)

    def options(self, encoder: str) -> dict[str, str]:
        """An encoder's options that write it, empty if there is nothing to write or it cannot.

        The picture gets brighter, up to `PEAK`; its mean brightness is not known beforehand.
        """
        level = f"{max(self.most, PEAK)},0" if self.most else ""
        parts = []
        if encoder == "libx265" and (self.display or level):
            parts = ["hdr10=1:repeat-headers=1"]
            parts += [f"master-display={_noted(self.display, 50000, 10000)}"] if self.display else []
            parts += [f"max-cll={level}"] if level else []
        elif encoder == "libsvtav1":
            parts += [f"mastering-display={_noted(self.display)}"] if self.display else []
            parts += [f"content-light={level}"] if level else []
        name = {"libx265": "x265-params", "libsvtav1": "svtav1-params"}.get(encoder, "")
        return {name: ":".join(parts)} if parts else {}


def _display(content: bytes) -> tuple[float, ...]:
    """FFmpeg's AVMasteringDisplayMetadata: ten fractions, and whether primaries and luminance are known."""
    if len(content) < 88:
        return ()
    numbers = struct.unpack_from("=22i", content)
    if not all(numbers[20:]):
        return ()
    return tuple(n / d if d else 0.0 for n, d in zip(numbers[:20:2], numbers[1:20:2], strict=True))


def _noted(display: tuple[float, ...], steps: int = 0, nit: int = 0) -> str:
    """A mastering display as encoders want it, in whole steps of colour and parts of a nit or not."""
    scales = [steps or 1] * 8 + [nit or 1] * 2
    values = [f"{v * k:.0f}" if steps else f"{v:.4f}" for v, k in zip(display, scales, strict=True)]
    red, green, blue, white = (f"({values[i]},{values[i + 1]})" for i in range(0, 8, 2))
    return f"G{green}B{blue}R{red}WP{white}L({values[9]},{values[8]})"
