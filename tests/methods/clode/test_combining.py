import subprocess
import sys

import pytest
import torch

from clode_core.methods.clode.combining import combined
from clode_core.methods.clode.model import Architecture, Model


def model_of(seed, noise, card):
    torch.manual_seed(seed)
    small = {"widths": [4, 4]}
    size = 32 if noise == "cascade" else 48
    return Model(Architecture(curve_options=small, noise_network=noise, working_size=size), card)


def test_combined_weights_have_the_exposure_of_one_and_the_noise_removal_of_the_other(tmp_path):
    h, g = model_of(0, "paper", {"name": "exposes"}), model_of(1, "cascade", {"name": "cleans"})
    files = [tmp_path / name for name in ("h.safetensors", "g.safetensors", "both.safetensors")]
    h.save(files[0])
    g.save(files[1])
    command = [sys.executable, "-m", "clode_core.methods.clode.combining", *map(str, files)]
    assert subprocess.run(command, capture_output=True, text=True).returncode == 0
    both = Model.read(files[2])
    assert both.architecture.noise_network == "cascade" and both.architecture.working_size == 48
    assert all(torch.equal(a, b) for a, b in zip(both.h.parameters(), h.h.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(both.g.parameters(), g.g.parameters(), strict=True))
    assert both.card["name"] == "exposes" and both.card["noise_removal"]["name"] == "cleans"


def test_weights_without_noise_removal_are_refused():
    with pytest.raises(ValueError, match="hold no noise removal"):
        combined(model_of(0, "paper", {}), model_of(0, "", {}))
