"""The command ``clode live`` and the walls around it; nothing here needs a screen."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from clode_core.cli import app
from clode_core.methods import available_methods

ROOT = Path(__file__).resolve().parents[2]
FOR_COMMANDS = ("clode_core.cli.options", "clode_core.cli.terminal")  # what all commands share


def told(*arguments, screen=":0"):
    result = CliRunner().invoke(app, ["live", *map(str, arguments)], env={"DISPLAY": screen})
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    return line


def test_the_help_of_clode_lists_it():
    shown = CliRunner().invoke(app, ["--help"]).stdout
    assert "Play a video or a camera in a window" in " ".join(shown.split())


def test_listing_it_imports_neither_qt_nor_torch_nor_pyav():
    code = (
        "import sys, clode_core.cli; "
        "sys.exit(str([n for n in ('qtpy', 'PyQt6', 'torch', 'av') if n in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() in ("", "[]") and "clode_live" not in done.stderr


def test_the_core_does_not_know_it():
    for source in (ROOT / "clode_core").rglob("*.py"):
        assert "clode_live" not in source.read_text(), source


def test_it_uses_only_public_names_of_the_core():
    for source in (ROOT / "clode_live").glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("clode_core"):
                assert node.module.count(".") < 2 or node.module in FOR_COMMANDS
                module = importlib.import_module(node.module)
                public = getattr(module, "__all__", dir(module))
                assert {n.name for n in node.names} <= set(public), (source, node.module)


@pytest.mark.parametrize("missing", ["qtpy", "av"])
def test_what_is_missing_is_told_with_the_remedy(missing, tmp_path):
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['clode', 'live', 'x.mp4']; "
        "from clode_core.cli import main; main()"
    )
    environment = {**os.environ, "DISPLAY": os.environ.get("DISPLAY", ":0")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "pip install 'clode-core[live]'" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always is a screen")
def test_without_a_screen_it_says_so(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(app, ["live", "x.mp4"])
    assert result.exit_code == 1 and "no screen" in result.stderr


def test_bad_sources_and_options_are_told_in_one_sentence(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(bytes(range(256)) * 40)
    assert "damaged, or no video" in told(broken)
    assert "does not exist" in told(tmp_path / "none.mp4")
    assert "is a folder" in told(tmp_path)
    assert "no camera" in told("/dev/video97")
    assert "--time takes a number" in told(broken, "--time", "much")
    assert "--time takes a number from -5 to 5" in told(broken, "--time", "9")
    assert "clode has no --iterations" in told(broken, "--iterations", "9")
    assert "zero-dce has no --time" in told(broken, "--method", "zero-dce", "--time", "2")
    assert "zero-dce has no --denoise" in told(broken, "--method", "zero-dce", "--denoise")
    assert "enlightengan has no --time" in told(broken, "--method", "enlightengan", "--time", "2")
    assert "--exponent takes a number from 0.05 to 2" in told(broken, "--method", "gamma", "--exponent", "0")
    assert "--method takes one of" in told(broken, "--method", "other")


def test_the_help_names_all_methods():
    shown = " ".join(CliRunner().invoke(app, ["live", "--help"], env={"COLUMNS": "200"}).stdout.split())
    assert ", ".join(available_methods()) in shown
    assert all(flag in shown for flag in ("--time", "--denoise", "--iterations", "--exponent"))


def test_a_file_with_sound_only_is_told(tmp_path):
    import av
    import numpy as np

    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "holds no video" in told(path)


def test_cameras_by_number_and_by_device():
    from clode_live.sources import camera_name

    assert camera_name("0", "linux") == "/dev/video0" and camera_name("1", "darwin") == "1"
    assert camera_name("/dev/video2", "linux") == "/dev/video2"
    assert camera_name("video=Integrated Camera", "win32") == "video=Integrated Camera"
    assert camera_name("film.mp4") is None and camera_name("0.mp4") is None


@pytest.mark.parametrize(
    ("number", "words"),
    [("EBUSY", "is in use"), ("EACCES", "may not be used"), ("ENODEV", "there is no camera")],
)
def test_a_camera_that_cannot_be_opened_is_told_why(monkeypatch, number, words):
    import errno

    import av.error

    from clode_core.video import VideoError
    from clode_live import sources

    def refuse(*arguments):
        try:
            raise av.error.OSError(getattr(errno, number), "no", "/dev/video0")
        except OSError:
            raise VideoError("cannot be read") from None

    monkeypatch.setattr(sources, "VideoReader", refuse)
    with pytest.raises(VideoError, match=words):
        sources.open_camera("/dev/video0", "v4l2")


def test_shadows_and_highlights_are_part_of_its_tables(untrained, random):
    pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)
    pytest.importorskip("av")
    from clode_core.video import WHITE, Frame, tone_tables
    from clode_live.methods import TableRenderer, live_method

    bent = {"shadows": 1.0, "highlights": -1.5}
    exposure = untrained.solve((random.random((40, 50, 3)) * 60).astype(np.uint8)).own_exposure()
    planes = [random.integers(0, WHITE, (6, 8)).astype(np.uint16) for _ in range(3)]
    frame = Frame(planes, 0.0)
    shown = []
    for options in (bent, {}):
        live = live_method(untrained, options)
        shown.append(TableRenderer(live, exposure).exact(frame, 2.0, lambda fraction: None))
        live.close()
    tables = tone_tables(exposure, 2.0, np.uint16, WHITE, **bent)
    assert all(np.array_equal(shown[0][..., c], tables[c][planes[c]]) for c in range(3))
    assert not np.array_equal(*shown)
