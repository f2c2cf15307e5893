"""Pictures made for the tests of training."""

import torch
from torch.nn import functional as F

EXPOSURES = (-4.0, -2.5, -1.0, 0.0, 1.5)
"""Of each synthetic scene, in order of shooting; 0 is the good one."""


def scene(seed, side=48):
    """A well-exposed picture (3, side, side): smooth colours with some detail, mean near one half."""
    generator = torch.Generator().manual_seed(seed)
    smooth = F.interpolate(torch.randn(1, 3, 5, 5, generator=generator), size=(side, side), mode="bicubic")[0]
    detail = F.interpolate(torch.randn(1, 1, 16, 16, generator=generator), size=(side, side))[0]
    return torch.sigmoid(0.8 * (smooth - smooth.mean()) + 0.3 * detail)
