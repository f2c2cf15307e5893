"""One picture's work, from file to file, as something that can be sent to another process."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clode_core._version import __version__
from clode_core.errors import UserError
from clode_core.methods import DEFAULT_METHOD, load_method, method_info
from clode_core.pictures.atomic import make_folder

if TYPE_CHECKING:
    from clode_core.methods.method import Progress
    from clode_core.pictures.arrays import Array, LevelsArgument
    from clode_core.pictures.files import Picture

FileState = tuple[int, int]
"""Size in bytes and time of change in nanoseconds, by which a file is known to be the same."""


@dataclass(frozen=True)
class Task:
    """A picture file and where its result goes."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes
    ----------
    task : Task
        The task.
    error : str
        Why there is no result; empty where there is one.
    source, target : (int, int) or None
        State of the picture before it was read, and of the result after it was written.
    notes : tuple of str
        What the picture carried that its result does not, or damage that was accepted: sentences about it.
    """

    task: Task
    error: str = ""
    source: FileState | None = None
    target: FileState | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What a result depends on besides its picture and the weights.

    Attributes
    ----------
    method : str
        A name in `clode_core.available_methods`.
    options : dict
        Settings of the method that were given; the others are its defaults.
    levels : {"dtype", "auto"} or (float, float)
        Black and white level.
    effort : int
        How small the encoders are to make files that lose nothing, from 1 to 9.
    lenient : bool
        Whether damaged pictures are accepted as far as they can be decoded.
    """

    method: str = DEFAULT_METHOD
    options: dict[str, Any] = field(default_factory=dict)
    levels: LevelsArgument = "dtype"
    effort: int = 1
    lenient: bool = False


class Work:
    """Read a picture, enhance it, write the result beside its name and rename it.

    Parameters
    ----------
    settings : Settings
        How to enhance.
    weights : Path, optional
        A ``.safetensors`` file; by default the packaged weights of the method.
    device : str
        "auto", "cpu", "cuda", ...

    Raises
    ------
    UserError, ValueError
        If a setting is out of range, or the weights or the device cannot be used.

    Notes
    -----
    Sent to another process, it takes the weights along and loads them there once, when they are needed.
    """

    def __init__(self, settings: Settings, weights: Path | None = None, device: str = "auto") -> None:
        self.settings = settings
        self.device = device
        self.version = __version__
        self._lock = threading.Lock()
        self._enhance: Callable[..., Array] | None = self._loaded(weights)
        file = weights or method_info(settings.method).weights
        self._weights = file.read_bytes() if file is not None else None

    @property
    def fingerprint(self) -> str:
        """A text that differs where results would: settings, weights and version; not the device.

        Of a file that a setting names, such as a map of exposure times, the content counts, not the name.
        """
        options = {name: _content(value) for name, value in self.settings.options.items()}
        told = asdict(self.settings) | {
            "options": options,
            "weights": hashlib.sha256(self._weights or b"").hexdigest(),
            "version": self.version,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_lock": None, "_enhance": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | {"_lock": threading.Lock()}

    def load(self) -> Callable[..., Array]:
        """The method, with its weights loaded."""
        with self._lock:
            if self._enhance is None:
                with tempfile.TemporaryDirectory() as folder:
                    file = None
                    if self._weights is not None:
                        file = Path(folder, "sent.safetensors")
                        file.write_bytes(self._weights)
                    self._enhance = self._loaded(file)
            return self._enhance

    def _loaded(self, weights: Path | None) -> Callable[..., Array]:
        from clode_core.pictures.files.effort import checked_effort

        chosen = self.settings
        checked_effort(chosen.effort)
        method = load_method(chosen.method, weights, device=self.device).steady()
        method.settings(**chosen.options)  # what is wrong with them is said before the first picture
        return partial(method.enhance, **chosen.options)

    def __call__(self, task: Task, progress: Progress | None = None) -> Outcome:
        """Enhance one picture; whatever goes wrong with it is told in the outcome, not raised."""
        from clode_core.pictures.files import read_picture, write_picture
        from clode_core.pictures.files.effort import encoder_effort

        notes: list[str] = []
        try:
            before = file_state(task.source)
            picture = read_picture(task.source, lenient=self.settings.lenient, say=notes.append)
            if file_state(task.source) != before:
                raise UserError(f"{task.source} was changed while it was read: enhance it once more")
            result = self.load()(
                picture.pixels,
                levels=depth_levels(picture, self.settings.levels),
                rgb=picture.channels_last,
                progress=progress,
            )
            make_folder(task.target.parent)
            with encoder_effort(self.settings.effort):
                write_picture(task.target, result, picture, say=notes.append)
        except Exception as error:  # one picture of ten thousand must not end the others
            return Outcome(task, _reason(error))
        return Outcome(task, "", before, file_state(task.target), tuple(notes))


def _content(value: Any) -> Any:
    """A setting; of one that names a file, the checksum of what is in it."""
    if not isinstance(value, str | Path) or not os.path.isfile(value):
        return value
    with open(value, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_state(path: Path) -> FileState | None:
    """Size and time of change of a file, None where there is no such file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def depth_levels(picture: Picture, levels: LevelsArgument) -> LevelsArgument:
    """The levels of a file that says it holds fewer bits than its integers could, such as 12 in 16."""
    dtype = picture.pixels.dtype
    if levels == "dtype" and picture.linear_white is not None:
        return 0.0, 1.0  # light beyond white stays as it is
    if levels == "dtype" and dtype.kind == "u" and picture.bit_depth < 8 * dtype.itemsize:
        return 0.0, float(2**picture.bit_depth - 1)
    return levels


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return str(error) or "out of memory"
    expected = isinstance(error, UserError | ValueError | OSError) and str(error)
    return str(error) if expected else f"{type(error).__name__}: {error}"
