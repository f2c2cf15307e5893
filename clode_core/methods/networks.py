"""Networks with one architecture: made, moved, read from a weights file and written to one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from clode_core.methods.device import choose_device
from clode_core.methods.info import MethodInfo
from clode_core.methods.weights import (
    WeightsError,
    check_tensors,
    fitting,
    read_card,
    read_weights,
    write_weights,
)

Own = TypeVar("Own", bound="Networks")


class Networks:
    """What a method computes with.

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
            with torch.device("cpu"):  # whatever the default device of the program is
                self.h, self.g = self.build()
            for network in self._networks().values():
                network.float()
        else:
            with torch.device("meta"):  # nothing is allocated for networks that do not fit their weights
                self.h, self.g = self.build()
            self.load_state_dict(tensors, assign=True)
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
        if not method.serves(info):
            raise WeightsError(f"{path} holds weights of {method.info.name}, not of {info.name}")
        method.info = info
        return method.to(choose_device(device))

    def serves(self, info: MethodInfo) -> bool:
        """Whether weights that were read can be used for a method."""
        return self.info.name == info.name

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
