"""The losses of EnlightenGAN, as equations on scores and features."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def relativistic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    r"""Loss of the global discriminator, relativistic average least squares (EnlightenGAN, eq. 3).

    .. math:: E_r[(C(x_r) - E_f[C(x_f)] - 1)^2] + E_f[(C(x_f) - E_r[C(x_r)])^2]

    Parameters
    ----------
    real, fake : Tensor
        Scores ``C`` of any shape; means are over all of them.
    """
    return (real - fake.mean() - 1).square().mean() + (fake - real.mean()).square().mean()


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    r"""Loss of the generator against the global discriminator (EnlightenGAN, eq. 4).

    .. math:: E_f[(C(x_f) - E_r[C(x_r)] - 1)^2] + E_r[(C(x_r) - E_f[C(x_f)])^2]
    """
    return relativistic_discriminator(fake, real)


def local_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    r"""Loss of the local discriminator, least squares (EnlightenGAN, eq. 5).

    .. math:: E_r[(D(x_r) - 1)^2] + E_f[D(x_f)^2]
    """
    return (real - 1).square().mean() + fake.square().mean()


def local_generator(fake: Tensor) -> Tensor:
    r"""Loss of the generator against the local discriminator (EnlightenGAN, eq. 6).

    .. math:: E_f[(D(x_f) - 1)^2]
    """
    return (fake - 1).square().mean()


def feature_preserving(features: Tensor, reference: Tensor) -> Tensor:
    r"""Self feature preserving loss (EnlightenGAN, eq. 7), on instance-normalised features.

    .. math:: \frac{1}{C W H} \sum (\phi(I) - \phi(G(I)))^2

    with :math:`\phi` moved to mean 0 and standard deviation 1 in each channel of each picture, so that
    brightness as such costs nothing.

    Parameters
    ----------
    features, reference : Tensor
        (B, C, H, W) of the result and of the dark picture.
    """
    return F.mse_loss(F.instance_norm(features), F.instance_norm(reference))
