"""A trained CLODE: its two networks, the size it works at, and how it is solved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clode_core.exposure import SharedExposure
from clode_core.image import (
    Array,
    ImageError,
    Levels,
    LevelsArgument,
    as_image,
    colours,
    layout,
    resolve_levels,
)
from clode_core.networks import CURVE_NETWORKS, NOISE_NETWORKS
from clode_core.ode import Solver, solve_dense
from clode_core.source import Source
from clode_core.trajectory import Progress, Trajectory

if TYPE_CHECKING:
    from clode_core.denoising import NoiseRemoval

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_DEVICES = {"cpu", "cuda", "mps", "xpu"}
DEFAULT_SPAN = (-5.0, 5.0)
SHARED_PICTURES = 16
"""Pictures from which the exposure of a whole series is found."""
FORMAT = "clode-1"
PACKAGED_WEIGHTS = Path(__file__).parent / "weights" / "clode.safetensors"


class WeightsError(ValueError):
    """Weights that cannot be used; the message says what to do."""


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
    """

    curve_network: str = "multiscale"
    noise_network: str = "multiscale"
    curve_options: dict[str, Any] = field(default_factory=dict)
    noise_options: dict[str, Any] = field(default_factory=dict)
    working_size: int = 128
    clean_state: bool = False

    def __post_init__(self) -> None:
        size = self.working_size
        if isinstance(size, bool) or not isinstance(size, int) or not 16 <= size <= 4096:
            raise ValueError(f"working_size must be a whole number from 16 to 4096, not {size!r}")
        if self.curve_network not in CURVE_NETWORKS:
            raise ValueError(f"unknown curve network {self.curve_network!r}")
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

    def build(self) -> tuple[nn.Module, nn.Module | None]:
        """New, untrained networks ``h`` and ``g``."""
        curve_network = CURVE_NETWORKS[self.curve_network](**self.curve_options)
        noise = NOISE_NETWORKS[self.noise_network](**self.noise_options) if self.noise_network else None
        return curve_network, noise


def _small_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 4096


def choose_device(device: str = "auto") -> torch.device:
    """Turn "auto", "cpu", "cuda", "cuda:1" or "mps" into a device that exists.

    Raises
    ------
    ValueError
        If the device is unknown or not available here.
    """
    if not isinstance(device, str | torch.device):
        raise ValueError(f"a device is 'auto', 'cpu', 'cuda' or 'mps', not {device!r}")
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        if chosen.type not in _DEVICES:
            raise RuntimeError
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ValueError(f"device {device!r} is not available here: use 'auto' or 'cpu'") from None
    return chosen


def evenly_spread(count: int, limit: int) -> list[int]:
    """At most `limit` of the numbers below `count`, the first and the last among them."""
    if count < 1:
        raise ImageError("there are no pictures to find an exposure for")
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, limit)).tolist()})


def clean_state(g: nn.Module, state: Tensor) -> Tensor:
    """Apply `g` to a state (B, 3, H, W) of any size, continued to what `g` can divide; result in [0, 1]."""
    multiple = int(g.multiple)  # type: ignore[arg-type]
    height, width = state.shape[-2:]
    padded = F.pad(state, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    cleaned: Tensor = g(padded)[..., :height, :width]
    return cleaned.clamp(0, 1)


class Model:
    """Curve-parameter estimation ``h`` and noise removal ``g`` with one architecture.

    Parameters
    ----------
    architecture : Architecture
        What to build.
    card : dict, optional
        Model card: provenance and measured numbers, kept beside the weights.
    tensors : dict, optional
        Weights as `state_dict` gives them; by default the networks are untrained.
    """

    def __init__(
        self,
        architecture: Architecture,
        card: dict[str, Any] | None = None,
        *,
        tensors: dict[str, Tensor] | None = None,
    ) -> None:
        self.architecture = architecture
        self.card = card or {}
        self.h: nn.Module
        self.g: nn.Module | None
        if tensors is None:
            self.h, self.g = architecture.build()
        else:
            with torch.device("meta"):  # nothing is allocated for networks that do not fit their weights
                self.h, self.g = architecture.build()
            self.load_state_dict(tensors, assign=True)
        self.device = torch.device("cpu")
        self.to("cpu")

    def to(self, device: str | torch.device) -> Model:
        """Move the networks; returns the model."""
        self.device = torch.device(device)
        for network in (self.h, self.g):
            if network is not None:
                network.to(self.device).eval().requires_grad_(False)
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def curve_parameters(self, image: Tensor, time: Tensor) -> Tensor:
        """Curve-parameter map ``A`` of pictures (B, 1 or 3, H, W) in [0, 1] at a time; same shape."""
        channels = image.shape[1]
        state = image.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        if self.architecture.clean_state and self.g is not None:
            state = clean_state(self.g, state)
        A: Tensor = self.h(state, time.to(state))
        return A.mean(1, keepdim=True) if channels == 1 else A

    def solve(
        self,
        image: Any,
        *,
        span: tuple[float, float] = DEFAULT_SPAN,
        solver: Solver | str | None = None,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        precision: str = "float32",
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
            A solver or its name; by default `Solver()`.
        levels : {"dtype", "auto"} or (float, float)
            Black and white level, see `image.resolve_levels`.
        rgb : bool, optional
            Whether the last axis is channels; guessed from the shape by default.
        precision : {"float32", "bfloat16"}
            Of the convolutions.
        exposure : SharedExposure, optional
            What `shared_exposure` found for the pictures this one belongs to. Nothing is solved then, and
            `span` and `solver` are those of the exposure.
        natural_dark : bool
            Where JPEG or a video codec left blocks and steps in the dark of an 8-bit picture, put it right
            before it is brightened (`clode_core.natural_dark`): black stays black, colour is shown as far
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
        """
        array = as_image(image)
        where = layout(array, rgb)
        if where.stack:
            raise ImageError(
                f"solve takes one picture, not a stack of shape {array.shape}: "
                "call it for each plane, or use enhance"
            )
        level = resolve_levels(colours(array, where), levels)
        return self.solve_plane(
            array, where.alpha, level, span, solver, precision, exposure, natural_dark=natural_dark
        )

    def shared_exposure(
        self,
        pictures: Sequence[Any],
        *,
        span: tuple[float, float] = DEFAULT_SPAN,
        solver: Solver | str | None = None,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        precision: str = "float32",
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

    def solve_plane(
        self,
        array: Array,
        alpha: bool,
        levels: Levels,
        span: tuple[float, float],
        solver: Solver | str | None,
        precision: str,
        exposure: SharedExposure | None = None,
        *,
        natural_dark: bool = True,
    ) -> Trajectory:
        """Solve one plane whose layout and levels are known; see `solve`."""
        if precision not in list(_PRECISIONS):
            raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, not {precision!r}")
        kind = _PRECISIONS[precision]
        source = Source(array, levels, alpha=alpha, device=self.device)
        with torch.inference_mode(), torch.autocast(self.device.type, kind, enabled=kind != torch.float32):
            working = source.shrunk(self.architecture.working_size)
            if exposure is None:
                exponent = solve_dense(self._float_curve_parameters, working, span, Solver.named(solver))
            else:
                exponent, span = exposure.over(working), exposure.span
        g = cast("NoiseRemoval | None", self.g)
        auto = None if exposure is None else exposure.auto
        return Trajectory(
            source, exponent, working, g, span=span, precision=kind, auto=auto, natural_dark=natural_dark
        )

    def _float_curve_parameters(self, image: Tensor, time: Tensor) -> Tensor:
        return self.curve_parameters(image, time).float()

    def state_dict(self) -> dict[str, Tensor]:
        """Weights of both networks, named ``h.*`` and ``g.*``."""
        named = {f"h.{k}": v for k, v in self.h.state_dict().items()}
        if self.g is not None:
            named |= {f"g.{k}": v for k, v in self.g.state_dict().items()}
        return named

    def load_state_dict(self, tensors: dict[str, Tensor], *, assign: bool = False) -> None:
        """Set the weights of both networks; every name and shape must match, every value be finite."""
        check_tensors(tensors, ("h.", "g."))
        for prefix, network in (("h.", self.h), ("g.", self.g)):
            if network is not None:
                part = {
                    name.removeprefix(prefix): tensor.to(torch.float32, copy=True)
                    for name, tensor in tensors.items()
                    if name.startswith(prefix)
                }
                network.load_state_dict(part, strict=True, assign=assign)

    def save(self, path: str | Path) -> Path:
        """Write the weights and the model card as safetensors, beside and renamed."""
        return write_weights(Path(path), FORMAT, asdict(self.architecture), self.card, self.state_dict())


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
    """
    if weights is not None and not isinstance(weights, str | Path):
        raise WeightsError(f"weights are the path of a .safetensors file, not {weights!r}")
    path = Path(weights) if weights is not None else PACKAGED_WEIGHTS
    return read_model(path).to(choose_device(device))


def read_model(path: Path) -> Model:
    """Read a weights file without ever executing anything in it."""
    header, tensors = read_weights(path, FORMAT, "CLODE")
    with fitting(path):
        architecture = Architecture(**json.loads(header["architecture"]))
        return Model(architecture, read_card(header), tensors=tensors)


def read_weights(path: Path, kind: str, name: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and tensors of a safetensors file whose header says that it is of one format.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        The format wanted, such as "clode-1".
    name : str
        What the user knows it by, such as "CLODE".

    Raises
    ------
    WeightsError
        If the file is missing, is not safetensors, or is of another format.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"no weights at {path}: give the path of a .safetensors file written by CLODE")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a readable safetensors file ({error}): pickled checkpoints are never loaded"
        ) from error
    if header.get("format") != kind:
        raise WeightsError(
            f"{path} is a safetensors file but not {name} weights (format {header.get('format')!r})"
        )
    return header, tensors


def read_card(header: dict[str, str]) -> dict[str, Any]:
    """The model card in the header of a weights file."""
    card = json.loads(header.get("card", "{}"))
    if not isinstance(card, dict):
        raise ValueError("its model card is no table")
    return card


def write_weights(
    path: Path, kind: str, architecture: dict[str, Any], card: dict[str, Any], tensors: dict[str, Tensor]
) -> Path:
    """Write what `read_weights` reads, beside and renamed."""
    from safetensors.torch import save

    from clode_core.atomic import write_atomically

    header = {"format": kind, "architecture": json.dumps(architecture), "card": json.dumps(card)}
    data = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, metadata=header)
    return write_atomically(path, lambda handle: handle.write(data))


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Turn what building networks for the weights in `path` raises into one sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"{path} describes networks that do not fit its weights ({reason[:200]})"
        ) from error


def check_tensors(tensors: dict[str, Tensor], prefixes: tuple[str, ...]) -> None:
    """Refuse weights of unknown networks, of a dtype that is not floating point, or not finite."""
    for name, tensor in tensors.items():
        if not name.startswith(prefixes):
            raise ValueError(f"unexpected tensor {name}")
        if not tensor.is_floating_point():
            raise ValueError(f"tensor {name} is {tensor.dtype}")
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"tensor {name} holds numbers that are not finite")
