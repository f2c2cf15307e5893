"""A program that set other defaults for torch gets the same pictures."""

import numpy as np
import pytest
import torch

import clode_core as clode


@pytest.fixture(params=["meta device", "float64", "float16"])
def foreign(request):
    """Set a default that is not torch's own, and put it back."""

    def change():
        if request.param == "meta device":
            torch.set_default_device("meta")
        else:
            torch.set_default_dtype(getattr(torch, request.param))

    yield change
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("method", ["zero-dce++", "enlightengan", "lfpv-unet"])
def test_other_methods_do_not_mind(method, foreign, random):
    image = (random.random((48, 64, 3)) * 60).astype(np.uint8)
    expected = clode.load_method(method, device="cpu").enhance(image)
    foreign()
    assert np.array_equal(clode.load_method(method, device="cpu").enhance(image), expected)
