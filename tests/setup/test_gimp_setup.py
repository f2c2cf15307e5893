"""``clode gimp``: into every profile, out again, and what the doctor says."""

import ast
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clode_core import __version__
from clode_core.cli import app
from clode_core.gimp import profiles
from clode_core.gimp.install import install, plugin_files, uninstall
from clode_core.gimp.profiles import SetupError, find_gimp, find_profiles


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home folder of the test's own, with a short private place for the doctor's worker."""
    for name in ("XDG_CONFIG_HOME", "GIMP3_DIRECTORY", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def profile(home):
    folder = home / ".config" / "GIMP" / "3.0"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def gimp(tmp_path, monkeypatch):
    """Commands that say they are GIMP 3, with the plug-in in its menus."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, words in (("gimp-3.0", ""), ("gimp-console-3", "GIMP-Warning: CLODE is in the menu")):
        (folder / name).write_text(f"#!/bin/sh\necho {words}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder / "gimp-3.0"


def clode(*words):
    return CliRunner().invoke(app, ["gimp", *map(str, words)])


def test_every_profile_of_gimp_3_is_found(home, monkeypatch, tmp_path):
    wanted = [home / ".config/GIMP/3.0", home / ".config/GIMP/3.2"]
    wanted += [home / ".var/app/org.gimp.GIMP/config/GIMP/3.0", tmp_path / "named"]
    for folder in [*wanted, home / ".config/GIMP/2.10", home / ".config/GIMP/other"]:
        folder.mkdir(parents=True)
    monkeypatch.setenv("GIMP3_DIRECTORY", str(tmp_path / "named"))
    assert find_profiles() == wanted


@pytest.mark.parametrize(
    ("platform", "setting", "place"),
    [
        ("win32", "APPDATA", "GIMP/3.0"),
        ("darwin", "HOME", "Library/Application Support/GIMP/3.0"),
        ("linux", "XDG_CONFIG_HOME", "GIMP/3.2"),
    ],
)
def test_profiles_are_where_each_system_keeps_them(tmp_path, monkeypatch, platform, setting, place):
    (tmp_path / "there" / place).mkdir(parents=True)
    monkeypatch.setenv(setting, str(tmp_path / "there"))
    monkeypatch.setattr(profiles.sys, "platform", platform)
    assert find_profiles() == [tmp_path / "there" / place]


def test_install_doctor_uninstall(profile, gimp):
    installed = clode("install")
    assert installed.exit_code == 0, installed.output
    folder = profile / "plug-ins" / "clode"
    assert str(folder) in installed.output
    assert {str(p.relative_to(folder)) for p in folder.rglob("*.*") if p.name != "installed.json"} == set(
        plugin_files()
    )
    assert os.access(folder / "clode.py", os.X_OK)
    record = json.loads((folder / "installed.json").read_text())
    assert record["interpreter"] == sys.executable and record["version"] == __version__

    doctor = clode("doctor")
    assert doctor.exit_code == 0, doctor.output
    assert "WRONG" not in doctor.output and "All is well." in doctor.output
    for words in (str(gimp), str(folder), "executable", sys.executable, "weights load", "comes back bright"):
        assert words in doctor.output

    removed = clode("uninstall")
    assert removed.exit_code == 0 and not folder.exists()
    assert list((profile / "plug-ins").iterdir()) == []
    assert "nothing to remove" in clode("uninstall").output


def test_without_a_profile_the_sentence_says_what_to_do(home):
    for command in ("install", "uninstall"):
        result = clode(command)
        assert result.exit_code == 1 and "start GIMP 3 once" in result.output
    result = clode("install", "--profile", home / "nowhere")
    assert result.exit_code == 1 and "is no folder" in result.output


def test_a_named_profile_may_be_its_plug_ins_folder(home):
    (home / "mine/plug-ins").mkdir(parents=True)
    assert clode("install", "--profile", home / "mine/plug-ins").exit_code == 0
    assert (home / "mine/plug-ins/clode/clode.py").is_file()


def test_an_older_installation_is_replaced_whole(profile):
    folder = install(profile, "/old/python")
    (folder / "left-over.py").write_text("")
    install(profile)
    assert not (folder / "left-over.py").exists()
    assert json.loads((folder / "installed.json").read_text())["interpreter"] == sys.executable


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_somebody_else_put_there_is_left_alone(profile, tmp_path, kind):
    target = profile / "plug-ins" / "clode"
    target.parent.mkdir()
    if kind == "folder":
        target.mkdir()
        (target / "clode.py").write_text("mine")
    elif kind == "file":
        target.write_text("mine")
    else:
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    for command in (install, uninstall):
        with pytest.raises(SetupError, match="was not made by"):
            command(profile)
    assert os.path.lexists(target)
    assert kind != "folder" or (target / "clode.py").read_text() == "mine"
    result = clode("doctor")
    assert result.exit_code == 1


def test_one_profile_that_fails_does_not_keep_the_others_from_it(home):
    for version in ("3.0", "3.2"):
        (home / ".config/GIMP" / version / "plug-ins").mkdir(parents=True)
    (home / ".config/GIMP/3.0/plug-ins/clode").write_text("mine")
    result = clode("install")
    assert result.exit_code == 1 and "was not made by" in result.output
    assert (home / ".config/GIMP/3.2/plug-ins/clode/clode.py").is_file()


def test_a_copy_that_fails_leaves_the_old_plug_in(profile, monkeypatch):
    folder = install(profile, "/old/python")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(SetupError, match="No space left"):
        install(profile)
    assert json.loads((folder / "installed.json").read_text())["interpreter"] == "/old/python"
    assert [entry.name for entry in folder.parent.iterdir()] == ["clode"]


def wrapped(tmp_path, line):
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\n{line}\n")
    script.chmod(0o755)
    return str(script)


def break_nothing_installed(folder, tmp_path):
    uninstall(folder.parents[1])


def break_file(folder, tmp_path):
    (folder / "link/frames.py").unlink()


def break_bit(folder, tmp_path):
    (folder / "clode.py").chmod(0o644)


def break_interpreter(folder, tmp_path):
    install(folder.parents[1], "/nowhere/python")


def break_import(folder, tmp_path):
    install(folder.parents[1], wrapped(tmp_path, f'exec "{sys.executable}" -I -S "$@"'))


def break_weights(folder, tmp_path):
    package = Path(profiles.__file__).parents[1]
    ignored = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(package, tmp_path / "lib/clode_core", ignore=ignored)
    line = f'PYTHONPATH="{tmp_path}/lib" exec "{sys.executable}" "$@"'
    install(folder.parents[1], wrapped(tmp_path, line))


def break_version(folder, tmp_path):
    record = json.loads((folder / "installed.json").read_text())
    (folder / "installed.json").write_text(json.dumps(record | {"version": "0.0.1"}))


@pytest.mark.parametrize(
    ("breakage", "words"),
    [
        (break_nothing_installed, "the plug-in is not in"),
        (break_file, "is not that of clode-core"),
        (break_bit, "is not executable"),
        (break_interpreter, "is gone (/nowhere/python)"),
        (break_import, "cannot import clode-core (ModuleNotFoundError: No module named 'clode_core')"),
        (break_weights, "cannot load its model: no weights at"),
        (break_version, "version 0.0.1"),
    ],
)
def test_the_doctor_finds_what_is_wrong_and_says_what_to_do(profile, gimp, tmp_path, breakage, words):
    breakage(install(profile), tmp_path)
    result = clode("doctor")
    assert result.exit_code == 1
    (line,) = [line for line in result.output.splitlines() if line.startswith("WRONG")]
    assert words in line
    assert "All is well" not in result.output


def console(gimp, words):
    (gimp.parent / "gimp-console-3").write_text(f"#!/bin/sh\n{words}\n")


def test_a_gimp_that_cannot_be_asked_is_no_good_news(profile, gimp):
    install(profile)
    console(gimp, "echo no such option >&2; exit 1")
    result = clode("doctor")
    assert "?      GIMP could not be asked (no such option): look for Filters" in result.output
    assert result.exit_code == 0 and "All that could be checked is well." in result.output
    assert "All is well." not in result.output


def test_what_the_plug_in_complained_about_is_shown(profile, gimp):
    install(profile)
    lines = ["CLODE is not in the menu", "Traceback:", "ModuleNotFoundError: No module named 'gi'", "bye"]
    console(gimp, "\n".join(f'echo "{line}"' for line in lines))
    result = clode("doctor")
    (line,) = [line for line in result.output.splitlines() if line.startswith("WRONG")]
    assert "does not have it in its menus" in line and line.endswith("No module named 'gi'")


def test_the_doctor_leaves_the_profile_as_it_is(profile, gimp):
    install(profile)
    (profile / "pluginrc").write_text("mine")
    console(
        gimp, 'echo spoilt > "$GIMP3_DIRECTORY/pluginrc"; cat "$GIMP3_DIRECTORY/plug-ins/clode/help.html"'
    )
    clode("doctor")
    assert (profile / "pluginrc").read_text() == "mine"
    assert (profile / "plug-ins/clode/help.html").is_file()
    assert [entry.name for entry in profile.parent.iterdir()] == ["3.0"]


def test_the_doctor_misses_gimp(profile, monkeypatch):
    install(profile)
    monkeypatch.setattr("clode_core.gimp.doctor.find_gimp", lambda: None)
    result = clode("doctor")
    assert result.exit_code == 1 and "install GIMP 3.0 or newer" in result.output


@pytest.mark.parametrize(("version", "found"), [("2.10.34", False), ("3.0.4", True)])
def test_a_gimp_without_a_number_in_its_name_is_asked(tmp_path, monkeypatch, version, found):
    (tmp_path / "gimp").write_text(f"#!/bin/sh\necho GNU Image Manipulation Program version {version}\n")
    (tmp_path / "gimp").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_gimp() == (str(tmp_path / "gimp") if found else None)


def imported(path):
    """Every module that a file imports, relative ones left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def test_the_plug_in_needs_nothing_but_gimp_s_own_python():
    files = plugin_files()
    files = {name: path for name, path in files.items() if name.endswith(".py")}
    allowed = set(sys.stdlib_module_names) | {"gi", "link"} | {Path(name).stem for name in files}
    for name, path in files.items():
        for module in imported(path):
            assert module.split(".")[0] in allowed, f"{name} imports {module}"
