"""A program may have set torch's default device or number type; results are the same."""

import subprocess
import sys

import numpy as np
import pytest

CODE = """
import sys
import numpy as np
import torch
if sys.argv[1] == "meta":
    torch.set_default_device("meta")
if sys.argv[1] == "float64":
    torch.set_default_dtype(torch.float64)
import clode_core as clode
picture = (np.random.default_rng(0).random((64, 80, 3)) * 60).astype(np.uint8)
stack = np.stack([picture[..., 0].astype(np.uint16) * 200] * 2)
results = {
    "auto": clode.enhance(picture, "auto", device="cpu"),
    "darker": clode.enhance(picture, -2, device="cpu", denoise=False),
    "adaptive": clode.enhance(picture, solver="dopri5", device="cpu", denoise=False),
    "large": clode.enhance(np.tile(picture, (8, 8, 1)), 2.5, device="cpu"),
    "floats": clode.enhance(picture / 255.0, device="cpu"),
    "local": clode.enhance(picture, shadows=0.5, device="cpu"),
    "shared": clode.enhance(stack, "auto", shared_exposure=True, device="cpu"),
    "solved": clode.load_model(device="cpu").solve(picture).at(2.0),
}
for name in ("control", "zero-dce"):
    results[name] = clode.load_method(name, device="cpu").enhance(picture)
np.savez(sys.argv[2], **results)
"""


def results(kind, folder):
    file = folder / f"{kind}.npz"
    subprocess.run([sys.executable, "-c", CODE, kind, file], check=True, timeout=300)
    return np.load(file)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return results("none", tmp_path_factory.mktemp("expected"))


@pytest.mark.parametrize("kind", ["meta", "float64"])
def test_a_foreign_default_of_torch_changes_no_result(kind, expected, tmp_path):
    found = results(kind, tmp_path)
    for name in expected:
        assert found[name].dtype == expected[name].dtype
        assert np.array_equal(found[name], expected[name]), name
