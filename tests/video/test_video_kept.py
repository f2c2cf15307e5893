"""What a video holds besides plain frames, and what becomes of it."""

from fractions import Fraction

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from clode_core import cli
from clode_core.video import Encoding, VideoReader, enhance_video
from clode_core.video.fields import split, weave
from clode_core.video.frames import WHITE
from clode_core.video.hdr import pq_signal

FAST = Encoding(preset="ultrafast")
HDR10 = (
    "log-level=none:hdr10=1:repeat-headers=1:"
    "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,1):max-cll=1200,400"
)


def made(path, frames, codec="libx264", pixels="yuv420p", options=None, before=None, prepare=None):
    """A clip of given frames (Y, X, 3) in [0, 1]; `before` sees the container, `prepare` every frame."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options or {"crf": "1", "preset": "ultrafast"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        if before:
            before(out, stream)
        for number, picture in enumerate(frames):
            whole = np.ascontiguousarray(np.rint(picture * 65280).astype(np.uint16))
            frame = av.VideoFrame.from_ndarray(whole, "rgb48le").reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            if prepare:
                prepare(frame)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def grey(level, shape=(64, 96)):
    return np.full((*shape, 3), level)


def first(path):
    with av.open(str(path)) as found:
        return next(found.decode(video=0)), found.streams.video[0].codec_context.field_order


def transparency(path):
    with VideoReader(path) as reader:
        frame = next(reader.decoded())
        assert frame.format.name.startswith("yuva")
        rows = np.frombuffer(frame.planes[3], np.uint8 if reader.bits == 8 else np.uint16)
        return rows.reshape(frame.height, -1)[:, : frame.width] / (2**reader.bits - 1)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [("a.webm", "libvpx-vp9", "yuva420p"), ("a.mov", "prores_ks", "yuva444p10le")],
)
def test_transparency_is_kept(tmp_path, model, name, codec, pixels):
    def clear(frame):
        plane = frame.planes[3]
        deep = np.uint8 if codec == "libvpx-vp9" else np.uint16
        top = 255 if deep is np.uint8 else 1023
        width = plane.line_size // np.dtype(deep).itemsize
        ramp = (np.linspace(0, 1, 96) * top).astype(deep)
        plane.update(np.tile(np.pad(ramp, (0, width - 96)), (plane.height, 1)).tobytes())

    source = made(tmp_path / name, [grey(0.05)] * 3, codec, pixels, {"b": "2000000"}, prepare=clear)
    target = tmp_path / f"out{source.suffix}"
    assert enhance_video(source, target, model=model, encoding=FAST).left_out == []
    assert transparency(target) == pytest.approx(transparency(source), abs=0.03)
    assert transparency(target)[:, 90].mean() > transparency(target)[:, 5].mean() + 0.7
    assert enhance_video(source, tmp_path / "out.mp4", model=model, encoding=FAST).left_out == [
        "transparency"
    ]


def test_pq_is_exposed_as_hlg_and_left_as_it_is_above_its_peak():
    signal = pq_signal()
    assert signal.enter[0] == 0
    assert signal.enter[round(0.5807 * WHITE)] / WHITE == pytest.approx(0.75, abs=0.003)  # 203 nits, BT.2408
    assert signal.enter[round(0.7518 * WHITE)] / WHITE == pytest.approx(1, abs=0.001)  # 1,000 nits
    codes = np.arange(0, round(0.75 * WHITE), 64)
    assert np.abs(signal.leave[signal.enter[codes]].astype(int) - codes).max() < 64  # a 10-bit step


def test_hdr10_keeps_its_transfer_and_display_and_gets_brighter(tmp_path, model):
    def pq(out, stream):
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, 16, 9

    source = made(
        tmp_path / "hdr.mkv", [grey(0.25)] * 3, "libx265", "yuv420p10le", {"x265-params": HDR10}, pq
    )
    target = tmp_path / "out.mkv"
    assert enhance_video(source, target, model=model, encoding=FAST).left_out == []
    with VideoReader(source) as before, VideoReader(target) as after:
        assert after.kind.light.display == before.kind.light.display
        assert after.kind.light.most == 1200
        assert after.bits == 10
    frame, _ = first(target)
    assert int(frame.color_trc) == 16
    assert frame.to_ndarray()[:64].mean() > first(source)[0].to_ndarray()[:64].mean() + 50
    still = tmp_path / "still.mkv"
    enhance_video(source, still, 0.0, model=model, encoding=FAST)
    same = first(still)[0].to_ndarray()[:64].astype(int) - first(source)[0].to_ndarray()[:64]
    assert np.abs(same).max() <= 2
    lost = enhance_video(source, tmp_path / "out.mp4", model=model, encoding=Encoding("libx264")).left_out
    assert lost == ["mastering display and light level"]


def laced(number):
    """A red bar that moves between the two fields of a frame."""
    picture = np.full((64, 96, 3), 0.05)
    for field in (0, 1):
        left = 4 + 8 * number + 4 * field
        picture[field::2, left : left + 20] = (0.6, 0.05, 0.05)
    return picture


@pytest.mark.parametrize("order", ["tff", "bff"])
def test_interlaced_video_stays_interlaced_or_is_made_whole(tmp_path, model, order):
    options = {"flags": "+ildct+ilme", "x264-params": f"{order}=1", "crf": "4"}
    source = made(tmp_path / "laced.mkv", [laced(n) for n in range(8)], options=options)
    target = tmp_path / "out.mkv"
    assert enhance_video(source, target, model=model, encoding=FAST).left_out == []
    frame, field_order = first(target)
    assert frame.interlaced_frame
    assert field_order == {"tff": 2, "bff": 3}[order]
    whole = tmp_path / "whole.mkv"
    assert enhance_video(source, whole, model=model, encoding=FAST, deinterlace=True).frames == 8
    with av.open(str(whole)) as found:
        frames = list(found.decode(video=0))
    combs = [f.to_ndarray()[:64].astype(int) for f in (frame, frames[3])]
    teeth = [np.abs(np.diff(c, axis=0)).mean() for c in combs]
    assert not frames[3].interlaced_frame
    assert [f.pts for f in frames] == sorted({f.pts for f in frames})
    assert teeth[1] < teeth[0] / 3
    told = enhance_video(source, target, model=model, encoding=Encoding("libx265")).left_out
    assert "interlaced" in told[0]


def test_fields_told_apart_and_woven_are_the_frame(random):
    frame = av.VideoFrame.from_ndarray(random.integers(0, 255, (96, 96), np.uint8), "yuv420p")
    halves = split(frame)
    assert (weave(halves, 8).to_ndarray() == frame.to_ndarray()).all()
    assert halves[1].to_ndarray()[:32].tolist() == frame.to_ndarray()[1:64:2].tolist()


def test_chapters_and_attachments_and_languages_are_kept(tmp_path, model):
    def dressed(out, stream):
        out.add_attachment("notes.txt", "text/plain", b"kept")
        span = {"time_base": Fraction(1, 1000), "metadata": {"title": "Second"}}
        out.set_chapters([{"id": 1, "start": 40, "end": 80, **span}])
        out.add_stream("pcm_s16le", rate=8000).metadata["language"] = "fre"

    source = made(tmp_path / "a.mkv", [grey(0.05)] * 3, before=dressed)
    target = tmp_path / "out.mkv"
    assert enhance_video(source, target, model=model, encoding=FAST).left_out == []
    with av.open(str(target)) as found:
        chapter = found.chapters()[0]
        assert chapter["start"] * chapter["time_base"] == Fraction(1, 25)
        assert chapter["metadata"]["title"] == "Second"
        assert found.streams.audio[0].metadata["language"] == "fre"
        attached = [s for s in found.streams if s.type == "attachment"]
        assert attached[0].metadata["filename"] == "notes.txt"
        assert bytes(attached[0].data) == b"kept"
    summary = enhance_video(source, tmp_path / "out.mp4", model=model, encoding=FAST)
    assert summary.left_out == ["attachment (notes.txt)"]
    assert summary.transcoded == ["sound (pcm_s16le) as aac"]


@pytest.mark.parametrize(("suffix", "codec"), [(".webm", "opus"), (".avi", "mp3"), (".mp4", "aac")])
def test_sound_that_a_container_cannot_hold_is_compressed_anew_and_in_step(
    video, tmp_path, model, suffix, codec
):
    codecs = {".webm": "aac", ".avi": "alac", ".mp4": "pcm_s16le"}
    source = video("a.mkv", frames=25, sound_codec=codecs[suffix])
    target = tmp_path / f"out{suffix}"
    summary = enhance_video(source, target, model=model, encoding=FAST)
    assert len(summary.transcoded) == 1

    def sound(path):
        with av.open(str(path)) as found:
            name = found.streams.audio[0].codec_context.name
            frames = list(found.decode(audio=0))
            samples = sum(f.samples for f in frames) / frames[0].sample_rate
            return name, frames[0].time or 0.0, samples

    name, start, seconds = sound(target)
    assert name.startswith(codec)
    assert start == pytest.approx(sound(source)[1], abs=0.06)
    assert seconds == pytest.approx(sound(source)[2], abs=0.1)


def test_a_file_cut_off_is_told_and_ends_with_exit_code_1(video, tmp_path):
    source = video("a.mkv", frames=60)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    result = CliRunner().invoke(
        cli.app, ["video", str(source), str(tmp_path / "out.mkv"), "--preset", "ultrafast"]
    )
    assert result.exit_code == 1
    assert "should last 2.4 s: it was cut off" in result.stderr
    with VideoReader(tmp_path / "out.mkv") as reader:
        assert 10 < sum(1 for _ in reader.decoded()) < 60
