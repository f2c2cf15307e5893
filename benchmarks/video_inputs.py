"""Odd videos, made small, and what `clode video` makes of each: benchmarks/results/video_inputs.md.

    python benchmarks/video_inputs.py                # all of them
    python benchmarks/video_inputs.py alpha hdr      # those whose words hold one of these

Each clip is enhanced by the command in this process. Its frames are counted as FFmpeg decodes them from the
start, apart from CLODE; so are those of the result. A row tells what came out, and what CLODE said.
"""

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from clode_core import cli

os.environ["SVT_LOG"] = "1"  # or SVT-AV1 tells its settings on the error output
ROWS, COLUMNS, FRAMES, RATE = 64, 96, 40, 25
MILLISECOND = Fraction(1, 1000)
HDR10 = (
    "log-level=none:hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:"
    "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1):max-cll=1000,400"
)
HLG = "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"


@dataclass
class Clip:
    """A clip to be made."""

    words: str
    name: str = "clip.mp4"
    target: str = "out.mp4"
    codec: str = "libx264"
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    frames: int = FRAMES
    shape: tuple[int, int] = (ROWS, COLUMNS)
    times: Callable[[int], int] | None = None
    sounds: tuple[tuple[str, str], ...] = ()
    interlaced: str = ""
    colours: tuple[int, int, int, int] = (2, 2, 2, 1)
    turned: int = 0
    chapters: bool = False
    attached: bool = False
    text: bool = False
    aspect: Fraction | None = None
    container: str | None = None
    muxing: dict[str, str] = field(default_factory=dict)
    afterwards: Callable[[bytes], bytes] | None = None
    flags: tuple[str, ...] = ()

    @property
    def time_base(self) -> Fraction:
        """Units of its timestamps in seconds."""
        return MILLISECOND if self.times else Fraction(1, RATE)


def picture(number: int, shape: tuple[int, int]) -> np.ndarray:
    """A dark street (Y, X, 3) in [0, 1] with a light that moves."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    ground = np.stack([0.02 + 0.06 * x / shape[1], 0.03 + 0.04 * y / shape[0], np.full(shape, 0.05)], -1)
    light = np.exp(-((y - shape[0] / 2) ** 2 + (x - 3 * number % shape[1]) ** 2) / 40)[..., None]
    return np.clip(ground + 0.6 * light, 0, 1)


def filled(clip: Clip, number: int) -> av.VideoFrame:
    """A frame in the clip's pixel format; transparency falls from left to right."""
    whole = np.rint(picture(number, clip.shape) * 65280).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(whole), "rgb48le").reformat(format=clip.pixels)
    names = av.VideoFormat(clip.pixels)
    if any(c.is_alpha for c in names.components) and len(frame.planes) == 4:
        plane = frame.planes[3]
        deep = names.components[3].bits
        ramp = np.linspace(0, 2**deep - 1, plane.line_size // (2 if deep > 8 else 1))
        rows = np.tile(ramp.astype(np.uint16 if deep > 8 else np.uint8), (plane.height, 1))
        plane.update(rows.tobytes())
    return frame


def fields(order: str, clip: Clip) -> Callable[[av.VideoFrame], av.VideoFrame]:
    """Mark frames as interlaced."""
    graph = av.filter.Graph()
    here = graph.add_buffer(
        width=clip.shape[1], height=clip.shape[0], format=clip.pixels, time_base=clip.time_base
    )
    mark, there = graph.add("setfield", order), graph.add("buffersink")
    here.link_to(mark)
    mark.link_to(there)
    graph.configure()

    def marked(frame: av.VideoFrame) -> av.VideoFrame:
        graph.push(frame)
        return graph.pull()

    return marked


def make(clip: Clip, folder: Path) -> Path:
    """Write a clip."""
    path = folder / clip.name
    with av.open(str(path), "w", format=clip.container, options=clip.muxing) as out:
        out.metadata["title"] = "A dark street"
        stream = out.add_stream(clip.codec, rate=RATE, options=clip.options)
        stream.height, stream.width = clip.shape
        stream.pix_fmt = clip.pixels
        context = stream.codec_context
        context.time_base = clip.time_base
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = clip.colours
        if clip.aspect:
            context.sample_aspect_ratio = clip.aspect
        if clip.turned:
            stream.set_display_rotation(clip.turned)
        sounds = [out.add_stream(codec, rate=48000) for codec, _ in clip.sounds]
        for sound, (_, language) in zip(sounds, clip.sounds, strict=True):
            sound.metadata["language"] = language
        if clip.attached:
            out.add_attachment("notes.txt", "text/plain", b"kept")
        if clip.chapters:
            span = {"time_base": MILLISECOND, "metadata": {"title": "Second"}}
            out.set_chapters([{"id": 1, "start": 800, "end": 1600, **span}])
        mark = fields(clip.interlaced, clip) if clip.interlaced else lambda frame: frame
        for number in range(clip.frames):
            frame = filled(clip, number)
            _, frame.color_primaries, frame.color_trc, frame.color_range = clip.colours
            frame.colorspace = clip.colours[0]
            frame.pts = clip.times(number) if clip.times else number
            frame.time_base = clip.time_base
            out.mux(stream.encode(mark(frame)))
        out.mux(stream.encode(None))
        for sound in sounds:
            tone(out, sound, clip.frames / RATE)
    if clip.text:
        with_text(path, folder / "text.srt")
    if clip.afterwards:
        path.write_bytes(clip.afterwards(path.read_bytes()))
    return path


def with_text(path: Path, lines: Path) -> None:
    """Add subtitles to a clip."""
    lines.write_text("1\n00:00:00,100 --> 00:00:00,900\nA street\n")
    bare = path.rename(path.with_stem("bare"))
    with av.open(str(bare)) as picture, av.open(str(lines)) as text, av.open(str(path), "w") as out:
        pairs = [(c, c.streams[0], out.add_stream_from_template(c.streams[0])) for c in (text, picture)]
        pairs[0][2].metadata["language"] = "eng"
        for source, stream, target in pairs:
            for packet in source.demux(stream):
                if packet.size:
                    packet.stream = target
                    out.mux(packet)


def tone(out: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    """A tone for the length of the clip."""
    samples = (3000 * np.sin(np.arange(int(48000 * seconds)) / 20)).astype(np.int16)
    context = stream.codec_context
    resampler = av.AudioResampler(context.format, "stereo", 48000, context.frame_size or 1024)
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(np.repeat(samples[start : start + 1024], 2)[None], "s16", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        for ready in resampler.resample(frame):
            out.mux(stream.encode(ready))
    for ready in resampler.resample(None):
        out.mux(stream.encode(ready))
    out.mux(stream.encode(None))


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def holed(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(400) + content[middle + 400 :]


def clips() -> Iterator[Clip]:
    """All clips."""
    aac, once = (("aac", "eng"),), {"g": "1000"}
    yield Clip("MP4, H.264, sound", sounds=aac)
    for name, codec, container in (
        ("clip.ts", "libx264", None),
        ("clip.mts", "libx264", "mpegts"),
        ("clip.mpg", "mpeg2video", None),
        ("clip.vob", "mpeg2video", None),
        ("clip.mkv", "libx265", None),
        ("clip.webm", "libvpx-vp9", None),
        ("clip.avi", "mpeg4", None),
        ("clip.flv", "flv", None),
        ("clip.wmv", "wmv2", None),
        ("clip.3gp", "mpeg4", None),
        ("clip.nut", "ffv1", None),
        ("clip.gif", "gif", None),
    ):
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        pixels = "rgb8" if codec == "gif" else "yuv420p"
        yield Clip(
            f"{Path(name).suffix}, {codec}",
            name,
            codec=codec,
            container=container,
            pixels=pixels,
            options=quiet,
        )
    for name, codec in (("clip.ts", "libx264"), ("clip.mpg", "mpeg2video"), ("clip.vob", "mpeg2video")):
        yield Clip(f"{Path(name).suffix}, one group of pictures", name, codec=codec, options=once, frames=20)
    yield Clip("bare H.264 stream", "clip.h264")
    yield Clip("Motion JPEG", "clip.avi", codec="mjpeg", pixels="yuvj420p")
    yield Clip("AV1", "clip.mkv", "out.mkv", codec="libsvtav1", frames=10)
    yield Clip("one frame", frames=1)
    yield Clip("two frames", frames=2)
    yield Clip("odd size, 4:4:4", pixels="yuv444p", shape=(63, 95))
    yield Clip("tiny, 16 x 16", shape=(16, 16))
    yield Clip("very wide", shape=(16, 640))
    yield Clip("turned by 90 degrees, a telephone", turned=90)
    yield Clip("pixels that are not square", aspect=Fraction(4, 3))
    yield Clip("variable frame rate", "clip.mkv", "out.mkv", times=lambda n: n * 40 + n % 3 * 11)
    yield Clip("timestamps that begin at 10 s", "clip.mkv", "out.mkv", times=lambda n: 10000 + n * 40)
    yield Clip("10 bits", pixels="yuv420p10le")
    yield Clip("grey", "clip.mkv", "out.mkv", codec="ffv1", pixels="gray")
    yield Clip("RGB, FFV1", "clip.mkv", "out.mkv", codec="ffv1", pixels="bgr0")
    yield Clip("full range, BT.709", colours=(1, 1, 1, 2))
    hdr = {"name": "clip.mkv", "codec": "libx265", "pixels": "yuv420p10le"}
    yield Clip("HDR10", target="out.mkv", options={"x265-params": HDR10}, colours=(9, 9, 16, 1), **hdr)
    yield Clip("HDR10 as MP4", options={"x265-params": HDR10}, colours=(9, 9, 16, 1), **hdr)
    yield Clip(
        "HDR10 as H.264",
        options={"x265-params": HDR10},
        colours=(9, 9, 16, 1),
        **hdr,
        flags=("--codec", "libx264"),
    )
    av1 = ("--codec", "libsvtav1")
    yield Clip(
        "HDR10 as AV1",
        target="out.mkv",
        options={"x265-params": HDR10},
        colours=(9, 9, 16, 1),
        **hdr,
        flags=av1,
    )
    yield Clip("HLG", options={"x265-params": HLG}, colours=(9, 9, 18, 1), **hdr)
    vp9 = {"name": "clip.webm", "codec": "libvpx-vp9", "pixels": "yuva420p"}
    yield Clip("alpha, VP9", target="out.webm", **vp9)
    yield Clip("alpha, VP9, as MP4", **vp9)
    yield Clip("alpha, ProRes 4444", "clip.mov", "out.mov", codec="prores_ks", pixels="yuva444p10le")
    yield Clip("alpha, QuickTime Animation", "clip.mov", "out.mov", codec="qtrle", pixels="argb")
    lace = {"flags": "+ildct+ilme"}
    yield Clip("interlaced, top first", "clip.ts", "out.ts", options=lace, interlaced="tff")
    yield Clip(
        "interlaced, MPEG-2, bottom first", "clip.mpg", codec="mpeg2video", options=lace, interlaced="bff"
    )
    yield Clip(
        "interlaced, --deinterlace", "clip.mkv", options=lace, interlaced="tff", flags=("--deinterlace",)
    )
    yield Clip("two languages of sound", "clip.mkv", sounds=(("aac", "eng"), ("aac", "fre")))
    yield Clip("chapters", chapters=True, sounds=aac)
    yield Clip("chapters and an attachment", "clip.mkv", "out.mkv", chapters=True, attached=True)
    yield Clip("an attachment, as MP4", "clip.mkv", attached=True)
    yield Clip("subtitles", "clip.mkv", "out.mkv", text=True)
    yield Clip("subtitles, as MP4", "clip.mkv", text=True)
    yield Clip("sound AAC as WebM", target="out.webm", sounds=aac)
    yield Clip("sound PCM as MP4", "clip.mkv", sounds=(("pcm_s16le", "eng"),))
    yield Clip("sound FLAC as AVI", "clip.mkv", "out.avi", sounds=(("flac", "eng"),))
    yield Clip("MKV cut in half", "clip.mkv", "out.mkv", sounds=aac, afterwards=half)
    yield Clip("MP4 cut in half", afterwards=half)
    yield Clip(
        "MP4 cut in half, index first", muxing={"movflags": "faststart"}, options={"g": "1"}, afterwards=half
    )
    yield Clip("AVI cut in half", "clip.avi", codec="mpeg4", afterwards=half)
    yield Clip("TS cut in half", "clip.ts", afterwards=half)
    yield Clip("400 bytes of zeros in the middle", afterwards=holed, options={"g": "10"})
    yield Clip("no video: text", afterwards=lambda _: b"a text, no video. " * 100)
    yield Clip("empty file", afterwards=lambda _: b"")


def streams(path: Path) -> str:
    """What a file holds, in words."""
    with av.open(str(path)) as found:
        video = found.streams.video[0]
        context = video.codec_context
        decoder, count, first = None, 0, None
        if video.metadata.get("alpha_mode") == "1":
            decoder = av.CodecContext.create("libvpx-vp9", "r")
        for packet in found.demux(video):
            try:
                shown = decoder.decode(packet if packet.size else None) if decoder else packet.decode()
            except av.error.FFmpegError:
                continue
            count += len(shown)
            first = first or next(iter(shown), None)
        if first is None:
            return "no frame"
        words = [f"{count} frames", f"{first.width} x {first.height}", context.name, first.format.name]
        if int(first.color_trc) in (16, 18):
            words.append({16: "PQ", 18: "HLG"}[int(first.color_trc)])
        kinds = {data.type.name for data in first.side_data}
        words += ["mastering display"] if "MASTERING_DISPLAY_METADATA" in kinds else []
        words += ["light level"] if "CONTENT_LIGHT_LEVEL" in kinds else []
        if first.interlaced_frame:
            bottom = int(video.codec_context.field_order) in (3, 4)
            words.append(f"interlaced, {'bottom' if bottom else 'top'} field first")
        words += [f"turned {first.rotation}"] if first.rotation else []
        aspect = video.sample_aspect_ratio
        words += [f"pixels {aspect}"] if aspect and aspect != 1 else []
        for stream in found.streams:
            if stream.type == "audio":
                words.append(f"{stream.codec_context.name} {stream.metadata.get('language', '')}".strip())
            elif stream.type != "video":
                language = stream.metadata.get("language", "")
                words.append(f"text {language}".strip() if stream.type == "subtitle" else stream.type)
        words += [f"{len(found.chapters())} chapter"] if found.chapters() else []
        return ", ".join(words)


def described(path: Path) -> str:
    try:
        return streams(path)
    except (av.error.FFmpegError, IndexError, OSError):
        return "unreadable"


def enhanced(source: Path, target: Path, flags: tuple[str, ...]) -> tuple[int, str]:
    """Run the command; its exit code and what it said."""
    said, code = io.StringIO(), 0
    with redirect_stderr(said), redirect_stdout(io.StringIO()):
        try:
            cli.app(["video", str(source), str(target), "--preset", "ultrafast", *flags])
        except SystemExit as end:
            code = int(end.code or 0)
    words = said.getvalue().replace(f"{target.parent}/", "").replace(f"{source.parent}/", "")
    return code, " ".join(words.split()).replace("|", "/")


def row(clip: Clip, folder: Path) -> str:
    try:
        source = make(clip, folder)
    except (av.error.FFmpegError, ValueError) as error:
        return f"| {clip.words} | could not be made here: {error} | | | | |"
    target = folder / clip.target
    code, words = enhanced(source, target, clip.flags)
    came = described(target) if target.exists() else "nothing"
    flags = f" `{' '.join(clip.flags)}`" if clip.flags else ""
    to = f"{Path(clip.target).suffix}{flags}"
    line = f"| {clip.words} | {described(source)} | {to} | {came} | {code} | {words} |"
    for path in folder.iterdir():
        path.unlink()
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("words", nargs="*", help="only clips whose description holds one of these")
    chosen = parser.parse_args().words

    print("# Odd videos\n\n    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/video_inputs.py\n")
    print("Made clips; what came out is counted and described by FFmpeg, apart from CLODE.\n")
    print("| clip | what is in it, by FFmpeg | to | what came out, by FFmpeg | exit | what CLODE said |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for clip in clips():
            if not chosen or any(word in clip.words for word in chosen):
                print(row(clip, Path(name)), flush=True)
                sys.stdout.flush()


if __name__ == "__main__":
    main()
