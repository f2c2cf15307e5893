"""How fast the napari widget is: first result, slider or brush to picture, longest freeze, and cancelling.

On a machine without a screen:  xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/napari_latency.py
Photographs of 2 and 24 megapixels, a stack of 45 planes, and a video of 1280 x 720 or --video FILE. The table
goes to --output as well.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from napari.layers import Image
from qtpy.QtCore import QElapsedTimer, QTimer
from qtpy.QtTest import QTest
from speed import photograph
from video import make_clip

from napari_clode._video_frames import ShownVideo

TICK = 5  # milliseconds
STACK = (45, 512, 512)
_HEAD = """# How fast the napari widget is

    OMP_WAIT_POLICY=PASSIVE xvfb-run -a -s "-screen 0 1600x1000x24" \\
        python benchmarks/napari_latency.py --output benchmarks/results/napari_latency.md

From a move of the slider to the changed picture on the canvas: median, and what 90 % of the moves are below.
A gap is the time between two ticks of a 5 ms timer in the thread of the window, which is 1500 x 950 and drawn
by the processors too.
"""


class Freezes:
    """Gaps between the ticks of a timer in the window's thread, in milliseconds."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._clock = QElapsedTimer()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        self.gaps.append(self._clock.nsecsElapsed() / 1e6)
        self._clock.restart()

    def __enter__(self) -> Freezes:
        self._clock.start()
        self._timer.start(TICK)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()


class Watched:
    """A viewer with one layer and the widget; knows which value is on the canvas."""

    def __init__(self, layer: Image | None, path: Path | None = None) -> None:
        self.viewer = napari.Viewer()
        self.viewer.window._qt_window.resize(1500, 950)
        if path is not None:
            self.viewer.open(path, plugin="clode-core")
        else:
            self.viewer.add_layer(layer)
        self.source = self.viewer.layers[0]
        _, self.widget = self.viewer.window.add_plugin_dock_widget("clode-core", "CLODE Enhance")
        self.drawn = float("nan")
        self.watched_place: tuple[float, ...] | None = None
        self.brightness = float("nan")  # around that place, on the canvas
        wait(self.resting)
        QTest.qWait(500)
        self.viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(self._on_draw)

    def _on_draw(self, _: object) -> None:
        if len(self.viewer.layers) < 2:
            return
        result = self.viewer.layers[1]
        if isinstance(result.data, ShownVideo):
            self.drawn = result.data.drawn.value if result.data.drawn is not None else float("nan")
        else:
            self.drawn = result.metadata["clode"]["exposure_time"]
            if self.watched_place is not None:
                self.brightness = self.around(self.watched_place)

    def around(self, place: tuple[float, ...]) -> float:
        """Mean of the result around a place of the picture."""
        result = self.viewer.layers[1]
        row, column = (round(at) for at in result.world_to_data(self.source.data_to_world(place))[-2:])
        return float(result.data[..., row - 2 : row + 3, column - 2 : column + 3, :].mean())

    def shown(self) -> float:
        """The value whose picture was drawn last."""
        return self.drawn

    def resting(self) -> bool:
        """Whether everything that was asked for is done."""
        waiting = self.widget.previews.plane.rest.isActive() or self.widget.previews.dims.isActive()
        return not waiting and all(job._progress is None for job in self.widget._jobs)

    def set_value(self, value: float) -> None:
        """Move the slider."""
        self.widget.controls.slider.setValue(value)


def wait(until: Callable[[], bool], limit: float = 300) -> float:
    start = time.perf_counter()
    while not until():
        QTest.qWait(1)
        if time.perf_counter() - start > limit:
            raise TimeoutError("the widget did not answer")
    return time.perf_counter() - start


def drag(watched: Watched, seconds: float) -> tuple[list[float], int]:
    """Move the slider 60 times a second; milliseconds from a value to its picture, and pictures shown."""
    asked: dict[float, float] = {}
    delays: list[float] = []
    last = watched.shown()
    start = time.perf_counter()
    pictures = 0
    while (now := time.perf_counter()) - start < seconds:
        value = round(2.5 + 2 * np.sin(2 * (now - start)), 2)
        asked[value] = now
        watched.set_value(value)
        QTest.qWait(16)
        if (seen := watched.shown()) != last:
            last = seen
            pictures += 1
            delays.append(1e3 * (time.perf_counter() - asked.get(round(seen, 2), now)))
    return delays, pictures


def single_moves(watched: Watched, count: int) -> list[float]:
    """Milliseconds from one move of the slider to its picture on the canvas, everything else at rest."""
    delays = []
    for value in np.linspace(0.5, 4.5, count).round(2).tolist():
        start = time.perf_counter()
        watched.set_value(value)
        wait(lambda value=value: abs(watched.shown() - value) < 1e-3)
        delays.append(1e3 * (time.perf_counter() - start))
        QTest.qWait(30)
    return delays


def strokes(watched: Watched, count: int) -> list[float]:
    """Milliseconds from a touch of the brush to the picture that shows it, on the canvas.

    One touch follows the other as soon as it is seen, as in one stroke along the middle of the picture.
    """
    watched.set_value(1.0)
    watched.widget.controls.where.paint.click()
    wait(watched.resting)
    brush = watched.viewer.layers.selection.active
    where = watched.widget.controls.where
    where.set_chosen(where.chosen._replace(rest=5.0))
    wait(watched.resting)
    height, width = brush.data.shape
    delays = []
    for column in np.linspace(0.1, 0.9, count) * width:
        place = (height / 2, float(column))
        watched.watched_place = place
        before = watched.around(place)
        watched.brightness = before
        start = time.perf_counter()
        brush.paint(place, 1)
        wait(lambda before=before: watched.brightness > before + 4)
        delays.append(1e3 * (time.perf_counter() - start))
    watched.watched_place = None
    wait(watched.resting)
    where.choose(None)
    watched.viewer.layers.remove(brush)
    wait(watched.resting)
    return delays[1:]  # with the first one all of the picture is exposed


def cancelled(watched: Watched) -> tuple[float, float]:
    """Milliseconds from Cancel during noise removal until the widget is at rest, and until its thread is."""
    plane, buttons = watched.widget.previews.plane, watched.widget.buttons
    buttons.enhance.click()
    wait(lambda: plane.cleaning._progress is not None)
    QTest.qWait(400)
    if plane.cleaning._progress is None:
        return float("nan"), float("nan")  # it was done before it could be cancelled
    start = time.perf_counter()
    buttons.cancel.click()
    told = 1e3 * (time.perf_counter() - start)
    wait(lambda: plane.cleaning._progress is None)
    return told, 1e3 * (time.perf_counter() - start)


def report(watched: Watched, seconds: float) -> dict[str, str]:
    """What one layer takes."""
    with Freezes() as starting:
        start = time.perf_counter()
        watched.widget.buttons.enhance.click()
        wait(lambda: not np.isnan(watched.drawn))
        first = time.perf_counter() - start
        wait(watched.resting)
        cleaned = time.perf_counter() - start
    QTest.qWait(600)
    moves = single_moves(watched, 15)
    drag(watched, seconds)  # the first in a process is slower, whatever the size of the picture
    wait(watched.resting)
    with Freezes() as dragging:
        delays, pictures = drag(watched, seconds)
    rest = wait(watched.resting)
    painted = strokes(watched, 25) if watched.source.rgb and not watched.widget.previews.video.active else []
    told, ended = cancelled(watched) if not watched.widget.previews.video.active else (0.0, 0.0)
    return {
        "first picture after Enhance, s": f"{first:.2f}",
        "noise removed after Enhance, s": f"{cleaned:.2f}",
        "slider to picture, one move, ms": _spread(moves),
        "slider to picture, dragging, ms": _spread(delays),
        "brush to picture, ms": _spread(painted),
        "pictures a second, dragging": f"{pictures / seconds:.1f}",
        "whole picture after rest, ms": f"{1e3 * rest:.0f}",
        "longest gap, dragging, ms": f"{max(dragging.gaps):.0f}",
        "longest gap, until noise is removed, ms": f"{max(starting.gaps):.0f}",
        "Cancel to widget and thread at rest, ms": f"{told:.0f}, {ended:.0f}",
    }


def _spread(delays: list[float]) -> str:
    """Median, and what 90 % are below."""
    if not delays:
        return "-"
    return f"{statistics.median(delays):.0f} (90 %: {np.percentile(delays, 90):.0f})"


def report_all_planes(watched: Watched) -> dict[str, str]:
    """A whole stack in the background, while the dims slider is moved."""
    with Freezes() as applying:
        start = time.perf_counter()
        watched.widget.buttons.apply.click()
        step = 0
        while watched.widget.all_planes.job._progress is not None:
            step += 1
            watched.viewer.dims.set_current_step(0, step % watched.source.data.shape[0])
            QTest.qWait(50)
        took = time.perf_counter() - start
    return {
        "Apply to all planes, s": f"{took:.1f}",
        "longest gap meanwhile, scrolling, ms": f"{max(applying.gaps):.0f}",
    }


def table(columns: dict[str, dict[str, str]]) -> str:
    """One column for each layer."""
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        lines.append(f"| {row} | " + " | ".join(column.get(row, "") for column in columns.values()) + " |")
    return "\n".join(lines)


def cells() -> Image:
    """A dark 12-bit stack."""
    random = np.random.default_rng(0)
    count, height, width = STACK
    y, x = np.mgrid[:height, :width]
    scene = 40 + 30 * np.sin(x / 23) * np.cos(y / 31) + 40 * (np.hypot(x - 250, y - 200) < 90)
    data = np.stack([100 + random.poisson(scene * (1 + 0.01 * k)) for k in range(count)]).astype(np.uint16)
    return Image(data, contrast_limits=(0, 4095), name="cells")


def report_video(clip: Path | None, seconds: float) -> tuple[str, dict[str, str]]:
    """A video: its heading, and what it takes."""
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(None, clip or make_clip(Path(folder) / "clip.mp4", 720, 1280, 150))
        watched.viewer.dims.set_current_step(0, 10)
        height, width = watched.source.data.shape[1:3]
        taken = report(watched, seconds)
        watched.viewer.close()
    return f"video, {width} x {height}", taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, nargs="*", default=[2, 24], help="of the photographs")
    parser.add_argument("--no-stack", action="store_true", help="leave out the stack of 45 planes")
    parser.add_argument("--no-video", action="store_true", help="leave out the video")
    parser.add_argument("--video", type=Path, help="a video to drag over")
    parser.add_argument("--seconds", type=float, default=5, help="how long to drag")
    parser.add_argument("--output", type=Path, help="a file for the table")
    asked = parser.parse_args()
    columns: dict[str, dict[str, str]] = {}
    load = os.getloadavg()[0]
    for size in asked.megapixels:
        height = round((size * 1e6 / 1.5) ** 0.5)
        watched = Watched(Image(photograph(height, round(1.5 * height)), rgb=True, name="dark"))
        columns[f"RGB, {size:g} MP"] = report(watched, asked.seconds)
        watched.viewer.close()
    if not asked.no_stack:
        watched = Watched(cells())
        name = "{} planes of {} x {}, 12 bits".format(*STACK)
        columns[name] = report(watched, asked.seconds) | report_all_planes(watched)
        watched.viewer.close()
    if not asked.no_video:
        name, taken = report_video(asked.video, asked.seconds)
        columns[name] = taken
    text = table(columns)
    print(text)
    if asked.output:
        note = f"{os.cpu_count()} processors, no graphics card; load of the machine at the start: {load:.1f}."
        asked.output.write_text(f"{_HEAD}\n{note}\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
