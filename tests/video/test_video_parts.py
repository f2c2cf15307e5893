"""Long videos: parts that outlive a kill, and how they are joined."""

import json
import os
import time

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from clode_core import cli
from clode_core.pictures.atomic import TEMPORARY_SUFFIX, remove_abandoned, write_atomically
from clode_core.video import Encoding, VideoError, enhance_video, parts

FAST = Encoding(preset="ultrafast", quality=8)
FRAMES = 50


@pytest.fixture(autouse=True)
def short_parts(monkeypatch):
    monkeypatch.setattr(parts, "PART_FRAMES", 20)


class Killed(BaseException):
    pass


def cut_short(source, target, model, after, **options):
    """Enhance until so many frames are done, then end as a kill does: the folder of parts stays."""

    def stop(what, done, total):
        if what == "enhance" and done > after:
            raise Killed

    with pytest.raises(Killed):
        enhance_video(source, target, model=model, report=stop, **options)


def pictures(path):
    with av.open(str(path)) as found:
        return [(f.time, f.to_ndarray()) for f in found.decode(video=0)]


def packets(path, kind):
    with av.open(str(path)) as found:
        stream = getattr(found.streams, kind)[0]
        return [(p.pts * p.time_base, bytes(p)) for p in found.demux(stream) if p.size and not p.is_discard]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("out.mp4", Encoding("libx264", preset="veryfast")),
        ("out.ts", FAST),
        ("out.mkv", Encoding("libx265", preset="ultrafast")),
        ("out.webm", Encoding("libvpx-vp9")),
    ],
)
def test_a_video_cut_short_goes_on_and_is_frame_exact(video, model, tmp_path, name, encoding):
    source = video(frames=FRAMES)
    whole, target = tmp_path / f"whole{name[3:]}", tmp_path / name
    summary = enhance_video(source, whole, model=model, encoding=encoding)
    assert summary.frames == FRAMES
    assert not parts.folder_of(whole).exists()
    cut_short(source, target, model, 45, encoding=encoding)
    assert not target.exists()
    assert json.loads((parts.folder_of(target) / "parts.json").read_text())["frames"] == [20, 20]
    done = []
    enhance_video(
        source, target, model=model, encoding=encoding, resume=True, report=lambda *told: done.append(told)
    )
    assert [told[1] for told in done if told[0] == "look"] == []
    assert done[0][1] == 40
    assert not parts.folder_of(target).exists()
    expected = pictures(whole)
    got = pictures(target)
    assert len(got) == FRAMES
    assert [t for t, _ in got] == pytest.approx([t for t, _ in pictures(source)], abs=0.0011)
    assert all((a == b).all() for (_, a), (_, b) in zip(got, expected, strict=True))
    if name == "out.mp4":
        assert packets(target, "audio") == packets(source, "audio")


def test_timestamps_that_are_not_even_are_kept_to_the_unit(video, model, tmp_path):
    times = list(np.cumsum(np.random.default_rng(0).integers(5, 90, FRAMES)) + 1000)
    source = video("a.mkv", frames=FRAMES, times=[int(t) for t in times], sound=False)
    enhance_video(source, tmp_path / "out.mkv", model=model, encoding=Encoding(preset="veryfast"))
    assert [t for t, _ in pictures(tmp_path / "out.mkv")] == [t for t, _ in pictures(source)]


def test_other_settings_begin_anew_and_so_does_a_run_without_resume(video, model, tmp_path):
    source, target = video(frames=FRAMES, sound=False), tmp_path / "out.mp4"
    begun = []
    for options in ({"resume": True, "exposure_time": 2.0}, {"resume": False}):
        cut_short(source, target, model, 45, encoding=FAST)
        enhance_video(
            source, target, model=model, encoding=FAST, report=lambda what, *_: begun.append(what), **options
        )
        assert begun.count("look") == begun.count("enhance")
        assert not parts.folder_of(target).exists()


def test_parts_that_only_have_to_be_joined_are_joined(video, model, tmp_path, monkeypatch):
    source, target = video(frames=FRAMES), tmp_path / "out.mp4"

    def fail(self):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(parts.Joiner, "write", fail)
        with pytest.raises(Killed):
            enhance_video(source, target, model=model, encoding=FAST)
    done = []
    enhance_video(source, target, model=model, encoding=FAST, resume=True, report=lambda *t: done.append(t))
    assert done == []
    assert len(pictures(target)) == FRAMES


def test_two_runs_to_one_target_are_refused(video, model, tmp_path):
    source, target = video(frames=FRAMES, sound=False), tmp_path / "out.mp4"
    with (
        parts.Parts(target, {}, resume=False),
        pytest.raises(VideoError, match="another run is writing"),
    ):
        enhance_video(source, target, model=model, encoding=FAST)


def test_a_short_video_leaves_no_folder_of_an_earlier_run(video, model, tmp_path):
    source, target = video(frames=5), tmp_path / "out.mp4"
    parts.folder_of(target).mkdir()
    enhance_video(source, target, model=model, encoding=FAST)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dark.mp4", "out.mp4"]


def test_what_a_killed_writer_left_is_removed_and_a_living_one_is_left_alone(tmp_path):
    left = tmp_path / f".clode-0123{TEMPORARY_SUFFIX}"
    fresh = tmp_path / f".clode-4567{TEMPORARY_SUFFIX}"
    left.touch()
    fresh.touch()
    hour = time.time() - 3600
    os.utime(left, (hour, hour))

    def write(handle):
        (mine,) = {p for p in tmp_path.iterdir() if p.suffix == TEMPORARY_SUFFIX} - {left, fresh}
        os.utime(mine, (hour, hour))
        remove_abandoned(tmp_path / "other.mp4")
        assert mine.exists()

    write_atomically(tmp_path / "this.mp4", write)
    assert sorted(p.name for p in tmp_path.iterdir()) == [fresh.name, "this.mp4"]


def test_the_command_says_how_to_go_on(video, tmp_path, monkeypatch):
    source, target = video(frames=FRAMES, sound=False), tmp_path / "out.mp4"
    real = parts.Parts.add

    def interrupted(self, *arguments):
        real(self, *arguments)
        if len(self.frames) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(parts.Parts, "add", interrupted)
        result = CliRunner().invoke(cli.app, ["video", str(source), str(target), "--preset", "ultrafast"])
    assert result.exit_code == 130
    assert "40 frames are done: the same command with --resume goes on from there" in result.stderr
    again = CliRunner().invoke(
        cli.app, ["video", str(source), str(target), "--preset", "ultrafast", "--resume"]
    )
    assert again.exit_code == 0, again.stderr
    assert len(pictures(target)) == FRAMES
