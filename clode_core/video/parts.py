"""A long video in parts: what is done stays when the work is cut short, and is joined in the end."""

from __future__ import annotations

import heapq
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import torch

from clode_core.batch.finding import remove_left_over
from clode_core.batch.record import only_run
from clode_core.errors import UserError
from clode_core.methods.clode.dense import DenseExponent
from clode_core.methods.clode.exposure import SharedExposure
from clode_core.pictures.atomic import write_atomically
from clode_core.video.carrying import OtherStreams, kept_tags
from clode_core.video.exposure import ExposureTimeline, Moment
from clode_core.video.reading import VideoError, VideoReader
from clode_core.video.writing import UNLISTED, codecs_of, container_format, picture_tags

if TYPE_CHECKING:
    from types import TracebackType

    from av import Packet

PART_FRAMES = 1500
"""Frames of a part: what is lost at most when the work is cut short."""
_EXACT = ("h264", "hevc")  # codecs that describe themselves; Matroska's times are whole milliseconds


def in_parts(reader: VideoReader) -> bool:
    """Whether a video is long enough to be worth it."""
    count = reader.frame_count
    return count is not None and count > 2 * PART_FRAMES


def part_container(target: Path, codec: str) -> str:
    """FFmpeg's name of the container for the parts of a target."""
    final = container_format(target)
    return final if final in UNLISTED else "nut" if codec in _EXACT else "matroska"


class Parts:
    """The finished parts of a video, in a folder beside the result.

    Parameters
    ----------
    target : Path
        The result.
    key : dict
        What the parts depend on; parts with another key are removed.
    resume : bool
        Go on with parts that are there; otherwise they are removed.

    Attributes
    ----------
    size : int
        Frames that a part is to have.
    frames : list of int
        Frames in each finished part.
    starts : list of Fraction
        When the first frame of each is shown, in seconds; containers move what begins before zero.
    complete : bool
        Whether the last part is the last of the video.
    damaged, reached
        As in `VideoReader`, after the last part.
    left_out : list of str
        What the picture loses, as in `VideoWriter`.
    finished : bool
        To be set when the parts are joined: then they are removed.

    Raises
    ------
    VideoError
        If another run is writing the same target.
    """

    def __init__(self, target: Path, key: dict[str, Any], resume: bool) -> None:
        self.target = target
        self.key = json.loads(json.dumps(key))
        self.folder = folder_of(target)
        self.size = PART_FRAMES
        self.frames: list[int] = []
        self.starts: list[Fraction] = []
        self.complete = False
        self.damaged, self.reached = 0, 0.0
        self.left_out: list[str] = []
        self.finished = False
        self._open = ExitStack()
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise VideoError(
                f"{target} cannot be written ({error.strerror}): choose another folder"
            ) from None
        try:
            self._open.enter_context(only_run(self.folder))
        except UserError:
            raise VideoError(
                f"another run is writing {target}: wait for it, or choose another name"
            ) from None
        remove_left_over(self.folder)
        if not (resume and self._read()):
            for path in self.folder.iterdir():
                path.unlink()

    def __enter__(self) -> Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.finished or not self.frames:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._open.close()

    def _read(self) -> bool:
        """Read what is done; False if it was made from something else."""
        try:
            record = json.loads((self.folder / "parts.json").read_text())
            if record["key"] != self.key:
                return False
            self.frames, self.complete = [int(n) for n in record["frames"]], bool(record["complete"])
            self.starts = [Fraction(text) for text in record["starts"]]
            self.damaged, self.reached = int(record["damaged"]), float(record["reached"])
            self.left_out = [str(words) for words in record["left_out"]]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return all(self.path(number).is_file() for number in range(len(self.frames)))

    def path(self, number: int) -> Path:
        """File of a part."""
        return self.folder / f"{number:06d}.part"

    def add(self, frames: int, start: Fraction, reader: VideoReader) -> None:
        """The next part is finished; without frames, all are."""
        if frames:
            self.frames.append(frames)
            self.starts.append(start)
        self.complete = frames == 0
        self.damaged, self.reached = reader.damaged, reader.reached
        names = ("key", "frames", "complete", "damaged", "reached", "left_out")
        record = {name: getattr(self, name) for name in names} | {"starts": [str(t) for t in self.starts]}
        text = json.dumps(record)
        write_atomically(self.folder / "parts.json", lambda handle: handle.write(text.encode()))

    def keep(self, timeline: ExposureTimeline, reader: VideoReader) -> None:
        """Keep the exposure that was found, and what of the dark."""
        moments = timeline.moments
        exposures = [m.exposure for m in moments]
        values = {
            "times": exposures[0].exponent.times,
            "exponents": torch.stack([e.exponent.exponents for e in exposures]),
            "slopes": torch.stack([e.exponent.slopes for e in exposures]),
        }
        arrays = {name: tensor.cpu().numpy() for name, tensor in values.items()}
        arrays["moments"] = np.array([(m.time, m.scene, m.exposure.auto) for m in moments])
        arrays["cuts"] = np.array(timeline.cuts)
        arrays["span"] = np.array(exposures[0].span)
        arrays["dark"] = np.array([np.nan if v is None else v for v in (reader.black, reader.strength)])
        write_atomically(self.folder / "exposure.npz", lambda handle: np.savez(handle, **arrays))  # type: ignore[arg-type]

    def exposure(
        self, reader: VideoReader, smoothing: float, device: torch.device
    ) -> ExposureTimeline | None:
        """The exposure that was kept, if there is one; the reader is told of the dark."""
        try:
            with np.load(self.folder / "exposure.npz", allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept.files}
        except (OSError, ValueError, KeyError):
            return None
        times, exponents, slopes = (
            torch.from_numpy(arrays[name]).to(device) for name in ("times", "exponents", "slopes")
        )
        span = (float(arrays["span"][0]), float(arrays["span"][1]))
        moments = [
            Moment(
                float(time),
                int(scene),
                SharedExposure(DenseExponent(times, exponents[i], slopes[i], 0), span, float(auto)),
            )
            for i, (time, scene, auto) in enumerate(arrays["moments"])
        ]
        reader.black, reader.strength = (None if np.isnan(v) else float(v) for v in arrays["dark"])
        reader.fix_dark()
        return ExposureTimeline(moments, [float(c) for c in arrays["cuts"]], smoothing)


def folder_of(target: Path) -> Path:
    """Folder of the parts of a target."""
    return target.parent / f".{target.name}.parts"


def frames_done(target: Path) -> int:
    """Frames in the parts that an earlier run to a target finished."""
    try:
        return sum(json.loads((folder_of(target) / "parts.json").read_text())["frames"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def forget(target: Path) -> None:
    """Remove what killed runs to a target left, unless one is still running."""
    folder = folder_of(target)
    with suppress(OSError, UserError):
        if folder.is_dir():
            with only_run(folder):
                shutil.rmtree(folder)


class Joiner:
    """Writes the parts of a picture and the other streams of its source to an open file, as they are.

    Attributes
    ----------
    carried, left_out, transcoded
        As in `VideoWriter`, without what the picture itself lost.
    """

    def __init__(self, handle: BinaryIO, parts: Parts, source: VideoReader) -> None:
        import av

        self.parts, self.source = parts, source
        container = container_format(parts.target)
        self.output = av.open(handle, "w", format=container, metadata_errors="ignore")
        self.output.metadata.update(source.container.metadata)
        with av.open(str(parts.path(0))) as first:
            self.stream = self.output.add_stream_from_template(first.streams.video[0])
            codec = first.streams.video[0].codec_context.name
        if container in ("mp4", "mov") and codec == "hevc":
            self.stream.codec_context.codec_tag = "hvc1"
        self.stream.metadata.update(picture_tags(kept_tags(source.stream)))
        supported = codecs_of(self.output, container)
        self.others = OtherStreams(source.container, source.stream, self.output, container, supported)
        self.carried = self.others.carried

    def _picture(self) -> Iterator[tuple[float, int, Packet[Any]]]:
        """Packets of all parts in order; where two parts meet, decoding times go on."""
        import av

        last: float | None = None
        for number in range(len(self.parts.frames)):
            with av.open(str(self.parts.path(number))) as part:
                shift: int | None = None
                for packet in part.demux(part.streams.video[0]):
                    if not packet.size or packet.pts is None or packet.time_base is None:
                        continue
                    unit = float(packet.time_base)
                    if shift is None:  # the first packet is a key frame, which is shown first
                        shift = round(self.parts.starts[number] / packet.time_base) - packet.pts
                    packet.pts += shift
                    packet.dts = None if packet.dts is None else packet.dts + shift
                    if packet.dts is None or (last is not None and packet.dts * unit <= last):
                        following = packet.pts if last is None else round(last / unit) + 1
                        packet.dts = min(following, packet.pts)
                    last = packet.dts * unit
                    yield last, 0, packet

    def _sound(self) -> Iterator[tuple[float, int, Packet[Any]]]:
        if not self.carried:
            return
        for packet in self.source.container.demux(*self.carried):
            self.source.note_end(packet)
            if packet.dts is not None and not packet.is_discard and packet.time_base is not None:
                yield float(packet.dts * packet.time_base), 1, packet

    def write(self) -> None:
        """Write everything, and the end of the file."""
        for _, kind, packet in heapq.merge(self._picture(), self._sound(), key=lambda item: item[:2]):
            if kind == 1:
                self.others.carry(packet)
            else:
                packet.stream = self.stream
                self.output.mux(packet)
        self.others.finish()
        self.output.close()
