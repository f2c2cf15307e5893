"""A picture whose noise has been removed once, at the exposure where it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from clode_core.methods.clode.denoising import NoiseRemoval, remove_noise
from clode_core.methods.method import Progress
from clode_core.pictures.resampling import bands
from clode_core.pictures.source import Source

Part: TypeAlias = tuple[slice, slice]

HIGHLIGHT = 0.95
"""Intensity above which noise removal fades out."""
_FLOOR = np.float32(2e-4)  # a pixel cleaned to exactly 0 could never be brightened
_DARKNESS = 8  # pixels without light around one that make it count as black


class CleanPicture:
    """A picture, or parts of it, at one exposure and without noise; the whole and the last part are kept.

    Parameters
    ----------
    source : Source
        The picture.
    g : NoiseRemoval
        Noise removal.
    precision : torch.dtype
        Of its convolutions.
    exposed : callable
        Exposes a part: its bands of rows and their intensities, (C, rows, X).
    """

    def __init__(
        self,
        source: Source,
        g: NoiseRemoval,
        precision: torch.dtype,
        exposed: Callable[[Part], Iterator[tuple[slice, Tensor]]],
    ) -> None:
        self.source = source
        self.g = g
        self.precision = precision
        self.exposed = exposed
        self._whole: NDArray[np.float32] | None = None
        self._last: tuple[tuple[int, ...], NDArray[np.float32]] | None = None

    def part(self, part: Part, progress: Progress | None) -> NDArray[np.float32]:
        """A part without noise, (Y, X, C)."""
        source = self.source
        whole = 0, source.height, 0, source.width
        key = part[0].start, part[0].stop, part[1].start, part[1].stop
        if key == whole and self._whole is None:
            self._whole = self._removed(part, progress)
        if self._whole is not None:
            return self._whole[part]
        if self._last is None or self._last[0] != key:
            self._last = key, self._removed(part, progress)
        return self._last[1]

    def _removed(self, part: Part, progress: Progress | None) -> NDArray[np.float32]:
        source, g = self.source, self.g
        margin = -(-g.reach // g.multiple) * g.multiple
        rows, columns = (
            # A wider part that starts on the grid of the network: its inside is that of the whole picture.
            slice(max(0, side.start // g.multiple * g.multiple - margin), min(length, side.stop + margin))
            for side, length in zip(part, (source.height, source.width), strict=True)
        )
        height, width = rows.stop - rows.start, columns.stop - columns.start
        shown = np.empty((height, width, source.channels), np.float32)
        with torch.inference_mode():
            for band, out in self.exposed((rows, columns)):
                if progress is not None:
                    progress(0.0)  # it may stop the work
                shown[band.start - rows.start : band.stop - rows.start] = out.permute(1, 2, 0).cpu().numpy()
        clean = remove_noise(g, shown, source.device, precision=self.precision, progress=progress)
        # Highlights carry no visible noise, and darkening would multiply any error there: keep them.
        for band in bands(height, width * source.channels):
            if progress is not None:
                progress(1.0)
            keep = np.clip((shown[band] - HIGHLIGHT) / (1 - HIGHLIGHT), 0, 1)
            clean[band] += keep * (shown[band] - clean[band])
            unlit = _unlit(shown, band)
            if unlit is not None:
                clean[band] *= 1 - unlit
        np.maximum(clean, _FLOOR, out=clean)
        inner = tuple(
            slice(side.start - wide.start, side.stop - wide.start)
            for side, wide in zip(part, (rows, columns), strict=True)
        )
        return clean[inner] if clean[inner].shape == clean.shape else clean[inner].copy()


def _unlit(shown: NDArray[np.float32], band: slice) -> NDArray[np.float32] | None:
    """How far inside an area without any light each pixel of some rows is, (rows, X, 1) from 0 to 1.

    Where nothing at all was recorded there is no noise to be judged, and what was black stays black. None
    where no such area is near.
    """
    above = min(band.start, 2 * _DARKNESS)
    near = shown[band.start - above : band.stop + 2 * _DARKNESS].max(-1)
    if (near > 0).all():
        return None
    size = 2 * _DARKNESS + 1
    light = torch.from_numpy((near > 0).astype(np.float32))[None]
    for window in ((1, size), (size, 1)):
        light = F.max_pool2d(light, window, 1, tuple(n // 2 for n in window))
    share = (1 - light)[None]
    for window in ((1, size), (size, 1)):
        share = F.avg_pool2d(share, window, 1, tuple(n // 2 for n in window), count_include_pad=False)
    found: NDArray[np.float32] = share[0, 0, above : above + band.stop - band.start, :, None].numpy()
    return found
