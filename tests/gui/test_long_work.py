"""Stacks that are lazy or large: in the background, into memory or onto disk; progress and cancel."""

import threading

import numpy as np
import pytest

import clode_core as clode

pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError, reason="Qt is not installed")
pytest.importorskip("napari")

import dask.array as da
import zarr
from napari.layers import Image
from napari.utils import progress as progress_bar
from napari.utils.notifications import notification_manager

from napari_clode import _activity, _all_planes, _results, _stack
from napari_clode._activity import time_left
from napari_clode._engine import Stack
from napari_clode._jobs import LatestJob

LEVELS = (100.0, 4095.0)


def typed(widget):
    levels = widget.controls.levels
    levels.kind.setCurrentIndex(2)
    for field, level in zip((levels.black, levels.white), LEVELS, strict=True):
        field.setText(f"{level:g}")
        field.editingFinished.emit()


def whole(viewer):
    return next(layer for layer in viewer.layers if layer.name.endswith("all planes]"))


@pytest.fixture
def threads(monkeypatch):
    """The threads in which planes are enhanced."""
    seen = []
    expose, solve = Stack.expose, Stack.solve

    def exposed(self, *args):
        seen.append(threading.current_thread())
        return expose(self, *args)

    def solved(self, *args):
        seen.append(threading.current_thread())
        return solve(self, *args)

    monkeypatch.setattr(Stack, "expose", exposed)
    monkeypatch.setattr(Stack, "solve", solved)
    return seen


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """No result fits into memory; a user chooses this folder for it."""
    chosen = tmp_path / "bright.zarr"
    asked = []

    def ask(parent, question, suggestion, kinds):
        asked.append((question, suggestion))
        return str(chosen), kinds

    monkeypatch.setattr(_stack, "MEMORY_SHARE", 0.0)
    monkeypatch.setattr(_all_planes.QFileDialog, "getSaveFileName", ask)
    chosen_with_question = type("Chosen", (), {"path": chosen, "asked": asked})
    return chosen_with_question


@pytest.mark.parametrize("source", ["dask", "zarr"])
def test_a_lazy_stack_that_fits_is_computed_in_the_background(
    viewer, opened, rest, model, stack, source, threads
):
    data = {"dask": da.from_array(stack, chunks=(2, 48, 64)), "zarr": zarr.array(stack, chunks=(1, 48, 64))}
    widget = opened(Image(data[source], contrast_limits=(0, 4095)))
    typed(widget)
    widget.buttons.apply.click()
    rest(widget)
    result = whole(viewer)
    expected = clode.enhance(stack, 3.0, denoise=False, model=model, levels=LEVELS, rgb=False)
    assert isinstance(result.data, np.ndarray) and np.array_equal(result.data, expected)
    threads.clear()
    for step in range(5):
        viewer.dims.set_current_step(0, step)
    assert threading.main_thread() not in threads


def test_a_result_that_does_not_fit_is_written_to_disk_and_shown_from_there(
    viewer, opened, rest, model, stack, folder, threads
):
    widget = opened(Image(stack, name="cells", scale=(5, 0.3, 0.3), axis_labels=("t", "y", "x")))
    typed(widget)
    widget.buttons.apply.click()
    rest(widget)
    (question, suggestion) = folder.asked[0]
    assert "GB" in question and suggestion.endswith("cells CLODE, T 3.00.zarr")
    result = whole(viewer)
    expected = clode.enhance(stack, 3.0, denoise=False, model=model, levels=LEVELS, rgb=False)
    assert isinstance(result.data, zarr.Array) and result.data.chunks == (1, 48, 64)
    assert np.array_equal(result.data[:], expected) and result.dtype == np.uint16
    written = zarr.open_array(folder.path, mode="r")
    assert written.metadata.dimension_names == ("t", "y", "x")
    assert written.attrs["clode"]["exposure_time"] == 3.0 and written.attrs["scale"] == [5, 0.3, 0.3]
    assert set(written.attrs) == {"clode", "scale"}
    threads.clear()
    for step in range(5):
        viewer.dims.set_current_step(0, step)
        assert np.array_equal(result._slice.image.raw, expected[step])
    assert not threads
    assert [found.name for found in folder.path.parent.iterdir()] == ["bright.zarr"]


def test_work_on_disk_that_was_cancelled_goes_on_where_it_stopped(
    viewer, opened, rest, model, stack, folder, monkeypatch
):
    done = []
    expose = Stack.expose

    def exposed(self, plane, index, *args):
        done.append(index)
        if len(done) == 3:
            widget.buttons.cancel.click()
        return expose(self, plane, index, *args)

    monkeypatch.setattr(Stack, "expose", exposed)
    widget = opened(Image(stack, name="cells"))
    typed(widget)
    widget.buttons.apply.click()
    rest(widget)
    assert "bright.zarr again" in widget.buttons.status.text() and len(viewer.layers) == 1
    assert not folder.path.exists()
    widget.buttons.apply.click()
    assert "going on after 2" in widget.buttons.status.text()
    rest(widget)
    assert done == [(0,), (1,), (2,), (2,), (3,), (4,)]
    expected = clode.enhance(stack, 3.0, denoise=False, model=model, levels=LEVELS, rgb=False)
    assert np.array_equal(whole(viewer).data[:], expected)


def test_other_settings_do_not_go_on_with_what_was_begun(viewer, opened, rest, stack, folder, monkeypatch):
    done = []
    expose = Stack.expose

    def exposed(self, plane, index, *args):
        done.append(index)
        if len(done) == 3:
            widget.buttons.cancel.click()
        return expose(self, plane, index, *args)

    monkeypatch.setattr(Stack, "expose", exposed)
    widget = opened(Image(stack, name="cells"))
    typed(widget)
    widget.buttons.apply.click()
    rest(widget)
    widget.controls.slider.setValue(1.0)
    rest(widget)
    widget.buttons.apply.click()
    rest(widget)
    assert done[3:] == [(0,), (1,), (2,), (3,), (4,)]


def test_a_folder_that_exists_is_not_written_over(viewer, opened, rest, stack, folder):
    folder.path.mkdir()
    widget = opened(Image(stack))
    widget.buttons.apply.click()
    rest(widget)
    assert widget.buttons.status.text() == "bright.zarr exists already: choose another name"
    assert not list(folder.path.iterdir()) and len(viewer.layers) == 1


def test_a_disk_that_is_too_full_is_refused(viewer, opened, rest, stack, folder, monkeypatch):
    full = type("Usage", (), {"free": 10})
    monkeypatch.setattr(_stack.shutil, "disk_usage", lambda path: full)
    widget = opened(Image(stack))
    widget.buttons.apply.click()
    rest(widget)
    assert "choose another place" in widget.buttons.status.text()
    assert not list(folder.path.parent.iterdir())


@pytest.fixture
def notifications():
    found = []
    notification_manager.notification_ready.connect(lambda event: found.append(event))
    yield found
    notification_manager.notification_ready.disconnect()


@pytest.fixture
def stepwise(monkeypatch):
    """Planes are enhanced when they are released; bars appear at once."""
    step, reached = threading.Semaphore(0), threading.Semaphore(0)
    expose = Stack.expose

    def exposed(self, *args):
        reached.release()
        step.acquire(timeout=20)
        return expose(self, *args)

    monkeypatch.setattr(Stack, "expose", exposed)
    monkeypatch.setattr(_activity, "_PATIENCE", 0.0)
    return step, reached


def test_all_planes_show_a_bar_in_the_activity_dock_and_a_word_at_the_end(
    viewer, opened, rest, stack, qtbot, stepwise, notifications
):
    step, _ = stepwise
    widget = opened(Image(stack, name="cells"))
    widget.buttons.apply.click()
    step.release()
    step.release()
    qtbot.wait(120)
    step.release()
    qtbot.waitUntil(lambda: any("all planes" in bar.desc for bar in progress_bar._all_instances))
    qtbot.waitUntil(lambda: "left" in widget.buttons.progress.format())
    for _ in range(5):
        step.release()
    rest(widget)
    assert not progress_bar._all_instances
    assert [str(found) for found in notifications if "5 planes of cells are enhanced" in str(found)]


def test_progress_that_comes_while_the_bar_is_made_makes_no_second_bar(qtbot, monkeypatch):
    job, made = LatestJob(), []

    class Bar(progress_bar):
        def __init__(self, **about):
            made.append(self)
            if len(made) < 5:
                job.progressed.emit(0.5)  # napari lets other events happen here
            super().__init__(**about)

    monkeypatch.setattr(_activity, "progress_bar", Bar)
    monkeypatch.setattr(_activity, "_PATIENCE", 0.0)
    activity = _activity.Activity(job, "work", job)
    job.progressed.emit(0.1)
    qtbot.wait(5)
    job.progressed.emit(0.2)
    assert len(made) == 1
    activity.end()
    assert not progress_bar._all_instances


def test_a_failure_in_the_background_is_announced(viewer, opened, rest, stack, monkeypatch, notifications):
    def fail(self, *args):
        raise OSError("the disk has gone")

    monkeypatch.setattr(Stack, "expose", fail)
    widget = opened(Image(stack))
    widget.buttons.apply.click()
    rest(widget)
    assert "the disk has gone" in widget.buttons.status.text()
    assert any("the disk has gone" in str(found) for found in notifications)


def test_cancelling_noise_removal_leaves_the_box_and_says_so(viewer, opened, rest, dark, monkeypatch, qtbot):
    from clode_core.methods.clode.trajectory import Trajectory

    going_on = threading.Event()
    at = Trajectory.at

    def slow(self, *args, denoise=False, progress=None):
        if denoise and progress is not None:
            going_on.set()
            while True:
                progress(0.1)
                threading.Event().wait(0.01)
        return at(self, *args, denoise=denoise, progress=progress)

    widget = opened(Image(dark, rgb=True))
    widget.controls.denoise.setChecked(True)
    monkeypatch.setattr(Trajectory, "at", slow)
    widget.buttons.enhance.click()
    qtbot.waitUntil(lambda: going_on.is_set() and widget.buttons.cancel.isVisibleTo(widget))
    widget.buttons.cancel.click()
    assert not widget.buttons.cancel.isVisibleTo(widget)
    assert "Noise removal was cancelled" in widget.buttons.status.text()
    rest(widget)
    assert widget.controls.denoise.isChecked()
    monkeypatch.setattr(Trajectory, "at", at)
    widget.controls.slider.setValue(1.0)  # the noise stays ...
    rest(widget)
    live = _results.preview_of(viewer, viewer.layers[0])
    assert live.metadata["clode"]["denoise"] is False
    widget.buttons.enhance.click()  # ... until it is asked for again
    rest(widget)
    assert live.metadata["clode"]["denoise"] is True


@pytest.mark.parametrize(
    ("seconds", "fraction", "text"),
    [(10, 0.01, ""), (10, 0.5, "10 s left"), (60, 0.1, "9 min left"), (3600, 0.25, "3.0 h left")],
)
def test_the_time_left_is_told_in_words(seconds, fraction, text):
    assert time_left(seconds, fraction) == text
