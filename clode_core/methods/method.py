"""What every method is: one call for an array or a stack, on any device, with weights and their card."""

from __future__ import annotations

import copy
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from clode_core.methods.info import MethodInfo
from clode_core.methods.weights import (
    WeightsError,
    check_tensors,
    fitting,
    read_card,
    read_weights,
    write_weights,
)
from clode_core.pictures.arrays import (
    Array,
    ImageError,
    Layout,
    Levels,
    LevelsArgument,
    Planes,
    as_image,
    colours,
    layout,
    resolve_levels,
)

Progress: TypeAlias = Callable[[float], None]
Result = TypeVar("Result")
Own = TypeVar("Own", bound="Method")
_DEVICES = {"cpu", "cuda", "mps", "xpu"}


class Solved(Protocol):
    """One picture, ready to be shown at any value of the method's slider."""

    def at(self, value: Any = ..., *, progress: Progress | None = None) -> Array:
        """The picture at a value: same shape, dtype and levels."""
        ...


class Method(ABC):
    """A way to enhance dark pictures.

    A subclass says what a weights file of it holds (`format`, `family`, `architecture_type`) and either
    solves one plane (`solve_plane`) or enhances it (`enhance_plane`); everything else is here.

    Parameters
    ----------
    architecture : dataclass, optional
        What to build; None for a method without networks.
    card : dict, optional
        Model card: provenance and measured numbers, kept beside the weights.
    tensors : dict, optional
        Weights as `state_dict` gives them; by default the networks are untrained.
    info : MethodInfo, optional
        What the method says of itself; by default found from the architecture.

    Attributes
    ----------
    h, g : Module or None
        The network that enhances, and the one that removes noise, where there are such.
    device : torch.device
        Where they are.
    single_threaded : bool
        Whether the small part whose last digits depend on the number of threads runs in one thread, so that
        results do not.
    """

    format: ClassVar[str] = ""
    """Name of the format in the header of its weights files."""
    family: ClassVar[str] = ""
    """What a message calls its weights, such as "Zero-DCE"."""
    architecture_type: ClassVar[type[Any]]

    def __init__(
        self,
        architecture: Any = None,
        card: dict[str, Any] | None = None,
        *,
        tensors: dict[str, Tensor] | None = None,
        info: MethodInfo | None = None,
    ) -> None:
        self.info = info or self.describe(architecture)
        self.architecture = architecture
        self.card = card or {}
        self.h: Any
        self.g: Any
        if tensors is None:
            self.h, self.g = self.build()
        else:
            with torch.device("meta"):  # nothing is allocated for networks that do not fit their weights
                self.h, self.g = self.build()
            self.load_state_dict(tensors, assign=True)
        self.single_threaded = False
        self.device = torch.device("cpu")
        self.to("cpu")

    def build(self) -> tuple[nn.Module | None, nn.Module | None]:
        """New, untrained networks ``h`` and ``g``."""
        return (None if self.architecture is None else self.architecture.build()), None

    @classmethod
    def describe(cls, architecture: Any) -> MethodInfo:
        """What the method is that an architecture makes."""
        from clode_core.methods import method_info

        return method_info(architecture.variant)

    @classmethod
    def load(
        cls: type[Own], info: MethodInfo, weights: str | Path | None = None, device: str = "auto"
    ) -> Own:
        """Load the method; see `clode_core.methods.load_method`."""
        if not info.needs_weights:
            if weights is not None:
                raise WeightsError(f"{info.name} has no weights: leave them out")
            return cls(info=info).to(choose_device(device))
        if weights is not None and not isinstance(weights, str | Path):
            raise WeightsError(f"weights are the path of a .safetensors file, not {weights!r}")
        path = info.weights if weights is None else Path(weights)
        if path is None:
            raise WeightsError(f"{info.name} comes without weights: train some, and name their file")
        method = cls.read(path)
        if method.info.name != info.name:
            raise WeightsError(f"{path} holds weights of {method.info.name}, not of {info.name}")
        return method.to(choose_device(device))

    @classmethod
    def read(cls: type[Own], path: Path) -> Own:
        """Read a weights file without ever executing anything in it."""
        header, tensors = read_weights(path, cls.format, cls.family)
        with fitting(path):
            architecture = cls.architecture_type(**json.loads(header["architecture"]))
            return cls(architecture, read_card(header), tensors=tensors)

    def to(self: Own, device: str | torch.device) -> Own:
        """Move the networks; returns the method."""
        self.device = torch.device(device)
        for network in self._networks().values():
            network.to(self.device).eval().requires_grad_(False)
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def steady(self: Own) -> Own:
        """The same method, giving the same bytes whatever the number of threads."""
        twin = copy.copy(self)
        twin.single_threaded = True
        return twin

    def _networks(self) -> dict[str, nn.Module]:
        both = {"h": self.h, "g": self.g}
        return {name: network for name, network in both.items() if network is not None}

    @property
    def parameters(self) -> int:
        """Number of weights at inference."""
        return sum(p.numel() for network in self._networks().values() for p in network.parameters())

    @property
    def description(self) -> str:
        """Its size in words."""
        return f"{self.parameters:,} parameters"

    def settings(self, value: Any = None, **options: Any) -> dict[str, Any]:
        """All settings of a call, checked: those given, and the defaults of the others.

        Raises
        ------
        TypeError
            If the method knows no such setting.
        ValueError
            If a value is out of range.
        """
        slider = self.info.slider
        known = {option.keyword: option.default for option in self.info.options}
        if slider is not None:
            known[slider.keyword] = slider.default
            if value is not None:
                options = {slider.keyword: value} | options
        elif value is not None:
            raise TypeError(f"{self.info.name} has no slider: leave the value {value!r} out")
        for name in options:
            if name not in known:
                raise TypeError(f"{self.info.name} knows no setting {name!r}")
        return self.check(known | options)

    def check(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Check the settings of a call; `ValueError` for what is out of range."""
        return settings

    def enhance(
        self,
        image: Any,
        value: Any = None,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Array:
        """Enhance a picture or a stack of pictures.

        Parameters
        ----------
        image : array_like
            (..., Y, X) grey or (..., Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA; integer or
            float. Every plane on its own.
        value : float, optional
            Of the method's slider, where it has one; also by the slider's own name.
        levels : {"dtype", "auto"} or (float, float)
            Black and white level, see `clode_core.resolve_levels`.
        rgb : bool, optional
            Whether the last axis is channels; guessed from the shape by default.
        progress : callable, optional
            Called with the fraction done; what it raises stops the work.
        **options
            Settings of the method, see `MethodInfo.options`.

        Returns
        -------
        ndarray
            A new array with the shape, dtype and levels of `image`. Alpha, NaN and Inf are as they were.

        Raises
        ------
        ImageError
            If the array cannot be understood as pictures.
        TypeError
            If the method knows no such setting.
        ValueError
            If a setting is out of range.

        Notes
        -----
        If the accelerator runs out of memory, the work is done again on the CPU with a warning.
        """
        settings = self.settings(value, **options)
        array = as_image(image)
        where = layout(array, rgb)
        level = resolve_levels(colours(array, where), levels)
        result = np.empty(array.shape, array.dtype)
        pictures = Planes(array, where)
        settings, used = with_fallback(self, lambda on: on.prepare(pictures, where, level, settings))
        for done, plane in enumerate(pictures):

            def report(fraction: float, done: int = done) -> None:
                if progress is not None:
                    progress((done + fraction) / len(pictures))

            def enhanced(on: Method, plane: Array = plane) -> Array:
                return on.enhance_steadily(plane, where.alpha, level, report, **settings)

            result[pictures.place(done)], used = with_fallback(used, enhanced)
            report(1.0)
        return result

    def prepare(
        self, pictures: Planes, where: Layout, levels: Levels, settings: dict[str, Any]
    ) -> dict[str, Any]:
        """Settings of all planes of a stack, found before the first is enhanced."""
        return settings

    def enhance_steadily(self, *plane: Any, **settings: Any) -> Array:
        """`enhance_plane`, with one thread where that is asked for and the method does not see to it."""
        return self.enhance_plane(*plane, **settings)

    def enhance_plane(
        self, array: Array, alpha: bool, levels: Levels, progress: Progress, **settings: Any
    ) -> Array:
        """Enhance one plane whose layout and levels are known; by default, solve it and show one value."""
        slider = self.info.slider
        value = (settings.pop(slider.keyword),) if slider else ()
        with self.solving():
            path = self.solve_plane(array, alpha, levels, **settings)
        return path.at(*value, progress=progress)

    def solve(
        self,
        image: Any,
        *,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        **settings: Any,
    ) -> Any:
        """Solve one picture, to show it at any value of the slider.

        Parameters
        ----------
        image : array_like
            (Y, X) grey or (Y, X, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA; integer or float.
        levels, rgb
            As in `enhance`.
        **settings
            What else `solve_plane` of the method takes.

        Returns
        -------
        Solved
            Its `at` shows the picture at a value.

        Raises
        ------
        ImageError
            If the array is not one picture.
        ValueError
            If another argument is out of range.
        """
        array = as_image(image)
        where = layout(array, rgb)
        if where.stack:
            raise ImageError(
                f"solve takes one picture, not a stack of shape {array.shape}: "
                "call it for each plane, or use enhance"
            )
        level = resolve_levels(colours(array, where), levels)
        with self.solving():
            return self.solve_plane(array, where.alpha, level, **settings)

    def solve_for(
        self,
        image: Any,
        values: Iterable[Any] = (),
        *,
        levels: LevelsArgument = "dtype",
        rgb: bool | None = None,
        **options: Any,
    ) -> Any:
        """Solve one picture so that it can be shown at given values of the slider.

        Parameters
        ----------
        image, levels, rgb
            As in `solve`.
        values : iterable
            Values that will be asked for, "auto" among them where the method can choose.
        **options
            Settings of the method, as in `enhance`.

        Returns
        -------
        Solved
            Its ``at(value)`` is what ``enhance(image, value, **options)`` gives; where the method can choose,
            its ``auto()`` is the value chosen.
        """
        self.settings(**options)
        return self.solve(image, levels=levels, rgb=rgb, **options)

    @abstractmethod
    def solve_plane(self, array: Array, alpha: bool, levels: Levels, **settings: Any) -> Solved:
        """Solve one plane whose layout and levels are known; see `solve`."""

    @contextmanager
    def solving(self) -> Iterator[None]:
        """Compute with one thread where results must not depend on the number of threads."""
        threads = torch.get_num_threads()
        if self.single_threaded:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if self.single_threaded:
                torch.set_num_threads(threads)

    def state_dict(self) -> dict[str, Tensor]:
        """Weights of the networks, named ``h.*`` and ``g.*``."""
        return {
            f"{prefix}.{name}": tensor
            for prefix, network in self._networks().items()
            for name, tensor in network.state_dict().items()
        }

    def load_state_dict(self, tensors: dict[str, Tensor], *, assign: bool = False) -> None:
        """Set the weights; every name and shape must match, every value be finite."""
        networks = self._networks()
        check_tensors(tensors, tuple(f"{prefix}." for prefix in networks))
        for prefix, network in networks.items():
            part = {
                name.removeprefix(f"{prefix}."): tensor.to(torch.float32, copy=True)
                for name, tensor in tensors.items()
                if name.startswith(f"{prefix}.")
            }
            network.load_state_dict(part, strict=True, assign=assign)

    def stored_tensors(self) -> dict[str, Tensor]:
        """The weights that inference needs, which `save` writes."""
        return self.state_dict()

    def save(self, path: str | Path) -> Path:
        """Write the weights and the model card as safetensors, beside and renamed."""
        return write_weights(
            Path(path), self.format, asdict(self.architecture), self.card, self.stored_tensors()
        )


class WholeMethod(Method):
    """A method whose every result costs the whole network: nothing is solved ahead."""

    def solve_plane(self, array: Array, alpha: bool, levels: Levels, **settings: Any) -> Solved:
        """The picture and the settings, kept until it is shown."""
        return _Unsolved(self, array, alpha, levels, settings)

    def enhance_steadily(self, *plane: Any, **settings: Any) -> Array:
        """`enhance_plane`, all of it with one thread where that is asked for."""
        with self.solving():
            return self.enhance_plane(*plane, **settings)

    @abstractmethod
    def enhance_plane(
        self, array: Array, alpha: bool, levels: Levels, progress: Progress, **settings: Any
    ) -> Array:
        """Enhance one plane whose layout and levels are known."""


class _Unsolved:
    """A picture that is enhanced when it is shown."""

    def __init__(
        self, method: Method, array: Array, alpha: bool, levels: Levels, settings: dict[str, Any]
    ) -> None:
        self._method, self._array, self._alpha, self._levels = method, array, alpha, levels
        self._settings = settings

    def at(self, value: Any = None, *, progress: Progress | None = None) -> Array:
        """The picture at a value of the slider; without one, the picture."""
        settings = self._method.settings(value, **self._settings)
        return self._method.enhance_plane(
            self._array, self._alpha, self._levels, progress or (lambda fraction: None), **settings
        )


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


class OnDevice(Protocol):
    """What works on a device and can be moved to another, as a `Method` can."""

    device: torch.device

    def to(self: Mover, device: str | torch.device) -> Mover:
        """Move, and return itself."""
        ...


Mover = TypeVar("Mover", bound=OnDevice)


def with_fallback(model: Mover, work: Callable[[Mover], Result]) -> tuple[Result, Mover]:
    """Do some work with a model; where its accelerator runs out of memory, do it again on the CPU.

    Parameters
    ----------
    model : Model
        A loaded model; it stays on its device.
    work : callable
        Takes a model and returns a result.

    Returns
    -------
    result
        What `work` returned.
    Model
        The model that did it, for further work: `model` itself, or a copy on the CPU.

    Raises
    ------
    MemoryError
        If the CPU's memory does not suffice either.

    Warns
    -----
    UserWarning
        If the work had to be done again.
    """
    try:
        return work(model), model
    except torch.OutOfMemoryError:
        if model.device.type == "cpu":
            raise
        warnings.warn(
            f"{model.device} ran out of memory: this picture is enhanced on the CPU instead", stacklevel=3
        )
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise MemoryError("not enough memory for this picture: cut it into parts") from None
    return with_fallback(copy.deepcopy(model).to("cpu"), work)
