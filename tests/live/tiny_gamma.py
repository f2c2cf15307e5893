"""A method as another package would bring it: a gamma curve with a slider."""

import numpy as np

from clode_core import Method, MethodInfo
from clode_core.methods import Slider

INFO = MethodInfo(
    "tiny-gamma",
    "Tiny gamma",
    "A gamma curve.",
    f"{__name__}:TinyGamma",
    needs_weights=False,
    slider=Slider("gamma", "Gamma", first=0.1, last=1.0, default=0.5, step=0.005),
)


class Solved:
    def __init__(self, array, levels):
        self.array, self.levels = array, levels

    def at(self, value=0.5, *, progress=None):
        unit = self.array / self.levels.white
        return np.rint(unit**value * self.levels.white).astype(self.array.dtype)


class TinyGamma(Method):
    def solve_plane(self, array, alpha, levels, **settings):
        return Solved(array, levels)
