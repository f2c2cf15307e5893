"""The procedure from a Script-Fu batch line, from file to file."""

import numpy as np

import clode_core as clode
from clode_core import read_picture, write_picture

LINE = """(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{source}")))
               (layers (car (gimp-image-get-layers image))))
  (plug-in-clode #:run-mode RUN-NONINTERACTIVE #:image image #:drawables layers {arguments})
  (gimp-file-save RUN-NONINTERACTIVE image "{target}" -1))"""


def test_script_fu_enhances_a_file_as_the_command_would(gimp_root, batch, model, random):
    picture = random.integers(0, 60, (50, 70, 3), dtype=np.uint8)
    source = gimp_root.base / "script-fu.png"
    write_picture(source, picture)
    cases = {
        "#:exposure-time 2.5 #:denoise FALSE": (2.5, False),
        "#:auto TRUE": ("auto", True),
        "": (3.0, True),
    }
    lines, targets = [], []
    for number, arguments in enumerate(cases):
        targets.append(gimp_root.base / f"script-fu-{number}.png")
        names = {"source": gimp_root.inside(source), "target": gimp_root.inside(targets[-1])}
        lines += ["-b", LINE.format(arguments=arguments, **names)]
    command = ["gimp-console-3", "-d", "-f", "--quit", "--batch-interpreter", "plug-in-script-fu-eval"]
    gimp_root.run([*command, *lines], env=batch.environment)
    for target, (time, denoise) in zip(targets, cases.values(), strict=True):
        expected = clode.enhance(picture / np.float32(255), time, denoise=denoise, model=model)
        written = read_picture(target).pixels
        assert np.abs(written - expected * 255).max() <= 0.51
