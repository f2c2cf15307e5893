"""Noise removal ``g``: the networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_ASK: ContextVar[Callable[[], None] | None] = ContextVar("_ASK", default=None)


@contextmanager
def interruptible(ask: Callable[[], None]) -> Iterator[None]:
    """Have the networks that this thread runs call `ask` between their layers; what it raises stops them."""
    token = _ASK.set(ask)
    try:
        yield
    finally:
        _ASK.reset(token)


def _ask() -> None:
    ask = _ASK.get()
    if ask is not None:
        ask()


def _sum(fresh: Tensor, other: Tensor) -> Tensor:
    """The sum, in the place of the first where no gradient needs that."""
    return fresh + other if torch.is_grad_enabled() else fresh.add_(other)


class PaperNoiseNet(nn.Module):
    """The noise-removal network of the CLODE release, ``g(x) = x - n(x)``; ``(B, 3, H, W)`` to the same."""

    reach = 2
    multiple = 1

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1, padding_mode="reflect")
        self.second = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect")
        self.last = nn.Conv2d(width, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Remove noise."""
        n = F.leaky_relu(self.first(x), 0.2)
        n = F.leaky_relu(self.second(n), 0.2)
        noise: Tensor = self.last(n)
        return x - noise


def _convolutions(width: int, depth: int) -> nn.ModuleList:
    return nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)])


class NoiseNet(nn.Module):
    """Multi-scale residual noise removal, ``g(x) = x - n(x)``, working at half resolution and below.

    No normalisation layer looks at the whole picture, so a tile with its `reach` equals the whole exactly.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96), depth: int = 2) -> None:
        super().__init__()
        self.multiple = 2 ** len(widths)
        # At level k (pixels of 2**(k+1)) a residual block sees `depth` pixels, once down and once up; the
        # first and the last convolution add one each, and every change of level up to one pixel of its own.
        levels = len(widths)
        passes = [2 * depth + (2 if k == 0 else 0) if k < levels - 1 else depth for k in range(levels)]
        self.reach = sum((n + 1) * 2 ** (k + 1) for k, n in enumerate(passes))
        self.stem = nn.Conv2d(12, widths[0], 3, padding=1)
        self.encode = nn.ModuleList([_convolutions(w, depth) for w in widths])
        self.down = nn.ModuleList([nn.Conv2d(a, b, 2, 2) for a, b in zip(widths, widths[1:], strict=False)])
        self.up = nn.ModuleList([nn.Conv2d(b, 4 * a, 1) for a, b in zip(widths, widths[1:], strict=False)])
        self.decode = nn.ModuleList([_convolutions(w, depth) for w in widths[:-1]])
        self.head = nn.Conv2d(widths[0], 12, 3, padding=1)
        with torch.no_grad():
            self.head.weight.mul_(0.1)

    @staticmethod
    def _residual(x: Tensor, convs: nn.Module) -> Tensor:
        y = x
        for k, conv in enumerate(convs.children()):
            _ask()
            y = conv(F.relu(y, inplace=True) if k else y)
        return _sum(F.relu(y, inplace=True), x)

    def forward(self, x: Tensor) -> Tensor:
        """Remove noise."""
        return self.cleaned(x, self.features(x))

    def cleaned(self, x: Tensor, features: Tensor) -> Tensor:
        """The picture without the noise that its features tell."""
        return x - F.pixel_shuffle(self.head(features), 2)

    def features(self, x: Tensor) -> Tensor:
        """What the last convolution sees, (B, widths[0], H/2, W/2)."""
        y = F.relu(self.stem(F.pixel_unshuffle(x, 2)), inplace=True)
        skips: list[Tensor] = []
        for k, convs in enumerate(self.encode):
            y = self._residual(y, convs)
            if k < len(self.down):
                skips.append(y)
                y = F.relu(self.down[k](y), inplace=True)
        for k in reversed(range(len(self.up))):
            y = _sum(F.pixel_shuffle(self.up[k](y), 2), skips[k])
            y = self._residual(y, self.decode[k])
        return y


def _he(convolution: nn.Conv2d) -> nn.Conv2d:
    """Start a convolution so that its outputs vary as much as its inputs before a ReLU (He et al., 2015).

    By PyTorch's own start the signal shrinks from layer to layer, and so does the gradient on its way back.
    """
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return convolution


def _means(x: Tensor) -> Tensor:
    """Kernel of the means of 2x2 pixels."""
    return torch.eye(3, dtype=x.dtype, device=x.device)[..., None, None].expand(-1, -1, 2, 2) / 4


def _pixels(x: Tensor) -> Tensor:
    """Kernel of `pixel_unshuffle` by 2: as a convolution it is twice as fast for channels-last pictures."""
    return torch.eye(12, dtype=x.dtype, device=x.device).reshape(12, 3, 2, 2)


def _enlarging() -> nn.Conv2d:
    """Bilinear enlargement by 2 of two pictures side by side: 6 channels to twice 3 of 2x2 pixels."""
    enlarging = nn.Conv2d(6, 24, 3)
    along = torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.75, 0.25]])
    kernels = torch.einsum("ay,bx->abyx", along, along).reshape(4, 3, 3)
    with torch.no_grad():
        enlarging.weight.zero_()
        for channel in range(6):
            enlarging.weight[4 * channel : 4 * channel + 4, channel] = kernels
        assert enlarging.bias is not None
        enlarging.bias.zero_()
    return enlarging


_FINEST = (-1 / 16, 4 / 16, 10 / 16, 4 / 16, -1 / 16)
_CELLS = 7  # side, in cells of 2x2 pixels, of the window in which the finest detail is judged


def _mean_square(x: Tensor) -> Tensor:
    """Mean square in windows of 14 pixels, at half size: (B, 3, H, W) to (B, 1, H/2, W/2)."""
    cells = F.conv2d(x.square(), x.new_full((1, 3, 2, 2), 1 / 12), stride=2)
    padded = F.pad(cells, (_CELLS // 2,) * 4, mode="replicate")
    return F.conv2d(padded, x.new_full((1, 1, _CELLS, _CELLS), 1 / _CELLS**2))


def evened(picture: Tensor, clean: Tensor, strength: float) -> Tensor:
    r"""Take the finest detail out of a clean picture where much more noise was removed than detail is left.

    .. math:: c' = c - \frac{v_n^2}{v_n^2 + (k v_d)^2} d, \quad d = c - B c

    with :math:`B` a filter that ends at half the sampling frequency and keeps polynomials up to the third
    degree, :math:`v_d` the mean square of :math:`d` in windows of 14 pixels and :math:`v_n` that of the noise
    that was removed. What upsampling by pixel shuffle leaves in even dark areas, a lattice of two pixels, is
    in :math:`d`; of a texture that the noise did not hide, nearly nothing is lost.

    Parameters
    ----------
    picture, clean : Tensor
        (B, 3, H, W), with noise and without; H and W even.
    strength : float
        How many times weaker than the noise, k in mean squares, detail must be to be taken out.

    Returns
    -------
    Tensor
        (B, 3, H, W). A pixel depends on those up to `EVENED_REACH` away.
    """
    with torch.autocast(clean.device.type, enabled=False):
        taps = clean.new_tensor(_FINEST).expand(3, 1, 1, 5)
        around = F.pad(clean, (2, 2, 2, 2), mode="replicate")
        smooth = F.conv2d(F.conv2d(around, taps, groups=3), taps.transpose(2, 3), groups=3)
        noise, detail = _mean_square(picture - clean), _mean_square(clean - smooth)
        noise, detail = noise.square(), (strength * detail).square()
        weight = F.interpolate(
            noise / (noise + detail + 1e-12), scale_factor=2, mode="bilinear", align_corners=False
        )
        return torch.lerp(clean, smooth, weight)


EVENED_REACH = 12
"""How far a pixel of `evened` sees."""


class CascadeNoiseNet(nn.Module):
    r"""Noise removal at half size by a `NoiseNet`, then a narrow network for the detail that half size lacks.

    .. math:: g(x) = U(c + b \otimes (x_\downarrow - c)) + m \otimes (x - U(x_\downarrow)) + a

    with :math:`x_\downarrow` the means of 2x2 pixels, :math:`c` these without noise and :math:`U` an
    enlargement that starts as the bilinear one. The mask :math:`m` in (0, 1), the part :math:`b` of the
    coarse noise that is given back (both the same for the three channels) and the addition :math:`a` are
    estimated from the picture, its clean half size, the noise found there, and what else the large network
    has to say of it (guidance); at m = b = 1, a = 0 nothing is changed. ``(B, 3, H, W)`` to the same shape.

    Parameters
    ----------
    width, depth : int
        Channels of the detail network, and convolutions of its residual block.
    guidance : int
        Channels of guidance, at half size.
    coarse_widths, coarse_depth
        Of the `NoiseNet`.
    evening : float
        Strength with which what the `NoiseNet` gives is `evened`; 0 leaves it as it is.

    Notes
    -----
    A mean of four pixels has half their noise, whatever it is, so that noise at half size is noise as any
    other, a quarter of the work, and can be removed by a network that was trained at full size.

    Attributes
    ----------
    detail_only : bool
        Whether training leaves the `NoiseNet` as it is.
    """

    def __init__(
        self,
        width: int = 16,
        depth: int = 1,
        guidance: int = 4,
        coarse_widths: tuple[int, ...] = (32, 64, 96),
        coarse_depth: int = 2,
        evening: float = 0.0,
    ) -> None:
        super().__init__()
        self.coarse = NoiseNet(coarse_widths, coarse_depth)
        self.detail_only = False
        self.multiple = 2 * self.coarse.multiple
        # The block and the head see a pixel of half size each, the first convolutions together one more.
        self.detail_reach = 2 * (depth + 2) + 2
        self.evening = evening
        self.coarse_reach = 2 * (self.coarse.reach + (EVENED_REACH if evening else 0))
        self.reach = self.coarse_reach + self.detail_reach
        self.picture = _he(nn.Conv2d(3, width, 4, 2, padding=1))
        self.channels = 3 + guidance
        self.guide = _he(nn.Conv2d(coarse_widths[0], 4 * guidance, 3, padding=1))
        self.context = _he(nn.Conv2d(6 + guidance, width, 3, padding=1))
        self.block = nn.ModuleList([_he(nn.Conv2d(width, width, 3, padding=1)) for _ in range(depth)])
        self.head = _he(nn.Conv2d(width, 17, 3, padding=1))
        self.enlarging = _enlarging()
        with torch.no_grad():
            self.head.weight.zero_()  # starts with half of the detail and nothing added
            for last in list(self.block)[-1:]:
                nn.init.zeros_(last.get_parameter("weight"))

    @staticmethod
    def halved(x: Tensor) -> Tensor:
        """Means of 2x2 pixels, (B, 3, H/2, W/2)."""
        with torch.autocast(x.device.type, enabled=False):
            return F.conv2d(x, _means(x), stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Remove noise."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.detail_only):
            clean = self.coarsely(self.halved(x))
        return self.refine(x, clean)

    def coarsely(self, half: Tensor) -> Tensor:
        """Half size without noise, and the guidance, (B, 3 + guidance, H, W)."""
        features = self.coarse.features(half)
        guidance = F.pixel_shuffle(self.guide(features), 2)
        clean = self.coarse.cleaned(half, features)
        if self.evening:
            clean = evened(half, clean, self.evening)
        return torch.cat([clean, guidance.to(half.dtype)], 1)

    def refine(self, x: Tensor, coarse: Tensor) -> Tensor:
        """Clean picture at full size from the picture and what `coarsely` gives."""
        clean = coarse[:, :3]
        with torch.autocast(x.device.type, enabled=False):
            seen = F.conv2d(x, torch.cat([_pixels(x), _means(x)]), stride=2)
        pixels, half = seen[:, :12], seen[:, 12:]
        noise = half - clean
        y = _sum(self.picture(x), self.context(torch.cat([noise, coarse], 1)))
        head = self._head(F.relu(y, inplace=True)).to(x.dtype)
        addition, mask, back = head[:, :12], head[:, 12:16], head[:, 16:]
        mask = torch.sigmoid(mask.contiguous(memory_format=torch.channels_last))
        with torch.autocast(x.device.type, enabled=False):  # the picture itself passes here: keep its bits
            pair = torch.cat([torch.addcmul(clean, noise, back), half], 1)
            enlarged = self.enlarging(F.pad(pair, (1, 1, 1, 1), mode="replicate"))
        smooth, rough = enlarged[:, :12], enlarged[:, 12:]
        sharp = torch.addcmul(smooth + addition, pixels - rough, torch.cat([mask] * 3, 1))
        return F.pixel_shuffle(sharp, 2)

    def _head(self, y: Tensor) -> Tensor:
        _ask()
        z = y
        for k, convolution in enumerate(self.block):
            z = convolution(F.relu(z, inplace=True) if k else z)
        head: Tensor = self.head(F.relu(_sum(z, y), inplace=True) if self.block else y)
        return head


NOISE_NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "multiscale": NoiseNet,
    "paper": PaperNoiseNet,
    "cascade": CascadeNoiseNet,
}
