"""Videos in a real napari, with the widget on them."""

import threading

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")
pytest.importorskip("av")

from video_making import CUT, scene, write_video

from clode_core.video import SUFFIXES, VideoError, VideoReader
from napari_clode import _results, _video
from napari_clode._engine import Settings, Stack
from napari_clode._planes import LayerPlanes
from napari_clode._video import VideoPlanes, read_video
from napari_clode._video_exposure import ExposedPlanes, VideoExposure


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "two scenes.mp4")


@pytest.fixture(scope="module")
def frames(video):
    with VideoReader(video, clean=False) as reader:  # a layer shows what the file holds
        return [frame.pixels() for frame in reader]


@pytest.fixture(autouse=True)
def _small_model(untrained, monkeypatch):
    """Networks that are solved in a moment."""
    monkeypatch.setattr("napari_clode._engine._load", lambda name, weights, device: untrained)


@pytest.fixture
def film(viewer, opened, video, rest):
    """The video opened in napari, at its first frame, and the widget beside it."""
    (layer,) = viewer.open(video, plugin="clode-core")
    viewer.dims.set_current_step(0, 0)
    widget = opened()
    rest(widget)
    return layer, widget


def result_of(viewer, layer):
    return _results.preview_of(viewer, layer)


def shown(layer):
    return np.asarray(layer._slice.image.raw)


@pytest.fixture
def drawn(qtbot):
    """Wait until the right picture of the frame that is looked at is drawn."""

    def wait(viewer, result):
        number = viewer.dims.current_step[0]
        qtbot.waitUntil(lambda: np.array_equal(shown(result), result.data[number]), timeout=30_000)

    return wait


# reading


def test_a_video_is_one_lazy_layer_in_seconds(viewer, video, frames):
    (layer,) = viewer.open(video, plugin="clode-core")
    assert layer.data.shape == (60, 72, 96, 3) and layer.dtype == np.uint8 and layer.rgb
    assert isinstance(layer.data, VideoPlanes)
    assert layer.scale[0] == pytest.approx(1 / 30) and str(layer.units[0]) == "second"
    assert layer.metadata == {"file": str(video), "frame_rate": 30.0}
    assert viewer.dims.nsteps[0] == 60
    viewer.dims.set_current_step(0, 59)
    assert np.array_equal(shown(layer), frames[59])


def test_the_manifest_names_every_ending_that_the_core_reads():
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_distribution("clode-core")
    (reader,) = (r for r in manifest.contributions.readers if r.command == "clode-core.read_video")
    assert {pattern.removeprefix("*") for pattern in reader.filename_patterns} == SUFFIXES
    assert all(read_video(f"a{suffix.upper()}") for suffix in SUFFIXES) and read_video("a.png") is None


def test_any_frame_in_any_order_is_the_right_one(video, frames, random):
    planes = VideoPlanes(video)
    for number in [59, 0, 30, 29, 58, *random.integers(60, size=40)]:
        assert np.array_equal(planes[number], frames[number]), number
    assert np.array_equal(planes[10:20:3, 5:9, ::2], np.stack(frames)[10:20:3, 5:9, ::2])
    assert np.array_equal(planes[-1], frames[-1]) and planes[5:5].shape == (0, 72, 96, 3)
    with pytest.raises(IndexError):
        planes[60]


def test_frames_with_uneven_timestamps_are_each_there_once(tmp_path):
    stamps = [0, 40, 50, 300, 310, 320, 900]
    planes = VideoPlanes(
        write_video(tmp_path / "uneven.mkv", frames=7, stamps=stamps, codec="ffv1", options={})
    )
    assert np.allclose(planes.seconds, np.array(stamps) / 1000, atol=1e-3)
    for number in (6, 2, 3, 1):
        expected = scene(number, 72, 96, 7)
        assert np.abs(planes[number].astype(int) - expected).mean() < 3


def test_a_long_file_is_divided_evenly_without_reading_it_all(video, frames, monkeypatch):
    monkeypatch.setattr(_video, "INDEX_SECONDS", -1.0)
    planes = VideoPlanes(video)
    assert len(planes) == 60
    assert all(np.array_equal(planes[number], frames[number]) for number in (59, 3, 31))


def test_memory_is_bounded(video, monkeypatch):
    monkeypatch.setattr(_video, "CACHE_BYTES", 0)
    planes = VideoPlanes(video)
    planes[:]
    assert len(planes._decoded) == 4 and len(planes._frames) <= 3


def test_more_than_8_bits_are_16_and_turned_frames_are_upright(tmp_path):
    making = {"codec": "libx265", "pixel_format": "yuv420p10le", "options": {"x265-params": "log-level=none"}}
    deep = VideoPlanes(write_video(tmp_path / "deep.mp4", frames=4, **making))
    assert deep.dtype == np.uint16
    assert np.abs(deep[0] / 257 - scene(0, 72, 96, 4)).mean() < 4
    turned = VideoPlanes(write_video(tmp_path / "turned.mp4", frames=4, rotation=90))
    assert turned.shape == (4, 96, 72, 3)


def test_what_is_no_video_is_told_in_one_sentence(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    with pytest.raises(VideoError, match="damaged, or no video"):
        read_video(str(broken))(str(broken))


# the widget


def test_the_result_follows_dims_and_slider_without_a_solve_for_each_frame(
    viewer, film, rest, qtbot, untrained, monkeypatch, drawn
):
    layer, widget = film
    solved = []
    curve_parameters = type(untrained).curve_parameters
    monkeypatch.setattr(
        type(untrained),
        "curve_parameters",
        lambda self, *given: solved.append(1) or curve_parameters(self, *given),
    )
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: result_of(viewer, layer) is not None, timeout=30_000)
    rest(widget)
    result = result_of(viewer, layer)
    assert result.data.shape == layer.data.shape and np.allclose(result.scale, layer.scale)
    seen = len(solved)
    pictures = []
    for number in range(20):
        viewer.dims.set_current_step(0, number)
        drawn(viewer, result)
        pictures.append(shown(result).mean())
    assert len(set(pictures)) > 10 and len(solved) == seen
    widget.controls.slider.setValue(-3.0)
    qtbot.waitUntil(lambda: shown(result).mean() != pictures[-1], timeout=30_000)
    drawn(viewer, result)
    assert result.metadata["clode"]["exposure_time"] == -3.0
    widget.controls.slider.setValue(0.0)
    cleaned = layer.data.cleaned(19).pixels()
    qtbot.waitUntil(lambda: np.abs(shown(result).astype(int) - cleaned).max() <= 1, timeout=30_000)


def test_the_exposure_is_steady_in_a_scene_and_fresh_after_a_cut(viewer, film, rest, qtbot):
    layer, widget = film
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: result_of(viewer, layer) is not None, timeout=30_000)
    rest(widget)
    exposure = result_of(viewer, layer).data.exposure
    exponents = [float(exposure.at(number).exponent.at(3.0).mean()) for number in range(60)]
    steps = np.abs(np.diff(exponents))
    assert steps.argmax() == CUT - 1
    assert steps[CUT - 1] > 5 * np.delete(steps, CUT - 1).max()


def test_a_jump_to_what_has_not_been_looked_at_is_right_at_once(video, untrained):
    from clode_core.video.exposure import solve_exposure

    planes = VideoPlanes(video)

    class Layer:
        data, name, rgb, ndim, multiscale = planes, "film", True, 3, False
        axis_labels, scale = ("t", "y", "x"), (1.0, 1.0, 1.0)

    exposure = VideoExposure(planes, Stack(LayerPlanes(Layer()), Settings()))
    expected = solve_exposure(untrained, planes.thumbnail(45, 48))
    assert exposure.at(45).auto == pytest.approx(expected.auto, abs=1e-6)
    exposure.analyse_from(45, lambda fraction: None, ahead=0.1)
    assert exposure._sections[0].start > 0 and exposure.at(46).auto
    exposure.analyse_from(0, lambda fraction: None)
    assert exposure._sections[1].whole
    data = ExposedPlanes(planes, exposure, 2.0)
    assert data[50].shape == (72, 96, 3)


@pytest.fixture
def computing(monkeypatch):
    """The threads in which frames are exposed, analysed or solved; exposing waits while it is locked."""
    gate, threads = threading.Lock(), []
    picture, at = ExposedPlanes.picture, VideoExposure.at

    def exposed(self, *given):
        threads.append(threading.current_thread())
        if gate.acquire(timeout=5):
            gate.release()
        return picture(self, *given)

    def known(self, *given):
        threads.append(threading.current_thread())
        return at(self, *given)

    monkeypatch.setattr(ExposedPlanes, "picture", exposed)
    monkeypatch.setattr(VideoExposure, "at", known)
    return type("Computing", (), {"gate": gate, "threads": threads})


def test_napari_never_waits_for_a_frame_that_is_being_exposed(
    viewer, film, rest, qtbot, drawn, computing, frames
):
    layer, widget = film
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: result_of(viewer, layer) is not None, timeout=30_000)
    rest(widget)
    result = result_of(viewer, layer)
    drawn(viewer, result)
    first = shown(result).copy()
    computing.threads.clear()
    with computing.gate:
        widget.controls.slider.setValue(1.0)
        rest(widget)
        result.refresh()
        assert np.array_equal(shown(result), first)  # as it was, until the new one is there
        viewer.dims.set_current_step(0, 1)
        assert np.array_equal(shown(result), first)  # a frame a moment away
        viewer.dims.set_current_step(0, 50)
        assert np.array_equal(shown(result), frames[50])  # far away: the source
    qtbot.waitUntil(lambda: result.data.drawn is not None and result.data.drawn.value == 1.0)
    assert threading.main_thread() not in computing.threads
    drawn(viewer, result)
    assert np.array_equal(np.asarray(result.data)[50], shown(result))  # a script gets the exposed frames


def test_a_kept_video_is_exposed_in_the_background_where_it_has_not_been_looked_at(
    viewer, film, rest, qtbot, drawn, computing
):
    layer, widget = film
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: result_of(viewer, layer) is not None, timeout=30_000)
    result = result_of(viewer, layer)
    widget.buttons.keep.click()
    rest(widget)
    viewer.window._wrapped_dock_widgets["CLODE Enhance (CLODE)"].destroyOnClose()
    computing.threads.clear()
    for number in (40, 3, 59):
        viewer.dims.set_current_step(0, number)
    qtbot.waitUntil(lambda: result.data.drawn is not None and result.data.maker.found(59) is not None)
    assert threading.main_thread() not in computing.threads
    drawn(viewer, result)
    assert result.data.exposure.settled(59) == 2


def test_auto_moves_the_slider(viewer, film, rest, qtbot):
    layer, widget = film
    widget.controls.auto.click()
    qtbot.waitUntil(lambda: widget.controls.slider.value() != 3.0, timeout=30_000)
    rest(widget)
    chosen = result_of(viewer, layer).data.exposure.at(0).auto
    assert widget.controls.slider.value() == pytest.approx(chosen, abs=0.3)


def test_noise_is_removed_where_the_video_rests(viewer, film, rest, qtbot, drawn):
    layer, widget = film
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: result_of(viewer, layer) is not None, timeout=30_000)
    rest(widget)
    result = result_of(viewer, layer)
    drawn(viewer, result)
    noisy = shown(result).copy()
    widget.controls.denoise.setChecked(True)
    qtbot.waitUntil(lambda: result.metadata["clode"]["denoise"], timeout=30_000)
    drawn(viewer, result)
    assert not np.array_equal(shown(result), noisy)
    widget.controls.denoise.setChecked(False)
    qtbot.waitUntil(lambda: np.array_equal(shown(result), noisy), timeout=30_000)


def test_shadows_are_live_on_a_video(viewer, film, rest, qtbot, drawn):
    layer, widget = film
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: result_of(viewer, layer) is not None, timeout=30_000)
    rest(widget)
    result = result_of(viewer, layer)
    drawn(viewer, result)
    before = shown(result).copy()
    widget.controls.advanced.local_box.shadows.setValue(-2.0)
    drawn(viewer, result)
    assert not np.array_equal(shown(result), before) and result.metadata["clode"]["shadows"] == -2.0


def test_kept_results_stay_and_are_exposed_wherever_they_are_looked_at(viewer, film, rest, qtbot):
    layer, widget = film
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: result_of(viewer, layer) is not None, timeout=30_000)
    result = result_of(viewer, layer)
    widget.buttons.keep.click()
    assert result_of(viewer, layer) is None and result in viewer.layers
    assert result.data[40].mean() > 0
    widget.controls.slider.setValue(1.0)
    rest(widget)
    assert result.data.value == 3.0


def test_the_play_button_plays_it(viewer, film, rest, qtbot):
    layer, widget = film
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: result_of(viewer, layer) is not None, timeout=30_000)
    viewer.window._qt_window.show()  # what is not drawn is not played
    dims = viewer.window._qt_viewer.dims
    seen = set()
    viewer.dims.events.current_step.connect(lambda event: seen.add(viewer.dims.current_step[0]))
    dims.play(0, fps=60)
    qtbot.waitUntil(lambda: len(seen) > 5, timeout=30_000)
    dims.stop()
    rest(widget)
    number = viewer.dims.current_step[0]
    result = result_of(viewer, layer)

    # The moments that were still to come when it was drawn may have moved its exposure a little since.
    def is_drawn():
        return np.abs(shown(result).astype(int) - result.data[number]).max() <= 2

    qtbot.waitUntil(is_drawn, timeout=30_000)


def test_removing_the_video_while_it_is_followed_ends_everything(viewer, film, rest, qtbot):
    layer, widget = film
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: result_of(viewer, layer) is not None, timeout=30_000)
    viewer.layers.remove(layer)
    assert not widget.previews.video.active
    rest(widget)
