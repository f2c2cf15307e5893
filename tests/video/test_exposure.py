import math

import numpy as np
import pytest
import torch

from clode_core.methods.clode.curve import curve
from clode_core.methods.clode.dense import DenseExponent
from clode_core.methods.clode.exposure import SharedExposure
from clode_core.pictures.arrays import ImageError
from clode_core.video import WHITE, ExposureTimeline, Frame, LiveExposure, TimelineBuilder
from clode_core.video.exposure import Moment
from clode_core.video.tone import look_up, tone_tables


def uniform(slope, auto=3.0, channels=3):
    """An exposure whose exponent is `slope` times the exposure time."""
    times = torch.tensor([0.0, 2.5, 5.0], dtype=torch.float64)
    slopes = torch.full((3, channels, 1, 1), float(slope))
    return SharedExposure(
        DenseExponent(times, slopes * times.float()[:, None, None, None], slopes, 1), (0.0, 5.0), auto
    )


def slope(exposure):
    return float(exposure.exponent.at(1.0).mean())


def flat_frame(value, time, shape=(48, 64)):
    plane = np.full(shape, round(value * WHITE), np.uint16)
    return Frame((plane, plane, plane), time)


def test_a_weighted_mean_of_exposures_weighs_exponents_and_automatic_times():
    mean = SharedExposure.mean([uniform(1, auto=2), uniform(2, auto=4)], [3, 1])
    assert slope(mean) == pytest.approx(1.25)
    assert mean.auto == pytest.approx(2.5)
    assert slope(SharedExposure.mean([uniform(1), uniform(2)])) == pytest.approx(1.5)
    with pytest.raises(ImageError):
        SharedExposure.mean([uniform(1), uniform(1, channels=1)])


def test_a_frame_gets_the_gaussian_mean_of_the_moments_around_it():
    moments = [Moment(t / 2, 0, uniform(t)) for t in range(8)]
    timeline = ExposureTimeline(moments, smoothing=0.6)
    weights = [math.exp(-0.5 * ((1.3 - t / 2) / 0.6) ** 2) for t in range(8)]
    expected = sum(w * t for t, w in enumerate(weights)) / sum(weights)
    assert slope(timeline.at(1.3)) == pytest.approx(expected, rel=1e-5)


def test_the_first_frame_is_exposed_like_those_after_it():
    moments = [Moment(t / 2, 0, uniform(3)) for t in range(8)]
    timeline = ExposureTimeline(moments)
    assert slope(timeline.at(0.0)) == pytest.approx(slope(timeline.at(2.0)))


def test_scenes_do_not_mix():
    moments = [Moment(0.0, 0, uniform(1)), Moment(0.5, 0, uniform(1)), Moment(0.8, 1, uniform(5))]
    timeline = ExposureTimeline(moments, cuts=[0.8])
    assert slope(timeline.at(0.79)) == pytest.approx(1)
    assert slope(timeline.at(0.8)) == pytest.approx(5)


def test_no_smoothing_takes_the_nearest_moment():
    timeline = ExposureTimeline([Moment(0.0, 0, uniform(1)), Moment(1.0, 0, uniform(2))], smoothing=0)
    assert [slope(timeline.at(t)) for t in (0.4, 0.6, 9.0)] == pytest.approx([1, 2, 2])


def test_a_time_far_from_every_moment_takes_the_nearest():
    timeline = ExposureTimeline([Moment(0.0, 0, uniform(1)), Moment(100.0, 0, uniform(2))], smoothing=0.5)
    assert slope(timeline.at(60.0)) in (pytest.approx(1), pytest.approx(2))


@pytest.mark.parametrize("smoothing", [-1, math.nan])
def test_impossible_timelines_are_refused(smoothing):
    with pytest.raises(ValueError, match="smoothing"):
        ExposureTimeline([Moment(0.0, 0, uniform(1))], smoothing=smoothing)
    with pytest.raises(ValueError, match="at least one"):
        ExposureTimeline([])


def test_a_builder_solves_moments_half_a_second_apart_and_every_new_scene(model):
    builder = TimelineBuilder(model, interval=0.5)
    dark = [flat_frame(0.03, i / 10) for i in range(12)]
    bright = [flat_frame(0.4, 1.2 + i / 10) for i in range(8)]
    solved = [builder.add(f) for f in dark + bright]
    assert [round(m.time, 1) for m in builder.moments] == [0.0, 0.5, 1.0, 1.2, 1.7]
    assert sum(solved) == 5
    timeline = builder.timeline()
    assert timeline.cuts == [pytest.approx(1.2)]
    assert slope(timeline.at(0.3)) > slope(timeline.at(1.5)) + 0.05


def test_live_exposure_starts_at_once_follows_smoothly_and_jumps_at_cuts(model):
    live = LiveExposure(model, smoothing=1.0)
    first = live.update(flat_frame(0.02, 0.0))
    assert slope(live.update(flat_frame(0.02, 0.04))) == pytest.approx(slope(first))
    before = slope(first)
    values = [slope(live.update(flat_frame(0.02 + 0.001 * i, 0.04 * i))) for i in range(2, 60)]
    assert np.abs(np.diff(values)).max() < 0.02
    assert abs(values[-1] - before) > 1e-3
    alone = slope(LiveExposure(model).update(flat_frame(0.6, 0.0)))
    assert slope(live.update(flat_frame(0.6, 2.4))) == pytest.approx(alone)


def test_live_exposure_starts_afresh_when_time_jumps(model):
    live = LiveExposure(model)
    live.update(flat_frame(0.02, 10.0))
    alone = slope(LiveExposure(model).update(flat_frame(0.04, 3.0)))
    assert slope(live.update(flat_frame(0.04, 3.0))) == pytest.approx(alone)


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, WHITE)])
def test_tables_hold_the_curve_of_every_value(dtype, white):
    exposure = SharedExposure.mean([uniform(0.8)])
    tables = tone_tables(exposure, 3.0, dtype, white)
    values = torch.arange(0, WHITE + 1, 97, dtype=torch.float64) / WHITE
    expected = curve(values, torch.tensor(2.4, dtype=torch.float64)) * white
    for table in tables:
        assert table.dtype == dtype
        assert np.abs(table[::97][: len(values)] - expected.numpy()).max() <= 0.51
        assert table[0] == 0
        assert (table[WHITE:] == white).all()
        assert (np.diff(table.astype(int)) >= 0).all()


def test_looking_up_serves_planes_that_are_views(random):
    plane = random.integers(0, WHITE, (40, 60)).astype(np.uint16)
    table = (np.arange(1 << 16) >> 8).astype(np.uint8)
    target = np.zeros((40, 64), np.uint8)[:, :60]
    whole = np.zeros((60, 40), np.uint8)
    look_up([table] * 2, (plane, plane.T), [target, whole])
    np.testing.assert_array_equal(target, table[plane])
    np.testing.assert_array_equal(whole, table[plane.T])


def test_shadows_and_highlights_are_part_of_the_tables(model, dark):
    exposure = model.solve(dark).own_exposure()
    plain = tone_tables(exposure, 2.0, np.uint16, 65535)
    bent = tone_tables(exposure, 2.0, np.uint16, 65535, shadows=1.5, highlights=-1.0)
    for before, after in zip(plain, bent, strict=True):
        assert after[0] == 0 and after[-1] == 65535
        assert np.all(np.diff(after.astype(int)) >= 0)
        assert after[500] > 1.2 * before[500]
        assert after[40000] < before[40000]
