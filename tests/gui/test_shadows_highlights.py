"""Shadows and highlights: an exposure time of their own, live, kept and for all planes."""

import numpy as np
import pytest

import clode_core as clode

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

from napari.layers import Image

from napari_clode import _methods, _results


def test_shadows_and_highlights_are_live_named_and_told(viewer, opened, rest, model, dark):
    layer = Image(dark, rgb=True, name="night")
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    box = widget.controls.advanced.local_box
    box.shadows.setValue(1.5)
    box.highlights.setValue(-2.0)
    rest(widget)
    live = _results.preview_of(viewer, layer)
    expected = clode.enhance(dark, 3.0, denoise=False, model=model, shadows=1.5, highlights=-2.0)
    assert np.array_equal(live.data, expected)
    assert not np.array_equal(expected, clode.enhance(dark, 3.0, denoise=False, model=model))
    about = live.metadata["clode"]
    assert (about["shadows"], about["highlights"]) == (1.5, -2.0)
    widget.buttons.keep.click()
    assert live.name == "night [CLODE, T 3.00, shadows +1.50, highlights -2.00]"


def test_all_planes_get_the_shadows_that_are_seen(viewer, opened, rest, model, stack):
    widget = opened(Image(stack, name="cells"))
    widget.controls.advanced.local_box.shadows.setValue(-1.0)  # touching it is enough to start
    rest(widget)
    live = _results.preview_of(viewer, viewer.layers["cells"])
    widget.buttons.apply.click()
    rest(widget)
    whole = viewer.layers["cells [CLODE, T 3.00, shadows -1.00, all planes]"]
    number = widget.previews.plane.shown.index[0]
    assert np.array_equal(whole.data[number], live.data[0])
    levels = live.metadata["clode"]["levels"]
    expected = clode.enhance(stack, 3.0, denoise=False, model=model, shadows=-1.0, levels=levels, rgb=False)
    assert np.array_equal(whole.data, expected)


def test_reset_and_back_count_shadows_in(viewer, opened, rest, dark, qtbot):
    layer = Image(dark, rgb=True)
    widget = opened(layer)
    box = widget.controls.advanced.local_box
    box.highlights.setValue(-2.0)
    rest(widget)
    widget.controls.reset.click()
    rest(widget)
    assert np.array_equal(_results.preview_of(viewer, layer).data, dark) and not any(box.local)
    widget.buttons.back.click()
    rest(widget)
    assert box.local == _methods.Local(0.0, -2.0) and widget.controls.value == 3.0


def test_a_method_that_has_no_shadows_says_so(viewer, opened, rest, dark):
    widget = opened(Image(dark, rgb=True))
    advanced = widget.controls.advanced
    advanced.local_box.shadows.setValue(1.0)
    advanced.method.setCurrentIndex(advanced.method.findData("gamma"))
    assert not advanced.local_box.shadows.isEnabled() and not any(advanced.local_box.local)
    assert "for all places" in advanced.local_box.shadows.toolTip()
    rest(widget)
