"""What is seen is what the slider asks for: results that are kept, applied, additive, or of another plane."""

import numpy as np
import pytest

import clode_core as clode

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

from napari.layers import Image

from napari_clode import _results


def result_of(viewer, layer):
    return _results.preview_of(viewer, layer)


def topmost(viewer):
    return [layer for layer in viewer.layers if layer.visible][-1]


def applied(viewer):
    return [layer for layer in viewer.layers if layer.name.endswith("all planes]")]


def test_after_keep_the_next_result_lies_over_the_kept_one(viewer, opened, rest, dark):
    layer = Image(dark, rgb=True, name="night")
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    widget.buttons.keep.click()
    widget.controls.slider.setValue(1.0)
    rest(widget)
    live = result_of(viewer, layer)
    assert topmost(viewer) is live and live.metadata["clode"]["exposure_time"] == 1.0


def test_after_applying_to_all_planes_the_slider_moves_what_is_seen(viewer, opened, rest, stack):
    layer = Image(stack)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    widget.buttons.apply.click()
    rest(widget)
    assert topmost(viewer) is applied(viewer)[0]
    widget.controls.slider.setValue(1.0)
    rest(widget)
    live = result_of(viewer, layer)
    assert topmost(viewer) is live and live.metadata["clode"]["exposure_time"] == 1.0


def test_results_at_two_settings_are_both_kept_and_named_by_them(viewer, opened, rest, model, stack):
    widget = opened(Image(stack[:2], name="cells"))
    for time in (1.0, 2.92):
        widget.controls.slider.setValue(time)
        rest(widget)
        widget.buttons.apply.click()
        rest(widget)
        widget.buttons.apply.click()  # the same again makes no other layer
        rest(widget)
    names = [layer.name for layer in applied(viewer)]
    assert names == ["cells [CLODE, T 1.00, all planes]", "cells [CLODE, T 2.92, all planes]"]
    assert applied(viewer)[0].data.mean() < applied(viewer)[1].data.mean()


def test_keep_keeps_what_the_slider_asks_for_and_names_it(viewer, opened, rest, model, dark):
    layer = Image(dark, rgb=True, name="night")
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, layer)
    widget.controls.slider.setValue(2.9231)
    widget.buttons.keep.click()  # before the picture is drawn
    rest(widget)
    assert result.name == "night [CLODE, T 2.92]" and result_of(viewer, layer) is None
    assert np.array_equal(result.data, clode.enhance(dark, 2.92, denoise=False, model=model))


def test_what_cannot_be_seen_is_not_kept(viewer, opened, rest, stack):
    layer = Image(stack)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    widget.buttons.apply.click()
    rest(widget)
    widget.buttons.keep.click()
    assert "hidden" in widget.buttons.status.text() and result_of(viewer, layer) is not None


@pytest.fixture
def channels(viewer, stack):
    data = np.stack([stack, stack // 3])
    return viewer.add_image(data, channel_axis=0, name=["green", "red"], opacity=0.8)


def test_a_channel_looks_as_before_and_is_not_added_to_its_result(viewer, channels, opened, rest):
    green, red = channels
    widget = opened()
    widget.controls.layer_box.value = green
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, green)
    for name in ("blending", "opacity"):
        assert getattr(result, name) == getattr(green, name)
    assert result.colormap.name == green.colormap.name
    assert not green.visible and red.visible
    result.visible = False
    assert green.visible
    result.visible = True
    assert not green.visible
    viewer.layers.remove(result)
    assert green.visible


def test_a_channel_is_seen_where_its_result_has_no_plane_yet(viewer, channels, opened, rest):
    green, _ = channels
    widget = opened()
    widget.controls.layer_box.value = green
    widget.buttons.enhance.click()
    rest(widget)
    here = viewer.dims.current_step[0]
    viewer.dims.set_current_step(0, (here + 1) % 5)
    assert green.visible
    rest(widget)
    assert widget.previews.plane.shown.index == ((here + 1) % 5,)
    assert not green.visible


def test_a_plane_is_never_shown_over_another(viewer, opened, rest, stack):
    layer = Image(stack)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, layer)
    for step in range(5):
        viewer.dims.set_current_step(0, step)
        drawn = widget.previews.plane.shown.index == (step,)
        assert drawn or result._slice.empty  # the source is seen until the result is there
        rest(widget)
        assert widget.previews.plane.shown.index == (step,) and not result._slice.empty


@pytest.mark.parametrize("change", ["roll", "volume"])
def test_other_axes_hide_the_result_and_say_so_at_once(viewer, opened, rest, stack, change):
    layer = Image(stack)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, layer)
    if change == "roll":
        viewer.dims.roll()
    else:
        viewer.dims.ndisplay = 3
    assert not result.visible and layer.visible
    assert ("3-D" if change == "volume" else "other axes") in widget.buttons.status.text()
    widget.controls.slider.setValue(1.5)
    rest(widget)
    assert not result.visible
    if change == "roll":
        viewer.dims.order = (0, 1, 2)
    else:
        viewer.dims.ndisplay = 2
    rest(widget)
    assert result.visible and widget.buttons.status.text() == ""
    assert result.metadata["clode"]["exposure_time"] == 1.5


def test_holding_before_shows_the_source_alone(viewer, opened, rest, stack, qtbot):
    from qtpy.QtCore import Qt

    layer = Image(stack)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    widget.buttons.apply.click()
    rest(widget)
    (whole,) = applied(viewer)
    qtbot.mousePress(widget.buttons.compare, Qt.MouseButton.LeftButton)
    assert topmost(viewer) is layer
    qtbot.mouseRelease(widget.buttons.compare, Qt.MouseButton.LeftButton)
    assert topmost(viewer) is whole
