"""The doctor asks the real GIMP, whatever Python is the first on PATH."""

import pytest


@pytest.fixture(scope="module")
def doctor(gimp_root, make_profile):
    """Run the doctor in the place where GIMP is; returns what it printed."""
    profile = make_profile("doctor")

    def examine(*first_on_path):
        path = ":".join([*map(str, first_on_path), "/usr/bin", "/bin"])
        words = [gimp_root.interpreter, "-m", "clode_core.cli", "gimp", "doctor"]
        settings = {"PATH": path, "XDG_RUNTIME_DIR": gimp_root.inside(gimp_root.base)}
        printed = gimp_root.run(
            [*words, "--profile", gimp_root.inside(profile)], timeout=300, check=False, env=settings
        )
        left = [entry.name for entry in profile.parent.iterdir() if entry.name.startswith(".clode-doctor")]
        assert not left, "copies of the profile stay behind"
        return printed

    gimp_root.base.chmod(0o700)
    examine.profile = profile
    return examine


def script(gimp_root, folder, name, lines):
    """Make a command in a folder of its own; returns the folder as it is called in there."""
    place = gimp_root.base / folder
    place.mkdir()
    (place / name).write_text(f"#!/bin/sh\n{lines}\n")
    (place / name).chmod(0o755)
    return gimp_root.inside(place)


def test_with_an_activated_environment_gimp_has_the_plug_in_all_the_same(doctor, gimp_root):
    """`env python3` is then a Python without PyGObject; the plug-in finds GIMP's own."""
    environment = script(gimp_root, "environment", "python3", f'exec "{gimp_root.interpreter}" -I -S "$@"')
    printed = doctor(environment)
    assert "ok     GIMP has it in its menus" in printed and "All is well." in printed, printed


def test_where_no_python_has_pygobject_the_doctor_shows_what_the_plug_in_said(doctor, gimp_root):
    broken = gimp_root.base / "broken" / "gi"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('there is no gi here')\n")
    tried = ":".join(f"{place}/python3" for place in ("/usr/bin", "/bin", "/usr/local/bin"))
    settings = f'PYTHONPATH="{gimp_root.inside(broken.parent)}" CLODE_TRIED_PYTHONS="{tried}"'
    console = script(gimp_root, "console", "gimp-console-3", f'{settings} exec /usr/bin/gimp-console-3 "$@"')
    printed = doctor(console)
    (line,) = [line for line in printed.splitlines() if line.startswith("WRONG")]
    assert "GIMP does not have it in its menus" in line
    assert "no Python of this system can talk with GIMP (there is no gi here): install PyGObject" in line
    assert "All is well" not in printed


def test_a_failure_that_gimp_keeps_in_mind_is_told_from_one_that_lasts(doctor, gimp_root):
    plug_in = doctor.profile / "plug-ins/clode/clode.py"
    good, times = plug_in.read_text(), plug_in.stat()
    plug_in.write_text("#!/bin/sh\nexit 1\n")
    import os

    os.utime(plug_in, ns=(times.st_atime_ns, times.st_mtime_ns))
    # GIMP itself is started once and asks the plug-in, which fails.
    environment = {"GIMP3_DIRECTORY": gimp_root.inside(doctor.profile)}
    command = ["gimp-console-3", "--no-data", "--no-fonts", "--quit", "--batch-interpreter"]
    gimp_root.run([*command, "plug-in-script-fu-eval", "-b", '(gimp-message "here")'], env=environment)
    plug_in.write_text(good)
    os.utime(plug_in, ns=(times.st_atime_ns, times.st_mtime_ns))
    printed = doctor()
    assert "WRONG  GIMP keeps an earlier failure of the plug-in in mind: run 'clode gimp install'" in printed
