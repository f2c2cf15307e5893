import numpy as np
import pytest
import torch

from clode_core.methods.zero_dce import model as zero_dce
from clode_core.methods.zero_dce.model import Architecture, ZeroDCE, iterated_curve


def test_the_curve_iterated_by_hand():
    image = torch.full((3, 1, 1), 0.2)
    maps = torch.tensor([0.5, 0.5, 0.5, -1.0, 0.0, 1.0]).reshape(6, 1, 1)
    first = 0.2 + 0.5 * 0.2 * 0.8  # 0.28 in all channels
    second = [first - first * (1 - first), first, first + first * (1 - first)]
    assert iterated_curve(image, maps, 1).flatten().tolist() == pytest.approx([first] * 3)
    assert iterated_curve(image, maps, 2).flatten().tolist() == pytest.approx(second)
    half = [first - 0.5 * first * (1 - first), first, first + 0.5 * first * (1 - first)]
    assert iterated_curve(image, maps, 1.5).flatten().tolist() == pytest.approx(half)
    assert torch.equal(iterated_curve(image, maps, 0), image)


def test_more_iterations_than_maps_begin_again_with_the_first():
    image, maps = torch.rand(2, 3, 4, 5), torch.rand(2, 24, 4, 5) * 2 - 1
    once = iterated_curve(image, maps, 8)
    assert torch.allclose(iterated_curve(image, maps, 16), iterated_curve(once, maps, 8))
    assert torch.allclose(iterated_curve(image, maps, 10.25), iterated_curve(once, maps, 2.25))


def test_iterations_stay_in_the_unit_interval_and_keep_black_and_white():
    image, maps = torch.linspace(0, 1, 60).reshape(3, 4, 5), torch.rand(24, 4, 5) * 2 - 1
    out = iterated_curve(image, maps.sign(), 50)
    assert float(out.min()) >= 0 and float(out.max()) <= 1
    assert float(out[0, 0, 0]) == 0 and float(out[-1, -1, -1]) == 1


def test_maps_of_zero_leave_the_picture_as_it_is(variant, dark):
    method = ZeroDCE(Architecture(variant, width=4))
    for parameter in method.h.parameters():
        torch.nn.init.zeros_(parameter)
    assert np.array_equal(method.enhance(dark), dark)
    assert np.array_equal(method.solve(dark).at(3), dark)


@pytest.mark.parametrize("iterations", [0, 1, 3, 7.5, 8, 8.5, 13, 24])
def test_any_number_of_iterations_is_what_the_network_on_the_whole_picture_gives(full_size, dark, iterations):
    image = torch.from_numpy(dark).permute(2, 0, 1).float() / 255
    maps = full_size.h(image[None])[0]
    expected = (iterated_curve(image, maps, iterations) * 255).permute(1, 2, 0).numpy()
    path = full_size.solve(dark)
    assert np.abs(path.at(iterations) - expected).max() <= 0.5 + 1e-2
    assert np.array_equal(full_size.enhance(dark, iterations), path.at(iterations))


def test_the_network_of_zero_dce_runs_once_for_all_numbers_of_iterations(method, dark):
    runs = []
    method.h.register_forward_hook(lambda *_: runs.append(1))
    path = method.solve(dark)
    results = [path.at(n) for n in (1, 4, 8, 12.5)]
    assert len(runs) == 1
    assert len({result.tobytes() for result in results}) == 4


@pytest.mark.parametrize("shape", [(60, 90), (1, 1), (1, 40), (70, 3)])
def test_tiles_give_exactly_the_whole_picture(full_size, random, monkeypatch, shape):
    picture = random.random((*shape, 3))
    whole = full_size.enhance(picture)
    monkeypatch.setattr(zero_dce, "TILE", 11)
    monkeypatch.setattr(zero_dce, "_BAND_PIXELS", 1)
    monkeypatch.setattr(zero_dce, "_LEAST_ROWS", 9)
    path = full_size.solve(picture)
    assert len(list(path._maps())) == -(-shape[0] // 9)
    assert np.abs(path.at() - whole).max() < 1e-6


def test_large_pictures_do_not_keep_their_maps_and_give_the_same(full_size, random, monkeypatch):
    picture = random.random((40, 50, 3))
    held = full_size.solve(picture)
    expected = held.at(5)
    assert "_held" in vars(held)
    monkeypatch.setattr(zero_dce, "HELD_PIXELS", 100)
    path = full_size.solve(picture)
    assert np.array_equal(path.at(5), expected)
    assert "_held" not in vars(path)


def test_zero_dce_pp_looks_at_a_shrunken_picture_but_never_smaller_than_it_was_trained_on(random):
    method = ZeroDCE(Architecture("zero-dce++", width=4, working_size=32))
    seen = []
    method.h.register_forward_hook(lambda module, given, out: seen.append(tuple(given[0].shape[2:])))
    for size in ((600, 480), (120, 90), (20, 16)):
        method.solve(random.random((*size, 3)))
    method.solve(random.random((120, 90, 3)), downsample=2)
    assert seen == [(50, 40), (32, 24), (20, 16), (60, 45)]


def test_zero_dce_looks_at_a_shrunken_picture_only_if_asked_to(full_size, random):
    picture = random.random((240, 400, 3)).astype(np.float32)
    seen = []
    hook = full_size.h.register_forward_hook(lambda module, given, out: seen.append(given[0].shape[2:]))
    shrunk = full_size.solve(picture, downsample=4)
    shrunk.at(3), shrunk.at(20.5)
    assert seen == [(60, 100) if full_size.architecture.working_size <= 100 else (77, 128)]
    whole = full_size.solve(picture).at(8)
    hook.remove()
    assert seen[1][1] > 300
    assert 0 < np.abs(shrunk.at(8) - whole).mean() < 0.2


def test_zero_dce_pp_interpolates_its_maps_bilinearly(random):
    torch.manual_seed(0)
    method = ZeroDCE(Architecture("zero-dce++", width=4, working_size=16))
    picture = random.random((32, 48, 3)).astype(np.float32)
    image = torch.from_numpy(picture).permute(2, 0, 1)
    shrunk = torch.nn.functional.adaptive_avg_pool2d(image[None], (16, 24))
    maps = torch.nn.functional.interpolate(method.h(shrunk), size=(32, 48), mode="bilinear")[0]
    expected = iterated_curve(image, maps, 8).permute(1, 2, 0).numpy()
    assert np.abs(method.enhance(picture, downsample=2) - expected).max() < 1e-5


def test_a_grey_picture_is_shown_three_times_and_its_maps_are_averaged(full_size, random):
    picture = random.random((20, 25)).astype(np.float32)
    image = torch.from_numpy(picture)[None]
    maps = full_size.h(image.expand(1, 3, -1, -1))[0].reshape(8, 3, 20, 25).mean(1)
    expected = iterated_curve(image, maps, 8)[0].numpy()
    assert np.abs(full_size.enhance(picture) - expected).max() < 1e-5


def test_nan_and_infinity_stay_and_do_not_spread(method, random):
    picture = random.random((40, 50, 3)).astype(np.float32) * 0.5
    broken = picture.copy()
    broken[20, 20] = np.nan
    broken[5, 5, 0] = np.inf
    result = method.enhance(broken)
    assert np.isnan(result[20, 20]).all() and np.isposinf(result[5, 5, 0])
    assert np.isfinite(result).sum() == np.isfinite(broken).sum()


@pytest.mark.parametrize("iterations", [-1, 101, float("nan"), "many", 10**400])
def test_iterations_that_are_no_number_from_0_to_100_are_refused(method, dark, iterations):
    with pytest.raises(ValueError, match="iterations must be a number from 0 to 100"):
        method.solve(dark).at(iterations)
    with pytest.raises(ValueError, match="iterations must be a number from 0 to 100"):
        method.enhance(dark, iterations)


@pytest.mark.parametrize("downsample", [0, 0.5, float("nan")])
def test_the_picture_is_never_enlarged_for_the_network(method, dark, downsample):
    with pytest.raises(ValueError, match="downsample must be a number from 1 on"):
        method.solve(dark, downsample=downsample)
