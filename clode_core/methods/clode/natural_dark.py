r"""What compression leaves of the dark, made fit to be brightened.

JPEG and video codecs store the dark of a night with a handful of values: luma in steps of a code or more,
chroma in blocks of 16 pixels, black as 0 to 3. The exposure curve multiplies all of that, and night becomes
coloured blobs. Before the curve, a picture whose chroma shows that it was compressed is put right where it is
dark; all intensities here are in codes of 255.

Whether it was compressed is measured. The noise of a sensor is in every channel, from pixel to pixel; a codec
takes it from chroma first. With ``D`` the diagonal difference ``(a - b - c + d) / 2`` of 2 x 2 pixels,

.. math:: n = \langle D(R - G)^2, D(B - G)^2 \rangle_\mathrm{dark}, \qquad
    f = \operatorname{clip}_0^1 \frac{n_1 - n}{n_1 - n_0}

``n`` is at most 1/6 where there is nothing but rounding, and about one or more where there is noise. At
``f = 0`` nothing is changed. A picture without colour is judged by ``D(Y)`` in the same way.

In every cell of 8 x 8 pixels let :math:`e = \langle I^2 \rangle` be the energy of all channels, ``m`` the
chroma :math:`I - Y` averaged over the cells around with weights :math:`1 / (e + 16)`, ``v`` and ``u`` the
variance and mean of luma around. Then

.. math::
    w &= \frac{e}{e + f k_c^2} \left[ 1 - s + s \frac{|m|^2}{|m|^2 + k_m^2} \right] &\text{trust of colour} \\
    b &= \frac{e}{e + f k_b^2} & \text{what was recorded as black stays black} \\
    s &= f \operatorname{clip}_0^1 \frac{d_1 - \sqrt e}{d_1 - d_0} & \text{how dark it is} \\
    a &= \frac{v}{v + \varepsilon}, \quad o = u - a u & \text{luma, by a guided filter with itself as guide}

each factor that of a Wiener filter, signal to signal and noise, and an intensity ``I`` in luma ``Y`` becomes

.. math:: I' = b \left[ (1 - s) Y + s (a Y + o) + w \left( (1 - \mu s)(I - Y) + \mu s m \right) \right]
    = \alpha I + \beta Y + \gamma

Maps of these, interpolated between cells, are all that is kept of a picture. The change fades out between 24
and 48 codes, of the energy of a cell and of the luma of a pixel: a light beside the dark stays as it is. At
an exposure time ``T`` the picture is :math:`I + \operatorname{clip}_0^1(T) (I' - I)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from clode_core.methods.clode.upsampling import box_mean
from clode_core.pictures.resampling import Interpolated
from clode_core.pictures.source import Source

CELL = 8
"""Pixels along the side of a cell: a block of luma, half a block of chroma."""
CODES = 255.0
NOISE = (0.2, 0.6)
"""Pixel noise of chroma, squared, up to which a picture is treated in full, and from which it is not."""
GREY_NOISE = (0.05, 0.1)
"""The same of luma, for pictures without colour."""
DARK = (6.0, 16.0)
"""Codes up to which the dark is smoothed in full, and from which it is not."""
FADE = (24.0, 48.0)
"""Codes up to which anything is done in full, and from which nothing is."""
_CHROMA_BY_LIGHT, _CHROMA_BY_CHROMA, _BLACK = 2.5, 2.0, 0.8
_SMOOTH_CHROMA = 0.5
_LIKE_DARK = 16.0  # energy, in codes squared
_VARIANCE = 2.0
_LUMA = (0.2126, 0.7152, 0.0722)
_STEP = 2  # every second pixel of every second row tells enough for the maps
_SAMPLE = 1_000_000  # pixels that tell the noise
_FEWEST = 64  # blocks of 2 x 2 pixels
_BRIGHTEST = 48.0  # of the pixels that tell the noise
_LARGEST = 9.0  # a squared difference beyond this is an edge
_BAND = 64  # cells


def luma(picture: Tensor) -> Tensor:
    """Luma of a picture (C, H, W) of one or three channels."""
    if len(picture) != 3:
        return picture[0]
    total = picture[0] * _LUMA[0]
    return total.add_(picture[1], alpha=_LUMA[1]).add_(picture[2], alpha=_LUMA[2])


def _diagonal(plane: Tensor) -> Tensor:
    left, right = plane[..., 0::2], plane[..., 1::2]
    across = left - right
    return (across[0::2] - across[1::2]) / 2


def _noise(planes: list[Tensor], sound: list[Tensor]) -> float | None:
    """Mean square of the diagonal differences where they are sound; None if there are too few."""
    count = sum(int(s.sum()) for s in sound)
    if count < _FEWEST:
        return None
    total = sum(
        float(_diagonal(p).square_().clamp_(max=_LARGEST)[s].sum())
        for p, s in zip(planes, sound, strict=True)
    )
    return total / count


def _all_of_block(flags: Tensor) -> Tensor:
    both = flags[0::2] & flags[1::2]
    return both[:, 0::2] & both[:, 1::2]


def compression(sample: Tensor) -> float:
    """How much a picture was compressed, ``f`` in [0, 1], judged by its dark.

    Parameters
    ----------
    sample : Tensor
        (C, H, W) in codes of 255, or some pairs of its rows; one or three channels.

    Returns
    -------
    float
        0 also where the picture has next to nothing that is dark but not black.
    """
    sample = sample[:, : sample.shape[1] // 2 * 2, : sample.shape[2] // 2 * 2]
    if sample.numel() == 0:
        return 0.0
    lit = sample > 0
    dark = _all_of_block(sample.amax(0) < _BRIGHTEST)
    low, high = NOISE
    noise: float | None = 0.0
    if len(sample) == 3:
        pairs = ((0, 1), (2, 1))
        sound = [_all_of_block(lit[i] & lit[j]) & dark for i, j in pairs]
        noise = _noise([sample[i] - sample[j] for i, j in pairs], sound)
    if noise == 0:  # no colour, or nothing but flat planes
        low, high = GREY_NOISE
        noise = _noise([luma(sample)], [_all_of_block(lit.all(0)) & dark])
    return 0.0 if noise is None else min(1.0, max(0.0, (high - noise) / (high - low)))


def _mean_of_cells(planes: Tensor, side: int, axis: int) -> Tensor:
    """Mean of every `side` entries along an axis, and of what is left at its end."""
    length = planes.shape[axis]
    whole = length // side * side
    parts = []
    if whole:
        inner = planes.narrow(axis, 0, whole).unfold(axis, side, side)
        total = inner[..., 0].clone()
        for k in range(1, side):
            total += inner[..., k]
        parts.append(total.div_(side))
    if whole < length:
        parts.append(planes.narrow(axis, whole, length - whole).mean(axis, keepdim=True))
    return parts[0] if len(parts) == 1 else torch.cat(parts, axis)


@dataclass(frozen=True)
class Cells:
    """Means over the cells of a picture, in codes.

    Attributes
    ----------
    colours : Tensor
        Of each channel, (C, h, w).
    luma, luma_square, energy : Tensor
        Of luma, of its square, and of the squares of all channels, (1, h, w).
    """

    colours: Tensor
    luma: Tensor
    luma_square: Tensor
    energy: Tensor

    @classmethod
    def of(cls, picture: Tensor, side: int = CELL // _STEP) -> Cells:
        """Cells of a picture (C, H, W) in codes, `side` pixels along each."""

        def pool(planes: Tensor) -> Tensor:
            return _mean_of_cells(_mean_of_cells(planes, side, 1), side, 2)

        light = luma(picture)[None]
        colours = pool(picture)
        energy = pool(picture.square().mean(0, keepdim=True))
        if len(picture) == 1:
            return cls(colours, colours, energy, energy)
        return cls(colours, pool(light), pool(light.square()), energy)

    @classmethod
    def joined(cls, parts: list[Cells]) -> Cells:
        """Cells of a picture from those of its bands."""
        return cls(
            *(
                torch.cat(list(maps), 1)
                for maps in zip(*((p.colours, p.luma, p.luma_square, p.energy) for p in parts), strict=True)
            )
        )


def _around(maps: Tensor) -> Tensor:
    """Mean over the 3 x 3 cells around, twice, of the cells that exist; maps (C, h, w)."""
    return box_mean(box_mean(maps, 1), 1)


def _share(level: Tensor, limits: tuple[float, float]) -> Tensor:
    """1 up to the first limit, 0 from the second."""
    width = limits[1] - limits[0]
    return (level * (-1 / width)).add_(limits[1] / width).clamp_(0, 1)


def _corrections(cells: Cells, strength: float) -> Tensor:
    """Maps of alpha - 1, beta and gamma of each channel, (2 + C, h, w), in unit intensities."""
    mean = _around(cells.luma)
    variance = (_around(cells.luma_square) - mean.square()).clamp(min=0)
    slope = variance / (variance + _VARIANCE)
    slope, offset = _around(torch.stack([slope[0], (mean - slope * mean)[0]]))[:, None]
    energy = cells.energy + 1e-6
    level = energy.sqrt()
    smooth = strength * _share(level, DARK)
    black = energy / (energy + strength * _BLACK**2)
    near_dark = 1 / (energy + _LIKE_DARK)  # chroma of a light does not reach into the dark beside it
    chroma = _around((cells.colours - cells.luma) * near_dark) / _around(near_dark)
    square = chroma.square().sum(0, keepdim=True)
    trust = energy / (energy + strength * _CHROMA_BY_LIGHT**2)
    trust = trust * (1 + smooth * (square / (square + _CHROMA_BY_CHROMA**2) - 1))
    if len(chroma) == 1:
        chroma, trust = torch.zeros_like(chroma), torch.ones_like(trust)
    alpha = black * trust * (1 - _SMOOTH_CHROMA * smooth)
    beta = black * (1 + smooth * (slope - 1)) - alpha
    gamma = black * smooth * (offset + trust * _SMOOTH_CHROMA * chroma) / CODES
    return _share(level, FADE) * torch.cat([alpha - 1, beta, gamma])


class NaturalDark:
    """What has to be changed in the dark of one picture before it is exposed.

    Parameters
    ----------
    maps : Tensor
        Corrections (2 + C, h, w), interpolated between their cells.
    scale : float
        Codes from black to white, in 255.
    cell : int
        Pixels along the side of a cell.
    """

    def __init__(self, maps: Tensor, scale: float = 1.0, cell: int = CELL) -> None:
        self.maps = maps
        self.scale = scale
        self.cell = cell
        self.fade = FADE[0] / CODES / scale, FADE[1] / CODES / scale
        self.rows: list[bool] = (maps != 0).flatten(2).any(2).any(0).tolist()

    @classmethod
    def measure(cls, source: Source, check: Callable[[], None] | None = None) -> NaturalDark | None:
        """Look at a picture.

        Parameters
        ----------
        source : Source
            The picture.
        check : callable, optional
            Called before each band; what it raises stops the work.

        Returns
        -------
        NaturalDark or None
            None where nothing is to be done: it was not recorded in 8 bits, not compressed, or is not dark.
        """
        codes = _recorded_codes(source)
        if codes is None or source.channels not in (1, 3):
            return None

        strength = compression(_sampled(source, codes))
        if strength == 0:
            return None
        parts = []
        rows = _BAND * CELL
        for top in range(0, source.height, rows):
            if check is not None:
                check()
            band = slice(top, min(source.height, top + rows))
            parts.append(Cells.of(_in_codes(source, band, _STEP, codes)))
        return cls.from_cells(Cells.joined(parts), strength, codes / CODES)

    @classmethod
    def from_cells(cls, cells: Cells, strength: float, scale: float = 1.0) -> NaturalDark | None:
        """The corrections for cells that were measured, by how much the picture was compressed.

        Parameters
        ----------
        cells : Cells
            In codes.
        strength : float
            ``f``, from `compression`.
        scale : float
            Codes from black to white, in 255.
        """
        maps = _corrections(cells, strength)
        maps[2:] /= scale
        made = cls(maps, scale)
        return made if any(made.rows) else None

    def reduced(self, full: tuple[int, int], size: tuple[int, int]) -> NaturalDark:
        """The same for a smaller copy of the picture: `full` and `size` are rows and columns."""
        wanted = [
            max(1, round(cells * self.cell * small / large))
            for cells, small, large in zip(self.maps.shape[1:], size, full, strict=True)
        ]
        maps = F.interpolate(self.maps[None], size=wanted, mode="bilinear", align_corners=False)[0]
        missing = [max(0, small - there) for small, there in zip(size, wanted, strict=True)]
        maps = F.pad(maps, (0, missing[1], 0, missing[0]), mode="replicate")
        return NaturalDark(maps[:, : size[0], : size[1]], self.scale, 1)

    def apply(
        self, unit: Tensor, rows: slice, columns: slice = slice(None), share: float | Tensor = 1.0
    ) -> Tensor:
        """Put right a part of the picture.

        Parameters
        ----------
        unit : Tensor
            Its unit intensities (C, rows, columns); not changed.
        rows, columns : slice
            Where it is in the picture.
        share : float or Tensor
            How much of the correction, from 0 to 1; or how much for each pixel, (rows, X).

        Returns
        -------
        Tensor
            Unit intensities of the same shape; `unit` itself where nothing is to be done.
        """
        dark = self._dark_rows(rows)
        if not dark or (not isinstance(share, Tensor) and share <= 0):
            return unit
        first = max(rows.start, (dark[0] - 1) * self.cell)
        stop = min(rows.stop, (dark[-1] + 2) * self.cell)
        inner = slice(first - rows.start, stop - rows.start)
        left = columns.start or 0
        maps = self._between(slice(first, stop), slice(left, left + unit.shape[2]))
        given = unit[:, inner].to(maps.dtype)
        light = luma(given)
        change = maps[2:].addcmul_(light, maps[1:2]).addcmul_(given, maps[:1])
        fade = _share(light, self.fade)
        change.mul_(fade.mul_(share[inner] if isinstance(share, Tensor) else share))
        change.add_(given).clamp_(0, 1)
        if change.shape == unit.shape:
            return change.to(unit.dtype)
        out = unit.clone()
        out[:, inner] = change
        return out

    def touches(self, rows: slice) -> bool:
        """Whether anything is to be done in some rows of the picture."""
        return bool(self._dark_rows(rows))

    def _dark_rows(self, rows: slice) -> list[int]:
        """Rows of cells that are dark and reach into some rows of the picture."""
        near = range(max(0, rows.start // self.cell - 1), min(len(self.rows), -(-rows.stop // self.cell) + 1))
        return [row for row in near if self.rows[row]]

    def _between(self, rows: slice, columns: slice) -> Tensor:
        """The maps at some pixels, as a new tensor."""
        if self.cell == 1:
            return self.maps[:, rows, columns].clone()
        cell, window = self.cell, self.maps
        first = rows.start // cell - 1
        left = columns.start // cell - 1
        for axis, start, stop in ((1, first, rows.stop), (2, left, columns.stop)):
            cells = torch.arange(start, -(-stop // cell) + 1, device=window.device)
            window = window.index_select(axis, cells.clamp(0, window.shape[axis] - 1))
        size = window.shape[1] * cell, window.shape[2] * cell
        inner = slice(columns.start - left * cell, columns.stop - left * cell)
        return Interpolated(window, size, inner)[slice(rows.start - first * cell, rows.stop - first * cell)]


def _in_codes(source: Source, rows: slice, step: int, codes: float) -> Tensor:
    """Rows of a source, each `step` apart, with every `step`-th column, in codes: (C, rows, X)."""
    array = source.pixels[rows][::step, ::step]
    if array.dtype == np.uint8:
        picture = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1), np.float32))
        return picture.sub_(source.levels.black).clamp_(0, codes).to(source.device)
    unit = source.inside(source.read(rows), rows)[:, ::step, ::step]
    return unit.float().nan_to_num(0.0).mul(codes)


def _sampled(source: Source, codes: float) -> Tensor:
    """Pairs of rows of a source, in codes."""
    rows = spread_pairs(source.height, source.width)
    if len(rows) >= source.height // 2 * 2:
        return _in_codes(source, slice(0, source.height), 1, codes)
    return torch.cat([_in_codes(source, slice(top, top + 2), 1, codes) for top in rows[::2].tolist()], 1)


def _recorded_codes(source: Source) -> float | None:
    """Codes from black to white of a picture recorded in 8 bits, whatever its dtype is now; else None."""
    if source.array.dtype == np.uint8:
        return source.levels.white - source.levels.black
    rows = np.unique(np.linspace(0, source.height - 1, min(source.height, 64)).astype(int))
    sample = source.pixels[rows].astype(np.float64)
    sample = (sample - source.levels.black) * (CODES / (source.levels.white - source.levels.black))
    sample = sample[np.isfinite(sample)]
    if sample.size == 0 or np.abs(sample - np.rint(sample)).max() > 1e-3:
        return None
    return CODES


def spread_pairs(height: int, width: int) -> NDArray[np.intp]:
    """Pairs of rows, spread over a picture, that hold about a million pixels."""
    pairs = height // 2
    wanted = min(pairs, max(1, _SAMPLE // (2 * max(1, width))))
    tops = np.unique(np.linspace(0, max(0, pairs - 1), wanted).astype(np.intp)) * 2
    return np.stack([tops, tops + 1], 1).ravel()
