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


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_numbers_come_back_as_from_the_core(link, dtype):
    for number, shape in enumerate(SHAPES):
        picture = (picture_of(shape) * np.iinfo(dtype).max).astype(dtype)
        upload(link, number, picture)
        _, result = render(link, number, shape, denoise=True, dtype=dtype)
        expected = clode.enhance(picture, 2.5, denoise=True, rgb=True)
        assert np.abs(result.astype(int) - expected).max() <= 1
        # Another number of threads changes the last digit of a float, and so now and then a rounding.
        assert np.mean(result != expected) < (0.01 if dtype == np.uint8 else 0.1)
        answer = link.request("detail", picture=number, time=0, denoise=False, x=3, y=2, width=20, height=30)
        unit = picture[2:32, 3:23] / np.iinfo(dtype).max
        assert np.array_equal(shown_in(answer), sixteen(unit))


def test_shadows_and_highlights_bend_every_answer(link):
    picture = picture_of((64, 96, 3))
    upload(link, 1, picture)
    bent = {"shadows": 1.5, "highlights": -1.0}
    path = clode.load_model(device="cpu").solve(picture, levels=(0, 1), rgb=True)
    expected = path.at(1.0, **bent)
    result = np.zeros_like(picture)

    def store(first, count, data):
        result[first : first + count] = np.frombuffer(data, np.float32).reshape(count, 96, 3)

    link.render(1, 1.0, False, (0, 0, 96, 64), store, **bent)
    assert np.abs(result - expected).max() <= 1e-5
    assert np.abs(result - path.at(1.0)).max() > 0.02
    answer = link.request("detail", picture=1, time=1.0, denoise=False, x=5, y=3, width=20, height=30, **bent)
    assert np.abs(shown_in(answer).astype(int) - sixteen(expected[3:33, 5:25])).max() <= 1
    small = link.request("view", picture=1, time=1.0, denoise=False, long_side=96, **bent)
    assert np.abs(shown_in(small).astype(int) - sixteen(expected)).max() <= 300


def test_the_automatic_time_of_a_part_is_that_of_the_part_as_a_picture(link):
    picture = picture_of((200, 300, 3))
    picture[:, :150] += 0.6
    upload(link, 1, (picture * 255).astype(np.uint8))
    part = {"x": 160, "y": 20, "width": 120, "height": 150}
    model = clode.load_model(device="cpu")
    whole = link.request("auto", picture=1, x=0, y=0, width=300, height=200).number("auto", -5, 5)
    dark = link.request("auto", picture=1, **part).number("auto", -5, 5)
    assert dark == pytest.approx(model.solve(picture[20:170, 160:280]).auto(), abs=0.05)
    assert dark > whole + 0.3
    # The same part, of which a bright half is not selected, by weights that are smaller than it.
    weights = np.full((40, 60, 1), 200, np.uint8)
    weights[:, :31] = 20
    upload(link, 2, weights)
    everything = {"x": 0, "y": 0, "width": 300, "height": 200, "weights": 2}
    selected = link.request("auto", picture=1, **everything).number("auto", -5, 5)
    assert abs(selected - dark) < 0.5 * abs(whole - dark)
    # Where nothing is selected by half, all of it counts.
    upload(link, 2, weights // 3)
    assert link.request("auto", picture=1, **everything).number("auto", -5, 5) == pytest.approx(
        whole, abs=0.01
    )


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


def sixteen(picture):
    return np.rint(np.clip(picture, 0, 1) * 65535)


def shown_in(answer):
    size = [answer.whole(side, 1, 2048) for side in ("height", "width", "channels")]
    return np.frombuffer(answer.payload, "<u2").reshape(size).astype(int)


@pytest.mark.parametrize("denoise", [False, True])
def test_the_detail_shows_what_the_whole_picture_will_be(link, denoise):
    picture = picture_of((120, 160, 3))
    upload(link, 1, picture)
    fields = {"time": 2.5, "denoise": denoise, "x": 40, "y": 30, "width": 64, "height": 48}
    answer = link.request("detail", picture=1, **fields)
    whole = clode.enhance(picture, 2.5, denoise=denoise, levels=(0, 1))
    assert np.abs(shown_in(answer) - sixteen(whole)[30:78, 40:104]).max() <= 1


@pytest.mark.parametrize("shape", SHAPES)
def test_a_view_is_the_picture_made_smaller(link, shape):
    picture = np.broadcast_to(np.linspace(0.02, 0.2, shape[1])[None, :, None], shape).astype(np.float32)
    if shape[2] in (2, 4):
        picture = picture.copy()
        picture[..., -1] = 0.5
    upload(link, 1, picture)
    for time_ in (0.0, 3.0):
        answer = link.request("view", picture=1, time=time_, denoise=False, long_side=30)
        shown = shown_in(answer)
        assert shown.shape[2] == shape[2] and max(shown.shape) == 30
        whole = clode.enhance(picture, time_, denoise=False, levels=(0, 1), rgb=True)
        # Where one pixel of the view begins and ends may differ by a pixel of the picture.
        assert np.abs(shown[..., 0].mean() - sixteen(whole)[..., 0].mean()) <= 2 * 257
        assert shape[2] in (1, 3) or (shown[..., -1] == 32768).all()


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


OPEN = {"picture": 3, "height": 5, "width": 5, "channels": 3, "samples": "u8"}


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
        ("view", {"time": 2, "denoise": True, "long_side": 9, "shadows": "much"}, "shadows must be a number"),
        ("view", {"time": 2, "denoise": True, "long_side": 9, "highlights": 6}, "highlights takes a number"),
        ("detail", {"time": 2, "denoise": True, "x": 0, "y": 0, "width": 41, "height": 5}, "width must be"),
        ("detail", {"time": 2, "denoise": True, "x": 40, "y": 0, "width": 1, "height": 5}, "x must be"),
        ("render", {"time": 2, "denoise": True, "x": 0, "y": -1, "width": 1, "height": 5}, "y must be"),
        ("open", {"picture": 3, "height": 10**9, "width": 5, "channels": 3}, "height must be"),
        ("open", OPEN | {"height": 2**19, "width": 2**19, "channels": 4}, "too many"),
        ("open", OPEN | {"channels": 5}, "channels must be"),
        ("open", OPEN | {"samples": "f64"}, "samples must be one of"),
        ("auto", {"x": 0, "y": 0, "width": 41, "height": 5}, "width must be"),
        ("auto", {"x": 0, "y": 0, "width": 40, "height": 5, "weights": 1}, "one channel of 8 bits"),
    ],
)
def test_an_impossible_question_is_answered_in_words_and_the_next_one_too(link, kind, fields, words):
    picture = picture_of((30, 40, 3))
    upload(link, 1, picture)
    with pytest.raises(WorkerError, match=words):
        link.request(kind, **({"picture": 1} | fields))
    assert link.request("solve", picture=1).kind == "solved"


def test_a_question_about_half_a_picture_waits_for_no_rows(link):
    link.request("open", picture=1, height=30, width=40, channels=3, samples="f32")
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
        assert np.abs(shown_in(answer) - sixteen(path.at(time_, denoise=True))).max() <= 257


def test_a_worker_starts_within_its_patience_and_is_found_again(launcher):
    first = launcher.connect()
    number = first.process
    first.close()
    time.sleep(0.1)
    second = launcher.connect()
    assert second.process == number
    second.close()
