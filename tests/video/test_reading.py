from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from clode_core.video import WHITE, VideoError, VideoReader


def test_a_video_is_read_in_order_with_its_times(video):
    times = [0, 40, 90, 100, 300, 310]
    with VideoReader(video(frames=6, times=times)) as reader:
        frames = list(reader)
        assert [round(f.time * 1000) for f in frames] == times
        assert reader.shape == (96, 128)
        assert frames[0].shape == (96, 128)
        assert reader.bits == 8
        assert reader.dtype is np.uint8
        assert [stamp * reader.time_base * 1000 for stamp in reader.timestamps()] == times
        assert next(iter(reader)).time == 0


def test_ten_bits_are_ten_bits(video, flat):
    path = video(picture=flat([0.1] * 3), pixel_format="yuv420p10le", frames=3)
    with VideoReader(path, clean=False) as reader:
        assert reader.bits == 10
        assert reader.dtype is np.uint16
        assert abs(next(iter(reader)).planes[0].mean() / WHITE - 0.1) < 0.0008


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_comes_upright(video, degrees):
    def corner(number):
        picture = np.full((64, 96, 3), 0.02)
        picture[:20, :30] = 0.8
        return picture

    with VideoReader(video(picture=corner, rotation=degrees, frames=3), clean=False) as reader:
        frame = next(iter(reader))
        small = reader.thumbnail(next(reader.decoded()), 48)
    expected = np.rot90(corner(0)[..., 0], degrees // 90)
    assert frame.shape == reader.shape == expected.shape
    assert np.abs(frame.planes[0] / WHITE - expected).mean() < 0.02
    assert max(small.shape) == 48
    assert (small.shape[0] > small.shape[1]) == (expected.shape[0] > expected.shape[1])


def test_a_thumbnail_is_the_mean_of_its_pixels(video):
    with VideoReader(video(frames=1), clean=False) as reader:
        frame = next(reader.decoded())
        small = reader.thumbnail(frame, 32)
        full = reader.upright(frame)
    for a, b in zip(small.planes, full.planes, strict=True):
        blocks = b.astype(float).reshape(24, 4, 32, 4).mean((1, 3))
        assert np.abs(a - blocks).mean() < 0.004 * WHITE


def test_seeking_lands_at_or_before_the_time(video):
    path = video(frames=60, options={"g": "10", "crf": "20", "preset": "ultrafast"})
    with VideoReader(path) as reader:
        reader.seek(1.5)
        first = next(iter(reader)).time
    assert 1.0 <= first <= 1.5


def test_damage_in_the_middle_costs_only_what_is_damaged(video):
    path = video(frames=60, sound=False, options={"g": "10", "crf": "12", "preset": "ultrafast"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 800] = bytes(800)
    path.write_bytes(content)
    with VideoReader(path) as reader:
        count = sum(1 for _ in reader)
    assert 30 < count < 61


def test_a_file_cut_off_is_read_to_its_end(video):
    path = video("dark.mkv", frames=60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with VideoReader(path) as reader:
        assert 20 < sum(1 for _ in reader) < 60


@pytest.mark.parametrize("case", ["missing", "folder", "text", "empty", "sound", "nul"])
def test_what_is_no_video_is_refused_in_one_sentence(tmp_path, case):
    path = tmp_path / "x.mp4"
    if case == "folder":
        path.mkdir()
    elif case == "text":
        path.write_text("not a video, but long enough to be looked at " * 50)
    elif case == "empty":
        path.touch()
    elif case == "nul":
        path = Path("a\0b.mp4")
    elif case == "sound":
        import av

        with av.open(str(path), "w") as out:
            stream = out.add_stream("aac", rate=44100)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.float32), "fltp", "mono")
            frame.sample_rate = 44100
            out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    with pytest.raises(VideoError) as error:
        VideoReader(path)
    assert "\n" not in str(error.value)
    assert {
        "missing": "does not exist",
        "folder": "is a folder",
        "sound": "holds no video",
        "nul": "does not exist",
    }.get(case, "damaged, or no video") in str(error.value)


@pytest.mark.parametrize("frames", [12, 40])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("dark.mp4", "libx264"),
        ("dark.mkv", "libx264"),
        ("dark.ts", "libx264"),
        ("dark.mts", "libx264"),
        ("dark.mpg", "mpeg2video"),
        ("dark.vob", "mpeg2video"),
        ("dark.avi", "mpeg4"),
        ("dark.webm", "libvpx"),
        ("dark.wmv", "wmv2"),
        ("dark.h264", "libx264"),
    ],
)
def test_no_frame_is_lost_in_any_container(tmp_path, name, codec, frames):
    path = tmp_path / name
    with av.open(str(path), "w", format="mpegts" if path.suffix == ".mts" else None) as out:
        stream = out.add_stream(codec, rate=25, options={"g": "25"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            flat = av.VideoFrame.from_ndarray(np.full((72, 64), 40 + number, np.uint8), "yuv420p")
            flat.pts, flat.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(flat))
        out.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == frames
    with VideoReader(path) as reader:
        assert sum(1 for _ in reader.decoded()) == frames
        reader.rewind()
        assert sum(1 for _ in reader.decoded()) == frames
