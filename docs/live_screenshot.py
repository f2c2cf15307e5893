"""Draw docs/live.png: `clode live` on a video that is made from the example pictures.

On a machine without a screen:  xvfb-run -a -s "-screen 0 1600x1000x24" python docs/live_screenshot.py
"""

import tempfile
from pathlib import Path

import av
import numpy as np
from PIL import Image
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

import clode_core
from clode_live.frames import PlaybackSettings
from clode_live.methods import live_method
from clode_live.sources import open_source
from clode_live.window import LiveWindow

HERE = Path(__file__).parent
SIZE = (360, 540)  # rows and columns of the video
SECONDS = 6


def write_pan(target: Path) -> None:
    """Move slowly over a dark photograph."""
    photograph = clode_core.read_picture(HERE.parent / "examples" / "dark_coffee.png").pixels
    rows, columns = (have - wanted for have, wanted in zip(photograph.shape, SIZE, strict=False))
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = SIZE[1], SIZE[0], "yuv420p"
        for number in range(30 * SECONDS):
            along = number / (30 * SECONDS)
            top, left = round(rows * along), round(columns * along)
            part = np.ascontiguousarray(photograph[top : top + SIZE[0], left : left + SIZE[1]])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(part, format="rgb24")))
        container.mux(stream.encode(None))


def main() -> None:
    """Play the video for some seconds, and save what the window shows."""
    application = QApplication.instance() or QApplication([])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dark_coffee.mp4"
        write_pan(path)
        settings = PlaybackSettings(3.0, auto=True, split=True, loop=True)
        method = live_method(clode_core.load_method())
        window = LiveWindow(open_source(str(path)), method, settings)
        window.resize(640, 500)
        window.show()
        window.view.split = 0.4
        loop = QEventLoop()
        QTimer.singleShot(1000 * (SECONDS - 2), loop.quit)
        loop.exec()
        shot = Path(folder) / "live.png"
        window.grab().save(str(shot))
        Image.open(shot).convert("RGB").quantize(96).save(HERE / "live.png", optimize=True)
        window.close()
    del application


if __name__ == "__main__":
    main()
