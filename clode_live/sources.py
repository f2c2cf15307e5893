"""Where frames come from: a file, read at any moment, or a camera, of which only the newest frame counts."""

from __future__ import annotations

import contextlib
import errno
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from clode_core.video import FrameCursor, VideoError, VideoReader

if TYPE_CHECKING:
    from av import VideoFrame

_OPENERS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
_OPTIONS = {"avfoundation": {"framerate": "30"}}  # its own default is a rate that most cameras refuse
_SILENCE = 5.0  # seconds without a frame after which a camera is gone


class Source(Protocol):
    """What can be played.

    Attributes
    ----------
    reader : VideoReader
        Converts the frames.
    live : bool
        Whether frames are shown as they come, and there is no other time than now.
    """

    reader: VideoReader
    live: bool

    def following(self, cancelled: Callable[[], bool]) -> VideoFrame | None:
        """The next frame; None at the end, or when cancelled."""
        ...

    def close(self) -> None:
        """Let go of the file or the camera."""
        ...


def start_time(reader: VideoReader) -> float:
    """Time of the first frame, in seconds as the file counts."""
    return float((reader.stream.start_time or 0) * reader.time_base)


def pixel_aspect(reader: VideoReader) -> float:
    """How much wider than high a pixel is, once the frame is upright."""
    aspect = float(reader.stream.sample_aspect_ratio or 0) or 1.0
    return aspect if reader.shape == (reader.stream.height, reader.stream.width) else 1 / aspect


class FileSource:
    """A video file.

    Parameters
    ----------
    path : Path
        The file.
    """

    live = False

    def __init__(self, path: Path) -> None:
        self.reader = VideoReader(path)
        self.cursor = FrameCursor(self.reader)

    def following(self, cancelled: Callable[[], bool] = lambda: False) -> VideoFrame | None:
        """The next frame; None at the end."""
        return self.cursor.following()

    def at(self, seconds: float, cancelled: Callable[[], bool]) -> VideoFrame | None:
        """The frame shown at a time, which becomes the one before the next; None when cancelled."""
        return self.cursor.at(seconds, cancelled)

    def close(self) -> None:
        """Close the file."""
        self.reader.close()


class CameraSource:
    """A camera, read all the time by a thread of its own, so that what is shown is never old.

    Parameters
    ----------
    reader : VideoReader
        The opened camera.
    """

    live = True

    def __init__(self, reader: VideoReader) -> None:
        self.reader = reader
        self._changed = threading.Condition()
        self._newest: VideoFrame | None = None
        self._ended = self._closing = False
        self._thread = threading.Thread(target=self._read, name="clode camera", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        import av.error

        with contextlib.suppress(VideoError, av.error.FFmpegError):  # the camera is gone, whatever it says
            for frame in self.reader.decoded():
                with self._changed:
                    self._newest = frame
                    self._changed.notify()
                    if self._closing:
                        break
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._closing:
            self.reader.close()

    def following(self, cancelled: Callable[[], bool]) -> VideoFrame | None:
        """The newest frame, as soon as there is one that has not been given before; None when cancelled.

        Raises
        ------
        VideoError
            If the camera gives no frames any more.
        """
        waited = 0.0
        with self._changed:
            while self._newest is None and not cancelled():
                if self._ended or waited > _SILENCE:
                    raise VideoError(
                        f"the camera {self.reader.name} gives no pictures any more: connect it again"
                    )
                self._changed.wait(0.05)
                waited += 0.05
            frame, self._newest = self._newest, None
        return frame

    def close(self) -> None:
        """Let go of the camera; a read that hangs in its driver is left to end by itself."""
        with self._changed:
            self._closing = True
            ended = self._ended
        self._thread.join(1.0)
        if ended:
            self.reader.close()


def camera_name(source: str, platform: str = sys.platform) -> str | None:
    """The name by which FFmpeg knows a camera given as a number or a device; None for a file.

    Raises
    ------
    VideoError
        If there is no camera of that number.
    """
    if source.isascii() and source.isdigit():
        if platform == "win32":
            return f"video={_numbered(int(source))}"
        return f"/dev/video{source}" if platform.startswith("linux") else source
    if source.startswith("/dev/video") or (platform == "win32" and source.startswith("video=")):
        return source
    return None


def _numbered(number: int) -> str:
    """Name of a camera where they have names only."""
    import av

    if not hasattr(av, "enumerate_input_devices"):
        raise VideoError("this PyAV does not number cameras: name yours as video=NAME")
    names = [found.name for found in av.enumerate_input_devices("dshow") if "video" in found.media_types]
    if number >= len(names):
        raise VideoError(f"there is no camera {number}: connect one, or name a video file")
    return names[number]


def open_source(source: str) -> Source:
    """Open a file or a camera.

    Parameters
    ----------
    source : str
        A file, the number of a camera, or its device.

    Raises
    ------
    VideoError
        If it is not there, cannot be read, or is in use.
    """
    camera = camera_name(source)
    if camera is None:
        return FileSource(Path(source))
    return open_camera(camera, _OPENERS.get(sys.platform, "v4l2"))


def open_camera(name: str, opener: str) -> CameraSource:
    """Open a camera by FFmpeg's name of it and of what opens it.

    Raises
    ------
    VideoError
        If it is not there, may not be used, or is in use.
    """
    try:
        return CameraSource(VideoReader(name, opener, _OPTIONS.get(opener)))
    except VideoError as error:
        raise VideoError(_camera_trouble(name, error)) from None


def _camera_trouble(name: str, error: VideoError) -> str:
    """One sentence on a camera that cannot be opened."""
    number = getattr(error.__context__, "errno", None)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return f"there is no camera {name}: connect one, or name a video file"
    if number in (errno.EBUSY, errno.EAGAIN):
        return f"the camera {name} is in use: close the program that uses it"
    if number in (errno.EACCES, errno.EPERM):
        return f"the camera {name} may not be used: allow it in the system's settings"
    return f"the camera {name} cannot be opened: close other programs that use it, or connect it again"
