"""A folder of clips, and the work on one of them as something that can be sent to another process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from clode_core._version import __version__
from clode_core.batch.work import Outcome, Task, file_state
from clode_core.errors import UserError
from clode_core.pictures.atomic import make_folder
from clode_core.video.enhancement import enhance_video
from clode_core.video.frames import WHITE
from clode_core.video.passing import Report, VideoSummary
from clode_core.video.reading import SUFFIXES
from clode_core.video.writing import CONTAINERS, Encoding

if TYPE_CHECKING:
    from clode_core.methods.clode.model import Model
    from clode_core.methods.method import Method


@dataclass
class ClipWork:
    """How clips are enhanced; it can be pickled, and loads the method in each process once.

    Attributes
    ----------
    method : str
        Name of the method.
    settings : dict
        Its settings.
    options : dict
        Arguments of `enhance_video` that belong to no method: smoothing, natural_dark, deinterlace.
    encoding : Encoding
        How results are compressed.
    weights : Path or None
        Weights of one's own.
    device : str
        Where to compute.
    resume : bool
        Go on where a clip was cut short.
    """

    method: str
    settings: dict[str, Any]
    options: dict[str, Any]
    encoding: Encoding
    weights: Path | None = None
    device: str = "auto"
    resume: bool = False
    _loaded: Method | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_loaded": None}

    @property
    def fingerprint(self) -> str:
        """A text that differs where results would."""
        weights = b"" if self.weights is None else self.weights.read_bytes()
        told = {
            "method": self.method,
            "settings": self.settings,
            "options": self.options,
            "encoding": asdict(self.encoding),
            "weights": hashlib.sha256(weights).hexdigest(),
            "version": __version__,
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:32]

    def load(self) -> Method:
        """The method, with its weights loaded."""
        from clode_core.methods import load_method

        if self._loaded is None:
            self._loaded = load_method(self.method, self.weights, device=self.device)
        return self._loaded

    def enhance(self, source: Path, target: Path, report: Report | None = None) -> VideoSummary:
        """Enhance one clip; see `enhance_video`."""
        from clode_core.methods import method_info

        method, settings = self.load(), self.settings
        tables = method_info(self.method).video_tables
        frames = None if tables else partial(method.enhance, levels=(0.0, float(WHITE)), rgb=True, **settings)
        return enhance_video(
            source,
            target,
            settings.get("exposure_time", 3.0),
            denoise=settings.get("denoise", False),
            shadows=settings.get("shadows", 0.0),
            highlights=settings.get("highlights", 0.0),
            model=cast("Model", method) if tables else None,
            encoding=self.encoding,
            method=frames,
            resume=self.resume,
            report=report,
            **self.options,
        )

    def __call__(self, task: Task) -> Outcome:
        """Enhance the clip of a task; what goes wrong is told in the outcome."""
        before = file_state(task.source)
        try:
            make_folder(task.target.parent)
            summary = self.enhance(task.source, task.target)
        except Exception as error:  # one clip must not end the others
            return Outcome(task, " ".join(str(error).split()) or type(error).__name__)
        notes = tuple(sentences(summary, task.target))
        if summary.damaged or summary.ends:
            return Outcome(task, f"{task.source}: {' '.join(notes)}; what could be read is in {task.target}")
        return Outcome(task, "", before, file_state(task.target), notes)


def sentences(summary: VideoSummary, target: Path) -> Iterator[str]:
    """What is not as it was in the source, in words that follow its name."""
    if summary.damaged:
        yield f"{summary.damaged} damaged parts could not be decoded, and are missing"
    if summary.ends:
        yield (
            f"it ends at {summary.ends[0]:.1f} s and should last {summary.ends[1]:.1f} s: it was cut off, "
            "and the rest is missing"
        )
    for sound in summary.transcoded:
        yield f"{target.suffix} files cannot hold its sound as it is, which becomes: {sound}"
    for stream in summary.left_out:
        yield f"its {stream} cannot be kept, and is missing in {target}"


def find_clips(folder: Path, output: Path) -> list[Task]:
    """All videos in a folder and below it, and where their results go.

    A result has the name of its clip, and its ending where that can be written, otherwise .mp4.

    Raises
    ------
    UserError
        If there are none, or the results would lie in the folder of the clips.
    """
    inner = output.resolve()
    if inner == folder.resolve():
        raise UserError(f"the results would replace the videos in {folder}: choose another folder")
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not path.name.startswith(".")
        and inner not in path.resolve().parents
    )
    if not found:
        raise UserError(f"there are no videos in {folder}")
    tasks: list[Task] = []
    taken = {output / source.relative_to(folder) for source in found}
    for source in found:
        target = output / source.relative_to(folder)
        if target.suffix.lower() not in CONTAINERS:
            target = target.with_suffix(".mp4")
            target = target.with_name(f"{source.name}.mp4") if target in taken else target
            taken.add(target)
        tasks.append(Task(source, target))
    return tasks
