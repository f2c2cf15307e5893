"""CLODE: continuous exposure by a neural ODE (Jung, Kim and Kim, ICLR 2025), in exponent form."""

from pathlib import Path

from clode_core.methods.info import MethodInfo, Option, Slider

_FOLDER = Path(__file__).parent
_TIMES = tuple(round(k * 0.05, 10) for k in range(101))

TIME = Slider(
    "exposure_time",
    "Exposure time",
    first=-5.0,
    last=5.0,
    default=3.0,
    step=0.1,
    help="Exposure time: a number (0 as it is, 3 normal) or auto.",
    flag="--time",
    automatic=True,
    best=_TIMES,
    ladder=(-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0),
    symbol="T",
    limits=(-20.0, 20.0),
)
_OPTIONS = (
    Option("denoise", True, "Remove noise.", video=True),
    Option(
        "shadows",
        0.0,
        "Added to the exposure time where the scene is dark, from -5 to 5.",
        video=True,
        limits=(-5.0, 5.0),
    ),
    Option(
        "highlights",
        0.0,
        "Added to the exposure time where the scene is bright, from -5 to 5.",
        video=True,
        limits=(-5.0, 5.0),
    ),
    Option(
        "time_map",
        None,
        "A grey picture that says the exposure time of every pixel, in place of --time.",
    ),
    Option("time_range", "0,5", "Exposure times that black and white in --time-map stand for."),
    Option("natural_dark", True, "Put right the dark that JPEG or a video codec damaged."),
    Option("solver", None, "How the ODE is solved: euler, midpoint, rk4, bosh3, dopri5, ..."),
    Option("step", None, "Step in exposure time, for the fixed-step solvers.", kind=float),
    Option("tolerance", None, "Tolerance, for the adaptive solvers.", kind=float),
    Option(
        "precision",
        "auto",
        "Precision of the networks: float32, bfloat16, or auto: what suits the processor.",
    ),
    Option("shared_exposure", False, "One exposure for all pages of a file, so that nothing flickers."),
)

METHODS = (
    *(
        MethodInfo(
            name,
            title,
            summary,
            f"{__name__}.model:Model",
            weights=_FOLDER / "weights" / f"{name}.safetensors",
            slider=TIME,
            options=_OPTIONS,
            noise_removal=True,
            video_tables=True,
            recipe=f"{__name__}.training:RECIPE",
            configurations=_FOLDER / "configs",
            paper="Jung, Kim and Kim, ICLR 2025",
        )
        for name, title, summary in (
            ("clode", "CLODE", "Any exposure from one small solve, with noise removal."),
            (
                "clode-unpaired",
                "CLODE, unpaired",
                "CLODE trained without any reference that a human made, for comparison.",
            ),
        )
    ),
    MethodInfo(
        "control",
        "control",
        "CLODE without its exposure network: the same curve for every pixel, the same noise removal.",
        f"{__name__}.control:Control",
        weights=_FOLDER / "weights" / "clode.safetensors",
        slider=TIME,
        options=_OPTIONS,
        noise_removal=True,
        video_tables=True,
    ),
)
