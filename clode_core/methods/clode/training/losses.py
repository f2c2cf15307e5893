"""The losses, each as its equation. Pictures are (B, 3, H, W) in [0, 1]; every loss is a scalar."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

EXPONENT_FLOOR = 4e-3
"""Intensities closer than this to 0 or 1 are held there before their logit is taken."""


def logit(image: Tensor) -> Tensor:
    """Exposure coordinate of a picture, ``log(I / (1 - I))``, finite at black and white."""
    return torch.logit(image.clamp(EXPONENT_FLOOR, 1 - EXPONENT_FLOOR))


def charbonnier(picture: Tensor, target: Tensor, epsilon: float = 1e-5) -> Tensor:
    r"""Mean of :math:`\sqrt{(x - y)^2 + \epsilon}`, absolute error smooth at 0 (Charbonnier, 1994)."""
    return ((picture - target).square() + epsilon).sqrt().mean()


def log_error(picture: Tensor, target: Tensor, floor: float = 3e-4) -> Tensor:
    r"""Mean over pictures of :math:`\log(\mathrm{MSE} + \text{floor}) / 20`: what PSNR measures.

    At 20 dB its gradient is that of the absolute error.
    """
    return ((picture - target).square().mean((1, 2, 3)) + floor).log().mean() / 20


def evened(error: Tensor, knee: float) -> Tensor:
    r"""Mean of :math:`k \log(1 + e / k)` over the pictures' errors ``(B,)``.

    Beyond the knee :math:`k` a picture counts by the share of its error that goes, not by how large that is:
    pictures with little noise are not forgotten over those with much.
    """
    return knee * torch.log1p(error / knee).mean()


def structural_dissimilarity(picture: Tensor, target: Tensor, window: int = 7, stride: int = 4) -> Tensor:
    r"""One minus the mean structural similarity (Wang et al., 2004) of each picture, (B,).

    Its windows are even, and are taken every few pixels.

    .. math:: 1 - \mathrm{mean}\,\frac{(2 \mu_x \mu_y + C_1)(2 \sigma_{xy} + C_2)}
        {(\mu_x^2 + \mu_y^2 + C_1)(\sigma_x^2 + \sigma_y^2 + C_2)}

    with :math:`C_1 = 0.01^2, C_2 = 0.03^2`. Faint grain that is left on a plain wall hardly counts in the
    absolute error, but here, as it does to the eye.
    """

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, window, stride)

    c1, c2 = 0.01**2, 0.03**2
    mean_x, mean_y = mean(picture), mean(target)
    product, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    covariance = mean(picture * target) - product
    variances = mean(picture.square() + target.square()) - squares
    similarity = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances.clamp(min=0) + c2))
    return 1 - similarity.mean((1, 2, 3))


def exponent_weight(dark: Tensor, target: Tensor) -> Tensor:
    """Trust in the true exponent of a pair, (B, 3, H, W) in [0, 1]: small where either is near 0 or 1."""
    inside = (target > 0.03) & (target < 0.97) & (dark > 0.006) & (dark < 0.97)
    return (inside.float() * 0.9 + 0.02) * (4 * target * (1 - target)).clamp(min=0).sqrt()


def best_scale(exponent: Tensor, true_exponent: Tensor, weight: Tensor) -> Tensor:
    r"""Scale that brings an exponent closest to the true one, per picture.

    .. math:: c = \arg\min_c \sum w\,(c S - S^*)^2 = \frac{\sum w S S^*}{\sum w S^2}

    Parameters
    ----------
    exponent, true_exponent, weight : Tensor
        (B, C, H, W); the weight is not negative.

    Returns
    -------
    Tensor
        (B, 1, 1, 1) in [0.3, 3], detached: the exposure is given, only the shape is learned from it.
    """
    over = (1, 2, 3)
    along = (weight * exponent * true_exponent).sum(over, keepdim=True)
    own = (weight * exponent.square()).sum(over, keepdim=True)
    return (along / (own + 1e-3)).clamp(0.3, 3).detach()


def exponent_error(exponent: Tensor, true_exponent: Tensor, weight: Tensor, largest: float = 2.0) -> Tensor:
    r"""Mean of :math:`w \min(|S - S^*|, 2)`: a wrong pixel of a bracket must not outweigh the others."""
    return (weight * (exponent - true_exponent).abs().clamp(max=largest)).mean()


def straightness(parameters: Sequence[Tensor], exponent: Tensor, time: float) -> Tensor:
    r"""Mean over the path of :math:`(A_t - S_T / T)^2`: an exponent that grows evenly serves every time.

    Parameters
    ----------
    parameters : sequence of Tensor
        Curve-parameter maps ``A`` along the path, each (B, C, H, W).
    exponent : Tensor
        Final exponent; a constant here.
    time : float
        Exposure time it was reached at.
    """
    mean = exponent.detach() / time
    return torch.stack([(A - mean).square().mean() for A in parameters]).mean()


def gradient(field: Tensor) -> Tensor:
    r"""Total variation :math:`\overline{|\nabla_x S|} + \overline{|\nabla_y S|}`."""
    across = (field[..., 1:] - field[..., :-1]).abs().mean()
    down = (field[..., 1:, :] - field[..., :-1, :]).abs().mean()
    return across + down


def edge_aware_gradient(field: Tensor, guide: Tensor, edge: float = 0.3) -> Tensor:
    r"""Total variation of a field where its guide is even; it may jump where the light jumps.

    .. math:: \overline{|\nabla S| / (1 + |\nabla L|^2 / e^2)}, \quad L = \operatorname{logit}(\mathrm{grey})

    with `guide` a picture (B, 3, H, W) and ``e`` the step of its logit that counts as an edge.
    """
    light = logit(guide.mean(1, keepdim=True))
    return torch.stack(
        [
            (field.diff(dim=axis).abs() / (1 + (light.diff(dim=axis) / edge).square())).mean()
            for axis in (-1, -2)
        ]
    ).sum()


def spatial_consistency(enhanced: Tensor, original: Tensor, region: int = 4) -> Tensor:
    r"""Keep the contrast of neighbouring regions (Zero-DCE, eq. 4).

    .. math:: \frac1K \sum_i \sum_{j \in \Omega(i)} (|Y_i - Y_j| - |X_i - X_j|)^2

    with :math:`X, Y` the grey means of `region` x `region` pixels of input and output, and
    :math:`\Omega(i)` the four neighbours that exist.
    """
    means = [F.avg_pool2d(x.mean(1, keepdim=True), region) for x in (enhanced, original)]
    across, down = ([(m.diff(dim=axis)).abs() for m in means] for axis in (-1, -2))
    pairs = sum((y - x).square().sum((1, 2, 3)) for y, x in (across, down))
    regions = means[0].shape[-1] * means[0].shape[-2]
    return (2 * torch.as_tensor(pairs) / regions).mean()


def exposure_control(enhanced: Tensor, patch: int = 16, level: float = 0.6) -> Tensor:
    r"""Bring patch means to a level, :math:`\|m_{16}(\tilde I) - E\|^2` as a mean (Zero-DCE, eq. 5)."""
    return (F.avg_pool2d(enhanced.mean(1, keepdim=True), patch) - level).square().mean()


def colour_constancy(enhanced: Tensor) -> Tensor:
    r"""Grey world, :math:`(R-G)^2 + (R-B)^2 + (G-B)^2` on channel means (Zero-DCE, eq. 6)."""
    red, green, blue = enhanced.mean((2, 3)).unbind(1)
    return ((red - green).square() + (red - blue).square() + (green - blue).square()).mean()


def partial_white_balance(exponent: Tensor, dark: Tensor, strength: float, limit: float) -> Tensor:
    r"""Colour constancy in exponent form, taken part of the way.

    .. math:: \sum_c (\bar S_c - \bar S + \ell \tanh(k\,d_c / \ell))^2,
        \quad d_c = \overline{\operatorname{logit} I_{0,c}} - \overline{\operatorname{logit} I_0}

    A mean exponent per channel shifts the mean logit of that channel, so this is the grey-world loss with a
    target that is reached exactly, by a share `strength` of the cast and by `limit` at most.
    """
    cast = logit(dark).mean((2, 3))
    cast = cast - cast.mean(1, keepdim=True)
    shift = exponent.mean((2, 3))
    shift = shift - shift.mean(1, keepdim=True)
    return (shift + limit * torch.tanh(strength * cast / limit)).square().mean()


def parameter_smoothness(parameters: Sequence[Tensor], durations: Sequence[float]) -> Tensor:
    r"""Smoothness of the curve-parameter maps over exposure time (CLODE).

    .. math:: \int \sum_c \overline{(|\nabla_x A_t| + |\nabla_y A_t|)^2}\,dt

    Parameters
    ----------
    parameters : sequence of Tensor
        Maps ``A`` along the path, each (B, C, H, W).
    durations : sequence of float
        Exposure time that each of them stands for.
    """
    total = parameters[0].new_zeros(())
    for A, duration in zip(parameters, durations, strict=True):
        across = (A[..., :-1, 1:] - A[..., :-1, :-1]).abs()
        down = (A[..., 1:, :-1] - A[..., :-1, :-1]).abs()
        total = total + duration * (across + down).square().mean((0, 2, 3)).sum()
    return total


def illumination_smoothness(maps: Tensor) -> Tensor:
    r"""Smoothness of the maps of a discrete curve, in Zero-DCE's normalisation (Zero-DCE, eq. 7).

    .. math:: 2 \sum_c \left(\overline{(\nabla_x A_c)^2} + \overline{(\nabla_y A_c)^2}\right)

    over all channels of all maps, (B, N * C, H, W); means are over pixels and pictures.
    """
    return 2 * sum(
        (maps.diff(dim=axis).square().mean((0, 2, 3)).sum() for axis in (-1, -2)), maps.new_zeros(())
    )


def diagonal_pair(image: Tensor) -> tuple[Tensor, Tensor]:
    """Two half-size pictures from the diagonals of 2 x 2 blocks (Mansour and Heckel, 2023, section 3).

    (B, C, H, W) to two of (B, C, H // 2, W // 2): the mean of the falling and of the rising diagonal.
    """
    height, width = image.shape[-2] // 2 * 2, image.shape[-1] // 2 * 2
    x = image[..., :height, :width]
    falling = (x[..., 0::2, 0::2] + x[..., 1::2, 1::2]) / 2
    rising = (x[..., 0::2, 1::2] + x[..., 1::2, 0::2]) / 2
    return falling, rising


def zero_shot_noise(g: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    r"""Zero-Shot Noise2Noise (Mansour and Heckel, CVPR 2023, eq. 5 and 6).

    .. math:: \tfrac12(\|D_1 - g(D_2)\|^2 + \|D_2 - g(D_1)\|^2)
        + \tfrac12(\|g(D_1) - D_1(g)\|^2 + \|g(D_2) - D_2(g)\|^2)

    with :math:`D_1, D_2` the `diagonal_pair` of the picture and :math:`D_1(g), D_2(g)` that of
    :math:`g(I)`; norms are means over pixels.
    """
    first, second = diagonal_pair(image)
    clean_first, clean_second = g(first), g(second)
    first_clean, second_clean = diagonal_pair(g(image))
    residual = F.mse_loss(clean_second, first) + F.mse_loss(clean_first, second)
    consistency = F.mse_loss(clean_first, first_clean) + F.mse_loss(clean_second, second_clean)
    return (residual + consistency) / 2
