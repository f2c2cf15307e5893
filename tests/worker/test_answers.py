"""A worker answers what the core would, whatever else happens to it."""

import time

import numpy as np
import pytest
from worker_helpers import picture_of, render, upload

import clode_core as clode
from clode_core.worker.link import Cancelled, WorkerError
from clode_core.worker.link.frames import Message

SHAPES = [(40, 60, 1), (40, 60, 2), (37, 61, 3), (64, 96, 4)]


def test_the_worker_says_what_it_is(link):
    assert link.version == clode.__version__
    status = link.request("status")
    assert status.text("device") and status.flag("noise_removal")


@pytest.mark.parametrize("denoise", [False, True])
def test_a_picture_comes_back_as_from_the_core(link, denoise):
    for number, shape in enumerate(SHAPES):
        picture = picture_of(shape)
        upload(link, number, picture)
        used, result = render(link, number, shape, denoise=denoise)
        expected = clode.enhance(picture, 2.5, denoise=denoise, levels=(0, 1), rgb=True)
        assert used == 2.5
        assert np.abs(result - expected).max() <= 1e-5


def test_the_automatic_time_is_that_of_the_core(link):
    picture = picture_of((64, 96, 3))
    upload(link, 1, picture)
    expected = clode.load_model(device="cpu").solve(picture).auto()
    assert link.request("solve", picture=1).number("auto", -5, 5) == pytest.approx(expected, abs=1e-5)
    assert render(link, 1, picture.shape, "auto")[0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("denoise", [False, True])
def test_a_region_is_rendered_from_the_whole_picture(link, denoise):
    picture = picture_of((90, 120, 4))
    upload(link, 1, picture)
    whole = clode.enhance(picture, 2.5, denoise=denoise, levels=(0, 1))
    _, part = render(link, 1, picture.shape, denoise=denoise, region=(30, 20, 50, 41))
    assert np.abs(part - whole[20:61, 30:80]).max() <= 1e-5


def test_many_bands_make_the_same_picture(launcher, link, monkeypatch):
    # Taller than one band of noise removal, which no small picture is.
    picture = picture_of((1500, 40, 3))
    upload(link, 1, picture, 400)
    fractions = []
    _, result = render(link, 1, picture.shape, denoise=True, progress=lambda f: not fractions.append(f))
    assert np.abs(result - clode.enhance(picture, 2.5, levels=(0, 1))).max() <= 1e-5
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert any(0.5 < fraction < 1 for fraction in fractions)


def eight(picture):
    return np.rint(np.clip(picture, 0, 1) * 255)


@pytest.mark.parametrize("denoise", [False, True])
def test_the_detail_shows_what_the_whole_picture_will_be(link, denoise):
    picture = picture_of((120, 160, 3))
    upload(link, 1, picture)
    fields = {"time": 2.5, "denoise": denoise, "x": 40, "y": 30, "width": 64, "height": 48}
    answer = link.request("detail", picture=1, **fields)
    shown = np.frombuffer(answer.payload, np.uint8).reshape(48, 64, 3)
    whole = clode.enhance(picture, 2.5, denoise=denoise, levels=(0, 1))
    assert np.abs(shown - eight(whole)[30:78, 40:104]).max() <= 1


@pytest.mark.parametrize("shape", SHAPES)
def test_a_view_is_the_picture_made_smaller(link, shape):
    picture = np.broadcast_to(np.linspace(0.02, 0.2, shape[1])[None, :, None], shape).astype(np.float32)
    if shape[2] in (2, 4):
        picture = picture.copy()
        picture[..., -1] = 0.5
    upload(link, 1, picture)
    for time_ in (0.0, 3.0):
        answer = link.request("view", picture=1, time=time_, denoise=False, long_side=30)
        size = answer.whole("height", 1, 30), answer.whole("width", 1, 30)
        channels = 4 if shape[2] in (2, 4) else 3
        assert answer.whole("channels", 3, 4) == channels and max(size) == 30
        shown = np.frombuffer(answer.payload, np.uint8).reshape(*size, channels)
        whole = clode.enhance(picture, time_, denoise=False, levels=(0, 1), rgb=True)
        # Where one pixel of the view begins and ends may differ by a pixel of the picture.
        assert np.abs(shown[..., 0].mean() - eight(whole)[..., 0].mean()) <= 2
        assert channels == 3 or (shown[..., 3] == 128).all()


def test_values_beyond_white_are_taken_as_a_front_end_means_them(link):
    picture = picture_of((32, 48, 3))
    picture[3, 4, 0], picture[5, 6, 1] = 7.5, np.nan
    upload(link, 1, picture)
    _, result = render(link, 1, picture.shape)
    assert result[3, 4, 0] == 7.5 and np.isnan(result[5, 6, 1])
    expected = clode.enhance(picture, 2.5, denoise=False, levels=(0, 1))
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_work_can_be_cancelled_and_the_worker_goes_on(link):
    picture = picture_of((2900, 700, 3))
    upload(link, 1, picture, 1000)
    seen = []
    with pytest.raises(Cancelled):
        render(link, 1, picture.shape, denoise=True, progress=lambda f: seen.append(f) or f == 0)
    assert max(seen) < 1
    _, part = render(link, 1, picture.shape, region=(0, 0, 20, 20))
    assert np.isfinite(part).all()


def test_a_caller_that_hangs_up_in_mid_work_does_not_stop_another(launcher, link):
    picture = picture_of((1500, 900, 3))
    upload(link, 1, picture, 500)
    impatient = launcher.connect()
    upload(impatient, 1, picture, 500)
    impatient.send(
        Message("render", {"id": 9, "picture": 1, "time": 2.5, "denoise": True}
                | {"x": 0, "y": 0, "width": 900, "height": 1500})
    )  # fmt: skip
    impatient.close()
    _, result = render(link, 1, picture.shape, region=(0, 0, 30, 30))
    assert np.isfinite(result).all()


def test_two_callers_share_one_worker_and_not_their_pictures(launcher, link):
    other = launcher.connect()
    try:
        assert other.process == link.process
        one, two = picture_of((30, 40, 3), 1), picture_of((50, 20, 1), 2)
        upload(link, 1, one)
        upload(other, 1, two)
        for caller, picture in ((link, one), (other, two)):
            _, result = render(caller, 1, picture.shape)
            expected = clode.enhance(picture, 2.5, denoise=False, levels=(0, 1), rgb=True)
            assert np.abs(result - expected).max() <= 1e-5
    finally:
        other.close()


def test_a_picture_that_was_closed_is_forgotten(link):
    upload(link, 1, picture_of((30, 40, 3)))
    link.request("close", picture=1)
    with pytest.raises(WorkerError, match="there is no picture 1"):
        link.request("solve", picture=1)


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("solve", {"picture": 2}, "no picture 2"),
        ("solve", {"picture": "1"}, "picture must be a whole number"),
        ("view", {"time": 2, "denoise": True, "long_side": 10**9}, "long_side must be"),
        ("view", {"time": 21, "denoise": True, "long_side": 100}, "time must be a number from -20 to 20"),
        ("view", {"time": 6, "denoise": True, "long_side": 100}, "exposure time must be"),
        ("view", {"time": "soon", "denoise": True, "long_side": 100}, "time must be a number"),
        ("view", {"time": 2, "denoise": 1, "long_side": 100}, "denoise must be true or false"),
        ("detail", {"time": 2, "denoise": True, "x": 0, "y": 0, "width": 41, "height": 5}, "width must be"),
        ("detail", {"time": 2, "denoise": True, "x": 40, "y": 0, "width": 1, "height": 5}, "x must be"),
        ("render", {"time": 2, "denoise": True, "x": 0, "y": -1, "width": 1, "height": 5}, "y must be"),
        ("open", {"picture": 3, "height": 10**9, "width": 5, "channels": 3}, "height must be"),
        ("open", {"picture": 3, "height": 2**19, "width": 2**19, "channels": 4}, "too many"),
        ("open", {"picture": 3, "height": 5, "width": 5, "channels": 5}, "channels must be"),
    ],
)
def test_an_impossible_question_is_answered_in_words_and_the_next_one_too(link, kind, fields, words):
    picture = picture_of((30, 40, 3))
    upload(link, 1, picture)
    with pytest.raises(WorkerError, match=words):
        link.request(kind, **({"picture": 1} | fields))
    assert link.request("solve", picture=1).kind == "solved"


def test_a_question_about_half_a_picture_waits_for_no_rows(link):
    link.request("open", picture=1, height=30, width=40, channels=3)
    link.send_rows(1, 0, 10, picture_of((10, 40, 3)).tobytes())
    with pytest.raises(WorkerError, match="only 10 of 30 rows"):
        link.request("solve", picture=1)


def test_every_view_comes_from_one_trajectory(link):
    picture = picture_of((64, 96, 3))
    upload(link, 1, picture)
    path = clode.load_model(device="cpu").solve(picture, levels=(0, 1), rgb=True)
    link.request("solve", picture=1)
    for time_ in (-5.0, -1.0, 0.5, 5.0):
        answer = link.request("view", picture=1, time=time_, denoise=True, long_side=96)
        shown = np.frombuffer(answer.payload, np.uint8).reshape(64, 96, 3)
        assert np.abs(shown - eight(path.at(time_, denoise=True))).max() <= 1


def test_a_worker_starts_within_its_patience_and_is_found_again(launcher):
    first = launcher.connect()
    number = first.process
    first.close()
    time.sleep(0.1)
    second = launcher.connect()
    assert second.process == number
    second.close()
