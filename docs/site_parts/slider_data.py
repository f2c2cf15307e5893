"""The pictures and exponents of the slider page, in one script that also works from a disk.

A page that was opened as a file may not read the pixels of a picture beside it, so the pictures are written
into the script.
"""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

SOURCE = Path(__file__).parents[1] / "pictures" / "slider"


def script() -> str:
    """All pictures with their exponents, as JavaScript."""
    scenes = json.loads((SOURCE / "slider.json").read_text(encoding="utf-8"))
    for scene in scenes:
        content = (SOURCE / scene["file"]).read_bytes()
        scene["picture"] = f"data:image/jpeg;base64,{b64encode(content).decode()}"
    return f"window.clodeScenes = {json.dumps(scenes)};\n"


def write(app: Any) -> None:
    """Write the script where Sphinx copies it from."""
    folder = Path(app.srcdir) / "_generated" / "static"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "slider-data.js").write_text(script(), encoding="utf-8")


class Sizes(Directive):
    """How small the exponents are, and what that costs."""

    def run(self) -> list[nodes.Node]:
        """One sentence for each picture."""
        scenes = json.loads((SOURCE / "slider.json").read_text(encoding="utf-8"))
        items = nodes.bullet_list()
        for scene in scenes:
            picture = (SOURCE / scene["file"]).stat().st_size
            columns, rows = scene["grid"]
            text = (
                f"{scene['title']}: {scene['bytes']:,} bytes for the {3 * columns * rows:,} values of the "
                f"exponent, beside a JPEG of {picture:,} bytes; largest difference {scene['loss']:.2f} of "
                f"255, automatic time {scene['auto']:.2f}."
            )
            items += nodes.list_item("", nodes.paragraph("", text))
        return [items]


def setup(app: Any) -> dict[str, bool]:
    """Write the script before the build."""
    app.add_directive("slider-sizes", Sizes)
    app.connect("config-inited", lambda app, config: write(app))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
