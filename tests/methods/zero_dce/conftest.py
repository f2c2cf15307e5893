import pytest
import torch

from clode_core.methods.zero_dce.model import Architecture, ZeroDCE


@pytest.fixture(params=["zero-dce", "zero-dce++"])
def variant(request):
    return request.param


def varied(variant):
    """A small random network whose maps vary a lot: a harder case for the mathematics than a trained one."""
    torch.manual_seed(1)
    method = ZeroDCE(Architecture(variant, width=6, working_size=32))
    with torch.no_grad():
        for parameter in method.h.parameters():
            parameter.normal_(0, 0.15 if variant == "zero-dce" else 0.4)
    return method


@pytest.fixture
def method(variant):
    return varied(variant)


@pytest.fixture
def full_size():
    return varied("zero-dce")
