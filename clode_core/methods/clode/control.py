"""The control of every table: CLODE with ``A = 1`` everywhere in place of ``h``, and the same ``g``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clode_core.methods.clode.model import Model


def control_of(model: Model) -> Control:
    """The control of a model."""
    control = Control(replace(model.architecture, curve_network="control", curve_options={}))
    if control.g is not None and model.g is not None:
        control.g.load_state_dict(model.g.state_dict())
    return control.to(model.device)


class Control(Model):
    """CLODE without its exposure network."""

    @classmethod
    def read(cls, path: Path) -> Control:
        """The control of the weights in a file."""
        return control_of(Model.read(path))
