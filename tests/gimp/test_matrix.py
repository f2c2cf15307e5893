"""What the plug-in makes of a layer is what the core makes of its pixels, to the layer's own precision."""

import numpy as np
import pytest

import clode_core as clode

STEPS = {"U8": 0.5 / 255, "U16": 0.5 / 65535, "U32": 0, "HALF": 0, "FLOAT": 0, "DOUBLE": 0}
CASES = [
    f"{bits}_{encoding}-{base}-{alpha}"
    for bits in STEPS
    for encoding in ("LINEAR", "NON_LINEAR", "PERCEPTUAL")
    for base in ("RGB", "GRAY")
    for alpha in ("opaque", "alpha")
]


def linear(light):
    """Linear intensities of sRGB-encoded ones."""
    return np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)


@pytest.fixture(scope="module")
def matrix(batch):
    batch.run("matrix.py")
    return batch.results("matrix")


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_layer_comes_out_as_from_the_core(matrix, model, name):
    assert matrix.notes[name]["said"] == "ok"
    before, after = (matrix.pixels(f"{name}-{when}", 64, 96) for when in ("before", "after"))
    bits, encoding = name.split("-")[0].split("_", 1)
    expected = clode.enhance(
        before, 2.5, denoise=bits in ("U8", "FLOAT"), model=model, levels=(0, 1), rgb=True
    )
    if encoding == "LINEAR":
        colours = before.shape[2] - name.endswith("alpha")
        expected[..., :colours] = linear(expected[..., :colours])
        before[..., :colours] = linear(before[..., :colours])
    # A float32 on its way through GIMP's conversions; a half has eleven bits.
    tolerance = STEPS[bits] + 4e-6 + (expected * 2.0**-11 if bits == "HALF" else 0)
    assert (np.abs(after - expected) <= tolerance).all(), np.abs(after - expected).max()
    if name.endswith("alpha"):
        # alpha has no encoding: what came in goes out
        assert (np.abs(after[..., -1] - before[..., -1]) <= 1e-6).all()
    assert after[..., 0].mean() > 1.5 * before[..., 0].mean()
