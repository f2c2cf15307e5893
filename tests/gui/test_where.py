"""Where: each label or shape of a layer has an exposure time of its own."""

import numpy as np
import pytest

import clode_core as clode

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

from napari.layers import Image, Labels, Shapes

from napari_clode import _engine, _methods, _results


@pytest.fixture
def chosen(viewer, opened, rest):
    """Open the widget over a picture, and choose a layer of regions."""

    def choose(picture, regions, **about):
        layer = Image(picture, rgb=picture.shape[-1] == 3, name="night", **about)
        widget = opened(layer)
        viewer.add_layer(regions)
        box = widget.controls.where
        box.box.setCurrentIndex(box.box.findText(regions.name))
        rest(widget)
        return widget

    return choose


def sliders(widget):
    return widget.controls.where.table.sliders


def result(viewer):
    return _results.preview_of(viewer, viewer.layers["night"])


def test_each_label_has_a_time_of_its_own_and_the_rest_that_of_the_slider(viewer, chosen, rest, model, dark):
    labels = np.zeros(dark.shape[:2], np.uint8)
    labels[5:30, 8:40], labels[30:50, 50:80] = 1, 7
    widget = chosen(dark, Labels(labels, name="parts"))
    assert list(sliders(widget)) == [1, 7]
    sliders(widget)[1].setValue(-1.0)
    sliders(widget)[7].setValue(4.5)
    widget.controls.slider.setValue(2.0)
    rest(widget)
    times = np.select([labels == 1, labels == 7], [-1.0, 4.5], 2.0)
    assert np.array_equal(result(viewer).data, clode.enhance(dark, times, denoise=False, model=model))
    alike = clode.enhance(dark, 2.0, denoise=False, model=model)
    assert np.array_equal(result(viewer).data[labels == 0], alike[labels == 0])
    about = result(viewer).metadata["clode"]["where"]
    assert about["layer"] == "parts" and about["times"] == {"1": -1.0, "7": 4.5}
    widget.buttons.keep.click()
    assert "night [CLODE, T 2.00, by parts]" in viewer.layers


def test_the_result_follows_the_brush_and_takes_neither_layer_nor_mode(viewer, chosen, rest, dark, qtbot):
    labels = Labels(np.zeros(dark.shape[:2], np.int32), name="brush")
    widget = chosen(dark, labels)
    viewer.layers.selection.active = labels
    labels.mode = "paint"
    before = result(viewer).data.copy()
    labels.selected_label = 3
    labels.paint((20, 30), 3)
    rest(widget)
    changed = (result(viewer).data != before).any(-1)
    painted = labels.data == 3
    assert changed[painted].mean() > 0.9 and not changed[~painted].any()
    assert result(viewer).data[painted].mean() > before[painted].mean()  # a stroke is seen at once
    assert list(sliders(widget)) == [3]
    assert viewer.layers.selection.active is labels and labels.mode == "paint"
    labels.undo()
    rest(widget)
    assert np.array_equal(result(viewer).data, before) and not sliders(widget)


def test_a_shape_is_filled_and_its_edge_fades_over_the_feather(viewer, chosen, rest, model, dark):
    shapes = Shapes([np.array([[9.5, 19.5], [9.5, 59.5], [39.5, 59.5], [39.5, 19.5]])], name="frame")
    widget = chosen(dark, shapes)
    sliders(widget)[1].setValue(0.0)
    rest(widget)
    inside = np.zeros(dark.shape[:2], bool)
    inside[10:40, 20:60] = True
    for feather in (0, 8):
        widget.controls.where.feather.setValue(feather)
        rest(widget)
        times = clode.exposure_map(dark.shape, [(inside, 0.0)], base=3.0, feather=feather)
        expected = clode.enhance(dark, times, denoise=False, model=model)
        assert np.abs(result(viewer).data.astype(int) - expected).max() <= (1 if feather else 0)
    shapes.data = [shapes.data[0] + [10, 0]]
    widget.controls.where.feather.setValue(0)
    rest(widget)
    assert np.array_equal(result(viewer).data[40:50, 20:60], dark[40:50, 20:60])


def test_shapes_keep_their_times_when_one_is_removed_and_an_ellipse_is_round(viewer, chosen, rest, dark):
    square = np.array([[0, 0], [0, 20], [20, 20], [20, 0]])
    circle = np.array([[0, 30], [0, 50], [20, 50], [20, 30]])
    shapes = Shapes([square, circle], shape_type=["rectangle", "ellipse"], name="two")
    widget = chosen(dark, shapes)
    sliders(widget)[2].setValue(0.0)
    rest(widget)
    kept = (result(viewer).data == dark).all(-1)
    y, x = np.mgrid[: dark.shape[0], : dark.shape[1]]
    assert kept[np.hypot(y - 10, x - 40) < 9].all()
    assert not kept[(np.hypot(y - 10, x - 40) > 11) & (dark.min(-1) > 3)].any()
    shapes.remove([0])
    rest(widget)
    assert list(sliders(widget)) == [1] and sliders(widget)[1].value() == 0.0
    assert (result(viewer).data == dark).all(-1)[10, 40]


@pytest.mark.parametrize("kind", ["all planes", "each plane"])
def test_a_stack_takes_one_mask_for_all_planes_or_one_each_and_apply_too(
    viewer, chosen, rest, model, stack, kind
):
    flat = np.zeros(stack.shape[1:], np.uint8)
    flat[10:30, 20:50] = 1
    labels = flat if kind == "all planes" else np.stack([np.roll(flat, 4 * k, 1) for k in range(len(stack))])
    scale = (5.0, 1.0, 1.0)
    widget = chosen(stack, Labels(labels, name="cells", scale=scale[-labels.ndim :]), scale=scale)
    viewer.dims.set_current_step(0, 3)
    rest(widget)
    sliders(widget)[1].setValue(1.0)
    rest(widget)
    masks = np.broadcast_to(labels, stack.shape) == 1
    levels = result(viewer).metadata["clode"]["levels"]
    expected = [
        clode.enhance(plane, np.where(mask, 1.0, 3.0), denoise=False, model=model, levels=levels, rgb=False)
        for plane, mask in zip(stack, masks, strict=True)
    ]
    assert np.array_equal(result(viewer).data[0], expected[3])
    widget.buttons.apply.click()
    rest(widget)
    whole = next(layer for layer in viewer.layers if layer.name.endswith("all planes]"))
    assert np.array_equal(whole.data, expected)


def test_layers_that_lie_elsewhere_are_found_by_their_place_in_the_world(viewer, chosen, rest, model, dark):
    coarse = np.zeros((15, 20), np.uint8)
    coarse[2:8, 3:9] = 1
    about = {"scale": (2.0, 2.0), "translate": (7.0, -3.0)}
    widget = chosen(dark, Labels(coarse, name="coarse", scale=(8.0, 8.0), translate=(10.0, 0.0)), **about)
    sliders(widget)[1].setValue(0.0)
    rest(widget)
    y, x = (2 * np.arange(n) + first for n, first in zip(dark.shape[:2], (7.0, -3.0), strict=True))
    rows, columns = (np.floor((at - first) / 8 + 0.5).astype(int) for at, first in ((y, 10.0), (x, 0.0)))
    known = [(at >= 0) & (at < n) for at, n in ((rows, 15), (columns, 20))]
    found = coarse[rows.clip(0, 14)][:, columns.clip(0, 19)] * (known[0][:, None] & known[1])
    times = np.where(found == 1, 0.0, 3.0)
    assert np.array_equal(result(viewer).data, clode.enhance(dark, times, denoise=False, model=model))
    viewer.layers["coarse"].rotate = 90
    rest(widget)
    assert not np.array_equal(result(viewer).data, clode.enhance(dark, times, denoise=False, model=model))


def test_a_layer_with_more_axes_than_the_picture_is_refused_in_one_sentence(
    viewer, chosen, rest, model, dark
):
    widget = chosen(dark, Labels(np.ones((4, *dark.shape[:2]), np.uint8), name="deep"))
    said = widget.controls.where.hint.text()
    assert said.startswith("deep has more axes than night: choose") and not sliders(widget)
    rest(widget)
    assert np.array_equal(result(viewer).data, clode.enhance(dark, 3.0, denoise=False, model=model))


def test_renamed_removed_and_brought_back_layers_are_followed(viewer, chosen, rest, model, dark):
    labels = Labels(np.ones(dark.shape[:2], np.uint8), name="brush")
    widget = chosen(dark, labels)
    box = widget.controls.where.box
    labels.name = "strokes"
    assert box.currentText() == "strokes" and sliders(widget)
    viewer.add_layer(Shapes(name="frame"))
    assert [box.itemText(i) for i in range(box.count())] == ["Whole picture", "frame", "strokes"]
    viewer.layers.remove(labels)
    rest(widget)
    assert box.currentText() == "Whole picture" and not sliders(widget)
    assert np.array_equal(result(viewer).data, clode.enhance(dark, 3.0, denoise=False, model=model))
    viewer.add_layer(labels)
    box.setCurrentIndex(box.findText("strokes"))
    rest(widget)
    assert np.array_equal(result(viewer).data, clode.enhance(dark, 4.0, denoise=False, model=model))


def test_reset_brings_the_whole_picture_back_and_back_the_regions(viewer, chosen, rest, dark):
    widget = chosen(dark, Labels(np.ones(dark.shape[:2], np.uint8), name="brush"))
    sliders(widget)[1].setValue(2.0)
    rest(widget)
    before = result(viewer).data.copy()
    widget.controls.reset.click()
    rest(widget)
    assert np.array_equal(result(viewer).data, dark)
    assert widget.controls.where.box.currentText() == "Whole picture"
    widget.buttons.back.click()
    rest(widget)
    assert np.array_equal(result(viewer).data, before) and sliders(widget)[1].value() == 2.0


def test_many_labels_share_a_slider(viewer, chosen, rest, dark):
    labels = np.arange(dark.shape[0] * dark.shape[1]).reshape(dark.shape[:2]) // 60
    widget = chosen(dark, Labels(labels, name="cells"))
    rows = sliders(widget)
    assert len(rows) == 24 and list(rows)[:2] == [1, 2]
    rows[0].setValue(0.0)  # all others
    rest(widget)
    assert np.array_equal(result(viewer).data[labels > 23], dark[labels > 23])


def test_paint_makes_a_layer_ready_for_the_brush(viewer, opened, rest, dark):
    layer = Image(dark, rgb=True, name="night", scale=(2, 2), translate=(5, 5))
    widget = opened(layer)
    widget.controls.where.paint.click()
    rest(widget)
    brush = viewer.layers.selection.active
    assert brush.name == "night brush" and brush.mode == "paint" and widget.controls.where.layer is brush
    assert widget.controls.layer is layer
    assert np.allclose(brush.data_to_world((3, 4)), layer.data_to_world((3, 4)))


def test_over_a_large_picture_only_what_a_stroke_changed_is_exposed_again(
    viewer, chosen, rest, model, dark, monkeypatch, qtbot
):
    for module in (_methods, _engine):
        monkeypatch.setattr(module, "GLIMPSE_PIXELS", 1500)
    labels = Labels(np.zeros(dark.shape[:2], np.uint8), name="brush")
    widget = chosen(dark, labels)
    exposed, shown = [], []
    region = clode.Trajectory.region
    monkeypatch.setattr(
        clode.Trajectory,
        "region",
        lambda self, rows, columns, *a, **k: (
            exposed.append((rows[1] - rows[0], columns[1] - columns[0]))
            or region(self, rows, columns, *a, **k)
        ),
    )
    show = _results.show_plane
    monkeypatch.setattr(_results, "show_plane", lambda *args: shown.append(args[4].copy()) or show(*args))
    labels.brush_size = 6
    for column in (20, 60):
        shown.clear()
        labels.paint((30, column), 1)
        qtbot.waitUntil(lambda: bool(shown))
    assert len(exposed) == 2 and exposed[1][0] <= 8 and exposed[1][1] <= 8
    path = model.solve(dark, span=(-5, 5)).reduced(max(shown[0].shape))
    small = labels.data[1::2, 1::2][: shown[0].shape[0], : shown[0].shape[1]]
    assert np.abs(shown[0].astype(int) - np.rint(255 * path.at(np.where(small, 4.0, 3.0)))).max() < 90
    rest(widget)
    times = np.where(labels.data, 4.0, 3.0)
    assert np.array_equal(result(viewer).data, clode.enhance(dark, times, denoise=False, model=model))


def test_a_method_with_one_strength_for_all_places_says_so(viewer, chosen, rest, dark):
    widget = chosen(dark, Labels(np.ones(dark.shape[:2], np.uint8), name="brush"))
    advanced, where = widget.controls.advanced, widget.controls.where
    advanced.method.setCurrentIndex(advanced.method.findData("gamma"))
    assert not where.box.isEnabled() and "for all places" in where.box.toolTip() and not sliders(widget)
    rest(widget)
    assert "where" not in result(viewer).metadata["clode"]


def test_the_plot_stays_when_the_layer_of_regions_becomes_active(viewer, chosen, rest, dark):
    labels = Labels(np.zeros(dark.shape[:2], np.uint8), name="brush")
    widget = chosen(dark, labels)
    shown = widget.controls.plot.grab().toImage()
    viewer.layers.selection.active = labels
    assert widget.controls.plot.grab().toImage() == shown
    widget.controls.plot.clear()
    assert widget.controls.plot.grab().toImage() != shown
