import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import av
import numpy as np
import pytest

import clode_core as clode
from clode_core.pictures.atomic import TEMPORARY_SUFFIX
from clode_core.video import FRAME_LEVELS, Encoding, VideoError, VideoReader, enhance_video

FAST = Encoding(preset="ultrafast", quality=8)


def frames(path, clean=False):
    with VideoReader(path, clean=clean) as reader:
        return list(reader)


def brightness(path):
    return np.array([f.stacked.mean() / FRAME_LEVELS.white for f in frames(path)])


def packets(path, kind):
    with av.open(str(path)) as container:
        (stream,) = getattr(container.streams, kind)
        return [
            (p.pts * p.time_base, bytes(p))
            for p in container.demux(stream)
            if p.dts is not None and not p.is_discard
        ]


def test_a_dark_video_becomes_bright_and_keeps_times_sound_and_title(video, model, tmp_path):
    times = [40 * i + 7 * (i % 3) for i in range(30)]
    source = video(times=times, metadata={"title": "Night"})
    seen = []
    summary = enhance_video(
        source, tmp_path / "out.mp4", model=model, encoding=FAST, report=lambda *a: seen.append(a)
    )
    before, after = frames(source), frames(tmp_path / "out.mp4")
    assert summary.frames == len(after) == 30
    assert [f.time for f in after] == pytest.approx([f.time for f in before], abs=1e-6)
    assert after[10].stacked.mean() > 2 * before[10].stacked.mean()
    sound = packets(source, "audio")
    assert packets(tmp_path / "out.mp4", "audio") == sound
    assert len(sound) > 20
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["title"] == "Night"
        assert container.streams.video[0].codec_context.name == "h264"
    assert [a for a in seen if a[0] == "enhance"][-1] == ("enhance", 30, 30)
    assert sum(a[0] == "look" for a in seen) == 30


def test_a_frame_is_what_the_model_gives_it_with_the_shared_exposure(video, model, tmp_path):
    from clode_core.video import look_through

    source = video(frames=12)
    enhance_video(source, tmp_path / "out.mkv", 2.0, model=model, encoding=Encoding("ffv1"))
    with VideoReader(source) as reader:
        timeline = look_through(reader, model, (0.0, 5.0))
        originals = list(reader)
    result = frames(tmp_path / "out.mkv")[7].stacked / FRAME_LEVELS.white
    path = model.solve(
        originals[7].stacked,
        levels=(FRAME_LEVELS.black, FRAME_LEVELS.white),
        rgb=True,
        exposure=timeline.at(originals[7].time),
    )
    expected = path.at(2.0) / FRAME_LEVELS.white
    # Stored with a quarter of the colour pixels, so compare what all of them share: brightness.
    weights = np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(result @ weights - expected @ weights).mean() < 0.004


def test_ten_bit_video_stays_ten_bit_and_gains_levels(video, model, tmp_path):
    source = video(pixel_format="yuv420p10le", codec="libx265", frames=6, sound=False, options={"crf": "4"})
    enhance_video(source, tmp_path / "out.mp4", model=model, encoding=FAST)
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.bits == 10
        assert reader.stream.codec_context.name == "hevc"
        assert reader.stream.codec_context.codec_tag == "hvc1"


def test_colours_are_described_as_they_were(video, model, tmp_path):
    for number, colours in enumerate([(1, 1), (5, 1), (5, 2)]):
        source = video(f"{number}.mp4", colours=colours, frames=4, sound=False)
        enhance_video(source, tmp_path / "out.mp4", model=model, encoding=FAST)
        with av.open(str(tmp_path / "out.mp4")) as container:
            frame = next(container.decode(video=0))
            assert (int(frame.colorspace), int(frame.color_range)) == colours


def test_a_turned_video_comes_out_upright(video, model, tmp_path):
    source = video(rotation=90, frames=4, sound=False)
    enhance_video(source, tmp_path / "out.mp4", model=model, encoding=FAST)
    with VideoReader(tmp_path / "out.mp4") as reader:
        assert reader.shape == (128, 96)
        assert next(reader.decoded()).rotation == 0


@pytest.mark.parametrize("shape", [(63, 97), (17, 31), (200, 18)])
def test_odd_sizes_are_kept(video, model, tmp_path, shape):
    def small(number):
        return np.full((*shape, 3), 0.05)

    source = video("odd.mkv", picture=small, codec="ffv1", pixel_format="yuv444p", frames=3, sound=False)
    enhance_video(source, tmp_path / "out.mp4", model=model, encoding=Encoding("libx264"))
    assert frames(tmp_path / "out.mp4")[0].shape == shape


def test_the_exposure_is_steadier_than_frame_by_frame(video, model, tmp_path):
    def lights(number):
        """A dark scene in which a large bright sign comes and goes at random."""
        picture = np.full((96, 128, 3), 0.03)
        picture[20:70, 80:120] = np.random.default_rng(number).uniform(0.02, 0.9)
        return picture

    source = video(picture=lights, frames=24, sound=False)
    enhance_video(source, tmp_path / "out.mp4", model=model, encoding=FAST)

    def wall(pictures):
        """Brightness of the still part of the scene, relative to its mean."""
        values = np.array([p[:, :60].mean() for p in pictures])
        return np.abs(np.diff(values)).mean() / values.mean()

    steady = wall([f.stacked for f in frames(tmp_path / "out.mp4")])
    single = wall(
        [model.solve(f.stacked, levels=(0, FRAME_LEVELS.white), rgb=True).at(3.0) for f in frames(source)]
    )
    assert steady < single / 4


def test_there_are_no_dark_first_frames(video, model, tmp_path):
    enhance_video(video(frames=50, sound=False), tmp_path / "out.mp4", model=model, encoding=FAST)
    values = brightness(tmp_path / "out.mp4")
    assert values[0] == pytest.approx(np.median(values), rel=0.03)


def test_a_cut_changes_the_exposure_at_its_frame(video, model, tmp_path):
    def two_scenes(number):
        scene = np.random.default_rng(number >= 25)
        coarse = scene.random((6, 8, 3)) * (0.04 if number < 25 else 0.9)
        return coarse.repeat(16, 0).repeat(16, 1)

    source = video(picture=two_scenes, frames=50, sound=False)
    summary = enhance_video(source, tmp_path / "out.mp4", model=model, encoding=FAST)
    assert summary.cuts == [pytest.approx(1.0, abs=0.001)]
    values = brightness(tmp_path / "out.mp4")
    assert values[24] == pytest.approx(values[2], rel=0.05)
    assert values[25] == pytest.approx(values[48], rel=0.05)


def test_the_automatic_time_suits_the_scene(video, model, tmp_path):
    def half_lit(number):
        return np.full((96, 128, 3), 0.3) + 0.55 * (np.arange(128) > 64)[:, None]

    bright = video("bright.mp4", picture=half_lit, frames=4, sound=False)
    enhance_video(bright, tmp_path / "out.mp4", "auto", model=model, encoding=FAST)
    assert 0.4 < brightness(tmp_path / "out.mp4").mean() < 0.9
    assert abs(brightness(tmp_path / "out.mp4").mean() - brightness(bright).mean()) < 0.03  # bright enough
    dark = video("dark.mp4", frames=4, sound=False)
    enhance_video(dark, tmp_path / "lit.mp4", "auto", model=model, encoding=FAST)
    assert brightness(tmp_path / "lit.mp4").mean() > 3 * brightness(dark).mean()


def test_time_zero_leaves_the_video_as_it_is(video, model, tmp_path):
    source = video(frames=4, sound=False)
    enhance_video(source, tmp_path / "out.mp4", 0.0, model=model, encoding=FAST)
    for one, other in zip(frames(source), frames(tmp_path / "out.mp4"), strict=True):
        assert np.abs(one.stacked.astype(int) - other.stacked).mean() < 0.006 * FRAME_LEVELS.white


def test_noise_is_removed_where_asked(video, model, tmp_path):
    def grainy(number):
        noise = np.random.default_rng(number).normal(0, 0.03, (96, 128, 3))
        return np.clip(0.2 + noise, 0, 1)

    source = video(picture=grainy, frames=3, sound=False, options={"crf": "1", "preset": "ultrafast"})
    for denoise in (False, True):
        enhance_video(source, tmp_path / f"{denoise}.mp4", model=model, denoise=denoise, encoding=FAST)
    plain, clean = (frames(tmp_path / f"{d}.mp4")[1].stacked[..., 1].std() for d in (False, True))
    assert clean < plain / 2


def test_a_baseline_can_take_the_place_of_clode(video, tmp_path):
    source = video(frames=3, sound=False)
    enhance_video(source, tmp_path / "out.mp4", method=lambda p: np.minimum(p * 3.0, 65280).astype(np.uint16))
    assert brightness(tmp_path / "out.mp4").mean() > 2 * brightness(source).mean()


def test_subtitles_and_two_sound_tracks_are_carried_over(video, model, tmp_path):
    source = video("one.mkv", frames=10)
    both = tmp_path / "both.mkv"
    with av.open(str(source)) as given, av.open(str(both), "w") as out:
        picture = out.add_stream_from_template(given.streams.video[0])
        sounds = [out.add_stream_from_template(given.streams.audio[0]) for _ in range(2)]
        for packet in given.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "video":
                packet.stream = picture
                out.mux(packet)
            else:
                content = bytes(packet)
                for sound in sounds:
                    copy = av.Packet(content)
                    copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                    copy.stream = sound
                    out.mux(copy)
    enhance_video(both, tmp_path / "out.mkv", model=model, encoding=FAST)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert len(container.streams.audio) == 2


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("out.gif", {}, "no ending of a video"),
        ("out", {}, "no ending of a video"),
        ("out.mp4", {"encoding": Encoding("nonsense")}, "--codec"),
        ("dark.mp4", {}, "would be overwritten"),
        ("missing/out.mp4", {}, "folder does not exist"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    video, model, tmp_path, name, options, sentence
):
    source = video(frames=3)
    before = source.read_bytes()
    with pytest.raises(ValueError, match=sentence):
        enhance_video(source, tmp_path / name, model=model, **options)
    assert source.read_bytes() == before
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("settings", [{"preset": "warp"}, {"quality": 52}, {"quality": -1}])
def test_impossible_encodings_are_refused(settings):
    with pytest.raises(VideoError):
        Encoding(**settings)


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".avi", ".ts", ".webm"])
def test_every_container_can_be_written(video, model, tmp_path, suffix):
    target = tmp_path / f"out{suffix}"
    enhance_video(video(frames=5, sound=suffix != ".webm"), target, model=model, encoding=FAST)
    assert len(frames(target)) == 5


def test_stopping_leaves_the_old_result_and_nothing_half_written(video, model, tmp_path):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")

    def stop(what, done, total):
        if what == "enhance" and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enhance_video(video(), target, model=model, report=stop)
    assert target.read_bytes() == b"old"
    assert not list(tmp_path.glob(f"*{TEMPORARY_SUFFIX}"))


def test_a_kill_leaves_the_old_result(video, tmp_path):
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    source = video(frames=250)
    work = subprocess.Popen(
        [sys.executable, "-m", "clode_core.cli", "video", source, target, "--preset", "slow"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(f".*{TEMPORARY_SUFFIX}")) and time.monotonic() < deadline:
        assert work.poll() is None, "finished before it could be killed"
        time.sleep(0.01)
    work.send_signal(signal.SIGKILL)
    work.wait()
    assert target.read_bytes() == b"old"


def test_memory_runs_out_on_the_device_and_the_cpu_goes_on(video, model, tmp_path, monkeypatch):
    import torch

    calls = []
    original = clode.Model.solve

    def solve(self, *arguments, **options):
        calls.append(self.device.type)
        if self.device.type == "meta":
            raise torch.OutOfMemoryError
        return original(self, *arguments, **options)

    monkeypatch.setattr(clode.Model, "solve", solve)
    import copy

    lost = copy.copy(model)
    lost.device = torch.device("meta")
    with pytest.warns(UserWarning, match="ran out of memory"):
        enhance_video(video(frames=4, sound=False), tmp_path / "out.mp4", model=lost, denoise=True)
    assert calls[0] == "meta"
    assert calls[-1] == "cpu"


def test_a_bare_stream_without_timestamps_is_enhanced_at_its_rate(video, model, tmp_path):
    source = video("dark.h264", frames=20, sound=False)
    enhance_video(source, tmp_path / "out.mp4", model=model, encoding=FAST)
    times = [f.time for f in frames(tmp_path / "out.mp4")]
    assert len(times) == 20
    assert np.diff(times) == pytest.approx(1 / 25, abs=0.002)


def test_a_video_that_changes_its_size_or_starts_again_is_refused_in_one_sentence(video, model, tmp_path):
    def wide(number):
        return np.full((64, 160, 3), 0.05)

    options = {"bf": "0", "preset": "ultrafast"}
    first = video("one.ts", frames=10, sound=False, options=options).read_bytes()
    second = video("two.ts", picture=wide, frames=10, sound=False, options=options).read_bytes()
    for name, content, sentence in (
        ("size.ts", first + second, "changes its size from 128 x 96 to 160 x 64"),
        ("again.ts", first + first, "timestamps of .* go back"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(VideoError, match=sentence):
            enhance_video(tmp_path / name, tmp_path / "out.mp4", model=model, encoding=FAST)
    assert not (tmp_path / "out.mp4").exists()


def test_what_cannot_be_kept_is_told(video, model, tmp_path):
    source = video(
        "clear.mov", codec="prores_ks", pixel_format="yuva444p10le", frames=3, sound=False, options={}
    )
    assert enhance_video(source, tmp_path / "out.mp4", model=model).left_out == ["transparency"]
    plain = video("plain.mp4", frames=3)
    assert enhance_video(plain, tmp_path / "out.mp4", model=model, encoding=FAST).left_out == []


@pytest.mark.data
@pytest.mark.parametrize("name", ["dark_night_drive.mp4", "dim_1080p.mp4"])
def test_real_clips_keep_sound_and_times_and_get_brighter(name, model, tmp_path, data_folder):
    source = data_folder / "video" / name
    target = tmp_path / "out.mp4"
    enhance_video(source, target, model=model, encoding=Encoding(preset="ultrafast"))
    with VideoReader(source) as before, VideoReader(target) as after:
        times = [stamp * before.time_base for stamp in before.timestamps()]
        assert [stamp * after.time_base for stamp in after.timestamps()] == times
        first, second = next(iter(before)), next(iter(after))
    assert second.stacked.mean() > 1.5 * first.stacked.mean()
    sound = packets(source, "audio")
    carried = packets(target, "audio")
    assert [content for _, content in carried] == [content for _, content in sound]
    assert max(abs(a - b) for (a, _), (b, _) in zip(sound, carried, strict=True)) < Fraction(1, 1000)
