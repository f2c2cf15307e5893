"""Which layer the widget works on, and that it leaves the user's own work alone."""

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

from napari.layers import Image, Labels

import clode_core as clode
from napari_clode import _results
from napari_clode._engine import Stack


@pytest.fixture
def two(dark):
    return Image(dark, rgb=True, name="one"), Image(dark // 2, rgb=True, name="two")


def test_the_active_layer_is_worked_on_unless_another_is_pinned(viewer, opened, two):
    one, other = two
    widget = opened(one, other)
    assert widget.controls.layer is other
    viewer.layers.selection.active = one
    assert widget.controls.layer is one
    widget.controls.pin.click()
    viewer.layers.selection.active = other
    assert widget.controls.layer is one
    widget.controls.pin.click()
    assert widget.controls.layer is other


def test_a_layer_chosen_in_the_box_stays_chosen_when_its_result_is_added(viewer, opened, rest, two):
    one, other = two
    widget = opened(one, other)
    widget.controls.layer_box.value = one
    widget.buttons.enhance.click()
    rest(widget)
    assert viewer.layers.selection.active is other and widget.controls.layer is one
    assert _results.preview_of(viewer, one) is not None


def test_a_result_that_becomes_active_means_its_source(viewer, opened, rest, two):
    one, other = two
    widget = opened(one, other)
    viewer.layers.selection.active = one
    widget.buttons.enhance.click()
    rest(widget)
    result = _results.preview_of(viewer, one)
    viewer.layers.selection.active = other
    viewer.layers.selection.active = result
    assert widget.controls.layer is one


def test_a_preview_steals_neither_the_active_layer_nor_the_paint_brush(viewer, opened, rest, two):
    one, _ = two
    labels = Labels(np.zeros((60, 90), np.uint8))
    widget = opened(one, labels)
    labels.mode = "paint"
    assert widget.controls.layer is one
    widget.buttons.enhance.click()
    rest(widget)
    widget.controls.slider.setValue(1.0)
    rest(widget)
    widget.buttons.keep.click()
    assert viewer.layers.selection.active is labels and labels.mode == "paint"
    assert not viewer.scene.camera.mouse_pan  # a drag still paints


def test_where_several_images_are_selected_it_says_which_one_it_works_on(viewer, opened, two):
    widget = opened(*two)
    viewer.layers.selection = set(two)
    assert widget.buttons.status.text() == "2 images are selected: the slider moves two, Apply takes all."
    viewer.layers.selection = {two[1]}
    assert widget.buttons.status.text() == ""


@pytest.fixture
def three(stack, dark):
    """A stack, another with levels of its own, and a photograph."""
    return (
        Image(stack, name="cells"),
        Image(stack[:3] * 4, name="bright"),
        Image(dark, rgb=True, name="night"),
    )


def test_apply_takes_all_selected_layers(viewer, opened, rest, model, three, stack, dark):
    cells, _, night = three
    widget = opened(*three)
    assert not widget.buttons.apply.isVisibleTo(widget)
    viewer.layers.selection.active = cells
    widget.controls.levels.choice = (2, "100", "4095")
    viewer.layers.selection.active = night
    viewer.layers.selection = set(three)
    assert widget.buttons.apply.text() == "Apply to 3 layers" and widget.buttons.apply.isVisibleTo(widget)
    widget.controls.slider.setValue(2.0)
    rest(widget)
    told = []
    widget.all_planes.job.progressed.connect(told.append)
    widget.buttons.apply.click()
    rest(widget)
    assert widget.buttons.status.text() == "3 layers are enhanced." and told == sorted(told)
    options = {"denoise": False, "model": model}
    expected = clode.enhance(stack, 2.0, levels=(100, 4095), rgb=False, **options)
    assert np.array_equal(viewer.layers["cells [CLODE, T 2.00, all planes]"].data, expected)
    assert np.array_equal(
        viewer.layers["bright [CLODE, T 2.00, all planes]"].data,
        clode.enhance(stack[:3] * 4, 2.0, levels="auto", rgb=False, **options),
    )
    assert np.array_equal(viewer.layers["night [CLODE, T 2.00]"].data, clode.enhance(dark, 2.0, **options))


def test_cancelling_several_layers_makes_none(viewer, opened, rest, three, monkeypatch):
    expose = Stack.expose
    done = []

    def exposed(self, *given):
        done.append(self.planes.name)
        if len(done) == 2:
            widget.buttons.cancel.click()
        return expose(self, *given)

    monkeypatch.setattr(Stack, "expose", exposed)
    widget = opened(*three)
    viewer.layers.selection = set(three)
    widget.buttons.apply.click()
    rest(widget)
    assert len(done) == 2 and len(viewer.layers) == 3
    assert widget.buttons.status.text() == "Cancelled: no layer was made."


def test_a_pinned_layer_is_applied_to_alone(viewer, opened, rest, three):
    cells, bright, night = three
    widget = opened(*three)
    viewer.layers.selection.active = cells
    widget.controls.pin.click()
    viewer.layers.selection = {bright, night}
    assert widget.buttons.status.text() == "2 images are selected: working on cells."
    assert widget.buttons.apply.text() == "Apply to all planes"


def test_docking_again_shows_what_the_layer_had(viewer, opened, rest, two):
    one, _ = two
    widget = opened(one)
    widget.controls.slider.setValue(1.5)
    rest(widget)
    viewer.window._wrapped_dock_widgets["CLODE Enhance (CLODE)"].destroyOnClose()
    again = opened()
    assert again.controls.value == 1.5 and not again.controls.denoise.isChecked()
    assert "Its result is there" in again.buttons.status.text()
