"""A trained CLODE: its two networks, the size it works at, and how it is solved."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clode_core.image import Array, ImageError, Levels, LevelsArgument, as_image, layout, resolve_levels
from clode_core.networks import CURVE_NETWORKS, NOISE_NETWORKS
from clode_core.ode import Solver, solve_dense
from clode_core.trajectory import Source, Trajectory

if TYPE_CHECKING:
    from clode_core.denoising import NoiseRemoval

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
DEFAULT_SPAN = (-5.0, 5.0)
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

    def build(self) -> tuple[nn.Module, nn.Module | None]:
        """New, untrained networks ``h`` and ``g``."""
        curve_network = CURVE_NETWORKS[self.curve_network](**self.curve_options)
        noise = NOISE_NETWORKS[self.noise_network](**self.noise_options) if self.noise_network else None
        return curve_network, noise


def choose_device(device: str = "auto") -> torch.device:
    """Turn "auto", "cpu", "cuda", "cuda:1" or "mps" into a device that exists.

    Raises
    ------
    ValueError
        If the device is unknown or not available here.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise ValueError(f"device {device!r} is not available here: use 'auto' or 'cpu'") from None
    return chosen


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
    """

    def __init__(self, architecture: Architecture, card: dict[str, Any] | None = None) -> None:
        self.architecture = architecture
        self.card = card or {}
        self.h: nn.Module
        self.g: nn.Module | None
        self.h, self.g = architecture.build()
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
        solver: Solver | None = None,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        precision: str = "float32",
    ) -> Trajectory:
        """Solve the exposure ODE of one picture over a span of exposure times.

        Parameters
        ----------
        image : array_like
            (Y, X) grey or (Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA; integer or float.
        span : (float, float)
            Exposure times that will be asked for; must contain 0.
        solver : Solver, optional
            By default `Solver()`.
        levels : {"dtype", "auto"} or (float, float)
            Black and white level, see `image.resolve_levels`.
        rgb : bool, optional
            Whether the last axis is channels; guessed from the shape by default.
        precision : {"float32", "bfloat16"}
            Of the convolutions.

        Returns
        -------
        Trajectory
            The picture at every exposure time in the span.

        Raises
        ------
        ImageError
            If the array is not one picture.
        ValueError
            If the span or the precision is not usable.
        """
        array = as_image(image)
        where = layout(array, rgb)
        if where.stack:
            raise ImageError(
                f"solve takes one picture, not a stack of shape {array.shape}: "
                "call it for each plane, or use enhance"
            )
        return self.solve_plane(array, where.alpha, resolve_levels(array, levels), span, solver, precision)

    def solve_plane(
        self,
        array: Array,
        alpha: bool,
        levels: Levels,
        span: tuple[float, float],
        solver: Solver | None,
        precision: str,
    ) -> Trajectory:
        """Solve one plane whose layout and levels are known; see `solve`."""
        kind = _PRECISIONS.get(precision)
        if kind is None:
            raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, not {precision!r}")
        source = Source(array, levels, alpha=alpha, device=self.device)
        with torch.inference_mode(), torch.autocast(self.device.type, kind, enabled=kind != torch.float32):
            working = source.shrunk(self.architecture.working_size)
            exponent = solve_dense(self._float_curve_parameters, working, span, solver or Solver())
        g = cast("NoiseRemoval | None", self.g)
        return Trajectory(source, exponent, working, g, span=span, precision=kind)

    def _float_curve_parameters(self, image: Tensor, time: Tensor) -> Tensor:
        return self.curve_parameters(image, time).float()

    def state_dict(self) -> dict[str, Tensor]:
        """Weights of both networks, named ``h.*`` and ``g.*``."""
        named = {f"h.{k}": v for k, v in self.h.state_dict().items()}
        if self.g is not None:
            named |= {f"g.{k}": v for k, v in self.g.state_dict().items()}
        return named

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Set the weights of both networks; every name must match."""
        for prefix, network in (("h.", self.h), ("g.", self.g)):
            if network is not None:
                part = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
                network.load_state_dict(part, strict=True)

    def save(self, path: str | Path) -> Path:
        """Write the weights and the model card as safetensors, beside and renamed."""
        from safetensors.torch import save

        from clode_core.atomic import write_atomically

        header = {
            "format": FORMAT,
            "architecture": json.dumps(asdict(self.architecture)),
            "card": json.dumps(self.card),
        }
        tensors = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        data = save(tensors, metadata=header)
        return write_atomically(Path(path), lambda handle: handle.write(data))


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
    path = Path(weights) if weights is not None else PACKAGED_WEIGHTS
    return read_model(path).to(choose_device(device))


def read_model(path: Path) -> Model:
    """Read a weights file without ever executing anything in it."""
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
    if header.get("format") != FORMAT:
        raise WeightsError(
            f"{path} is a safetensors file but not CLODE weights (format {header.get('format')!r})"
        )
    try:
        model = Model(
            Architecture(**json.loads(header["architecture"])), json.loads(header.get("card", "{}"))
        )
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        first_line = str(error).splitlines()[0]
        raise WeightsError(f"{path} describes networks that do not fit its weights ({first_line})") from error
    return model
