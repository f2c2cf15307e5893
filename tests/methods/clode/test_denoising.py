import numpy as np
import pytest
import torch

from clode_core.methods.clode.denoising import reflected, remove_noise
from clode_core.methods.clode.networks import NOISE_NETWORKS


@pytest.fixture(params=NOISE_NETWORKS)
def g(request):
    torch.manual_seed(0)
    return NOISE_NETWORKS[request.param]().eval().requires_grad_(False)


CPU = torch.device("cpu")


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_give_the_result_of_the_whole(g, random, channels):
    picture = random.random((200, 260, channels), dtype=np.float32)
    whole = remove_noise(g, picture, CPU, tile=4096)
    for tile in (64, 120):
        assert np.abs(remove_noise(g, picture, CPU, tile=tile) - whole).max() <= 1e-5
    assert np.abs(whole - picture).max() > 1e-3, "a network that changes nothing proves nothing"


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3), (17, 33)])
def test_pictures_of_any_size_can_be_cleaned(g, random, shape):
    picture = random.random((*shape, 3), dtype=np.float32)
    clean = remove_noise(g, picture, CPU)
    assert clean.shape == picture.shape
    assert np.isfinite(clean).all() and clean.min() >= 0 and clean.max() <= 1


def test_reflection_goes_on_without_end():
    expected = np.pad(np.arange(3), (5, 5), mode="reflect")
    assert reflected(-5, 8, 3).tolist() == expected.tolist()
    assert reflected(-2, 3, 1).tolist() == [0] * 5


def test_progress_is_told_and_can_stop_the_work(g, random):
    picture = random.random((100, 100, 3), dtype=np.float32)
    told = []
    remove_noise(g, picture, CPU, tile=64, progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]

    def stop(fraction):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        remove_noise(g, picture, CPU, tile=64, progress=stop)
