import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from clode_core.methods.clode.model import Architecture, Model, load_model

try:
    import qtpy.QtWidgets  # noqa: F401 - needs Qt and its system libraries

    WINDOWS = all(importlib.util.find_spec(name) for name in ("napari", "pytestqt"))
except ImportError:
    WINDOWS = False
pytest_plugins = ["pytestqt.plugin", "napari.utils._testsupport"] if WINDOWS else []


def pytest_collection_modifyitems(config, items):
    """Leave out the tests on real pictures, and on model files of metrics, where there are none."""
    folders = {"data": "CLODE_DATA", "models": "CLODE_METRIC_MODELS"}
    absent = [marker for marker, variable in folders.items() if not os.environ.get(variable)]
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in absent)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """On the build machine a skip is a failure: there everything must be present."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped on the build machine: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _same_random_numbers():
    torch.manual_seed(0)


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def model():
    """The packaged weights."""
    return load_model(device="cpu")


@pytest.fixture(scope="session")
def untrained():
    """Small random networks whose maps vary a lot: a harder case for the mathematics than trained ones."""
    torch.manual_seed(1)
    model = Model(
        Architecture(
            curve_options={"widths": [8, 8, 8]}, noise_options={"widths": [8, 8], "depth": 1}, working_size=48
        )
    )
    head = model.h.head
    head.weight.normal_(0, 0.4)
    head.bias.zero_()
    return model


@pytest.fixture
def dark(random):
    """A dark 8-bit colour picture (60, 90, 3) with a bright corner."""
    y, x = np.mgrid[:60, :90]
    base = np.stack([20 + 15 * np.sin(x / 9), 18 + 12 * np.cos(y / 7), 10 + x / 6], -1)
    base[:15, :20] += 150
    return np.clip(base + random.normal(0, 2, base.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def data_folder():
    folder = Path(os.environ["CLODE_DATA"])
    assert folder.is_dir(), f"CLODE_DATA names {folder}, which is no folder"
    return folder
