"""Large pictures: while the slider moves only what is seen is drawn, at rest all of it."""

import numpy as np
import pytest

import clode_core as clode

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

from napari.layers import Image

from napari_clode import _engine, _methods, _results


@pytest.fixture(autouse=True)
def _small_glimpses(monkeypatch):
    """Pictures of a test count as large."""
    monkeypatch.setattr(_methods, "GLIMPSE_PIXELS", 1500)
    monkeypatch.setattr(_engine, "GLIMPSE_PIXELS", 1500)


@pytest.fixture
def drawn(monkeypatch):
    """Shapes and means of the pictures that are put into the live result."""
    found = []
    show = _results.show_plane

    def recorded(viewer, layer, planes, index, picture, style, part=_results.WHOLE):
        found.append((picture.shape, float(picture.mean()), part, style.about.get("exposure_time")))
        return show(viewer, layer, planes, index, picture, style, part)

    monkeypatch.setattr(_results, "show_plane", recorded)
    return found


def corners(result):
    """World coordinates of the outer corners of what a layer shows."""
    size = np.array(result.data.shape[-3:-1] if result.rgb else result.data.shape[-2:])
    lead = (0,) * (result.ndim - 2)
    return [result.data_to_world((*lead, *at))[-2:] for at in ((-0.5, -0.5), size - 0.5)]


@pytest.mark.parametrize("kind", ["rgb", "rgba", "grey 12 bit", "float"])
def test_a_smaller_copy_lies_over_its_picture_until_the_slider_rests(
    viewer, opened, rest, model, dark, stack, drawn, kind, qtbot
):
    picture = {
        "rgb": dark,
        "rgba": np.concatenate([dark, np.full_like(dark[..., :1], 200)], -1),
        "grey 12 bit": stack[0],
        "float": (dark[..., 0] / 255).astype(np.float32),
    }[kind]
    layer = Image(picture, rgb=picture.ndim == 3, scale=(2, 3), translate=(10, -4))
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    result = _results.preview_of(viewer, layer)
    whole_corners = corners(result)
    drawn.clear()
    widget.controls.slider.setValue(2.0)
    qtbot.waitUntil(lambda: bool(drawn))
    (shape, mean, part, time) = drawn[0]
    assert time == 2.0 and part.step[0] > 1 and shape[0] * shape[1] <= 1600
    assert result.dtype == picture.dtype
    assert np.allclose(corners(result), whole_corners)
    assert kind != "rgba" or (result.data[..., 3] == 200).all()
    rest(widget)
    levels = _results.preview_of(viewer, layer).metadata["clode"]["levels"]
    expected = clode.enhance(picture, 2.0, denoise=False, model=model, levels=levels)
    assert np.array_equal(result.data, expected) and np.allclose(corners(result), whole_corners)
    assert mean == pytest.approx(float(expected.mean()), rel=0.03)


def test_zoomed_in_the_part_that_is_seen_is_drawn_at_full_size(
    viewer, opened, rest, model, dark, drawn, qtbot
):
    layer = Image(dark, rgb=True)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    camera = viewer.scene.camera
    camera.center, camera.zoom = (30, 40), camera.zoom * 4
    viewer.window._qt_viewer.canvas.on_draw(None)
    drawn.clear()
    widget.controls.slider.setValue(2.0)
    qtbot.waitUntil(lambda: bool(drawn))
    shape, _, part, _ = drawn[0]
    assert part.step == (1, 1) and part.first != (0, 0)
    rows, columns = (slice(first, first + n) for first, n in zip(part.first, shape, strict=False))
    whole = clode.enhance(dark, 2.0, denoise=False, model=model)
    shown = _results.preview_of(viewer, layer)
    assert np.abs(shown.data.astype(int) - whole[rows, columns]).max() <= 1
    assert np.allclose(shown.data_to_world((0, 0)), part.first)
    rest(widget)
    assert np.array_equal(shown.data, whole)


def test_keep_while_the_slider_moves_keeps_the_whole_picture(viewer, opened, rest, model, dark):
    layer = Image(dark, rgb=True)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    result = _results.preview_of(viewer, layer)
    widget.controls.slider.setValue(2.0)
    widget.buttons.keep.click()
    rest(widget)
    assert _results.preview_of(viewer, layer) is None
    assert np.array_equal(result.data, clode.enhance(dark, 2.0, denoise=False, model=model))


def test_a_method_of_whole_pictures_is_shown_smaller_while_it_moves(viewer, opened, rest, dark, drawn, qtbot):
    layer = Image(dark, rgb=True)
    widget = opened(layer)
    box = widget.controls.advanced.method
    box.setCurrentIndex(box.findData("gamma"))
    widget.buttons.enhance.click()
    rest(widget)
    drawn.clear()
    widget.controls.slider.setValue(widget.controls.slider.minimum())
    qtbot.waitUntil(lambda: bool(drawn))
    assert drawn[0][0] == (30, 45, 3) and drawn[0][2].step == (2, 2)
    rest(widget)
    assert drawn[-1][0] == dark.shape


def test_a_new_value_calls_off_the_whole_picture_of_the_last(
    viewer, opened, rest, dark, drawn, qtbot, monkeypatch
):
    import threading

    from napari_clode._engine import Solved

    begun = threading.Event()
    called_off = []
    at = Solved.at

    def slow(self, value, denoise, progress=None, *local):
        if value == 2.0 and progress is not None:
            begun.set()
            try:
                for _ in range(500):
                    progress(0.5)
                    threading.Event().wait(0.01)
            except Exception:
                called_off.append(value)
                raise
        return at(self, value, denoise, progress, *local)

    widget = opened(Image(dark, rgb=True))
    widget.buttons.enhance.click()
    rest(widget)
    monkeypatch.setattr(Solved, "at", slow)
    widget.controls.slider.setValue(2.0)
    qtbot.waitUntil(begun.is_set)
    widget.controls.slider.setValue(1.0)
    rest(widget)
    assert called_off == [2.0] and drawn[-1][3] == 1.0 and drawn[-1][0] == dark.shape
