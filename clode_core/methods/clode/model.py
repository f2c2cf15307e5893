"""A trained CLODE: its two networks, the size it works at, and how it is solved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clode_core.methods import MethodInfo, method_info
from clode_core.methods.clode.automatic import TRAINED_TIME
from clode_core.methods.clode.denoising import native_precision
from clode_core.methods.clode.exposure import SharedExposure
from clode_core.methods.clode.local_exposure import checked_bend
from clode_core.methods.clode.networks import CURVE_NETWORKS, NOISE_NETWORKS, ReachNet
from clode_core.methods.clode.ode import CurveEstimator, Solver, solve_dense
from clode_core.methods.clode.rendering import ExposureTime
from clode_core.methods.clode.spans import DEFAULT_SPAN, span_for
from clode_core.methods.clode.time_maps import read_time_map
from clode_core.methods.clode.trajectory import Trajectory
from clode_core.methods.device import choose_device
from clode_core.methods.method import Method, Progress
from clode_core.methods.weights import WeightsError
from clode_core.pictures.arrays import Array, ImageError, Layout, Levels, LevelsArgument, Planes
from clode_core.pictures.source import Source

if TYPE_CHECKING:
    from clode_core.methods.clode.denoising import NoiseRemoval

_PRECISIONS = {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}
SHARED_PICTURES = 16
"""Pictures from which the exposure of a whole series is found."""
FORMAT = "clode-1"


@dataclass(frozen=True)
class Architecture:
    """What a weights file says about itself.

    Attributes
    ----------
    curve_network, noise_network : str
        Names in `networks.CURVE_NETWORKS` and `networks.NOISE_NETWORKS`; the latter may be empty.
    curve_options, noise_options : dict
        Their keyword arguments.
    working_size : int
        Long side, in pixels, of the pictures the curve network was trained on and is solved on.
    clean_state : bool
        Whether `g` cleans the state before `h` sees it, ``A = h(g(I), t)``, as in the paper.
    solver : str
        Fixed-step solver that the curve network was trained for.
    step : float
        Its step in exposure time; one that no span exceeds means one evaluation, ``S(T) = T h(I0, 0)``.
    """

    curve_network: str = "multiscale"
    noise_network: str = "multiscale"
    curve_options: dict[str, Any] = field(default_factory=dict)
    noise_options: dict[str, Any] = field(default_factory=dict)
    working_size: int = 128
    clean_state: bool = False
    solver: str = "midpoint"
    step: float = 0.5

    def __post_init__(self) -> None:
        size = self.working_size
        if isinstance(size, bool) or not isinstance(size, int) or not 16 <= size <= 4096:
            raise ValueError(f"working_size must be a whole number from 16 to 4096, not {size!r}")
        if self.curve_network not in CURVE_NETWORKS:
            raise ValueError(f"unknown curve network {self.curve_network!r}")
        _ = self.default_solver  # refuses what is unknown or out of range
        if self.noise_network and self.noise_network not in NOISE_NETWORKS:
            raise ValueError(f"unknown noise network {self.noise_network!r}")
        for options in (self.curve_options, self.noise_options):
            if not isinstance(options, dict):
                raise ValueError(f"network options must be names and values, not {options!r}")
            for name, value in options.items():
                numbers = value if isinstance(value, list | tuple) else [value]
                if not 1 <= len(numbers) <= 8 or not all(_small_number(n) for n in numbers):
                    raise ValueError(
                        f"network option {name} must be positive and at most 4096, not {value!r}"
                    )

    @property
    def default_solver(self) -> Solver:
        """The solver that is used where none is asked for."""
        return Solver(self.solver, self.step)

    def build(self) -> tuple[nn.Module, nn.Module | None]:
        """New, untrained networks ``h`` and ``g``."""
        curve_network = CURVE_NETWORKS[self.curve_network](**self.curve_options)
        noise = NOISE_NETWORKS[self.noise_network](**self.noise_options) if self.noise_network else None
        return curve_network, noise


def _small_number(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, int | float) and 0 < value <= 4096)


def _span(settings: dict[str, Any], exposure_time: ExposureTime) -> tuple[float, float]:
    """Span that must be solved for an exposure time, with the settings of a call."""
    return span_for(
        exposure_time,
        automatic=settings["denoise"],
        shadows=settings["shadows"],
        highlights=settings["highlights"],
    )


def evenly_spread(count: int, limit: int) -> list[int]:
    """At most `limit` of the numbers below `count`, the first and the last among them."""
    if count < 1:
        raise ImageError("there are no pictures to find an exposure for")
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, limit)).tolist()})


def clean_state(g: Callable[[Tensor], Tensor], state: Tensor, multiple: int) -> Tensor:
    """Apply `g` to a state (B, 3, H, W) of any size, continued to the multiple that it needs."""
    height, width = state.shape[-2:]
    padded = F.pad(state, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    return g(padded)[..., :height, :width].clamp(0, 1)


@dataclass(frozen=True)
class ShownTrajectory:
    """A trajectory, and how it is shown: arguments of `Trajectory.at`."""

    path: Trajectory
    options: dict[str, Any]

    def at(self, exposure_time: ExposureTime = TRAINED_TIME, *, progress: Progress | None = None) -> Array:
        """The picture at an exposure time; see `Trajectory.at`."""
        return self.path.at(exposure_time, progress=progress, **self.options)

    def auto(self) -> float:
        """The automatic exposure time."""
        return self.path.auto()


class Model(Method):
    """Curve-parameter estimation ``h`` and noise removal ``g`` with one architecture; see `Method`."""

    format = FORMAT
    family = "CLODE"
    architecture_type = Architecture

    architecture: Architecture

    @classmethod
    def describe(cls, architecture: Any) -> MethodInfo:
        """CLODE, or its control."""
        return method_info("control" if architecture.curve_network == "control" else "clode")

    def serves(self, info: MethodInfo) -> bool:
        """Whether these are weights for a method: all that are CLODE differ in their training alone."""
        return self.info.implementation == info.implementation

    def build(self) -> tuple[nn.Module, nn.Module | None]:
        """New, untrained networks ``h`` and ``g``."""
        return self.architecture.build()

    def curve_parameters(self, image: Tensor, time: Tensor) -> Tensor:
        """Curve-parameter map ``A`` of pictures (B, 1 or 3, H, W) in [0, 1] at a time; same shape."""
        state = self._state(image)
        A: Tensor = self.h(state, time.to(state))
        return A.mean(1, keepdim=True) if image.shape[1] == 1 else A

    def _state(self, image: Tensor) -> Tensor:
        """Pictures as h sees them: three channels and, where the weights say so, cleaned."""
        state = image.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        if self.architecture.clean_state and self.g is not None:
            state = clean_state(self.g, state, self.g.multiple)
        return state

    def solve(  # type: ignore[override]
        self,
        image: Any,
        *,
        span: tuple[float, float] = DEFAULT_SPAN,
        solver: Solver | str | None = None,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        precision: str = "auto",
        exposure: SharedExposure | None = None,
        natural_dark: bool = True,
    ) -> Trajectory:
        """Solve the exposure ODE of one picture over a span of exposure times.

        Parameters
        ----------
        image : array_like
            (Y, X) grey or (Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA; integer or float.
        span : (float, float)
            Exposure times that will be asked for; must contain 0.
        solver : Solver or str, optional
            A solver or its name; by default the one that the weights were trained for.
        levels : {"dtype", "auto"} or (float, float)
            Black and white level, see `image.resolve_levels`.
        rgb : bool, optional
            Whether the last axis is channels; guessed from the shape by default.
        precision : {"auto", "float32", "bfloat16"}
            Of the convolutions. With auto, noise removal alone is in bfloat16, where the processor has it.
        exposure : SharedExposure, optional
            What `shared_exposure` found for the pictures this one belongs to. Nothing is solved then, and
            `span` and `solver` are those of the exposure.
        natural_dark : bool
            Where JPEG or a video codec left blocks and steps in the dark of an 8-bit picture, put it right
            before it is brightened (`NaturalDark`): black stays black, colour is shown as far
            as it is trusted. Other pictures are not changed by it.

        Returns
        -------
        Trajectory
            The picture at every exposure time in the span.

        Raises
        ------
        ImageError
            If the array is not one picture.
        ValueError
            If the span or the precision is not usable, or the exposure has other channels.

        Examples
        --------
        >>> path = load_model().solve(image, span=(0, 5))
        >>> all((path.at(time) >= image).all() for time in (1, 3, 5))
        True
        """
        path: Trajectory = super().solve(
            image,
            levels=levels,
            rgb=rgb,
            span=span,
            solver=solver,
            precision=precision,
            exposure=exposure,
            natural_dark=natural_dark,
        )
        return path

    def shared_exposure(
        self,
        pictures: Sequence[Any],
        *,
        span: tuple[float, float] = DEFAULT_SPAN,
        solver: Solver | str | None = None,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        precision: str = "auto",
        progress: Progress | None = None,
    ) -> SharedExposure:
        r"""Find one exposure for many pictures, so that a time series does not flicker.

        Each picture is solved; the exponents are averaged over all pixels of all pictures:

        .. math:: \bar S_c(t) = \mathrm{mean}_{i,x,y}\, S_i(t)_{c,x,y}

        so that every picture gets the same curve and differences between pictures stay what they were.

        Parameters
        ----------
        pictures : sequence of array_like
            Pictures as `solve` takes them, all with the same number of channels. Of a long series, 16 that
            are evenly spread over it are looked at.
        span, solver, levels, rgb, precision
            As in `solve`. Levels other than two numbers are found for each picture on its own.
        progress : callable, optional
            Called with the fraction done; what it raises stops the work.

        Returns
        -------
        SharedExposure
            To be passed to `solve`.

        Raises
        ------
        ImageError
            If there is no picture, or one cannot be understood, or their channels differ.

        Examples
        --------
        >>> model = load_model()
        >>> exposure = model.shared_exposure([image, image // 2])
        >>> first, second = (model.solve(one, exposure=exposure).at(3) for one in (image, image // 2))
        """
        chosen = evenly_spread(len(pictures), SHARED_PICTURES)
        solved = []
        for done, i in enumerate(chosen):
            if progress is not None:
                progress(done / len(chosen))
            path = self.solve(
                pictures[i], span=span, solver=solver, levels=levels, rgb=rgb, precision=precision
            )
            solved.append(path.own_exposure())
        return SharedExposure.mean(solved)

    def check(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Check the settings of a call: one `Solver` of its three, one exposure time or map of two."""
        time_map, time_range = settings.pop("time_map"), settings.pop("time_range")
        if time_map is not None:
            settings["exposure_time"] = read_time_map(time_map, time_range)
        for name in ("shadows", "highlights"):
            settings[name] = checked_bend(name, settings[name])
        span_for(settings["exposure_time"])
        given = {name: settings.pop(name) for name in ("step", "tolerance")}
        solver = settings["solver"]
        solver = self.architecture.default_solver if solver is None else Solver.named(solver)
        settings["solver"] = replace(solver, **{name: x for name, x in given.items() if x is not None})
        return settings

    def prepare(
        self, pictures: Planes, where: Layout, levels: Levels, settings: dict[str, Any]
    ) -> dict[str, Any]:
        """Find the one exposure of all planes, where that is asked for."""
        settings = dict(settings)
        if not settings.pop("shared_exposure"):
            return settings
        exposure = self.shared_exposure(
            pictures,
            span=_span(settings, settings["exposure_time"]),
            solver=settings["solver"],
            levels=(levels.black, levels.white),
            rgb=where.channels > 0,
            precision=settings["precision"],
        )
        return settings | {"exposure": exposure}

    def enhance_plane(
        self, array: Array, alpha: bool, levels: Levels, progress: Progress, **settings: Any
    ) -> Array:
        """Solve one plane over the span that its exposure time needs, and show it."""
        span = _span(settings, settings["exposure_time"])
        shown = {name: settings.pop(name) for name in ("exposure_time", "denoise", "shadows", "highlights")}
        with self.solving():
            path = self.solve_plane(array, alpha, levels, span, **settings)
        return path.at(**shown, progress=progress)

    def solve_for(
        self,
        image: Any,
        values: Iterable[ExposureTime] = (),
        *,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        **options: Any,
    ) -> ShownTrajectory:
        """Solve one picture over the span of the exposure times; see `Method.solve_for`."""
        settings = self.settings(**options)
        spans = [_span(settings, value) for value in values] or [span_for("auto")]
        path = self.solve(
            image,
            span=(min(first for first, _ in spans), max(last for _, last in spans)),
            solver=settings["solver"],
            levels=levels,
            rgb=rgb,
            precision=settings["precision"],
            natural_dark=settings["natural_dark"],
        )
        shown = {name: settings[name] for name in ("denoise", "shadows", "highlights")}
        return ShownTrajectory(path, shown)

    def solve_plane(  # type: ignore[override]
        self,
        array: Array,
        alpha: bool,
        levels: Levels,
        span: tuple[float, float] = DEFAULT_SPAN,
        solver: Solver | str | None = None,
        precision: str = "auto",
        exposure: SharedExposure | None = None,
        *,
        natural_dark: bool = True,
    ) -> Trajectory:
        """Solve one plane whose layout and levels are known; see `solve`."""
        if precision not in list(_PRECISIONS):
            raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, not {precision!r}")
        asked = _PRECISIONS[precision]
        kind = torch.float32 if asked is None else asked
        judged: list[float] = []
        source = Source(array, levels, alpha=alpha, device=self.device)
        with torch.inference_mode(), torch.autocast(self.device.type, kind, enabled=kind != torch.float32):
            working = source.shrunk(self.architecture.working_size)
            if exposure is None:
                chosen = self.architecture.default_solver if solver is None else Solver.named(solver)
                exponent = solve_dense(self._estimator(judged), working, span, chosen)
            else:
                exponent, span = exposure.over(working), exposure.span
        g = cast("NoiseRemoval | None", self.g)
        auto = None if exposure is None else exposure.auto
        judge = (lambda: judged[0]) if judged else None
        return Trajectory(
            source,
            exponent,
            working,
            g,
            span=span,
            precision=native_precision(self.device) if asked is None else asked,
            auto=auto,
            judge=judge,
            natural_dark=natural_dark,
        )

    def _estimator(self, judged: list[float]) -> CurveEstimator:
        """The curve-parameter network; one with a learned reach adds the time that it judges right.

        It is judged in the first evaluation, which is that of the picture itself.
        """

        def estimate(image: Tensor, time: Tensor) -> Tensor:
            if judged or not isinstance(self.h, ReachNet):
                return self.curve_parameters(image, time).float()
            A, reach = self.h.judged(self._state(image), time.to(image))
            judged.append(TRAINED_TIME * float(reach))
            return (A.mean(1, keepdim=True) if image.shape[1] == 1 else A).float()

        return estimate


def load_model(weights: str | Path | None = None, *, device: str = "auto") -> Model:
    """Load trained weights.

    Parameters
    ----------
    weights : str or Path, optional
        A ``.safetensors`` file written by `Model.save`; by default the packaged weights.
    device : str
        "auto" (CUDA, then MPS, then CPU) or a device name.

    Returns
    -------
    Model
        Ready to solve.

    Raises
    ------
    WeightsError
        If the file is missing, is not safetensors, or does not hold a CLODE model.
    ValueError
        If the device is not available.

    Examples
    --------
    >>> model = load_model(device="cpu")
    >>> model.architecture.working_size
    96
    """
    if weights is None:
        return Model.load(method_info("clode"), None, device)
    if not isinstance(weights, str | Path):
        raise WeightsError(f"weights are the path of a .safetensors file, not {weights!r}")
    return Model.read(Path(weights)).to(choose_device(device))
