"""The site: whole, without dead links, and with every public name in it."""

from importlib import import_module

from check_links import faults
from sphinx.util.inventory import InventoryFile

import clode_core

PACKAGES = (
    "clode_core",
    "clode_core.methods",
    "clode_core.video",
    "clode_core.training",
    "clode_core.worker",
)
CONSTANTS = {"__version__", "FRAME_LEVELS", "WHITE", "SUFFIXES", "PROTOCOL"}


def test_every_link_anchor_and_picture_of_the_site_is_there(site):
    assert faults(site) == []


def test_a_dead_link_a_missing_anchor_a_remote_script_and_a_silent_picture_are_found(tmp_path):
    (tmp_path / "a.html").write_text(
        "<a href='b.html'>b</a><a href='#nowhere'>c</a><img src='a.html'><script src='https://x.org/y.js'></script>"
    )
    found = faults(tmp_path)
    assert len(found) == 4
    wanted = ("b.html does not exist", "names no place", "no alternative text", "from the network")
    assert all(any(text in fault for fault in found) for text in wanted)


def test_every_public_name_is_in_the_reference(site):
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    documented = {name.rpartition(".")[2] for kind, names in inventory.data.items() for name in names}
    for package in PACKAGES:
        names = set(import_module(package).__all__) - CONSTANTS
        assert names - documented == set(), package
    assert clode_core.__version__


def test_every_command_and_option_is_on_its_page(site):
    import typer.main

    from clode_core.cli import app

    text = (site / "_generated/commands.html").read_text(encoding="utf-8")
    for name, command in typer.main.get_command(app).commands.items():
        assert f"clode {name}" in text
        for parameter in command.params:
            assert all(option in text for option in parameter.opts if option.startswith("--"))
