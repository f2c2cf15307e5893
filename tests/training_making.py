"""Pictures and configurations that the tests of training share."""

import numpy as np
import pytest
import torch
import yaml
from torch.nn import functional as F

from clode_core.methods.clode.curve import curve
from clode_core.pictures.files import write_picture

EXPOSURES = (-4.0, -2.5, -1.0, 0.0, 1.5)
"""Of each synthetic scene, in order of shooting; 0 is the good one."""


def scene(seed, side=48):
    """A well-exposed picture (3, side, side): smooth colours with some detail, mean near one half."""
    generator = torch.Generator().manual_seed(seed)
    smooth = F.interpolate(torch.randn(1, 3, 5, 5, generator=generator), size=(side, side), mode="bicubic")[0]
    detail = F.interpolate(torch.randn(1, 1, 16, 16, generator=generator), size=(side, side))[0]
    return torch.sigmoid(0.8 * (smooth - smooth.mean()) + 0.3 * detail)


def write(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Synthetic data: eight bracketed scenes, dark pictures, and two validation pairs."""
    root = tmp_path_factory.mktemp("pictures")
    for k in range(8):
        for j, exposure in enumerate(EXPOSURES):
            write(
                root / "mixed" / f"{k * len(EXPOSURES) + j + 1}.png", curve(scene(k), torch.tensor(exposure))
            )
    for k in range(4):
        write(root / "dark" / f"{k}.png", curve(scene(100 + k), torch.tensor(-3.0)))
    for k in range(2):
        write(root / "high" / f"pair{k}.png", scene(200 + k))
        write(root / "low" / f"pair{k}.png", curve(scene(200 + k), torch.tensor(-3.0)))
    return root


NETWORKS = {
    "curve_options": {"widths": [8, 8, 8]},
    "noise_options": {"widths": [8, 8], "depth": 1},
    "working_size": 32,
}


@pytest.fixture
def values(folders, tmp_path):
    """Fields of a tiny training, to be changed and given to `configured`."""
    return {
        "name": "tiny",
        "output": str(tmp_path / "out"),
        "architecture": dict(NETWORKS),
        "data": {"normal": [str(folders / "mixed")], "dark": [str(folders / "dark")]},
        "trainer": {
            "accelerator": "cpu",
            "devices": 1,
            "log_every_steps": 5,
            "checkpoint_every_steps": 5,
            "progress": False,
        },
        "stages": [{"kind": "undo", "steps": 10, "batch_size": 4}],
    }


@pytest.fixture
def configured(tmp_path):
    """Write fields to a file and load it."""

    def load(values, overrides=()):
        from clode_core.training import load_config

        path = tmp_path / "training.yaml"
        path.write_text(yaml.safe_dump(values))
        return load_config(path, overrides)

    return load


@pytest.fixture
def logged():
    """Values of a column of a stage's log, over all runs of it, as (step, value)."""

    def read(folder, column):
        rows = []
        for path in sorted(folder.glob("log/version_*/metrics.csv")):
            head, *lines = (line.split(",") for line in path.read_text().splitlines())
            if column in head:
                at, step = head.index(column), head.index("step")
                rows += [(int(line[step]), float(line[at])) for line in lines if line[at]]
        return np.array(rows)

    return read
