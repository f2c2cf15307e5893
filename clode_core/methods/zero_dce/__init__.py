"""Zero-DCE and Zero-DCE++: a discrete curve, iterated with maps that a network estimates."""

from pathlib import Path

from clode_core.methods.info import MethodInfo, Option, Slider

_FOLDER = Path(__file__).parent
SLIDER = Slider(
    "iterations",
    "Iterations",
    first=0.0,
    last=24.0,
    default=8.0,
    step=1.0,
    help="Iterations of the curve.",
    best=tuple(float(n) for n in range(1, 17)),
    symbol="n",
    limits=(0.0, 100.0),
)

METHODS = tuple(
    MethodInfo(
        name,
        title,
        summary,
        f"{__name__}.model:ZeroDCE",
        weights=_FOLDER / "weights" / f"{file}.safetensors",
        slider=SLIDER,
        options=(Option("downsample", None, "How much smaller, per side, its network sees it.", kind=float),),
        preview_side=640,
        preview=True,
        recipe=f"{__name__}.training:RECIPE",
        configurations=_FOLDER / "configs",
        paper=paper,
    )
    for name, title, file, summary, paper in (
        (
            "zero-dce",
            "Zero-DCE",
            "zero-dce",
            "Eight curve maps from a network that sees every pixel; no reference in training.",
            "Guo et al., CVPR 2020",
        ),
        (
            "zero-dce++",
            "Zero-DCE++",
            "zero-dce-pp",
            "One curve map from a small network that sees a reduced copy.",
            "Li, Guo and Loy, TPAMI 2021",
        ),
    )
)
