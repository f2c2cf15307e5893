"""The live window, used as a user does: by keys, slider and mouse."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog
from video_making import scene, write_video

import clode_core
from clode_core.methods.method import WholeMethod
from clode_core.video import VideoReader
from clode_live.frames import DecodedFrame
from clode_live.sources import open_camera


def colours(packed):
    """0xffRRGGBB as (Y, X, 3)."""
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], -1).astype(int)


def brightness(window):
    return colours(window.view.picture.after).mean()


def press(qtbot, window, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(window.view, key, modifier)


@pytest.fixture
def seen(qtbot):
    """Wait for a picture, or for one that fulfils something."""

    def wait(window, condition=lambda picture: True, timeout=20_000):
        def fulfilled():
            picture = window.view.picture
            return picture is not None and bool(condition(picture))

        qtbot.waitUntil(fulfilled, timeout=timeout)
        return window.view.picture

    return wait


@pytest.fixture
def paused(opened, seen):
    """A window that shows the first frame, and stands."""

    def open_paused(source, **wanted):
        window = opened(source, playing=False, **wanted)
        seen(window, lambda picture: picture.best)
        return window

    return open_paused


# the slider


def test_the_slider_changes_what_is_shown_while_it_plays(opened, seen, video):
    window = opened(video, loop=True)
    window.controls.value.setValue(-4.0)
    seen(window, lambda picture: picture.value == -4.0)
    dark = brightness(window)
    window.controls.value.setValue(4.0)
    seen(window, lambda picture: picture.value == 4.0)
    assert brightness(window) != dark
    assert window.player.settings.playing


def test_exposure_time_zero_is_the_frame_as_it_is(paused, seen, video):
    window = paused(video, value=0.0, split=True)
    picture = seen(window)
    with VideoReader(video) as reader:
        expected = next(iter(reader)).pixels()
    assert np.abs(colours(picture.after) - expected).max() <= 1
    assert np.abs(colours(picture.before) - expected).max() <= 1


def test_space_pauses_and_the_slider_acts_on_the_frame_that_stands(opened, seen, video, qtbot):
    window = opened(video, loop=True)
    seen(window)
    press(qtbot, window, Qt.Key.Key_Space)
    picture = seen(window, lambda picture: picture.best)
    assert window.controls.play.text() == "Play"
    qtbot.wait(150)
    assert window.view.picture.time == picture.time
    press(qtbot, window, Qt.Key.Key_Up)
    later = seen(window, lambda seen: seen.value == pytest.approx(3.1))
    assert later.time == picture.time
    press(qtbot, window, Qt.Key.Key_Space)
    seen(window, lambda seen: seen.time != picture.time)


def test_auto_moves_the_slider_and_whoever_moves_it_ends_auto(paused, seen, video, qtbot):
    window = paused(video)
    press(qtbot, window, Qt.Key.Key_A)
    picture = seen(window, lambda picture: picture.value != 3.0)
    assert window.controls.value.value() == pytest.approx(picture.value, abs=0.01)
    window.controls.value.setValue(1.0)
    seen(window, lambda picture: picture.value == 1.0)
    assert not window.controls.auto.isChecked()


def test_noise_is_removed_from_the_frame_that_stands(paused, seen, video, untrained, qtbot):
    window = paused(video, value=2.0)
    before = seen(window)
    noisy = colours(before.after)
    press(qtbot, window, Qt.Key.Key_D)
    clean = colours(seen(window, lambda picture: picture is not before and picture.best).after)
    assert not np.array_equal(clean, noisy)
    frame = window.player.playback.current.at_size(0)
    path = untrained.solve(
        frame.stacked, levels=(0, 65280), rgb=True, exposure=window.player.playback.current.renderer.exposure
    )
    assert np.abs(clean - path.at(2.0, denoise=True) / 256).max() < 1.1


def test_noise_is_removed_while_it_plays(opened, seen, video):
    window = opened(video, denoise=True, loop=True)
    first = seen(window, lambda picture: picture.best)
    seen(window, lambda picture: picture.time != first.time and picture.best)


def test_iterations_of_zero_dce(paused, seen, video, baseline):
    window = paused(video, method=baseline)
    assert window.controls.auto.isHidden() and window.controls.value.isVisible()
    eight = colours(seen(window).after)
    window.controls.value.setValue(12)
    twelve = colours(seen(window, lambda picture: picture.value == 12 and picture.best).after)
    assert not np.array_equal(eight, twelve)
    frame = window.player.playback.current.at_size(0)
    expected = baseline.solve(frame.stacked, levels=(0, 65280), rgb=True, downsample=12).at(12) / 256
    assert np.abs(twelve - expected).max() < 1.1


def test_a_method_without_noise_removal_says_so(paused, video, baseline, qtbot):
    window = paused(video, method=baseline, denoise=True)
    switch = window.controls.denoise
    assert not switch.isEnabled() and not switch.isChecked()
    assert switch.text() == "No noise removal" and switch.toolTip() == "Zero-DCE does not remove noise"
    press(qtbot, window, Qt.Key.Key_D)
    assert window.view.message == "Zero-DCE does not remove noise."


@pytest.fixture
def tiny_gamma(monkeypatch):
    """A method of another package, found by the entry points."""
    import tiny_gamma

    entry = SimpleNamespace(name="tiny", value="tiny_gamma:INFO", load=lambda: tiny_gamma.INFO)
    monkeypatch.setattr(clode_core.methods, "entry_points", lambda group: [entry])
    clode_core.methods.available_methods.cache_clear()
    yield clode_core.load_method("tiny-gamma")
    clode_core.methods.available_methods.cache_clear()


def test_a_method_of_another_package_plays(opened, seen, video, qtbot, tiny_gamma):
    window = opened(video, method=tiny_gamma, loop=True)
    slider = window.controls.value
    assert (slider.minimum(), slider.maximum(), slider.value()) == (0.1, 1.0, 0.5)
    assert window.controls.label.text() == "Gamma" and window.controls.auto.isHidden()
    first = seen(window, lambda picture: picture.value == 0.5)
    bright = colours(first.after).mean()
    seen(window, lambda picture: picture.time != first.time)
    press(qtbot, window, Qt.Key.Key_Up)
    seen(window, lambda picture: picture.value == pytest.approx(0.505))
    slider.setValue(1.0)
    seen(window, lambda picture: picture.value == 1.0)
    assert brightness(window) != bright
    press(qtbot, window, Qt.Key.Key_Space)
    current = window.player.playback
    still = seen(window, lambda picture: picture.best and picture.time == current.current.time)
    slider.setValue(0.25)
    picture = seen(window, lambda picture: picture.value == 0.25 and picture.best)
    assert picture.time == still.time
    recorded = window.player.playback.current.at_size(0).stacked / 65280
    assert np.abs(colours(picture.after) - 255 * recorded**0.25).max() < 1.1


def test_a_method_without_a_slider_says_so_and_plays(opened, seen, video, untrained, qtbot):
    class Inverted(WholeMethod):
        def enhance_plane(self, array, alpha, levels, progress, **settings):
            return (levels.white - array).astype(array.dtype)

    info = replace(untrained.info, title="Inverted", slider=None, options=(), noise_removal=False)
    window = opened(video, method=Inverted(info=replace(info, video_tables=False)), loop=True)
    assert window.controls.value.isHidden() and window.controls.label.text() == "Inverted has no slider"
    first = seen(window)
    press(qtbot, window, Qt.Key.Key_Up)
    press(qtbot, window, Qt.Key.Key_S)
    picture = seen(window, lambda picture: picture.time != first.time and picture.before is not None)
    assert np.abs(colours(picture.after) + colours(picture.before) - 255).max() <= 1


def test_a_method_without_tables_chooses_and_removes_noise_frame_by_frame(
    paused, seen, video, untrained, monkeypatch, qtbot
):
    monkeypatch.setattr(untrained, "info", replace(untrained.info, video_tables=False))
    window = paused(video)
    before = seen(window)
    frame = window.player.playback.current.at_size(0)
    path = untrained.solve(frame.stacked, levels=(0, 65280), rgb=True)
    assert np.abs(colours(before.after) - path.at(3.0) / 256).max() < 1.1
    press(qtbot, window, Qt.Key.Key_D)
    clean = seen(window, lambda picture: picture is not before and picture.best)
    assert np.abs(colours(clean.after) - path.at(3.0, denoise=True) / 256).max() < 1.1
    press(qtbot, window, Qt.Key.Key_A)
    seen(window, lambda picture: picture.value == pytest.approx(path.auto(), abs=1e-6))


def test_the_exposure_is_fresh_after_a_cut(paused, seen, video, untrained):
    window = paused(video)
    window.player.step(29)
    seen(window, lambda picture: picture.time > 0.96)
    before = window.player.playback.current.renderer.exposure
    window.player.step(1)
    seen(window, lambda picture: picture.time > 0.99)
    after = window.player.playback.current.renderer.exposure
    exponents = [float(exposure.exponent.at(3.0).mean()) for exposure in (before, after)]
    assert abs(exponents[0] - exponents[1]) > 1e-4
    with VideoReader(video) as reader:
        from clode_core.video.exposure import solve_exposure

        frames = list(reader.decoded())
        own = solve_exposure(untrained, reader.thumbnail(frames[30], 48))
    assert exponents[1] == pytest.approx(float(own.exponent.at(3.0).mean()), abs=1e-6)


# before and after


def test_the_line_is_drawn_dragged_and_taken_away(paused, seen, video, qtbot):
    window = paused(video)
    press(qtbot, window, Qt.Key.Key_S)
    seen(window, lambda picture: picture.before is not None)
    view = window.view
    middle = QPoint(round(view.line), round(view.area.center().y()))
    target = QPoint(round(view.area.left() + 0.25 * view.area.width()), middle.y())
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(view, target)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=target)
    assert view.split == pytest.approx(0.25, abs=0.02)
    shown = view.grab().toImage()
    row = round(view.area.top() + 0.1 * view.area.height())
    left, right = (
        shown.pixelColor(round(view.area.left() + part * view.area.width()), row).value()
        for part in (0.2, 0.3)
    )
    assert abs(left - right) > 3
    press(qtbot, window, Qt.Key.Key_S)
    seen(window, lambda picture: picture.before is None)


# time


def test_a_click_on_the_seek_bar_goes_there(paused, seen, video, qtbot):
    window = paused(video)
    bar = window.controls.seek_bar
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=QPoint(round(bar.width() * 0.75), bar.height() // 2))
    picture = seen(window, lambda picture: picture.time > 0)
    assert 7000 < bar.value() < 8500
    assert picture.time == pytest.approx(2 * bar.value() / 10_000, abs=0.04)


def test_arrow_keys_step_while_it_stands(paused, seen, video, qtbot):
    window = paused(video)
    for count in range(1, 4):
        press(qtbot, window, Qt.Key.Key_Right)
        seen(window, lambda picture, count=count: picture.time == pytest.approx(count / 30, abs=1e-3))
    press(qtbot, window, Qt.Key.Key_Left)
    seen(window, lambda picture: picture.time == pytest.approx(2 / 30, abs=1e-3))
    press(qtbot, window, Qt.Key.Key_Period)
    seen(window, lambda picture: picture.time == pytest.approx(3 / 30, abs=1e-3))
    press(qtbot, window, Qt.Key.Key_Comma)
    seen(window, lambda picture: picture.time == pytest.approx(2 / 30, abs=1e-3))


def test_arrow_keys_jump_while_it_plays(opened, seen, video, qtbot):
    window = opened(video)
    seen(window)
    press(qtbot, window, Qt.Key.Key_Right)  # 5 seconds on: the end
    seen(window, lambda picture: picture.time == pytest.approx(59 / 30, abs=1e-3))


def test_frames_are_due_when_their_timestamps_say_so(opened, seen, tmp_path):
    stamps = [0, 40, 50, 300, 310, 320, 900]
    window = opened(write_video(tmp_path / "uneven.mkv", frames=7, stamps=stamps), playing=False)
    seen(window)
    player = window.player
    window.close()
    with VideoReader(tmp_path / "uneven.mkv") as reader:
        player.source.reader = reader
        frames = [DecodedFrame(player.source, frame, None) for frame in reader.decoded()]
    clock = player.playback.clock
    clock.reset()
    due = np.array([clock.due(frame.time) for frame in frames])
    assert np.allclose(due - due[0], np.array(stamps) / 1000, atol=2e-3)


def test_the_end_is_told_and_space_begins_again(opened, seen, video, qtbot):
    window = opened(video)
    window.player.seek(1.9)
    qtbot.waitUntil(lambda: "has ended" in window.view.message, timeout=20_000)
    assert window.view.picture.time == pytest.approx(59 / 30, abs=1e-3)
    window.controls.value.setValue(1.0)  # the slider acts on the last frame
    seen(window, lambda picture: picture.value == 1.0)
    press(qtbot, window, Qt.Key.Key_Space)
    seen(window, lambda picture: picture.time < 1.5)
    assert window.view.message == ""


def test_a_loop_begins_again_by_itself(opened, seen, video):
    window = opened(video, loop=True)
    window.player.seek(1.9)
    seen(window, lambda picture: picture.time > 1.8)
    seen(window, lambda picture: picture.time < 1.0)


# what is opened


@pytest.mark.parametrize(
    ("name", "making", "shape"),
    [
        ("one.mp4", {"frames": 1}, (72, 96)),
        ("turned.mp4", {"rotation": 90, "frames": 6}, (96, 72)),
        (
            "odd.mkv",
            {"shape": (71, 95), "frames": 6, "codec": "ffv1", "pixel_format": "bgr0", "options": {}},
            (71, 95),
        ),
        ("wide.mkv", {"shape": (16, 7680), "frames": 3}, (16, 7680)),
    ],
)
def test_unusual_videos(paused, seen, tmp_path, name, making, shape):
    window = paused(write_video(tmp_path / name, **making), value=0.0)
    picture = seen(window, lambda picture: picture.best)
    assert picture.after.shape == shape
    expected = scene(0, *making.get("shape", (72, 96)), frames=making.get("frames", 60)).astype(int)
    expected = np.rot90(expected, 3) if "rotation" in making else expected
    assert np.abs(colours(picture.after) - expected).mean() < 4


def test_a_video_of_one_frame_plays_and_ends(opened, qtbot, tmp_path):
    window = opened(write_video(tmp_path / "one.mp4", frames=1))
    qtbot.waitUntil(lambda: "has ended" in window.view.message, timeout=20_000)


def test_a_large_video_is_made_as_large_as_the_window_until_it_stands(opened, seen, tmp_path, qtbot):
    window = opened(write_video(tmp_path / "wide.mkv", shape=(160, 2000), frames=20), loop=True)
    seen(window, lambda picture: picture.after.shape[1] < 1000)
    press(qtbot, window, Qt.Key.Key_Space)
    seen(window, lambda picture: picture.after.shape == (160, 2000))


def test_a_file_cut_short_plays_as_far_as_it_goes(opened, qtbot, tmp_path, video):
    whole = write_video(tmp_path / "whole.mkv")
    short = tmp_path / "short.mkv"
    short.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    window = opened(short)
    qtbot.waitUntil(lambda: bool(window.view.message), timeout=20_000)
    assert "ended" in window.view.message and window.view.picture.time > 0.5


def test_a_file_that_is_deleted_plays_on(opened, seen, tmp_path, video):
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(video.read_bytes())
    window = opened(copy, loop=True)
    seen(window)
    try:
        copy.unlink()
    except PermissionError:
        return  # where open files cannot be deleted
    seen(window, lambda picture: picture.time > 0.5)


# cameras; FFmpeg's own test pictures take the place of one


def test_a_camera_plays_and_pauses_and_tells_when_it_is_gone(opened, seen, qtbot):
    camera = open_camera("testsrc2=size=160x120:rate=30:duration=1.5,realtime", "lavfi")
    window = opened(camera)
    assert window.controls.seek_bar.isHidden() and window.controls.loop.isHidden()
    seen(window)
    press(qtbot, window, Qt.Key.Key_Space)
    qtbot.wait(500)  # a frame that was on its way is shown before the pause
    standing = seen(window, lambda picture: picture.best)
    press(qtbot, window, Qt.Key.Key_Right)  # there is no time to go to
    window.controls.value.setValue(1.0)
    assert seen(window, lambda picture: picture.value == 1.0).time == standing.time
    press(qtbot, window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: "gives no pictures any more" in window.view.message, timeout=20_000)


# saving


def test_the_frame_is_saved_with_the_depth_of_the_video(paused, qtbot, tmp_path, monkeypatch):
    making = {"codec": "libx265", "pixel_format": "yuv420p10le", "options": {"x265-params": "log-level=none"}}
    window = paused(write_video(tmp_path / "deep.mp4", frames=6, **making), value=2.0)
    target = tmp_path / "frame.png"
    asked = []

    def answer(parent, title, suggested, kinds):
        asked.append(suggested)
        return str(target), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    press(qtbot, window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "Saved" in window.view.message, timeout=20_000)
    assert asked == [str(tmp_path / "deep-0.000s.png")]
    saved = clode_core.read_picture(target).pixels
    assert saved.dtype == np.uint16
    assert np.abs(saved / 257 - colours(window.view.picture.after)).max() < 1.1
    assert not list(tmp_path.glob("*.partial"))


def test_a_picture_that_cannot_be_written_is_told(paused, qtbot, tmp_path, video):
    window = paused(video)
    window.player.save(tmp_path / "missing" / "frame.png")
    qtbot.waitUntil(lambda: "does not exist" in window.view.message, timeout=20_000)
    window.controls.value.setValue(1.0)
    qtbot.waitUntil(lambda: window.view.picture.value == 1.0, timeout=20_000)


# the window


def test_full_screen_and_back(paused, video, qtbot):
    window = paused(video)
    qtbot.mouseDClick(window.view, Qt.MouseButton.LeftButton, pos=QPoint(20, 60))
    qtbot.waitUntil(lambda: window.isFullScreen() and window.controls.isHidden())
    press(qtbot, window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.isFullScreen() and window.controls.isVisible())


@pytest.mark.parametrize("milliseconds", [0, 1, 30, 300])
def test_closing_while_it_plays_leaves_no_thread(opened, video, qtbot, milliseconds):
    window = opened(video, loop=True, denoise=milliseconds == 300)
    qtbot.wait(milliseconds)
    window.close()
    assert not window.player._thread.is_alive()


def test_anything_in_any_order_ends_well(opened, seen, video, qtbot, random):
    window = opened(video, split=True)
    keys = [
        getattr(Qt.Key, f"Key_{name}")
        for name in ["Space", "Left", "Right", "Up", "Down", "A", "D", "S", "L", "Comma", "Period", "Home"]
    ]
    for number in range(150):
        press(qtbot, window, keys[random.integers(len(keys))])
        if number % 3 == 0:
            window.controls.seek_bar.setValue(int(random.integers(10_000)))
        if number % 5 == 0:
            window.resize(int(random.integers(300, 700)), int(random.integers(300, 600)))
        if number % 10 == 0:
            qtbot.wait(int(random.integers(30)))
    window.controls.value.setValue(-2.0)
    seen(window, lambda picture: picture.value == -2.0, timeout=60_000)


def test_two_windows_play_beside_each_other(opened, seen, video):
    first, second = opened(video, loop=True), opened(video, loop=True, value=-3.0)
    seen(first, lambda picture: picture.value == 3.0)
    seen(second, lambda picture: picture.value == -3.0)
    first.close()
    before = second.view.painted
    seen(second, lambda picture: second.view.painted > before + 3)


def test_the_frames_that_are_shown_are_counted(opened, qtbot, video):
    window = opened(video, loop=True)
    qtbot.waitUntil(lambda: window.controls.rate.text().endswith("of 30 fps"), timeout=20_000)


@pytest.mark.data
def test_a_real_clip_plays(opened, seen, data_folder):
    window = opened(data_folder / "video" / "dark_night_drive.mp4")
    seen(window, lambda picture: picture.time > 0.3)
