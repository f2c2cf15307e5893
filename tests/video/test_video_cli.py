import pytest
from typer.testing import CliRunner

from clode_core import cli
from clode_core.video import VideoReader

runner = CliRunner()


def clode(*arguments):
    return runner.invoke(cli.app, [str(a) for a in arguments])


def sentence(result):
    assert result.exit_code != 0
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 1, lines
    assert lines[0].startswith("clode: ")
    return lines[0]


def test_a_video_is_brightened_and_its_name_printed(video, tmp_path):
    target = tmp_path / "bright.mp4"
    result = clode("video", video(frames=5), target, "--time", "auto", "--preset", "ultrafast")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(target)
    with VideoReader(target) as reader:
        assert sum(1 for _ in reader) == 5


@pytest.mark.parametrize("method", ["zero-dce", "zero-dce++"])
def test_a_video_can_be_enhanced_by_a_baseline(video, tmp_path, method):
    result = clode(
        "video", video(frames=2, sound=False), tmp_path / "out.mp4", "--method", method, "--iterations", 4
    )
    assert result.exit_code == 0, result.stderr


def test_mistakes_are_told_in_one_sentence(video, tmp_path):
    source, out = video(frames=2), tmp_path / "out.mp4"
    assert "does not exist" in sentence(clode("video", tmp_path / "none.mp4", out))
    assert "--time" in sentence(clode("video", source, out, "--time", "much"))
    assert "from -20 to 20" in sentence(clode("video", source, out, "--time", "50"))
    assert "--method" in sentence(clode("video", source, out, "--method", "magic"))
    assert "preset" in sentence(clode("video", source, out, "--preset", "warp"))
    assert "ending" in sentence(clode("video", source, tmp_path / "out.xyz"))
    assert not out.exists()


def test_what_is_damaged_is_told(video, tmp_path):
    source = video(frames=60, sound=False, options={"g": "10", "crf": "12", "preset": "ultrafast"})
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    source.write_bytes(content)
    result = clode("video", source, tmp_path / "out.mp4", "--preset", "ultrafast")
    assert result.exit_code == 1
    assert "damaged" in result.stderr


def test_a_folder_of_clips_is_enhanced_in_processes_and_goes_on(video, tmp_path):
    clips, out = tmp_path / "clips", tmp_path / "bright"
    (clips / "inner").mkdir(parents=True)
    video("clips/one.mp4", frames=4)
    video("clips/inner/two.mkv", frames=3, sound=False)
    video("clips/inner/two.wmv", frames=3, codec="wmv2", sound=False)
    (clips / "notes.txt").write_text("no video")
    (clips / "broken.mp4").write_bytes(b"no video, whatever its name says")
    options = ("--jobs", 2, "--preset", "ultrafast")
    result = clode("video", clips, out, *options)
    assert result.exit_code == 1
    assert "broken.mp4 cannot be read as a video" in result.stderr
    assert "1 of 4 clips are missing" in result.stderr
    (clips / "broken.mp4").unlink()
    made = {p.relative_to(out).as_posix() for p in out.rglob("*") if not p.name.startswith(".")}
    assert made == {"one.mp4", "inner", "inner/two.mkv", "inner/two.mp4"}
    (out / "one.mp4").unlink()
    again = clode("video", clips, out, "--resume", *options)
    assert again.exit_code == 0, again.stderr
    assert again.stdout.split() == [str(out / "one.mp4")]
    assert "2 clips were done already" in again.stderr
    assert "--jobs" in sentence(clode("video", clips, out, "--jobs", 0))
    assert "replace the videos" in sentence(clode("video", clips, clips))
