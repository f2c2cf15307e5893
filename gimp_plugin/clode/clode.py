#!/usr/bin/env python3
"""CLODE in GIMP 3: Filters > Light and Shadow > CLODE.

Only what registers the procedure is imported here, so that nothing can keep it out of the menu; the work
is in the modules beside this file, and the network in another process (clode_core.worker).
"""

from __future__ import annotations

import os
import sys

TRIED = "CLODE_TRIED_PYTHONS"


def other_python():
    """Go on in another Python: where an environment is activated, the first on PATH is not GIMP's."""
    tried = [*filter(None, os.environ.get(TRIED, "").split(os.pathsep)), os.path.abspath(sys.executable)]
    places = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/app/bin", "/usr/local/bin"]
    for place in places if os.name == "posix" else []:
        python = os.path.abspath(os.path.join(place, "python3"))
        if python not in tried and os.access(python, os.X_OK):
            for foreign in ("PYTHONHOME", "PYTHONPATH"):
                os.environ.pop(foreign, None)
            os.environ[TRIED] = os.pathsep.join([*tried, python])
            os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])


try:
    import gi

    gi.require_version("Gimp", "3.0")
    gi.require_version("Gegl", "0.4")
    from gi.repository import Gimp, GLib, GObject
except (ImportError, ValueError, AttributeError) as problem:
    other_python()
    sys.exit(
        f"CLODE: no Python of this system can talk with GIMP ({problem}): install PyGObject and GIMP's "
        "typelibs for /usr/bin/python3 (Debian and Ubuntu: apt install python3-gi gir1.2-gimp-3.0; "
        "Fedora: dnf install python3-gobject)"
    )

PROCEDURE = "plug-in-clode"
HELP = (
    "Brightens dark pictures by continuous exposure: a neural ordinary differential equation is solved once "
    "for the layer, and its solution holds every exposure time. 0 leaves the exposure as it is, about 3 is "
    "a normal exposure, negative times darken. The exposure is estimated from the whole layer and applied "
    "inside the selection. With 'auto', the exposure time that suits what is selected is chosen for each "
    "layer and exposure-time is not used. 'shadows' and 'highlights' add to the exposure time where the "
    "scene is dark or bright. With 'new-layer', the result is put above the layer. Needs clode-core in a "
    "Python of its own: 'clode gimp install' connects the two."
)


def run(procedure, run_mode, image, drawables, config, data):
    """Enhance the selected layers; nothing has changed where this returns an error."""
    try:
        from job import UserError, perform

        try:
            finished = perform(procedure, run_mode, image, drawables, config)
        except UserError as error:
            return _failure(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, str(error))
    except ImportError as error:
        return _failure(
            procedure,
            Gimp.PDBStatusType.EXECUTION_ERROR,
            f"the CLODE plug-in is not complete ({error}): run 'clode gimp install' again",
        )
    status = Gimp.PDBStatusType.SUCCESS if finished else Gimp.PDBStatusType.CANCEL
    return procedure.new_return_values(status, GLib.Error())


def _failure(procedure, status, text):
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), f"CLODE: {text}", 0)
    return procedure.new_return_values(status, error)


class Clode(Gimp.PlugIn):
    """Registers the one procedure."""

    def do_set_i18n(self, name):
        """Say that there are no translations."""
        return False

    def do_query_procedures(self):
        """Name the procedure."""
        return [PROCEDURE]

    def do_create_procedure(self, name):
        """Describe the procedure: menu, arguments, what it works on."""
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(
            Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES
        )
        procedure.set_menu_label("_CLODE...")
        procedure.add_menu_path("<Image>/Filters/Light and Shadow/[Light]")
        procedure.add_menu_path("<Image>/Colors/[Invert]")
        # Without an identity GIMP offers no Help of its own; the dialog has a button for our page.
        procedure.set_documentation("Brighten dark pictures by continuous exposure", HELP, None)
        procedure.set_attribution("The CLODE authors", "MIT licence", "2026")
        readwrite = GObject.ParamFlags.READWRITE
        procedure.add_double_argument(
            "exposure-time",
            "_Exposure time",
            "0: as it is; 3: normal for a dark picture; below 0: darker. In the shadows 1 is about 2 to 3 EV",
            -5.0,
            5.0,
            3.0,
            readwrite,
        )
        for name, label, where in (
            ("shadows", "Sha_dows", "dark"),
            ("highlights", "Hi_ghlights", "bright"),
        ):
            about = f"Added to the exposure time where the scene is {where}"
            procedure.add_double_argument(name, label, about, -5.0, 5.0, 0.0, readwrite)
        procedure.add_boolean_argument("denoise", "Remove _noise", "Remove noise", True, readwrite)
        procedure.add_boolean_argument(
            "auto", "_Automatic exposure time", "Choose the exposure time for each layer", False, readwrite
        )
        procedure.add_boolean_argument(
            "new-layer",
            "As a ne_w layer",
            "Put the result above the layer, with the selection as its mask, and leave the layer as it is",
            False,
            readwrite,
        )
        return procedure


if __name__ == "__main__":
    Gimp.main(Clode.__gtype__, sys.argv)
