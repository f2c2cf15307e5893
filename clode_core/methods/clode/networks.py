"""The networks of CLODE: curve-parameter estimation ``h``; noise removal ``g`` is in `noise_networks`."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clode_core.methods.clode.automatic import TRAINED_TIME
from clode_core.methods.clode.noise_networks import NOISE_NETWORKS, NoiseNet, PaperNoiseNet

__all__ = ["CURVE_NETWORKS", "NOISE_NETWORKS", "NoiseNet", "PaperNoiseNet"]


class TimeConv2d(nn.Module):
    """Convolution with exposure time as one more input channel, folded into the bias.

    Under reflect padding a constant channel ``t`` contributes ``t * sum(W_t)`` everywhere, so the channel is
    never built. Shapes: ``(B, C, H, W)`` and ``(B,)`` or scalar time to ``(B, out, H', W')``.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        reference = nn.Conv2d(in_channels + 1, out_channels, kernel_size)
        self.weight = reference.weight
        assert reference.bias is not None
        self.bias = reference.bias
        self.stride = stride
        self.padding = kernel_size // 2

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Convolve `x` at exposure time `time`."""
        folded = self.weight[:, -1].sum(dim=(1, 2))
        out = F.conv2d(_pad(x, self.padding), self.weight[:, :-1], self.bias, self.stride)
        return out + (time.reshape(-1, 1) * folded).to(out.dtype)[..., None, None]


def _pad(x: Tensor, width: int) -> Tensor:
    """Pad by reflection, or by replication where the picture is too small to reflect."""
    if width == 0:
        return x
    mode = "reflect" if min(x.shape[-2:]) > width else "replicate"
    return F.pad(x, (width, width, width, width), mode=mode)


class PaperCurveNet(nn.Module):
    """The curve-parameter network of the CLODE release: parallel 3x3 and 5x5 convolutions at full size.

    Input ``(B, 3, H, W)`` in [0, 1] and time; output the curve-parameter map ``A`` in (-1, 1), same shape.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        w = width
        self.stem = TimeConv2d(6, w, 3)
        self.narrow = nn.ModuleList([TimeConv2d(w, w, 3), TimeConv2d(w, w, 5)])
        self.wide = nn.ModuleList([TimeConv2d(2 * w, 2 * w, 3), TimeConv2d(2 * w, 2 * w, 5)])
        self.mix = TimeConv2d(4 * w, w, 1)
        self.head = TimeConv2d(w, 3, 3)
        self.norms = nn.ModuleList([nn.GroupNorm(1, c) for c in (w, w, w, 2 * w, 2 * w, w)])

    def forward(self, image: Tensor, time: Tensor) -> Tensor:
        """Estimate the curve-parameter map ``A``."""
        n = self.norms
        x = F.relu(n[0](self.stem(torch.cat([image, 1 - image], 1), time)))
        x = torch.cat([F.relu(n[1 + k](conv(x, time))) for k, conv in enumerate(self.narrow)], 1)
        x = torch.cat([F.relu(n[3 + k](conv(x, time))) for k, conv in enumerate(self.wide)], 1)
        x = F.relu(n[5](self.mix(x, time)))
        return torch.tanh(self.head(x, time))


class UniformCurve(nn.Module):
    """The control: ``A = 1`` everywhere and always, so that the picture is ``curve(I0, T)``."""

    def forward(self, image: Tensor, time: Tensor) -> Tensor:
        """Return ones."""
        return torch.ones_like(image)


class CurveNet(nn.Module):
    """Multi-scale curve-parameter network: a small encoder-decoder that sees the whole picture.

    Parameters
    ----------
    widths : tuple of int
        Channels at strides 2, 4, 8, 16.
    amplitude : float
        Largest ``|A|``; ``|S(T)| <= amplitude * |T|``.

    Notes
    -----
    The map ``A`` is smooth, so it is estimated at stride 2 and interpolated. The exposure coordinate
    ``logit I`` is a second view of the state: dark pixels that differ little in ``I`` differ much there.
    """

    def __init__(self, widths: tuple[int, ...] = (24, 32, 48, 64), amplitude: float = 1.5) -> None:
        super().__init__()
        self.amplitude = amplitude
        self.down = nn.ModuleList(
            [TimeConv2d(6 if k == 0 else widths[k - 1], w, 3, 2) for k, w in enumerate(widths)]
        )
        self.down_norm = nn.ModuleList([nn.GroupNorm(1, w) for w in widths])
        self.encode = nn.ModuleList([TimeConv2d(w, w, 3) for w in widths])
        self.encode_norm = nn.ModuleList([nn.GroupNorm(1, w) for w in widths])
        deep = widths[-1]
        self.context = nn.Sequential(nn.Linear(2 * deep + 6 + 1, deep), nn.ReLU(), nn.Linear(deep, deep))
        self.decode = nn.ModuleList(
            [TimeConv2d(widths[k] + widths[k + 1], widths[k], 3) for k in range(len(widths) - 1)]
        )
        self.decode_norm = nn.ModuleList([nn.GroupNorm(1, w) for w in widths[:-1]])
        self.head = TimeConv2d(widths[0], 3, 3)
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.bias.fill_(0.8)  # starts at the control: 1.5 * tanh(0.8) is about 1

    def forward(self, image: Tensor, time: Tensor) -> Tensor:
        """Estimate the curve-parameter map ``A``."""
        exposure = torch.logit(image.clamp(2e-3, 1 - 2e-3)) / 4
        x = torch.cat([image, exposure], 1)
        skips = self._encoded(x, time)
        when = time.reshape(-1, 1).expand(len(x), 1).to(x.dtype)
        context = self.context(torch.cat([x.mean((2, 3)), *_moments(skips[-1]), when], 1))
        A: Tensor = self._decoded(skips[-1] + context[..., None, None], skips, time)
        A = self.amplitude * torch.tanh(A)
        return F.interpolate(A, size=image.shape[-2:], mode="bilinear", align_corners=False)

    def _encoded(self, x: Tensor, time: Tensor) -> list[Tensor]:
        skips: list[Tensor] = []
        for down, norm, encode, encode_norm in zip(
            self.down, self.down_norm, self.encode, self.encode_norm, strict=True
        ):
            x = F.relu(norm(down(x, time)))
            x = x + F.relu(encode_norm(encode(x, time)))
            skips.append(x)
        return skips

    def _decoded(self, x: Tensor, skips: list[Tensor], time: Tensor) -> Tensor:
        """What goes into the last tanh, at stride 2."""
        for k in reversed(range(len(skips) - 1)):
            x = F.interpolate(x, size=skips[k].shape[-2:], mode="bilinear", align_corners=False)
            x = F.relu(self.decode_norm[k](self.decode[k](torch.cat([x, skips[k]], 1), time)))
        A: Tensor = self.head(x, time)
        return A


def _centred(exposure: Tensor) -> Tensor:
    """A picture at a mean logit of 0 and a quarter of its logit, from a quarter of the logit it has."""
    centred = exposure - exposure.mean((1, 2, 3), keepdim=True)
    return torch.cat([torch.sigmoid(4 * centred), centred], 1)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of each channel, (B, C) each."""
    mean = x.mean((2, 3))
    spread = (x - x.mean((2, 3), keepdim=True)).square().mean((2, 3))
    return mean, (spread + 1e-6).sqrt()


class ReachNet(CurveNet):
    r"""Multi-scale network that also judges how far to go: ``A`` and the reach ``c``, with ``T = 3 c``.

    Parameters
    ----------
    widths : tuple of int
        Channels at strides 2, 4, 8, 16.
    amplitude : float
        Largest ``|A|``.
    centred : bool
        Whether the convolutions see the picture exposed to a mean logit of 0, so that dark and bright shots
        of a scene look alike to them; how bright it was is known from the context alone.

    Notes
    -----
    How bright a scene should be is a question to the whole picture, so the brightness of the input (mean
    and spread of its logit, quantiles of its grey logit) joins the context, and the context moves the
    level of ``A`` directly. The reach is a scalar of the same context, about 1 where ``A`` is trusted as it
    is, times a gate that follows from ``S = 3 A`` itself: what would hardly be changed is fine.

    .. math:: c = \kappa\,\frac{m^4}{m^4 + \varepsilon^4}, \quad m = \overline{S^2}
    """

    FINE = 0.3
    """Mean squared exponent at which the gate is half open."""

    LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

    def __init__(
        self,
        widths: tuple[int, ...] = (24, 32, 48, 64),
        amplitude: float = 2.0,
        centred: bool = False,
    ) -> None:
        super().__init__(widths, amplitude)
        self.centred = centred
        deep = widths[-1]
        known = 2 * deep + 6 + 6 + len(self.LEVELS) + 1
        self.context = nn.Sequential(nn.Linear(known, deep), nn.ReLU(), nn.Linear(deep, deep))
        self.level = nn.Sequential(nn.Linear(known, deep), nn.ReLU(), nn.Linear(deep, 3))
        self.judge = nn.Sequential(nn.Linear(known, deep), nn.ReLU(), nn.Linear(deep, 1))
        with torch.no_grad():
            self.head.bias.fill_(math.atanh(min(0.95, 1 / amplitude)))  # starts at the control
            for branch, start in ((self.level, 0.0), (self.judge, 1.0)):
                weight, bias = list(branch.parameters())[-2:]
                weight.zero_()
                bias.fill_(start)

    def forward(self, image: Tensor, time: Tensor) -> Tensor:
        """Estimate the curve-parameter map ``A``."""
        return self.judged(image, time)[0]

    def judged(self, image: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Estimate ``A``, and the reach ``c`` of each picture, (B,)."""
        exposure = torch.logit(image.clamp(2e-3, 1 - 2e-3)) / 4
        x = torch.cat([image, exposure], 1)
        skips = self._encoded(_centred(exposure) if self.centred else x, time)
        x, seen = skips[-1], self._seen(x, skips[-1], time)
        A = self._decoded(x + self.context(seen)[..., None, None], skips, time)
        A = self.amplitude * torch.tanh(A + self.level(seen)[..., None, None])
        power = (TRAINED_TIME * A.detach()).square().mean((1, 2, 3)).pow(4)
        reach: Tensor = self.judge(seen)[:, 0] * power / (power + self.FINE**4)
        return F.interpolate(A, size=image.shape[-2:], mode="bilinear", align_corners=False), reach

    def _seen(self, x: Tensor, deep: Tensor, time: Tensor) -> Tensor:
        """What is known of the whole picture."""
        grey = x[:, 3:].mean(1).flatten(1)
        last = grey.shape[1] - 1
        levels = torch.tensor(self.LEVELS, dtype=torch.float32, device="cpu")
        places = (levels * last).round().long().tolist()
        quantiles = grey.sort(1).values[:, places]
        when = time.reshape(-1, 1).expand(len(x), 1).to(x.dtype)
        spread = x.var((2, 3), correction=0).add(1e-6).sqrt()
        return torch.cat([x.mean((2, 3)), spread, quantiles, *_moments(deep), when], 1)


CURVE_NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "multiscale": CurveNet,
    "reach": ReachNet,
    "paper": PaperCurveNet,
    "control": UniformCurve,
}
