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
