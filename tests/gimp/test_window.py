"""GIMP as a person sees it: menu, dialog, preview, OK, undo, repeat; one window, from first to last test."""

import shutil
import time

import numpy as np
import pytest
from gimp_root import CHECKOUT
from PIL import Image
from window import Window, wait

import clode_core as clode

COFFEE = CHECKOUT / "examples" / "dark_coffee.png"
PATCH = np.s_[120:260, 180:400]  # of the picture, well inside GIMP's canvas


def seen(window, target):
    """What is on the screen, as (Y, X, 3)."""
    path = window.gimp_root.base / "seen.png"
    window.picture(target, path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def steady(window, target, unlike=None, what="a new preview", seconds=40):
    """Look until two looks are the same, and not `unlike` an earlier one."""
    end = time.monotonic() + seconds
    last = seen(window, target)
    while time.monotonic() < end:
        time.sleep(0.3)
        now = seen(window, target)
        if np.array_equal(now, last) and (unlike is None or differ(now, unlike)):
            return now
        last = now
    raise AssertionError(f"{what} did not come within {seconds} s")


def differ(one, other):
    return one.shape != other.shape or np.abs(one - other).mean() > 0.2


def place_of(patch, screen):
    """Where a patch is on the screen, to the pixel."""
    corner = patch[:4, :4]
    rows, columns = screen.shape[0] - patch.shape[0], screen.shape[1] - patch.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(screen, (4, 4, 3))[:rows, :columns, 0]
    for y, x in np.argwhere((windows == corner).all((2, 3, 4))):
        if np.array_equal(screen[y : y + patch.shape[0], x : x + patch.shape[1]], patch):
            return slice(y, y + patch.shape[0]), slice(x, x + patch.shape[1])
    raise AssertionError("the picture is not on the screen")


@pytest.fixture(scope="module")
def window(gimp_root, make_profile):
    source = gimp_root.base / "dark_coffee.png"
    shutil.copy(COFFEE, source)
    window = Window(gimp_root, make_profile("window"), [source])
    yield window
    window.close()


def open_dialog(window):
    window.keys(window.image, "alt+r", "l", "c")
    return wait(lambda: window.find("^CLODE"), "the dialog", 40)


def type_time(window, dialog, text):
    window.keys(dialog, "alt+e", "ctrl+a")
    window.tool("type", "--delay", "30", "--", text)
    window.keys(dialog, "Tab")


def view_of(shot):
    """The preview's part of the dialog."""
    return shot[40:380, 10:500]


def test_from_the_menu_to_the_picture_and_back(window, model):
    picture = np.asarray(Image.open(COFFEE).convert("RGB")).astype(int)
    dark_screen = steady(window, "root")
    canvas = place_of(picture[PATCH], dark_screen)

    dialog = open_dialog(window)
    first = seen(window, dialog)
    at_three = steady(
        window, dialog, what="the first preview", unlike=first if view_of(first).mean() < 60 else None
    )
    type_time(window, dialog, "0.5")
    at_half = steady(window, dialog, unlike=at_three, what="the preview of 0.5")
    assert view_of(at_half).mean() < 0.8 * view_of(at_three).mean()

    type_time(window, dialog, "-2")
    at_minus_two = steady(window, dialog, unlike=at_half, what="the preview of -2")
    assert view_of(at_minus_two).mean() < view_of(at_half).mean()

    window.keys(dialog, "alt+a")
    at_auto = steady(window, dialog, unlike=at_minus_two, what="the automatic exposure")
    assert view_of(at_auto).mean() > 1.5 * view_of(at_half).mean()

    window.keys(dialog, "alt+b")
    before = steady(window, dialog, unlike=at_auto, what="the layer before")
    assert view_of(before).mean() < 0.6 * view_of(at_auto).mean()
    window.keys(dialog, "alt+b")
    again = steady(window, dialog, unlike=before, what="the layer after")
    assert np.array_equal(view_of(again), view_of(at_auto))

    window.keys(dialog, "alt+n")
    noisy = seen(window, dialog)
    wait(lambda: np.abs(view_of(seen(window, dialog)) - view_of(at_auto)).max() > 4, "the noise", 20)
    window.keys(dialog, "alt+n")
    wait(lambda: np.array_equal(view_of(seen(window, dialog)), view_of(at_auto)), "its removal", 20)
    assert noisy.shape == at_auto.shape

    window.tool("mousemove", "--window", dialog, "60", "80", "click", "1")
    window.tool("mousemove", "1270", "890")
    moved = steady(window, dialog, unlike=None)
    detail = np.s_[60:300, 515:750]
    assert np.abs(moved[detail] - at_auto[detail]).mean() > 10, "the detail did not move"

    window.keys(dialog, "Return")
    wait(lambda: window.find("^CLODE") is None, "the end of the dialog")
    auto = round(model.solve(picture.astype(np.uint8)).auto(), 2)
    expected = np.rint(clode.enhance(picture / np.float32(255), auto, model=model) * 255)[PATCH]
    wait(lambda: np.abs(seen(window, "root")[canvas] - expected).max() <= 1, "the result on the canvas", 40)

    window.keys(window.image, "ctrl+z")
    wait(lambda: np.array_equal(seen(window, "root")[canvas], picture[PATCH]), "one undo step", 20)
    window.keys(window.image, "ctrl+f")
    wait(lambda: np.abs(seen(window, "root")[canvas] - expected).max() <= 1, "the repetition", 40)
    window.keys(window.image, "ctrl+z")
    wait(lambda: np.array_equal(seen(window, "root")[canvas], picture[PATCH]), "its undo", 20)

    dialog = open_dialog(window)
    steady(window, dialog)
    window.keys(dialog, "Escape")
    wait(lambda: window.find("^CLODE") is None, "the end of the dialog")
    assert np.array_equal(seen(window, "root")[canvas], picture[PATCH]), "Cancel changed the picture"


def test_a_worker_killed_behind_the_dialog_leaves_words_and_no_ok(window, gimp_root):
    dialog = open_dialog(window)
    bright = steady(window, dialog)
    (worker,) = [pid for pid, line in gimp_root.processes().items() if "-m clode_core.worker" in line]
    gimp_root.run(["kill", "-9", worker])
    type_time(window, dialog, "1")
    status = np.s_[350:376, 10:740]

    def words(shot):
        return (shot[status].max(-1) > 150).sum()

    wait(lambda: words(seen(window, dialog)) > 1.5 * words(bright), "words about the worker")
    told = steady(window, dialog)
    window.keys(dialog, "Return")
    time.sleep(1)
    assert window.find("^CLODE"), "OK was possible without a worker"
    window.keys(dialog, "Escape")
    wait(lambda: window.find("^CLODE") is None, "the end of the dialog")
    dialog = open_dialog(window)
    steady(window, dialog, unlike=told, what="a new worker's preview")
    window.keys(dialog, "Escape")
    wait(lambda: window.find("^CLODE") is None, "the end of the dialog")


def test_a_gimp_killed_behind_its_dialog_takes_all_along_within_five_seconds(window, gimp_root):
    open_dialog(window)
    wait(lambda: any("-m clode_core.worker" in line for line in gimp_root.processes().values()), "the worker")
    mine = [pid for pid, line in gimp_root.processes().items() if line.startswith("gimp-3 ")]
    gimp_root.run(["kill", "-9", *mine])
    gone = ("-m clode_core.worker", "plug-ins/clode/clode.py")
    wait(
        lambda: not any(word in line for word in gone for line in gimp_root.processes().values()),
        "the end of worker and plug-in",
        5,
    )
