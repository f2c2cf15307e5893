"""The widget in a real napari, used as a user does."""

import numpy as np
import pytest

import clode_core as clode

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

import dask.array as da
import zarr
from napari.layers import Image, Points

from napari_clode import _results
from napari_clode._planes import Channels

LEVELS_12_BIT = (100.0, 4095.0)


def result_of(viewer, layer):
    return _results.preview_of(viewer, layer)


def choose_levels(widget, levels):
    box = widget.controls.levels.kind
    if isinstance(levels, str):
        box.setCurrentIndex({"dtype": 0, "auto": 1}[levels])
    else:
        box.setCurrentIndex(2)
        for field, level in zip(
            (widget.controls.levels.black, widget.controls.levels.white), levels, strict=True
        ):
            field.setText(f"{level:g}")
            field.editingFinished.emit()


# the menu, the slider


def test_the_menus_and_the_samples_hold_clode(viewer, qtbot):
    def texts(menu):
        found = []
        for action in menu.actions():
            found.append(action.text())
            if action.menu() is not None:
                action.menu().aboutToShow.emit()
                found += texts(action.menu())
        return found

    assert "CLODE Enhance (CLODE)" in texts(viewer.window.plugins_menu)
    assert "CLODE Enhance (CLODE)" in texts(viewer.window.layers_menu)
    assert {"CLODE", "Dark photograph"} <= set(texts(viewer.window.file_menu))


@pytest.mark.parametrize("sample", ["dark_photograph", "dark_cells"])
def test_a_sample_opens_and_is_enhanced(viewer, opened, rest, sample):
    viewer.open_sample("clode-core", sample)
    widget = opened()
    source = viewer.layers[0]
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, source)
    assert result.data.mean() > 1.5 * source.data.mean()
    assert viewer.layers.index(result) == viewer.layers.index(source) + 1


def test_the_result_follows_the_slider_and_equals_enhance(viewer, opened, rest, model, dark):
    widget = opened(Image(dark, rgb=True))
    before = dark.copy()
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, viewer.layers[0])
    for time in (3.0, 1.25, -2.0, 0.0, 4.5):
        widget.controls.slider.setValue(time)
        rest(widget)
        assert np.array_equal(result.data, clode.enhance(dark, time, denoise=False, model=model))
        assert result.metadata["clode"]["exposure_time"] == pytest.approx(time)
    assert np.array_equal(dark, before) and len(viewer.layers) == 2


def test_touching_the_slider_is_enough_to_start(viewer, opened, rest, dark):
    widget = opened(Image(dark, rgb=True))
    widget.controls.slider.setValue(2.0)
    rest(widget)
    assert result_of(viewer, viewer.layers[0]) is not None


def test_noise_is_removed_and_brought_back_by_the_toggle(viewer, opened, rest, model, dark):
    widget = opened(Image(dark, rgb=True))
    widget.controls.denoise.setChecked(True)
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, viewer.layers[0])
    assert np.array_equal(result.data, clode.enhance(dark, 3.0, denoise=True, model=model))
    assert result.metadata["clode"]["denoise"] is True
    widget.controls.denoise.setChecked(False)
    rest(widget)
    assert np.array_equal(result.data, clode.enhance(dark, 3.0, denoise=False, model=model))


def test_auto_moves_the_slider_and_reset_brings_the_picture_back(viewer, opened, rest, model, dark):
    widget = opened(Image(dark, rgb=True))
    widget.controls.auto.click()
    rest(widget)
    assert widget.controls.slider.value() == pytest.approx(model.solve(dark).auto(), abs=0.01)
    widget.controls.reset.click()
    rest(widget)
    assert widget.controls.slider.value() == 0
    assert np.array_equal(result_of(viewer, viewer.layers[0]).data, dark)


def test_the_plot_shows_the_brightness_of_the_plane_and_moves_the_slider(
    viewer, opened, rest, model, dark, qtbot
):
    from qtpy.QtCore import QPoint, Qt

    widget = opened(Image(dark, rgb=True))
    plot = widget.controls.plot
    assert plot.curve[0].size == 0
    widget.buttons.enhance.click()
    rest(widget)
    times, means = plot.curve
    assert np.allclose(means, model.solve(dark).brightness(times))
    assert plot.value == widget.controls.value
    plot.resize(240, 110)
    place = plot._point(-1.0, 0.5)
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(round(place.x()), round(place.y())))
    assert widget.controls.slider.value() == pytest.approx(-1.0, abs=0.05)
    assert plot.value == widget.controls.value
    rest(widget)


# kinds of layer


def kinds(stack, dark):
    alpha = np.concatenate([dark, np.full_like(dark[..., :1], 77)], -1)
    grey = dark[..., 0]
    volumes = np.stack([stack[:2], stack[2:4]])
    return {
        "grey 8 bit": (grey, {}, "dtype"),
        "rgb": (dark, {"rgb": True}, "dtype"),
        "rgba": (alpha, {"rgb": True}, "dtype"),
        "12 bit in 16": (stack[0], {}, "auto"),
        "12 bit, levels typed": (stack[0], {}, LEVELS_12_BIT),
        "float": ((grey / 255).astype(np.float32), {}, "dtype"),
        "float beyond 1": (stack[0].astype(np.float32), {}, "auto"),
        "rgb stack": (np.stack([dark, dark // 2]), {"rgb": True}, "dtype"),
        "t y x": (stack, {"axis_labels": ("t", "y", "x")}, "auto"),
        "t z c y x": (
            np.stack([volumes, volumes // 2], 2),
            {"axis_labels": ("t", "z", "c", "y", "x")},
            LEVELS_12_BIT,
        ),
        "dask": (da.from_array(stack, chunks=(2, 48, 64)), {"contrast_limits": (0, 4095)}, LEVELS_12_BIT),
        "zarr": (zarr.array(stack, chunks=(1, 48, 64)), {"contrast_limits": (0, 4095)}, LEVELS_12_BIT),
        "multiscale": ([stack, stack[:, ::2, ::2]], {"multiscale": True}, LEVELS_12_BIT),
    }


NAMES = list(kinds(np.zeros((5, 48, 64), np.uint16), np.zeros((60, 90, 3), np.uint8)))


@pytest.mark.parametrize("kind", NAMES)
def test_every_kind_of_layer_is_previewed_plane_by_plane(viewer, opened, rest, model, stack, dark, kind):
    data, options, levels = kinds(stack, dark)[kind]
    layer = Image(data, **options)
    widget = opened(layer)
    choose_levels(widget, levels)
    widget.buttons.enhance.click()
    rest(widget)
    whole = np.asarray(data[0] if options.get("multiscale") else data)
    if levels == "auto":
        found = clode.resolve_levels(whole, "auto")
        levels = (found.black, found.white)
    for step in (0, 1):
        for axis in range(layer.ndim - 2):
            viewer.dims.set_current_step(axis, step)
        rest(widget)
        plane = whole[(step,) * (layer.ndim - 2)]
        expected = clode.enhance(plane, 3.0, denoise=False, model=model, levels=levels, rgb=layer.rgb)
        result = result_of(viewer, layer)
        shown = np.asarray(result.data)[(0,) * (layer.ndim - 2)]
        assert shown.dtype == plane.dtype and np.array_equal(shown, expected)
        assert result.ndim == layer.ndim and result.rgb == layer.rgb
        here = np.asarray(viewer.dims.point)
        drawn = result.world_to_data(here)[: layer.ndim - 2]
        assert np.allclose(drawn, 0, atol=0.5)  # it lies where the viewer looks
        assert not layer.rgb or result.data.shape[-1] == plane.shape[-1]


def test_colours_along_the_first_axis_become_one_picture(viewer, opened, rest, model, dark):
    layer = Image(np.moveaxis(dark, -1, 0).copy(), scale=(1, 2, 2))
    widget = opened(layer)
    box = widget.controls.channels
    box.setCurrentIndex(next(i for i in range(box.count()) if box.itemData(i) == Channels("rgb", 0)))
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, layer)
    expected = clode.enhance(dark, 3.0, denoise=False, model=model)
    assert result.rgb and np.array_equal(result.data[0], expected)
    for channel in range(3):
        viewer.dims.set_current_step(0, channel)
        rest(widget)
        assert np.array_equal(np.asarray(result._slice.image.view), expected)


# all planes


def apply(widget, rest):
    widget.buttons.apply.click()
    rest(widget)


def whole_result(viewer):
    return next(layer for layer in viewer.layers if layer.name.endswith("all planes]"))


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("denoise", [False, True])
def test_all_planes_equal_enhance(viewer, opened, rest, model, stack, shared, denoise):
    widget = opened(Image(stack))
    choose_levels(widget, LEVELS_12_BIT)
    widget.controls.denoise.setChecked(denoise)
    widget.controls.shared.setChecked(shared)
    apply(widget, rest)
    expected = clode.enhance(
        stack, 3.0, denoise=denoise, model=model, levels=LEVELS_12_BIT, rgb=False, shared_exposure=shared
    )
    result = whole_result(viewer)
    assert isinstance(result.data, np.ndarray) and np.array_equal(result.data, expected)
    assert result.metadata["clode"]["shared_exposure"] is shared
    assert result.contrast_limits == list(LEVELS_12_BIT)


def test_channels_by_themselves_share_an_exposure_each(viewer, opened, rest, model, stack):
    data = np.stack([stack, stack // 8], 1)
    layer = Image(data, axis_labels=("t", "c", "y", "x"))
    widget = opened(layer)
    assert widget.controls.channels.currentData() == Channels("each", 1)
    choose_levels(widget, (0, 4095))
    widget.controls.shared.setChecked(True)
    apply(widget, rest)
    for channel in range(2):
        expected = clode.enhance(
            data[:, channel],
            3.0,
            denoise=False,
            model=model,
            levels=(0, 4095),
            rgb=False,
            shared_exposure=True,
        )
        assert np.array_equal(whole_result(viewer).data[:, channel], expected)


def test_applying_the_same_again_updates_the_same_layer(viewer, opened, rest, stack):
    layer = Image(stack.copy())
    widget = opened(layer)
    apply(widget, rest)
    first = whole_result(viewer)
    before = first.data.mean()
    layer.data = layer.data * 4
    choose_levels(widget, "dtype")
    choose_levels(widget, first.metadata["clode"]["levels"])
    apply(widget, rest)
    assert [layer for layer in viewer.layers if "all planes" in layer.name] == [first]
    assert first.data.mean() > before


@pytest.fixture
def halfway(viewer, opened, stack, monkeypatch, qtbot):
    """A widget in the middle of applying to all planes, and its slow work."""
    import threading

    from napari_clode._engine import Stack

    step, state = threading.Semaphore(0), {"planes": 0}
    whole = Stack.expose

    def slow(self, *args):
        state["planes"] += 1
        if state["planes"] > 1:
            step.acquire(timeout=20)
        return whole(self, *args)

    monkeypatch.setattr(Stack, "expose", slow)
    widget = opened(Image(stack))
    widget.buttons.apply.click()
    qtbot.waitUntil(lambda: state["planes"] == 2, timeout=20_000)
    yield widget, step, state
    for _ in range(10):
        step.release()


def finish(widget, step, rest):
    for _ in range(10):
        step.release()
    rest(widget)


def test_cancel_stops_between_planes_and_leaves_no_layer(viewer, halfway, rest):
    widget, step, state = halfway
    assert widget.buttons.cancel.isVisibleTo(widget) and not widget.buttons.apply.isEnabled()
    widget.buttons.cancel.click()
    finish(widget, step, rest)
    assert state["planes"] <= 3 and len(viewer.layers) == 1
    assert not widget.buttons.cancel.isVisibleTo(widget) and widget.buttons.apply.isEnabled()
    assert widget.buttons.status.text() == "Cancelled: no layer was made."


def test_deleting_the_source_in_mid_run_is_harmless(viewer, halfway, rest):
    widget, step, state = halfway
    viewer.layers.clear()
    finish(widget, step, rest)
    assert state["planes"] <= 3 and len(viewer.layers) == 0


def test_closing_the_widget_in_mid_run_is_harmless(viewer, halfway, qtbot):
    from qtpy.QtCore import QThreadPool

    _, step, state = halfway
    viewer.window._wrapped_dock_widgets["CLODE Enhance (CLODE)"].destroyOnClose()
    for _ in range(10):
        step.release()
    assert QThreadPool.globalInstance().waitForDone(20_000)
    qtbot.wait(50)
    assert state["planes"] <= 3 and len(viewer.layers) == 1
    viewer.dims.set_current_step(0, 2)
    viewer.layers.clear()  # nothing listens any more


def test_closing_napari_in_mid_run_is_harmless(viewer, halfway):
    _, step, _ = halfway
    viewer.close()
    for _ in range(10):
        step.release()


# layers come and go


def test_transforms_units_and_metadata_are_those_of_the_source(viewer, opened, rest, stack):
    layer = Image(
        stack,
        scale=(5, 0.3, 0.4),
        translate=(2, 10, -7),
        rotate=np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]]),
        shear=(0, 0, 0.2),
        affine=np.array([[1, 0, 0, 3], [0, 1.1, 0.2, -4], [0, 0.1, 0.9, 6], [0, 0, 0, 1]]),
        units=("second", "micrometer", "micrometer"),
        axis_labels=("t", "y", "x"),
        metadata={"objective": "40x"},
        colormap="green",
        gamma=0.9,
    )
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    preview = result_of(viewer, layer)
    plane = round(float(layer.world_to_data(np.asarray(viewer.dims.point))[0]))
    assert plane > 0
    widget.buttons.keep.click()
    apply(widget, rest)
    for result, offset in ((preview, plane), (whole_result(viewer), 0)):
        corners = np.array([[0, 0, 0], [0, 47, 0], [0, 0, 63]])
        for corner in corners:
            in_source = corner + np.array([offset, 0, 0])
            assert np.allclose(result.data_to_world(corner), layer.data_to_world(in_source), atol=1e-6)
        assert result.units == layer.units and result.axis_labels == layer.axis_labels
        assert result.metadata["objective"] == "40x" and "clode" not in layer.metadata
        assert result.colormap.name == "green" and result.gamma == 0.9
    whole = whole_result(viewer)
    for name in ("scale", "translate", "rotate", "shear"):
        assert np.allclose(getattr(whole, name), getattr(layer, name)), name


def test_a_coarser_level_of_a_pyramid_lies_where_the_finest_does(viewer, opened, rest, stack, monkeypatch):
    from napari_clode import _planes

    monkeypatch.setattr(_planes, "LARGEST_PLANE", 1000)
    layer = Image([stack, stack[:, ::2, ::2]], multiscale=True, scale=(1, 3, 3))
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, layer)
    assert result.data.shape == (1, 24, 32)
    step = int(viewer.dims.current_step[0])
    assert "1/2" in widget.buttons.status.text()
    widget.buttons.keep.click()
    assert np.allclose(result.data_to_world((0, 0, 0)), layer.data_to_world((step, 0.5, 0.5)))


def test_running_again_updates_the_same_layer_and_keep_makes_it_independent(viewer, opened, rest, dark):
    widget = opened(Image(dark, rgb=True, name="night"))
    widget.buttons.enhance.click()
    rest(widget)
    first = result_of(viewer, viewer.layers["night"])
    widget.buttons.enhance.click()
    rest(widget)
    assert len(viewer.layers) == 2
    widget.buttons.keep.click()
    assert first.name == "night [CLODE, T 3.00]"
    kept = first.data.copy()
    widget.controls.slider.setValue(1.0)
    rest(widget)
    assert len(viewer.layers) == 3 and np.array_equal(first.data, kept)
    assert first in [layer for _, layer in widget._sources()]


def test_deleting_the_result_is_harmless_and_the_slider_makes_a_new_one(viewer, opened, rest, dark):
    widget = opened(Image(dark, rgb=True))
    widget.buttons.enhance.click()
    viewer.layers[-1].name = "night"
    rest(widget)
    viewer.layers.remove(result_of(viewer, viewer.layers["night"]))
    rest(widget)
    assert len(viewer.layers) == 1
    widget.controls.slider.setValue(2.0)
    rest(widget)
    assert len(viewer.layers) == 2


def test_deleting_the_source_while_it_is_solved_is_harmless(viewer, opened, rest, dark):
    widget = opened(Image(dark, rgb=True))
    widget.buttons.enhance.click()
    viewer.layers.clear()
    rest(widget)
    assert len(viewer.layers) == 0 and widget.controls.layer is None
    assert not widget.buttons.enhance.isEnabled()


def test_new_data_in_the_source_are_solved_anew(viewer, opened, rest, model, dark):
    layer = Image(dark, rgb=True)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    other = dark[::-1].copy()
    layer.data = other
    rest(widget)
    expected = clode.enhance(other, 3.0, denoise=False, model=model)
    assert np.array_equal(result_of(viewer, layer).data, expected)


def test_another_layer_can_be_chosen_and_is_left_alone_until_asked(viewer, opened, rest, dark):
    one, two = Image(dark, rgb=True, name="one"), Image(dark // 2, rgb=True, name="two")
    widget = opened(one, two)
    widget.controls.layer_box.value = one
    widget.buttons.enhance.click()
    rest(widget)
    widget.controls.layer_box.value = two
    rest(widget)
    assert result_of(viewer, one) is not None and result_of(viewer, two) is None
    two.name = "three"
    texts = [widget.controls.layer_box.native.itemText(i) for i in range(2)]
    assert "three" in texts and "two" not in texts
    widget.buttons.enhance.click()
    rest(widget)
    assert result_of(viewer, two) is not None and len(viewer.layers) == 4


def test_a_reopened_widget_goes_on_with_the_same_result(viewer, opened, rest, dark):
    layer = Image(dark, rgb=True)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    result = result_of(viewer, layer)
    viewer.window._wrapped_dock_widgets["CLODE Enhance (CLODE)"].destroyOnClose()
    again = opened()
    assert again is not widget
    again.controls.slider.setValue(1.0)
    rest(again)
    assert result_of(viewer, layer) is result and len(viewer.layers) == 2


# what was found by using it


def test_applying_to_two_layers_keeps_their_results_apart(viewer, halfway, rest, random):
    widget, step, _ = halfway
    first = viewer.layers[0]
    other = Image(random.integers(0, 900, (3, 20, 30)).astype(np.uint16), name="other")
    viewer.add_layer(other)
    widget.controls.layer_box.value = other
    assert not widget.buttons.apply.isEnabled()
    finish(widget, step, rest)
    result = whole_result(viewer)
    assert result.data.shape == first.data.shape and result.name.startswith(first.name)
    assert widget.buttons.apply.isEnabled()


def test_levels_are_never_read_in_the_window_thread(viewer, opened, rest, stack, monkeypatch):
    import threading

    from napari_clode._engine import Stack

    seen = []
    read = Stack._sampled

    def recorded(self):
        seen.append(threading.current_thread() is threading.main_thread())
        return read(self)

    monkeypatch.setattr(Stack, "_sampled", recorded)
    widget = opened(Image(stack))
    widget.buttons.enhance.click()
    rest(widget)
    apply(widget, rest)
    assert seen and not any(seen)


def test_linked_layers_do_not_move_or_hide_the_source(viewer, opened, rest, stack):
    layer = Image(stack)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    viewer.layers.link_layers(list(viewer.layers))
    for step in range(5):
        viewer.dims.set_current_step(0, step)
        rest(widget)
    viewer.dims.ndisplay = 3
    widget.controls.slider.setValue(2.0)
    rest(widget)
    apply(widget, rest)
    assert np.array_equal(layer.translate, (0, 0, 0)) and np.array_equal(layer.scale, (1, 1, 1))
    assert layer.visible


def test_renaming_the_chosen_layer_changes_nothing_else(viewer, opened, rest, dark):
    one, two = Image(dark, rgb=True, name="a"), Image(dark, rgb=True, name="b")
    widget = opened(one, two)
    widget.controls.layer_box.value = one
    widget.buttons.enhance.click()
    rest(widget)
    one.name = "z"
    assert widget.controls.layer is one and widget.previews.live


def test_contrast_limits_follow_the_levels_unless_a_user_has_set_them(viewer, opened, rest, stack):
    layer = Image(stack)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    choose_levels(widget, "dtype")
    rest(widget)
    result = result_of(viewer, layer)
    assert result.contrast_limits == [0, 65535]
    result.contrast_limits = (10, 5000)
    choose_levels(widget, "auto")
    rest(widget)
    assert result.contrast_limits == [10, 5000]


def test_layers_in_other_units_show_the_plane_the_viewer_shows(viewer, opened, rest, model, stack):
    micro = Image(stack, scale=(1, 1, 1), units=("um", "um", "um"), name="micro")
    nano = Image(stack, scale=(500, 1000, 1000), units=("nm", "nm", "nm"), name="nano")
    widget = opened(micro, nano)
    choose_levels(widget, LEVELS_12_BIT)
    for layer in (micro, nano):
        widget.controls.layer_box.value = layer
        choose_levels(widget, LEVELS_12_BIT)
        viewer.dims.set_point(0, viewer.dims.range[0].stop * 0.3)  # in the units of the viewer
        widget.buttons.enhance.click()
        rest(widget)
        (shown,) = (k for k in range(5) if np.array_equal(layer._slice.image.raw, stack[k]))
        assert widget.previews.plane.shown.index == (shown,)


def test_choosing_a_layer_again_brings_its_settings_back_and_leaves_its_result(
    viewer, opened, rest, stack, dark
):
    one, two = Image(stack, name="one"), Image(dark, rgb=True, name="two")
    widget = opened(one, two)
    widget.controls.layer_box.value = one
    choose_levels(widget, (50, 4000))
    widget.controls.slider.setValue(2.0)
    rest(widget)
    before = result_of(viewer, one).data.copy()
    widget.controls.layer_box.value = two
    widget.controls.slider.setValue(4.0)
    rest(widget)
    widget.controls.layer_box.value = one
    rest(widget)
    assert np.array_equal(result_of(viewer, one).data, before)
    assert widget.controls.slider.value() == 2.0 and widget.controls.settings.levels == (50, 4000)


def test_a_live_result_is_no_source_until_its_own_source_is_gone(viewer, opened, rest, dark):
    layer = Image(dark, rgb=True)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    assert list(widget.controls.layer_box.choices) == [layer]
    viewer.layers.remove(layer)
    rest(widget)
    assert list(widget.controls.layer_box.choices) == list(viewer.layers)
    assert widget.buttons.enhance.isEnabled()


def test_the_slider_shows_the_preview_again_after_applying(viewer, opened, rest, stack):
    layer = Image(stack)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    apply(widget, rest)
    preview = result_of(viewer, layer)
    assert not preview.visible
    widget.controls.slider.setValue(2.0)
    rest(widget)
    assert preview.visible


def test_a_shared_exposure_can_be_cancelled(viewer, opened, rest, stack, monkeypatch):
    from clode_core.methods.clode.model import Model

    solved = []
    whole = Model.solve

    def slow(self, *args, **options):
        solved.append(1)
        if len(solved) == 2:
            widget.buttons.cancel.click()
        return whole(self, *args, **options)

    widget = opened(Image(np.concatenate([stack] * 4)))
    widget.controls.shared.setChecked(True)
    monkeypatch.setattr(Model, "solve", slow)
    widget.buttons.enhance.click()
    rest(widget)
    assert len(solved) < 5 and len(viewer.layers) == 1


def test_an_error_is_not_covered_by_the_end_of_other_work(viewer, halfway, rest):
    widget, step, _ = halfway
    widget.start()
    choose_levels(widget, (5000, 10))
    finish(widget, step, rest)
    assert "black below white" in widget.buttons.status.text()


def test_nothing_is_said_to_be_running_that_is_not(viewer, opened, rest, dark):
    layer = Image(np.concatenate([np.tile(dark, (6, 6, 1))]), rgb=True)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    widget.controls.denoise.setChecked(True)
    assert "Removing noise" in widget.buttons.status.text()
    widget.controls.denoise.setChecked(False)
    assert widget.buttons.status.text() == ""
    widget.controls.denoise.setChecked(True)
    viewer.layers.remove(result_of(viewer, layer))
    assert widget.buttons.status.text() == ""
    rest(widget)


def test_where_the_layer_has_no_plane_it_says_so(viewer, opened, rest, stack):
    short = Image(stack, name="short")
    widget = opened(Image(np.concatenate([stack] * 3)), short)
    widget.controls.layer_box.value = short
    viewer.dims.set_current_step(0, 12)
    widget.buttons.enhance.click()
    rest(widget)
    assert widget.buttons.status.text() == "short has no plane here."
    viewer.dims.set_current_step(0, 2)
    rest(widget)
    assert result_of(viewer, short) is not None


def test_new_data_of_another_kind_refit_the_controls(viewer, opened, rest, stack, dark):
    layer = Image(dark[..., 0].copy())
    widget = opened(layer)
    assert not widget.buttons.apply.isVisibleTo(widget)
    layer.data = stack
    assert widget.buttons.apply.isVisibleTo(widget) and widget.controls.levels.kind.currentIndex() == 1


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # napari's own, for a layer without pixels
def test_an_empty_stack_is_refused_in_one_sentence(viewer, opened):
    widget = opened(Image(np.zeros((0, 48, 64), np.uint8), contrast_limits=(0, 1)))
    widget.buttons.enhance.click()
    assert "is empty" in widget.buttons.status.text()


def test_a_result_follows_its_source_when_that_is_moved_or_turned(viewer, opened, rest, dark):
    layer = Image(dark, rgb=True)
    widget = opened(layer)
    widget.buttons.enhance.click()
    rest(widget)
    layer.scale = (2, 3)
    layer.rotate = 30
    layer.affine = np.array([[1, 0, 50], [0, 1, 20], [0, 0, 1.0]])
    rest(widget)
    for corner in ((0, 0), (59, 89)):
        assert np.allclose(result_of(viewer, layer).data_to_world(corner), layer.data_to_world(corner))


def test_a_level_of_a_pyramid_that_is_coarse_in_depth_shows_the_right_planes(
    viewer, opened, rest, stack, monkeypatch
):
    from napari_clode import _planes

    monkeypatch.setattr(_planes, "LARGEST_PLANE", 1000)
    fine = np.concatenate([stack, stack])
    layer = Image([fine, fine[::2, ::2, ::2]], multiscale=True)
    widget = opened(layer)
    found = []
    for step in range(10):
        viewer.dims.set_current_step(0, step)
        widget.buttons.enhance.click()
        rest(widget)
        found.append(widget.previews.plane.shown.index[0])
    assert found == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_preview_and_all_planes_agree_at_a_typed_time_and_small_levels(viewer, opened, rest, random):
    data = (random.random((2, 40, 50)) * 6e-5).astype(np.float32)
    layer = Image(data)
    widget = opened(layer)
    choose_levels(widget, (0, 7e-5))
    widget.controls.slider.setValue(2.34567)
    rest(widget)
    apply(widget, rest)
    step = widget.previews.plane.shown.index[0]
    assert np.array_equal(result_of(viewer, layer).data[0], whole_result(viewer).data[step])
    assert whole_result(viewer).metadata["clode"]["levels"] == pytest.approx((0, 7e-5))


def test_a_script_may_end_while_work_is_going_on(tmp_path):
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(
        "import napari, numpy as np\n"
        "from qtpy.QtWidgets import QApplication\n"
        "viewer = napari.Viewer(show=False)\n"
        "viewer.add_image(np.full((900, 1200, 3), 20, np.uint8), rgb=True)\n"
        "_, widget = viewer.window.add_plugin_dock_widget('clode-core', 'CLODE Enhance')\n"
        "widget.buttons.enhance.click()\n"
        "for _ in range(100): QApplication.processEvents()\n"
        "viewer.close()\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr


# messages


def test_without_an_image_layer_it_says_so(viewer, opened):
    widget = opened(Points(np.zeros((1, 2))))
    assert "Open a picture" in widget.buttons.status.text()
    assert not widget.buttons.enhance.isEnabled()
    widget.start()
    assert "no image layer" in widget.buttons.status.text()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((5, 200), np.uint8), "5 pixels: at least 8 x 8"),
        (np.zeros((20, 20), bool), "dtype bool"),
        (np.full((20, 20), 900.0), "goes beyond|reaches 900"),
    ],
)
def test_a_layer_that_cannot_be_enhanced_is_refused_in_one_sentence(viewer, opened, rest, data, words):
    import re

    widget = opened(Image(data, contrast_limits=(0, 1)))
    choose_levels(widget, "dtype")
    widget.buttons.enhance.click()
    rest(widget)
    assert re.search(words, widget.buttons.status.text()), widget.buttons.status.text()
    assert len(viewer.layers) == 1


def test_wrong_weights_and_devices_are_refused_and_can_be_corrected(viewer, opened, rest, dark, tmp_path):
    widget = opened(Image(dark, rgb=True))
    fake = tmp_path / "model.safetensors"
    fake.write_bytes(b"pickle")
    for wrong, words in ((fake, "not a readable safetensors"), (tmp_path / "none", "no weights at")):
        widget.controls.advanced.weights.setText(str(wrong))
        widget.controls.advanced.weights.editingFinished.emit()
        widget.buttons.enhance.click()
        rest(widget)
        assert words in widget.buttons.status.text()
    widget.controls.advanced.weights.setText("")
    widget.controls.advanced.weights.editingFinished.emit()
    rest(widget)
    assert result_of(viewer, viewer.layers[0]) is not None


def test_out_of_gpu_memory_the_cpu_does_it(viewer, opened, rest, dark, model, monkeypatch):
    import torch

    from clode_core.methods.clode.model import Model
    from napari_clode import _engine

    crowded = clode.load_model(device="cpu")
    crowded.device = torch.device("cuda")
    whole = Model.solve

    def solve(self, *args, **options):
        if self is crowded:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(self, *args, **options)

    monkeypatch.setattr(Model, "solve", solve)
    monkeypatch.setattr(_engine, "_load", lambda name, weights, device: crowded)
    widget = opened(Image(dark, rgb=True))
    widget.buttons.enhance.click()
    rest(widget)
    assert "cuda ran out of memory" in widget.buttons.status.text()
    expected = clode.enhance(dark, 3.0, denoise=False, model=model)
    assert np.array_equal(result_of(viewer, viewer.layers[0]).data, expected)


def test_nothing_slow_happens_in_the_window_thread(viewer, opened, rest, dark, monkeypatch):
    import threading

    from clode_core.methods.clode.model import Model
    from clode_core.methods.clode.trajectory import Trajectory

    seen = []

    def watch(owner, name):
        whole = getattr(owner, name)

        def recorded(self, *args, **options):
            seen.append(threading.current_thread() is threading.main_thread())
            return whole(self, *args, **options)

        monkeypatch.setattr(owner, name, recorded)

    watch(Model, "solve")
    watch(Trajectory, "at")
    widget = opened(Image(dark, rgb=True))
    widget.controls.denoise.setChecked(True)
    widget.buttons.enhance.click()
    rest(widget)
    widget.controls.slider.setValue(1.0)
    rest(widget)
    assert len(seen) >= 4 and not any(seen)
