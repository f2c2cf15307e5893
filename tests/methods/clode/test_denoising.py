import numpy as np
import pytest
import torch

from clode_core.methods.clode.denoising import native_precision, reflected, remove_noise
from clode_core.methods.clode.networks import NOISE_NETWORKS


@pytest.fixture(params=[*NOISE_NETWORKS, "evened cascade"])
def g(request):
    torch.manual_seed(0)
    options = {"evening": 16} if request.param.startswith("evened") else {}
    return NOISE_NETWORKS[request.param.split()[-1]](**options).eval().requires_grad_(False)


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


@pytest.mark.parametrize("name", ["multiscale", "cascade"])
def test_work_can_be_stopped_inside_of_a_tile(name, random):
    torch.manual_seed(0)
    asked = []

    def stop(fraction):
        asked.append(fraction)
        if len(asked) == 3:
            raise InterruptedError

    picture = random.random((40, 40, 3), dtype=np.float32)
    with pytest.raises(InterruptedError):
        remove_noise(NOISE_NETWORKS[name]().eval(), picture, CPU, progress=stop)
    assert asked == [0.0, 0.0, 0.0]
    remove_noise(NOISE_NETWORKS[name]().eval(), picture, CPU)  # nobody is asked any more
    assert len(asked) == 3


def test_the_edge_of_a_picture_is_cleaned_like_its_middle(random):
    g = NOISE_NETWORKS["cascade"]().eval().requires_grad_(False)
    plain = np.full((64, 64, 3), 0.5, np.float32)
    clean = remove_noise(g, plain, CPU)
    assert np.ptp(clean[0]) < 0.05 and abs(float(clean[0].mean() - clean[32].mean())) < 0.05


def test_a_cascade_in_tiles_is_the_network_applied_to_the_continued_picture(random):
    torch.manual_seed(0)
    g = NOISE_NETWORKS["cascade"]().eval().requires_grad_(False)
    torch.nn.init.normal_(g.head.weight, std=0.1)
    picture = random.random((64, 96, 3), dtype=np.float32)
    wide = np.pad(picture, ((16, 16), (16, 16), (0, 0)), mode="reflect")
    with torch.inference_mode():
        whole = g(torch.from_numpy(wide).permute(2, 0, 1)[None]).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    assert np.abs(remove_noise(g, picture, CPU) - whole[16:-16, 16:-16]).max() <= 1e-5


def test_bfloat16_is_chosen_only_where_the_processor_has_it(monkeypatch):
    for able, kind in (({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": False}, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able, raising=False)
        assert native_precision(CPU) == kind
    assert native_precision(torch.device("meta")) == torch.float32


def test_bfloat16_keeps_the_levels_of_a_clean_picture(random):
    g = NOISE_NETWORKS["cascade"]().eval().requires_grad_(False)
    for network in (g.coarse.head, g.head):
        torch.nn.init.zeros_(network.weight)
        torch.nn.init.zeros_(network.bias)
    g.head.bias[12:16] = 20  # all of the detail
    picture = random.random((48, 48, 3), dtype=np.float32)
    assert np.abs(remove_noise(g, picture, CPU, precision=torch.bfloat16) - picture).max() < 1e-5


def test_reflection_goes_on_without_end():
    expected = np.pad(np.arange(3), (5, 5), mode="reflect")
    assert reflected(-5, 8, 3).tolist() == expected.tolist()
    assert reflected(-2, 3, 1).tolist() == [0] * 5


def test_progress_is_told_and_can_stop_the_work(g, random):
    picture = random.random((100, 100, 3), dtype=np.float32)
    told = []
    remove_noise(g, picture, CPU, tile=64, progress=told.append)
    assert told == sorted(told) and told[-1] == 1.0
    assert len(set(told)) >= 4, "there are four tiles"

    def stop(fraction):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        remove_noise(g, picture, CPU, tile=64, progress=stop)


def test_the_work_can_be_stopped_before_during_and_after_the_network(model, random):
    picture = (random.random((300, 400, 3)) * 60).astype(np.uint8)
    fractions = []
    model.solve(picture).at(3.0, denoise=True, progress=fractions.append)
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert fractions.count(1.0) > 2, "nobody is asked while the clean picture is exposed"

    class StoppedError(Exception):
        pass

    for last in (1, len(fractions) // 2, len(fractions)):
        calls = []

        def stop(fraction, calls=calls, last=last):
            calls.append(fraction)
            if len(calls) == last:
                raise StoppedError

        with pytest.raises(StoppedError):
            model.solve(picture).at(3.0, denoise=True, progress=stop)
