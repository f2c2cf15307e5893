"""Make docs/gimp-menu.png and docs/gimp-dialog.png from a real window."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from PIL import Image

from clode_core.gimp.install import install

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "gimp"))
from gimp_root import find_room
from window import Window, wait

DOCS = Path(__file__).resolve().parent


def main() -> None:
    """Open the example in GIMP, the menu, the dialog; press Auto; keep what is seen."""
    gimp_root = find_room()
    if gimp_root is None:
        sys.exit("no GIMP 3 here: install it, or run tests/gimp/make_root.sh")
    try:
        source = gimp_root.base / "dark_coffee.png"
        shutil.copy(DOCS.parent / "examples" / "dark_coffee.png", source)
        profile = gimp_root.base / "profile"
        profile.mkdir()
        install(profile, gimp_root.interpreter)
        window = Window(gimp_root, profile, [source])
        window.tool("mousemove", "1270", "890")
        window.keys(window.image, "alt+r", "l", "Down", "Down", "Down")
        time.sleep(1)
        window.picture("root", gimp_root.base / "menu.png")
        with Image.open(gimp_root.base / "menu.png") as shot:
            shot.convert("RGB").crop((0, 0, 860, 472)).save(DOCS / "gimp-menu.png", optimize=True)
        window.tool("key", "c")
        dialog = wait(lambda: window.find("^CLODE"), "the dialog", 40)
        window.tool("mousemove", "1270", "890")
        wait(
            lambda: any("-m clode_core.worker" in line for line in gimp_root.processes().values()),
            "the worker",
        )
        time.sleep(8)
        window.keys(dialog, "alt+a")
        time.sleep(3)
        window.picture(dialog, gimp_root.base / "dialog.png")
        with Image.open(gimp_root.base / "dialog.png") as shot:
            shot.convert("RGB").save(DOCS / "gimp-dialog.png", optimize=True)
        window.close()
    finally:
        gimp_root.close()


if __name__ == "__main__":
    main()
