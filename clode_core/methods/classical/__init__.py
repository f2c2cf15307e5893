"""Classical enhancement, for comparison: gamma, gain, histogram equalisation, CLAHE and LIME."""

from clode_core.methods.info import MethodInfo, Slider


def _geometric(first: float, last: float, count: int) -> tuple[float, ...]:
    """Values of which each is the same factor above the one before."""
    return tuple(round(first * (last / first) ** (k / (count - 1)), 6) for k in range(count))


def _classical(
    name: str,
    title: str,
    summary: str,
    slider: Slider | None = None,
    extra: str = "",
    needs: tuple[str, ...] = ("skimage",),
) -> MethodInfo:
    return MethodInfo(
        name,
        title,
        summary,
        f"{__name__}.model:Classical",
        needs_weights=False,
        slider=slider,
        licence="",
        extra=extra,
        needs=needs if extra else (),
    )


METHODS = (
    _classical(
        "gamma",
        "gamma",
        "Gamma correction: every intensity to one power.",
        Slider(
            "exponent",
            "Exponent",
            0.05,
            2.0,
            0.5,
            0.05,
            "Power of gamma correction.",
            best=_geometric(0.1, 2.0, 121),
        ),
    ),
    _classical(
        "gain",
        "gain",
        "Multiplication by one factor, cut off at white.",
        Slider(
            "factor",
            "Factor",
            0.0,
            20.0,
            4.0,
            0.5,
            "Factor of the gain.",
            best=_geometric(0.5, 64.0, 161),
            limits=(0.0, 1000.0),
        ),
    ),
    _classical(
        "histogram-equalisation",
        "histogram equalisation",
        "Equalises the histogram of HSV's value.",
        extra="eval",
    ),
    _classical(
        "exposure-fusion",
        "exposure fusion",
        "Fuses the picture with brighter copies of itself.",
        extra="eval",
        needs=("cv2",),
    ),
    _classical("clahe", "CLAHE", "Contrast-limited adaptive histogram equalisation.", extra="eval"),
    _classical("lime", "LIME-style Retinex", "Divides by a smooth illumination map.", extra="eval"),
)
