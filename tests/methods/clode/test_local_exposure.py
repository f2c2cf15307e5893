import numpy as np
import pytest
import torch

import clode_core as clode
from clode_core import exposure_map, graduated_map
from clode_core.methods.clode.ode import Solver

MIDPOINT = Solver("midpoint", 0.5)


@pytest.fixture
def picture(dark):
    return dark.astype(np.float32) / 255


@pytest.mark.parametrize("solver", [None, MIDPOINT])
@pytest.mark.parametrize("denoise", [False, True])
@pytest.mark.parametrize("time", [-2.3, 0.0, 0.5, 1.0, 3.7])
def test_a_constant_map_is_the_scalar(model, picture, solver, denoise, time):
    path = model.solve(picture, solver=solver)
    local = path.at(np.full(picture.shape[:2], time), denoise=denoise)
    assert np.abs(local - path.at(time, denoise=denoise)).max() <= 1e-6


@pytest.mark.parametrize("solver", [None, MIDPOINT])
@pytest.mark.parametrize("held", [True, False])
def test_every_pixel_has_its_own_time(untrained, picture, random, monkeypatch, solver, held):
    if not held:
        monkeypatch.setattr("clode_core.pictures.source.HELD_ELEMENTS", 0)
    path = untrained.solve(picture, solver=solver)
    times = random.choice([-4.0, -0.5, 0.0, 0.25, 1.0, 2.5, 5.0], picture.shape[:2])
    local = path.at(times)
    for time in np.unique(times):
        inside = times == time
        assert np.abs(local[inside] - path.at(float(time))[inside]).max() <= 1e-6


def test_compressed_dark_is_put_right_by_the_time_of_each_pixel(model, random):
    picture = np.repeat(np.repeat(random.integers(0, 12, (40, 60, 3)), 8, 0), 8, 1).astype(np.uint8)
    path = model.solve(picture)
    assert path._renderer.full.dark() is not None
    times = np.where(np.arange(480) < 240, 0.5, 3.0)[None]
    local = path.at(times).astype(int)
    assert np.abs(local[:, :240] - path.at(0.5)[:, :240]).max() <= 1
    assert np.abs(local[:, 240:] - path.at(3.0)[:, 240:]).max() <= 1


def test_a_map_that_is_nan_is_zero(model, dark):
    path = model.solve(dark)
    times = np.full(dark.shape[:2], np.nan)
    assert np.array_equal(path.at(times), dark)
    times[:, 45:] = 3.0
    local = path.at(times)
    assert np.array_equal(local[:, :45], dark[:, :45])
    assert np.abs(local[:, 45:].astype(int) - path.at(3.0)[:, 45:]).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (60, 1), (7, 11), (240, 360), (3, 500)])
def test_a_map_of_any_size_is_brought_to_that_of_the_picture(model, picture, shape):
    path = model.solve(picture)
    assert np.abs(path.at(np.full(shape, 2)) - path.at(2.0)).max() <= 1e-6


def test_a_larger_map_is_averaged_over_each_pixel(model, picture, random):
    small = random.uniform(0, 4, picture.shape[:2])
    large = np.repeat(np.repeat(small, 4, 0), 4, 1)
    path = model.solve(picture)
    assert np.abs(path.at(large) - path.at(small)).max() <= 1e-5


def test_a_region_and_a_reduced_picture_see_their_part_of_the_map(model, picture):
    path = model.solve(picture)
    times = np.linspace(-1, 4, 60 * 90).reshape(60, 90)
    whole = path.at(times, shadows=1.0)
    small = times[:39, :41]  # as large as the part, but a map of the whole picture all the same
    resized = path.at(small)[11:50, 20:61]
    assert np.abs(path.region((11, 50), (20, 61), small) - resized).max() <= 1e-5
    cut = path.region((11, 50), (20, 61), times, shadows=1.0)
    assert np.abs(cut - whole[11:50, 20:61]).max() <= 1e-5
    small = path.reduced(30).at(times, shadows=1.0)
    assert small.shape == (20, 30, 3)
    assert np.abs(small - whole.reshape(20, 3, 30, 3, 3).mean((1, 3))).max() < 0.08


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (np.full((60, 90), np.inf), "numbers from -5 to 5, not inf"),
        (np.full((60, 90), -7), "numbers from -5 to 5, not -7"),
        (np.zeros((60, 90, 3)), "rows and columns of real numbers"),
        (np.zeros(90), "rows and columns of real numbers"),
        (np.zeros((0, 90)), "rows and columns of real numbers"),
        (np.full((60, 90), "dark"), "rows and columns of real numbers"),
        (np.zeros((60, 90), complex), "rows and columns of real numbers"),
    ],
)
def test_a_map_that_is_none_is_refused(model, dark, times, message):
    with pytest.raises(ValueError, match=message):
        model.solve(dark).at(times)


def test_enhance_takes_a_map_for_all_planes_of_a_stack(model, dark):
    stack = np.stack([dark, dark // 2])
    times = np.where(np.arange(90) < 45, 1, 4)[None]
    out = clode.enhance(stack, times, model=model, denoise=False)
    for plane, shown in zip(stack, out, strict=True):
        assert np.array_equal(shown, model.solve(plane, span=(0, 4)).at(times))
    with pytest.raises(ValueError, match="from -20 to 20, not 120"):
        clode.enhance(dark, times * 30, model=model)


def test_shadows_open_the_dark_and_highlights_keep_the_light(model):
    y, x = np.mgrid[:120, :180]
    picture = np.where((x > 90)[..., None], 0.5, 0.02) * np.ones(3) + 0.01 * np.sin(y / 5)[..., None]
    path = model.solve(picture.astype(np.float32).clip(0, 1))
    plain, bent = path.at(2.0), path.at(2.0, shadows=1.0, highlights=-1.5)
    assert bent[:, :80].mean() > 1.2 * plain[:, :80].mean()
    assert bent[:, 100:].mean() < plain[:, 100:].mean() - 0.05


def test_shadows_make_no_halo_at_a_step_edge(model):
    picture = np.full((1000, 1500, 3), 6, np.uint8)
    picture[:, 750:] = 120
    row = model.solve(picture).at(1.5, shadows=1.0, highlights=-0.5)[500].astype(float) / 255
    for near in (row[450:748], row[752:1050]):
        trend = np.linspace(0, 1, len(near))[:, None] * (near[-1] - near[0]) + near[0]
        assert np.abs(near - trend).max() < 0.03


@pytest.mark.parametrize("amount", [6, -5.1, float("nan"), "much", None])
@pytest.mark.parametrize("name", ["shadows", "highlights"])
def test_a_bend_out_of_range_is_refused(model, dark, name, amount):
    with pytest.raises(ValueError, match=f"{name} takes a number from -5 to 5"):
        model.solve(dark).at(1.0, **{name: amount})


def test_regions_cover_one_another_and_fade_over_the_feather():
    left = np.zeros((80, 120), bool)
    left[:, :60] = True
    whole = np.ones((80, 120))
    sharp = exposure_map((80, 120, 3), [(whole, 1.0), (left, 3.0)], base=-1.0)
    assert sharp.dtype == np.float32 and set(np.unique(sharp)) == {1.0, 3.0}
    soft = exposure_map((80, 120), [(left, 3.0)], feather=12)
    row = soft[40]
    assert np.all(np.diff(row) <= 1e-6)
    assert row[:53].min() > 2.95 and row[67:].max() < 0.05
    assert row[59] + row[60] == pytest.approx(3.0, abs=1e-4)
    assert np.abs(soft - row).max() < 1e-5


def test_a_graduated_filter_goes_evenly_from_one_time_to_the_other():
    times = graduated_map((50, 100), (10, 0), (40, 0), (-1.0, 3.0))
    assert np.all(times[:11] == -1.0) and np.all(times[40:] == 3.0)
    assert np.allclose(np.diff(times[10:41, 7]), 4 / 30)
    slanted = graduated_map((50, 100), (0, 0), (20, 20), (0.0, 1.0))
    assert slanted[5, 15] == pytest.approx(slanted[15, 5])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: exposure_map((10, 10), [(np.ones((9, 10)), 1.0)]), "a mask has the shape"),
        (lambda: exposure_map((10, 10), [(np.ones((10, 10)), np.nan)]), "finite"),
        (lambda: exposure_map((10, 10), feather=11), "feather"),
        (lambda: exposure_map((10,)), "rows and columns"),
        (lambda: graduated_map((10, 10), (1, 1), (1, 1), (0, 1)), "two points that differ"),
    ],
)
def test_a_map_that_cannot_be_made_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_solution_of_one_euler_step_is_straight_in_time(model, untrained, dark):
    straight = model.solve(dark).exponent
    assert straight.rate is not None
    assert torch.allclose(straight.at(-2.5), -2.5 * straight.rate, atol=1e-5)
    assert untrained.solve(dark, solver=MIDPOINT).exponent.rate is None
