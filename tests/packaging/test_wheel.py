import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        ROOT,
    ]
    subprocess.run(command, check=True)
    (built,) = folder.glob("clode_core-*.whl")
    return built


def test_the_wheel_holds_weights_configurations_and_types(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for part in (
        "methods/clode/weights/clode.safetensors",
        "methods/zero_dce/weights/zero-dce.safetensors",
        "methods/zero_dce/weights/zero-dce-pp.safetensors",
        "methods/lfpv/weights/lfpv-unet.safetensors",
        "methods/enlightengan/weights/enlightengan.safetensors",
        "methods/clode/weights/README.md",
        "methods/clode/configs/clode-cpu.yaml",
        "evaluation/published.yaml",
        "py.typed",
        "gimp/plugin/clode.py",
        "gimp/plugin/dialog.py",
        "worker/link/frames.py",
    ):
        assert f"clode_core/{part}" in names
    for part in ("napari.yaml", "_widget.py", "dark_coffee.png"):
        assert f"napari_clode/{part}" in names
    assert {"clode_live/window.py", "napari_clode/_video.py"} <= set(names)
    entry = next(name for name in names if name.endswith("entry_points.txt"))
    assert (
        "[napari.manifest]\nclode-core = napari_clode:napari.yaml"
        in zipfile.ZipFile(wheel).read(entry).decode()
    )
    assert "[clode.commands]\nlive = clode_live.command:live" in zipfile.ZipFile(wheel).read(entry).decode()
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "examples/"))]


def test_the_wheel_alone_enhances_a_picture(wheel, tmp_path):
    place = tmp_path / "place"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", place, wheel]
    subprocess.run(install, check=True)
    environment = {**os.environ, "PYTHONPATH": str(place)}
    run = [sys.executable, "-P", "-m", "clode_core.cli"]
    result = subprocess.run(
        [*run, "enhance", ROOT / "examples" / "dark_cat.png", "-o", tmp_path / "out"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "dark_cat.png").is_file()
    shown = subprocess.run(
        [*run, "info"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(place)[-20:] in shown.stdout.replace("\n", "").replace(" ", "")
    profile = tmp_path / "3.0"
    profile.mkdir()
    for command in ("install", "uninstall"):
        gimp = [*run, "gimp", command, "--profile", profile]
        subprocess.run(gimp, env=environment, cwd=tmp_path, check=True, capture_output=True)
        assert (profile / "plug-ins/clode/clode.py").is_file() == (command == "install")
        assert (profile / "plug-ins/clode/link/client.py").is_file() == (command == "install")
