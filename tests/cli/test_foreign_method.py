"""A method of another package, installed beside this one, is found by every command."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from clode_core.pictures.files import read_picture

CODE = """
from clode_core.methods import MethodInfo, Slider
from clode_core.methods.method import WholeMethod


class Gamma(WholeMethod):
    def enhance_plane(self, array, alpha, levels, progress, *, power):
        unit = (array - levels.black) / (levels.white - levels.black)
        bright = unit.clip(0, 1) ** power * (levels.white - levels.black) + levels.black
        return bright.round().astype(array.dtype)


INFO = MethodInfo(
    "tiny-gamma", "Tiny gamma", "One power for all.", "tinygamma:Gamma", needs_weights=False,
    slider=Slider("power", "Power", 0.1, 2.0, 0.5, 0.05, help="Power of the curve."),
)
"""


@pytest.fixture(scope="module")
def clode(tmp_path_factory):
    """Run a command in a process that has the other package on its path."""
    site = tmp_path_factory.mktemp("site")
    (site / "tinygamma.py").write_text(CODE)
    info = site / "tinygamma-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinygamma\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[clode.methods]\ntiny = tinygamma:INFO\n")

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "clode_core.cli", *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(site), "COLUMNS": "200", "QT_QPA_PLATFORM": "offscreen"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_is_listed_with_its_slider(clode):
    (line,) = [line for line in clode("methods").stdout.splitlines() if line.startswith("tiny-gamma")]
    assert "--power 0.1 to 2" in line and "needs none" in line


@pytest.mark.parametrize("command", ["enhance", "ladder", "video", "live"])
def test_every_command_offers_it_and_its_slider(clode, command):
    shown = clode(command, "--help").stdout
    assert "tiny-gamma" in shown and "--power" in shown


def test_it_enhances_a_picture(clode, tmp_path, dark):
    photo = tmp_path / "photo.png"
    Image.fromarray(dark).save(photo)
    done = clode("enhance", photo, "-o", tmp_path / "out", "--method", "tiny-gamma", "--power", "0.4")
    assert done.returncode == 0, done.stderr
    expected = np.rint(255 * (dark / 255) ** 0.4)
    assert np.array_equal(read_picture(tmp_path / "out" / "photo.png").pixels, expected)
    refused = clode("enhance", photo, "-o", tmp_path / "no", "--method", "tiny-gamma", "--time", "2")
    assert refused.returncode == 1 and "tiny-gamma has no --time" in refused.stderr


def test_it_stands_in_a_table(clode, tmp_path, dark):
    Image.fromarray(dark).save(tmp_path / "a.png")
    shown = clode(
        "evaluate", "-i", tmp_path, "--methods", "tiny-gamma,tiny-gamma@0.3", "--metrics", "entropy"
    )
    assert "Tiny gamma" in shown.stdout and "Tiny gamma, power=0.3" in shown.stdout, shown.stderr


def test_it_brightens_a_video(clode, tmp_path):
    av = pytest.importorskip("av")
    from video_making import write_video

    source = write_video(tmp_path / "dark.mp4")
    done = clode("video", source, tmp_path / "bright.mkv", "--method", "tiny-gamma", "--power", "0.4")
    assert done.returncode == 0, done.stderr
    means = []
    for path in (source, tmp_path / "bright.mkv"):
        with av.open(str(path)) as video:
            means.append(next(video.decode(video=0)).to_ndarray(format="rgb24").mean())
    assert means[1] > 1.3 * means[0]
