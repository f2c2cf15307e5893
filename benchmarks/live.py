"""How live the window and napari are: frames shown a second, slider to picture, longest freeze.

On a machine without a screen:
xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/live.py [--napari] VIDEO...
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from napari_latency import Freezes
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

from clode_live.command import SWITCH_INTERVAL


def pause(seconds: float) -> None:
    """Let the window run; unlike QTest.qWait without holding the interpreter."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def wait(until: Callable[[], bool], limit: float = 120) -> float:
    start = time.perf_counter()
    while not until():
        pause(0.001)
        if time.perf_counter() - start > limit:
            raise TimeoutError("nothing was shown")
    return 1e3 * (time.perf_counter() - start)


def delays(move: Callable[[float], None], seen: Callable[[], float], count: int) -> list[float]:
    """Milliseconds from a move of the slider to its picture, one at a time."""
    found = []
    for value in np.linspace(0.5, 4.5, count).round(2).tolist():
        move(value)
        found.append(wait(lambda value=value: abs(seen() - value) < 1e-3))
        pause(0.05)
    return found


def row(
    name: str, wanted: float, fps: float, playing: list[float], standing: list[float], gap: float
) -> None:
    middle = [f"{statistics.median(part):12.0f}" if part else f"{'-':>12s}" for part in (playing, standing)]
    print(f"{name:42s}{fps:7.1f} of {wanted:5.2f}{middle[0]}{middle[1]}{gap:12.0f}", flush=True)


def window(path: Path, method: str, seconds: float) -> None:
    from clode_core import load_method
    from clode_live.frames import PlaybackSettings
    from clode_live.methods import live_method
    from clode_live.sources import open_source
    from clode_live.window import LiveWindow

    chosen = live_method(load_method(method))
    slider = chosen.info.slider
    if slider is None:
        raise SystemExit(f"{method} has no slider to measure")
    opened = LiveWindow(open_source(str(path)), chosen, PlaybackSettings(slider.default, loop=True))
    opened.resize(1100, 760)
    opened.show()
    wait(lambda: opened.view.painted > 10)
    with Freezes() as freezes:
        before, start = opened.view.painted, time.perf_counter()
        pause(seconds)
        fps = (opened.view.painted - before) / (time.perf_counter() - start)

    def seen() -> float:
        picture = opened.view.picture
        return picture.value if picture is not None and not opened.view._fresh else np.nan

    playing = delays(opened.controls.value.setValue, seen, 15)
    opened.toggle_playing()
    pause(0.5)
    standing = delays(opened.controls.value.setValue, seen, 15)
    row(
        f"{path.name}, {method}",
        float(opened.player.source.reader.frame_rate),
        fps,
        playing,
        standing,
        max(freezes.gaps),
    )
    opened.close()


def in_napari(path: Path, seconds: float) -> None:
    import napari

    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1500, 950)
    (layer,) = viewer.open(str(path), plugin="clode-core")
    viewer.dims.set_current_step(0, 0)
    _, widget = viewer.window.add_plugin_dock_widget("clode-core", "CLODE Enhance")
    widget.controls.denoise.setChecked(False)
    pause(0.5)
    rate = layer.metadata["frame_rate"]
    drawn: dict[str, Any] = {"steps": [], "time": np.nan}

    def on_draw(_: object) -> None:
        drawn["steps"].append(viewer.dims.current_step[0])
        shown = getattr(viewer.layers[-1].data, "drawn", None)
        drawn["time"] = shown.value if shown is not None else np.nan

    viewer.window._qt_viewer.canvas._scene_canvas.events.draw.connect(on_draw)
    dims = viewer.window._qt_viewer.dims

    def play() -> tuple[float, float]:
        drawn["steps"].clear()
        with Freezes() as freezes:
            dims.play(0, fps=rate)
            pause(seconds)
            dims.stop()
        return len(set(drawn["steps"])) / seconds, max(freezes.gaps)

    alone, gap = play()
    row(f"{path.name}, napari without CLODE", rate, alone, [], [], gap)
    viewer.dims.set_current_step(0, 0)
    widget.buttons.enhance.click()
    wait(lambda: len(viewer.layers) > 1)
    wait(lambda: all(job._progress is None for job in widget._jobs))
    fps, gap = play()
    standing = delays(widget.controls.slider.setValue, lambda: drawn["time"], 15)
    row(f"{path.name}, napari", rate, fps, [], standing, gap)
    viewer.close()
    pause(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--napari", action="store_true", help="the napari widget in place of the window")
    parser.add_argument("--methods", default="clode,zero-dce++,zero-dce")
    parser.add_argument("--seconds", type=float, default=6)
    asked = parser.parse_args()
    application = QApplication.instance() or QApplication([])
    print(f"{'':42s}{'frames shown':>16s}{'slider ms,':>12s}{'slider ms,':>12s}{'longest':>12s}")
    print(f"{'':42s}{'a second':>16s}{'playing':>12s}{'paused':>12s}{'gap ms':>12s}")
    for path in asked.videos:
        if asked.napari:
            in_napari(path, asked.seconds)
        else:
            sys.setswitchinterval(SWITCH_INTERVAL)
            for method in asked.methods.split(","):
                window(path, method, asked.seconds)
    application.quit()


if __name__ == "__main__":
    main()
