"""Any moment of a video, and exposure that is found while it runs."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("av")

from video_making import CUT, write_video

from clode_core.video import FrameCursor, LiveExposure, VideoError, VideoReader


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "two scenes.mp4")


def test_reading_videos_does_not_import_torch():
    code = (
        "import sys; from clode_core.video import VideoReader, FrameCursor; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("making", [{}, {"stamps": [i * i for i in range(60)]}, {"gop": 250}])
def test_the_cursor_gives_the_frame_shown_at_any_time(tmp_path, random, making):
    with VideoReader(write_video(tmp_path / "video.mkv", **making)) as reader:
        times = [frame.time for frame in reader]
        cursor = FrameCursor(reader)
        for time in [
            *random.uniform(-0.5, times[-1] + 0.5, 40),
            times[-1],
            0.0,
            times[1],
            times[2],
            times[2],
        ]:
            shown = max((known for known in times if known <= time + 1e-4), default=times[0])
            assert reader.seconds(cursor.at(time)) == pytest.approx(shown, abs=1e-6), time


def test_the_cursor_goes_on_from_where_it_is(video):
    with VideoReader(video) as reader:
        times = [frame.time for frame in reader]
        cursor = FrameCursor(reader)
        cursor.at(times[20])
        followed = []
        while (frame := cursor.following()) is not None:
            followed.append(reader.seconds(frame))
        assert followed == times[21:]
        assert reader.seconds(cursor.at(times[-1])) == times[-1]


def test_the_cursor_can_be_called_off_and_goes_on_afterwards(video):
    with VideoReader(video) as reader:
        cursor = FrameCursor(reader)
        assert cursor.at(1.9, lambda: True) is None
        assert reader.seconds(cursor.at(0.5)) == pytest.approx(0.5)


def test_a_file_without_frames_is_told(tmp_path, video):
    broken = tmp_path / "cut.mp4"
    data = video.read_bytes()
    start = data.index(b"mdat")
    end = data.index(b"moov") - 4
    broken.write_bytes(data[: start + 4] + bytes(end - start - 4) + data[end:])
    with pytest.raises(VideoError):
        VideoReader(broken)


def test_an_executor_solves_what_frames_need_not_wait_for(video, untrained):
    def exposures(executor, wait=True):
        live = LiveExposure(untrained, interval=0.2, executor=executor)
        found = []
        with VideoReader(video) as reader:
            for frame in reader.decoded():
                exposure = live.update(reader.thumbnail(frame, 48))
                found.append(float(exposure.exponent.at(3.0).mean()))
                if wait and live._coming is not None:
                    live._coming.result()
        return np.array(found)

    alone = exposures(None)
    with ThreadPoolExecutor(1) as executor:
        beside = exposures(executor)
    for found in (alone, beside):
        steps = np.abs(np.diff(found))
        assert steps.argmax() == CUT - 1 and steps[CUT - 1] > 5 * np.delete(steps, CUT - 1).max()
    assert np.abs(alone - beside).max() < 0.2 * np.abs(np.diff(alone)).max()
