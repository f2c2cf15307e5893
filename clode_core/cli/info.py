"""The command ``clode info``."""

from __future__ import annotations

import json
import sys

from clode_core.cli.options import Device, Weights
from clode_core.cli.terminal import examples, plain_errors


@examples("clode info", "clode info --weights trained/clode-cpu/clode.safetensors")
def info(weights: Weights = None, device: Device = "auto") -> None:
    """Show the version, where CLODE computes, and how the weights were made."""
    with plain_errors():
        import platform

        import torch
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        from clode_core import __version__, load_model, method_info

        model = load_model(weights, device=device)
        table = Table(show_header=False, box=None)
        table.add_column()
        table.add_column(overflow="fold")
        architecture = model.architecture
        rows = {
            "clode-core": __version__,
            "python": f"{platform.python_version()} ({sys.executable})",
            "torch": f"{torch.__version__}, {torch.get_num_threads()} threads",
            "device": _describe(model.device),
            "weights": str(weights or method_info("clode").weights),
            "curve network": f"{architecture.curve_network}, {_count(model.h):,} parameters",
            "noise removal": f"{architecture.noise_network or 'none'}, {_count(model.g):,} parameters",
            "working size": f"{architecture.working_size} pixels",
        }
        card = {k: v if isinstance(v, str) else json.dumps(v, indent=1) for k, v in model.card.items()}
        for name, value in (rows | card).items():
            table.add_row(name, Text(value))
        Console(soft_wrap=False).print(table)


def _count(network: object) -> int:
    """Number of weights of a network; 0 for none."""
    from torch import nn

    return sum(p.numel() for p in network.parameters()) if isinstance(network, nn.Module) else 0


def _describe(device: object) -> str:
    import torch

    kind = torch.device(str(device))
    return f"{kind} ({torch.cuda.get_device_name(kind)})" if kind.type == "cuda" else str(kind)
