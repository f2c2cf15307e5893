import numpy as np
import pytest
import torch

from clode_core.methods.clode.automatic import AUTO_LEVEL, AUTO_QUANTILE, AUTO_WEIGHT, TRAINED_TIME
from clode_core.methods.clode.control import control_of
from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.ode import Solver, solve_state


def step_edge(height, width):
    picture = np.full((height, width, 3), 6, np.uint8)
    picture[:, width // 2 :] = 120
    return picture


def test_time_zero_is_the_picture_itself(model, dark):
    assert np.array_equal(model.solve(dark).at(0.0), dark)


def test_brightness_rises_with_exposure_time(model, dark):
    path = model.solve(dark)
    means = [float(path.at(t).mean()) for t in (-5, -2, 0, 1, 3, 5)]
    assert means == sorted(means)
    assert means[-1] > 3 * means[2] > 9 * means[0]


@pytest.mark.parametrize("time", [-20.0, -5.0, 5.0, 20.0])
def test_every_time_gives_a_valid_picture(untrained, random, time):
    image = random.random((40, 50, 3))
    out = untrained.solve(image, span=(-20, 20)).at(time)
    assert out.min() >= 0 and out.max() <= 1 and np.isfinite(out).all()


def test_black_and_white_pixels_stay(untrained, dark):
    dark[5, 5] = 0
    dark[6, 6] = 255
    path = untrained.solve(dark)
    for time in (-4.0, 1.0, 4.5):
        out = path.at(time)
        assert out[5, 5].tolist() == [0, 0, 0]
        assert out[6, 6].tolist() == [255, 255, 255]


def test_the_trajectory_agrees_with_the_state_ode_at_working_resolution(untrained, random):
    image = random.random((32, 48, 3)) ** 2
    fast = untrained.solve(image, solver=Solver("dopri5", tolerance=1e-6), span=(0, 3))
    whole = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    reference = solve_state(
        untrained.curve_parameters, whole, torch.tensor([0.0, 3.0]), Solver("dopri5", tolerance=1e-6)
    )
    exponent = fast.exponent.at(3.0)
    assert fast.working.shape == whole.shape[1:]
    error = (curve(whole[0], exponent) - reference[-1, 0]).square().mean()
    assert -10 * torch.log10(error) > 60


def test_upsampling_an_equal_size_picture_loses_little(model):
    width = model.architecture.working_size
    height = round(width * 2 / 3)
    y, x = np.mgrid[:height, :width]
    image = np.stack([0.1 + 0.08 * np.sin(x / 9 + y / 5), 0.1 + x / 1500, 0.08 + y / 2000], -1)
    path = model.solve(image)
    assert path.working.shape[1:] == (height, width)
    direct = curve(torch.from_numpy(image).permute(2, 0, 1), path.exponent.at(3.0).double())
    upsampled = torch.from_numpy(path.at(3.0)).permute(2, 0, 1)
    assert -10 * torch.log10((direct - upsampled).square().mean()) > 40


def test_no_halo_at_a_step_edge_of_a_large_picture(model):
    picture = step_edge(1000, 1500)
    for time in (1.5, 3.0, 5.0):
        row = model.solve(picture).at(time)[500].astype(float) / 255
        middle = row.shape[0] // 2
        for side in (slice(middle - 300, middle - 2), slice(middle + 2, middle + 300)):
            near = row[side]
            trend = np.linspace(0, 1, len(near))[:, None] * (near[-1] - near[0]) + near[0]
            limit = 0.02 if time <= 3 else 0.06  # a local exposure has a broad slope of its own
            assert np.abs(near - trend).max() < limit


def test_noise_removal_is_one_picture_seen_at_every_time(model, dark):
    path = model.solve(dark)
    clean = {t: path.at(t, denoise=True).astype(float) / 255 for t in (0.0, 2.0)}
    odds = {t: x / np.maximum(1 - x, 1e-9) + 1e-9 for t, x in clean.items()}
    shift = np.log(odds[2.0]) - np.log(odds[0.0])
    smooth = path.exponent.at(2.0).mean()
    lit = (clean[0.0] > 0.06) & (clean[2.0] < 0.9)
    assert np.median(shift[lit]) == pytest.approx(float(smooth), abs=0.35)


def test_noise_removal_lowers_the_noise_and_keeps_the_light(model, random):
    flat = np.clip(14 + random.normal(0, 3, (128, 192, 3)), 0, 255).round().astype(np.uint8)
    path = model.solve(flat)
    noisy, clean = path.at(3.0).astype(float), path.at(3.0, denoise=True).astype(float)
    assert clean[20:-20, 20:-20].std() < 0.4 * noisy.std()
    assert clean.mean() == pytest.approx(noisy.mean(), rel=0.12)


def test_auto_of_weights_without_a_learned_reach_is_the_documented_average(model, dark):
    path = control_of(model).solve(dark[15:])
    anchor = (path.auto() - (1 - AUTO_WEIGHT) * TRAINED_TIME) / AUTO_WEIGHT
    exposed = curve(path.working, path.exponent.at(anchor))
    assert float(torch.quantile(exposed.mean(0).flatten(), AUTO_QUANTILE)) == pytest.approx(
        AUTO_LEVEL, abs=0.01
    )


def test_auto_leaves_more_room_when_the_highlights_are_dark(model, dark):
    dark = dark[15:]
    bright = np.clip(dark.astype(int) * 4, 0, 255).astype(np.uint8)
    assert model.solve(dark).auto() > model.solve(bright).auto() >= 0


@pytest.mark.parametrize("value", [0, 255])
def test_auto_of_a_featureless_picture_is_a_number(model, value):
    path = model.solve(np.full((30, 40), value, np.uint8))
    assert 0 <= path.auto() <= 5
    assert (path.at("auto") == value).all()


def test_mean_brightness_over_time_is_that_of_the_pictures(model, dark):
    path = model.solve(dark)
    for time, mean in zip((-1.0, 1.0, 3.0), path.brightness((-1.0, 1.0, 3.0)), strict=True):
        assert mean == pytest.approx(path.at(time).mean() / 255, abs=0.02)


@pytest.mark.parametrize("time", [float("nan"), 5.5, -6, "loud", None, float("inf")])
def test_a_time_outside_the_span_is_refused(model, dark, time):
    with pytest.raises(ValueError, match="'auto' or a number from -5 to 5"):
        model.solve(dark).at(time)


def test_progress_reaches_the_end_and_can_stop_the_work(model, dark):
    told = []
    model.solve(dark).at(2.0, denoise=True, progress=told.append)
    assert told[-1] == 1.0 and told == sorted(told)

    def stop(fraction):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        model.solve(dark).at(2.0, progress=stop)


PARTS = [
    ((0, 60), (0, 90)),
    ((0, 1), (0, 1)),
    ((13, 45), (17, 71)),
    ((59, 60), (89, 90)),
    ((0, 60), (33, 34)),
]


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("denoise", [False, True])
@pytest.mark.parametrize("part", PARTS)
def test_a_region_is_that_part_of_the_whole(model, dark, monkeypatch, part, denoise, held):
    if not held:
        monkeypatch.setattr("clode_core.pictures.source.HELD_ELEMENTS", 0)
    picture = dark.astype(np.float32) / 255
    rows, columns = part
    whole = model.solve(picture).at(2.4, denoise=denoise)
    cut = model.solve(picture).region(rows, columns, 2.4, denoise=denoise)
    assert np.abs(cut - whole[slice(*rows), slice(*columns)]).max() <= 1e-5


def test_a_region_of_a_large_picture_is_that_part_of_the_whole(model, random):
    picture = (0.1 * random.random((900, 1000, 3))).astype(np.float32)
    whole = model.solve(picture).at("auto", denoise=True)
    path = model.solve(picture)
    for rows, columns in [((401, 607), (333, 811)), ((700, 900), (0, 1000))]:
        cut = path.region(rows, columns, "auto", denoise=True)
        assert np.abs(cut - whole[slice(*rows), slice(*columns)]).max() <= 1e-5


def test_a_region_keeps_alpha_holes_and_what_lies_beyond_the_levels(model, dark):
    picture = np.dstack([dark / 255.0, np.linspace(0, 1, 60 * 90).reshape(60, 90)])
    picture[20, 30, 0], picture[21, 30, 1], picture[22, 30, 2] = np.nan, 1.5, -0.25
    for denoise in (False, True):
        whole = model.solve(picture).at(3, denoise=denoise)
        cut = model.solve(picture).region((10, 40), (25, 60), 3, denoise=denoise)
        np.testing.assert_allclose(cut, whole[10:40, 25:60], atol=1e-5)


def test_a_region_is_cleaned_once_for_every_time(model, dark):
    path, calls = model.solve(dark), []
    path.region((5, 20), (5, 20), 1, denoise=True, progress=calls.append)
    assert calls
    calls.clear()
    path.region((5, 20), (5, 20), 4, denoise=True, progress=calls.append)
    assert set(calls) <= {1.0}  # nothing is left to do but the curve


@pytest.mark.parametrize("part", [((0, 0), (0, 5)), ((5, 3), (0, 5)), ((0, 61), (0, 5)), ((0, 5), (-1, 5))])
def test_a_region_beyond_the_picture_is_refused(model, dark, part):
    with pytest.raises(ValueError, match="no part of a picture"):
        model.solve(dark).region(*part)


def test_a_reduced_trajectory_shows_the_picture_smaller(model, random):
    y, x = np.mgrid[:400, :600]
    scene = np.stack([20 + x / 20, 25 + y / 15, 30 + 10 * np.sin(x / 90)], -1)
    picture = np.clip(scene + random.normal(0, 1, scene.shape), 0, 255).astype(np.uint8)
    path = model.solve(picture)
    small = path.reduced(150)
    assert small.auto() == path.auto()
    for time in (-2.0, 0.0, 3.0):
        whole = path.at(time).reshape(100, 4, 150, 4, 3).mean((1, 3)) / 255
        shown = small.at(time)
        assert shown.dtype == np.float32 and shown.shape == (100, 150, 3)
        assert np.abs(shown - whole).max() < 0.02


def test_a_reduced_picture_has_its_alpha_and_no_holes(model, dark):
    opacity = np.full((60, 90, 1), 255, np.uint8)
    opacity[:, 45:] = 51
    small = model.solve(np.dstack([dark, opacity])).reduced(30).at(2)
    assert small.shape == (20, 30, 4)
    np.testing.assert_allclose(small[:, :15, 3], 1.0, atol=1e-6)
    np.testing.assert_allclose(small[:, 15:, 3], 0.2, atol=1e-6)
    holed = dark / 255.0
    holed[10, 10] = np.nan
    assert np.isfinite(model.solve(holed).reduced(30).at(2)).all()


def test_a_small_picture_is_reduced_to_itself(model, dark):
    shown = model.solve(dark).reduced(500).at(3)
    assert np.abs(shown * 255 - model.solve(dark).at(3)).max() <= 0.501


def test_a_reduced_picture_of_no_size_is_refused(model, dark):
    with pytest.raises(ValueError, match="long side"):
        model.solve(dark).reduced(0)


def test_a_reduced_trajectory_of_a_shared_exposure_has_its_automatic_time(model, dark):
    shared = model.shared_exposure([dark, dark // 3])
    path = model.solve(dark, exposure=shared)
    assert path.reduced(30).auto() == path.auto() == shared.auto
    assert path.auto() != model.solve(dark).auto()
