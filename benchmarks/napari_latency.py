"""How fast the napari widget is: first result, slider to picture, longest freeze.

On a machine without a screen:  xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/napari_latency.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
from napari.layers import Image
from qtpy.QtCore import QElapsedTimer, QTimer
from qtpy.QtTest import QTest
from speed import photograph

TICK = 5  # milliseconds


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


def wait(until: Callable[[], bool], limit: float = 120) -> float:
    start = time.perf_counter()
    while not until():
        QTest.qWait(1)
        if time.perf_counter() - start > limit:
            raise TimeoutError("the widget did not answer")
    return time.perf_counter() - start


def resting(widget: Any) -> bool:
    return all(job._ticket is None for job in widget._jobs)


def drag(widget: Any, shown: Callable[[], float], seconds: float) -> tuple[list[float], int]:
    """Move the slider 60 times a second; milliseconds from a value to its picture, and pictures shown."""
    asked: dict[float, float] = {}
    delays: list[float] = []
    last = shown()
    start = time.perf_counter()
    pictures = 0
    while (now := time.perf_counter()) - start < seconds:
        value = round(2.5 + 2 * np.sin(2 * (now - start)), 2)
        asked[value] = now
        widget.controls.time.setValue(value)
        QTest.qWait(16)
        if (seen := shown()) != last:
            last = seen
            pictures += 1
            delays.append(1e3 * (time.perf_counter() - asked.get(round(seen, 2), now)))
    return delays, pictures


def single_moves(widget: Any, shown: Callable[[], float], count: int) -> list[float]:
    """Milliseconds from one move of the slider to its picture on the canvas, everything else at rest."""
    delays = []
    for value in np.linspace(0.5, 4.5, count).round(2).tolist():
        start = time.perf_counter()
        widget.controls.time.setValue(value)
        while abs(shown() - value) > 1e-3:
            QTest.qWait(0)
        delays.append(1e3 * (time.perf_counter() - start))
        QTest.qWait(30)
    return delays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=1250)
    parser.add_argument("--width", type=int, default=1600)
    parser.add_argument("--seconds", type=float, default=5, help="how long to drag")
    asked = parser.parse_args()
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1500, 950)
    picture = photograph(asked.height, asked.width)
    layer = viewer.add_image(picture, rgb=True, name="dark")
    assert isinstance(layer, Image)
    _, widget = viewer.window.add_plugin_dock_widget("clode-core", "CLODE Enhance")
    wait(lambda: resting(widget))
    QTest.qWait(500)
    drawn = {"time": float("nan")}

    def on_draw(_: object) -> None:
        if len(viewer.layers) > 1:
            drawn["time"] = viewer.layers[1].metadata["clode"]["exposure_time"]

    viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(on_draw)
    with Freezes() as starting:
        start = time.perf_counter()
        widget.controls.enhance.click()
        wait(lambda: not np.isnan(drawn["time"]))
        first = time.perf_counter() - start
        wait(lambda: resting(widget))
        cleaned = time.perf_counter() - start
    QTest.qWait(600)
    moves = single_moves(widget, lambda: drawn["time"], 30)
    with Freezes() as dragging:
        delays, pictures = drag(widget, lambda: drawn["time"], asked.seconds)
    wait(lambda: resting(widget))
    print(f"RGB layer of {asked.height * asked.width / 1e6:.1f} megapixels, noise removed")
    print(f"first result on the canvas after the click     {first:6.2f} s, without noise {cleaned:.2f} s")
    print(f"slider to picture, one move at a time          {statistics.median(moves):6.0f} ms median")
    print(f"slider to picture, while dragging              {statistics.median(delays):6.0f} ms median")
    print(f"pictures a second while dragging               {pictures / asked.seconds:6.1f}")
    print(f"longest gap of a {TICK} ms timer while dragging     {max(dragging.gaps):6.0f} ms")
    print(f"longest gap of a {TICK} ms timer until noise is gone {max(starting.gaps):4.0f} ms")
    viewer.close()


if __name__ == "__main__":
    main()
