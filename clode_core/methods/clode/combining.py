"""Weights with the exposure of one file and the noise removal of another.

python -m clode_core.methods.clode.combining H G FILE

The two networks are trained apart, so either can be replaced: H is where ``h`` is taken from, with how it is
solved; G is where ``g`` is taken from. FILE may be either of them.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from clode_core.methods.clode.model import Model


def combined(exposure: Model, noise: Model) -> Model:
    """Weights with ``h`` of one model and ``g`` of another.

    Parameters
    ----------
    exposure : Model
        Where ``h`` comes from, with its working size, its solver and its model card.
    noise : Model
        Where ``g`` comes from. Its model card is kept under the name "noise_removal".

    Returns
    -------
    Model
        A new one; nothing is shared with the two.

    Raises
    ------
    ValueError
        If the second holds no noise removal.
    """
    if noise.g is None:
        raise ValueError("the second weights hold no noise removal: name others")
    architecture = replace(
        exposure.architecture,
        noise_network=noise.architecture.noise_network,
        noise_options=noise.architecture.noise_options,
    )
    model = Model(
        architecture, exposure.card | {"noise_removal": noise.card.get("noise_removal", noise.card)}
    )
    tensors = {name: x for name, x in exposure.state_dict().items() if name.startswith("h.")}
    tensors |= {name: x for name, x in noise.state_dict().items() if name.startswith("g.")}
    model.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()})
    return model


def main() -> None:
    """Combine two files."""
    parser = argparse.ArgumentParser(prog="python -m clode_core.methods.clode.combining", description=__doc__)
    parser.add_argument("h", type=Path, metavar="H", help="weights whose exposure is taken")
    parser.add_argument("g", type=Path, metavar="G", help="weights whose noise removal is taken")
    parser.add_argument("file", type=Path, metavar="FILE", help="where the result is written")
    given = parser.parse_args()
    try:
        combined(Model.read(given.h), Model.read(given.g)).save(given.file)
    except (ValueError, OSError) as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
