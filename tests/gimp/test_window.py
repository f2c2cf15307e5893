"""GIMP as a person sees it: menu, dialog, preview, OK, undo, repeat; one window, from first to last test."""

import re
import shutil
import time

import numpy as np
import pytest
from gimp_root import CHECKOUT
from PIL import Image
from window import Window, wait

import clode_core as clode

COFFEE = CHECKOUT / "examples" / "dark_coffee.png"
SCENES = ("plain", "selected", "masked", "linear", "several", "large")
PATCH = np.s_[120:260, 180:400]  # of the picture, well inside GIMP's canvas
CLIPPED = (64, 128, 255)  # the mark of what is black


def seen(window, target):
    """What is on the screen, as (Y, X, 3)."""
    path = window.gimp_root.base / "seen.png"
    window.picture(target, path)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def place_of(patch, screen):
    """Where a patch is on the screen, to the pixel; None if it is not."""
    corner = patch[:4, :4]
    rows, columns = screen.shape[0] - patch.shape[0], screen.shape[1] - patch.shape[1]
    windows = np.lib.stride_tricks.sliding_window_view(screen, (4, 4, 3))[:rows, :columns, 0]
    for y, x in np.argwhere((windows == corner).all((2, 3, 4))):
        if np.array_equal(screen[y : y + patch.shape[0], x : x + patch.shape[1]], patch):
            return slice(y, y + patch.shape[0]), slice(x, x + patch.shape[1])
    return None


def close(one, other, limit=1):
    return np.abs(one - other).max() <= limit


class Preview:
    """The dialog, and the patch of its preview that shows `PATCH`."""

    def __init__(self, window, place=None):
        self.window = window
        window.keys(window.image, "alt+r", "l", "c")
        self.number = wait(lambda: window.find("^CLODE"), "the dialog", 60)
        self.place = place

    def keys(self, *keys):
        self.window.keys(self.number, *keys)

    def patch(self):
        return seen(self.window, self.number)[self.place]

    def until(self, good, what, seconds=60):
        """Wait until the patch is good and stays as it is; return it."""
        last = [None]

        def look():
            now = self.patch()
            rest = last[0] is not None and np.array_equal(now, last[0])
            last[0] = now
            return rest and good(now)

        wait(look, what, seconds)
        return last[0]

    def other_than(self, *patches, what="another preview"):
        return self.until(lambda now: all(np.abs(now - old).mean() > 0.2 for old in patches), what)

    def type_time(self, text):
        self.keys("alt+e", "ctrl+a")
        self.window.tool("type", "--delay", "30", "--", text)
        self.keys("Tab")

    def gone(self, seconds=60):
        wait(lambda: self.window.find("^CLODE") is None, "the end of the dialog", seconds)

    def ok(self):
        self.keys("alt+o")  # Return would press the button that has the focus

    def cancel(self):
        self.keys("Escape")
        self.gone()


@pytest.fixture(scope="module")
def coffee():
    return np.asarray(Image.open(COFFEE).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def window(gimp_root, make_profile, make_batch):
    batch = make_batch(make_profile("window"))
    shutil.copy(COFFEE, batch.folder / "coffee.png")
    batch.run("scenes.py")
    scenes = [batch.folder / f"{name}.xcf" for name in SCENES]
    window = Window(gimp_root, batch.profile, scenes, size="1400x900")
    wait(lambda: window.find(rf"{SCENES[-1]}.*GIMP$"), "the last of the pictures", 90)
    yield window
    window.close()


@pytest.fixture(autouse=True)
def no_dialog_stays(window):
    """A test that fails leaves no dialog in the way of the next."""
    yield
    dialog = window.find("^CLODE")
    if dialog and window.gimp.poll() is None:
        window.keys(dialog, "Escape")


@pytest.fixture(scope="module")
def canvas(window, coffee):
    """Where `PATCH` is on the canvas of the first four scenes."""
    show(window, "plain")
    return wait(lambda: place_of(coffee[PATCH], seen(window, "root")), "the picture on the canvas", 60)


def show(window, scene):
    def look():
        window.keys(window.image, f"alt+{SCENES.index(scene) + 1}")
        return window.find(rf"^\*?\[?{scene}.*GIMP$")

    wait(look, f"the picture {scene}", 60)
    window.keys(window.image, "shift+j")  # centred, so that pictures of one size lie at one place


@pytest.fixture(scope="module")
def place(window, canvas, coffee):
    """Where `PATCH` is in the dialog, on each picture of that size."""
    preview = Preview(window)
    preview.keys("alt+b")
    found = wait(lambda: place_of(coffee[PATCH], seen(window, preview.number)), "the layer before", 90)
    preview.place = found
    preview.keys("alt+b")
    preview.other_than(coffee[PATCH], what="the first preview")
    preview.cancel()
    return found


def canvas_becomes(window, canvas, expected, what, limit=1):
    wait(lambda: close(seen(window, "root")[canvas], expected, limit), what, 90)


def still(window, part):
    """A part of the screen, once GIMP has drawn all of it."""
    last = [seen(window, "root")[part]]

    def look():
        time.sleep(1)
        last.append(seen(window, "root")[part])
        return np.array_equal(last[-1], last[-2])

    wait(look, "a screen at rest", 60)
    return last[-1]


def test_from_the_menu_to_the_picture_and_back(window, model, canvas, place, coffee):
    preview = Preview(window, place)
    dark = coffee[PATCH]
    at_three = preview.other_than(dark, what="the first preview")
    assert at_three.mean() > 1.5 * dark.mean()
    preview.type_time("0.5")
    at_half = preview.until(lambda now: now.mean() < 0.8 * at_three.mean(), "the preview of 0.5")
    preview.type_time("-2")
    preview.until(lambda now: now.mean() < at_half.mean(), "the preview of -2")
    preview.keys("alt+a")
    auto = preview.until(lambda now: now.mean() > 1.5 * at_half.mean(), "the automatic exposure")

    preview.keys("alt+b")
    preview.until(lambda now: np.array_equal(now, dark), "the layer before")
    preview.keys("alt+i")
    preview.until(lambda now: (now == CLIPPED).all(-1).any(), "the mark of what is black")
    preview.keys("alt+b", "alt+i")
    preview.until(lambda now: np.array_equal(now, auto), "the layer after")

    preview.keys("alt+n")
    preview.until(lambda now: np.abs(now - auto).max() > 4, "the noise")
    preview.keys("alt+n")
    preview.until(lambda now: np.array_equal(now, auto), "its removal")

    preview.ok()
    preview.gone()
    time_ = round(model.solve(coffee.astype(np.uint8)).auto(), 2)
    expected = np.rint(clode.enhance(coffee / np.float32(255), time_, model=model) * 255)[PATCH]
    assert close(auto, expected), "the preview was not what came out"
    canvas_becomes(window, canvas, expected, "the result on the canvas")

    window.keys(window.image, "ctrl+z")
    canvas_becomes(window, canvas, dark, "one undo step", 0)
    window.keys(window.image, "ctrl+f")
    canvas_becomes(window, canvas, expected, "the repetition")
    window.keys(window.image, "ctrl+z")
    canvas_becomes(window, canvas, dark, "its undo", 0)


def test_line_and_zoom_are_reached_by_keys(window, place, coffee):
    show(window, "plain")
    preview = Preview(window, place)
    after = preview.other_than(coffee[PATCH], what="the first preview")
    preview.keys("alt+l")
    middle = 300 - PATCH[1].start  # of the picture, in the patch
    divided = preview.until(
        lambda now: np.array_equal(now[:, : middle - 2], coffee[PATCH][:, : middle - 2]), "the line"
    )
    assert np.array_equal(divided[:, middle + 3 :], after[:, middle + 3 :])
    preview.keys("alt+f", "Tab")  # something else first, to see that the keys belong to the preview
    window.tool("mousemove", "--window", preview.number, *middle_of(place), "click", "1")
    preview.keys(*["Left"] * 5)
    preview.until(
        lambda now: np.array_equal(now[:, middle - 50 :][:, 2:45], after[:, middle - 50 :][:, 2:45]),
        "the moved line",
    )
    preview.keys("alt+l", "alt+2")
    twice = preview.until(lambda now: blocky(now), "two pixels for one")
    preview.keys("alt+f")
    preview.until(lambda now: np.array_equal(now, after), "the whole picture again")
    window.tool("mousemove", "--window", preview.number, *middle_of(place), "click", "1")
    preview.keys("2")
    preview.until(lambda now: np.array_equal(now, twice), "the same by a key")
    preview.keys("Right")
    preview.other_than(twice, what="the place on the right")
    preview.cancel()


def middle_of(place):
    rows, columns = place
    return str((columns.start + columns.stop) // 2), str((rows.start + rows.stop) // 2)


def blocky(patch):
    """Whether each pixel is two by two."""
    for y in (0, 1):
        for x in (0, 1):
            part = patch[y:-2, x:-2]
            part = part[: part.shape[0] // 2 * 2, : part.shape[1] // 2 * 2]
            if np.array_equal(part[::2], part[1::2]) and np.array_equal(part[:, ::2], part[:, 1::2]):
                return True
    return False


@pytest.mark.parametrize("scene", ["selected", "masked", "linear"])
def test_the_preview_is_what_comes_out_on_the_canvas(window, canvas, place, scene):
    show(window, scene)
    if scene == "selected":
        window.keys(window.image, "ctrl+t")  # the moving edge of the selection is no part of the picture
    time.sleep(1)
    before = seen(window, "root")[canvas]
    preview = Preview(window, place)
    preview.keys("alt+b")
    # The checks behind what is transparent are of another size: they are compared where there are none.
    whole = np.s_[:, 40:] if scene == "masked" else np.s_[:, :]
    limit = 80 if scene == "masked" else 1
    preview.until(lambda now: close(now[whole], before[whole], limit), "the layer as the canvas shows it")
    preview.keys("alt+b")
    shown = preview.other_than(before, what="the preview")
    preview.ok()
    preview.gone()
    wait(lambda: np.abs(seen(window, "root")[canvas] - before).mean() > 1, "the result on the canvas", 60)
    time.sleep(0.5)
    after = seen(window, "root")[canvas]
    if scene == "masked":  # seen through seven tenths, over checks
        assert np.abs(after[whole] - shown[whole]).max() < 0.31 * 110
        assert np.abs(after[whole].mean((0, 1)) - shown[whole].mean((0, 1))).max() < 6
    else:
        assert np.abs(after - shown).max() <= 3
    window.keys(window.image, "ctrl+z")
    canvas_becomes(window, canvas, before, "the undo", 0)


def test_select_none_and_ok_at_once_enhances_what_is_seen_and_no_box(window, model, canvas, place, coffee):
    show(window, "selected")
    preview = Preview(window, place)
    preview.other_than(coffee[PATCH], what="the preview")
    preview.type_time("2")
    time.sleep(2)
    window.keys(window.image, "ctrl+shift+a")
    preview.ok()
    preview.gone()
    expected = np.rint(clode.enhance(coffee / np.float32(255), 2.0, model=model) * 255)
    canvas_becomes(window, canvas, expected[PATCH], "the whole layer")
    window.keys(window.image, "ctrl+z", "ctrl+z")


def test_the_preview_follows_edits_and_a_lock(window, place, coffee):
    show(window, "plain")
    preview = Preview(window, place)
    first = preview.other_than(coffee[PATCH], what="the first preview")
    window.keys(window.image, "ctrl+period")  # fills with the background colour, white
    preview.until(lambda now: now.min() > 200, "the white layer")
    window.keys(window.image, "ctrl+z")
    preview.until(lambda now: np.array_equal(now, first), "the layer again")
    preview.cancel()


def test_highlights_are_held_back_by_keys(window, place, coffee):
    show(window, "plain")
    preview = Preview(window, place)
    first = preview.other_than(coffee[PATCH], what="the first preview")
    preview.keys("alt+g", "ctrl+a")
    window.tool("type", "--delay", "30", "--", "-2")
    preview.keys("Tab")
    held = preview.until(lambda now: now.mean() < first.mean() - 5, "the highlights held back")
    bright = first.mean(-1) > 150
    darker = (first - held).mean(-1)
    assert darker[bright].mean() > 3 * darker[first.mean(-1) < 40].mean()
    preview.cancel()


def test_a_preset_is_saved_and_comes_back(window, place, coffee):
    show(window, "plain")
    preview = Preview(window, place)
    at_three = preview.other_than(coffee[PATCH], what="the first preview")
    preview.type_time("0.7")
    darker = preview.until(lambda now: now.mean() < 0.8 * at_three.mean(), "the preview of 0.7")
    preview.keys("alt+p", "s")
    asking = wait(lambda: window.find("save these settings"), "the question for a name")
    window.tool("windowactivate", "--sync", asking, "type", "evening")
    window.keys(asking, "Return")
    preview.type_time("4")
    preview.until(lambda now: now.mean() > 1.5 * darker.mean(), "the preview of 4")
    preview.keys("alt+p", "Home", "Return")
    preview.until(lambda now: np.array_equal(now, darker), "the preset")
    preview.cancel()


def test_escape_ends_the_work_and_leaves_the_picture_as_it_was(window, gimp_root):
    show(window, "large")
    rest = np.s_[150:400, 250:600]
    before = still(window, rest)
    title = window.windows()[window.image]
    assert not title.startswith("*"), "the picture was changed before"
    preview = Preview(window)
    time.sleep(4)
    preview.ok()
    time.sleep(0.5)
    assert window.find("^CLODE"), "there was nothing to cancel"
    preview.keys("Escape")
    preview.gone(30)  # the answer under way may take its five seconds; what counts is the picture

    def change():  # an enhanced picture is brighter by far; an outline of the brush is not
        return np.abs(seen(window, "root")[rest] - before).mean()

    wait(lambda: change() < 5, "the picture as it was", 60)
    time.sleep(2)
    assert change() < 5
    assert window.windows()[window.image] == title, "GIMP calls the picture changed"


def workers(gimp_root):
    return {pid for pid, line in gimp_root.processes().items() if "-m clode_core.worker" in line}


def test_a_worker_that_is_stopped_behind_the_dialog_is_replaced(window, gimp_root, place, coffee):
    show(window, "plain")
    preview = Preview(window, place)
    first = preview.other_than(coffee[PATCH], what="the first preview")
    (worker,) = workers(gimp_root)
    gimp_root.run(["kill", "-STOP", worker])
    preview.type_time("0.5")
    wait(lambda: workers(gimp_root) - {worker}, "another worker", 10)
    preview.until(lambda now: now.mean() < 0.9 * first.mean(), "its preview")
    preview.cancel()


def test_a_worker_killed_behind_the_dialog_leaves_words_and_no_ok(window, gimp_root, place, coffee):
    preview = Preview(window, place)
    preview.other_than(coffee[PATCH], what="the first preview")
    gimp_root.run(["kill", "-9", *workers(gimp_root)])
    preview.type_time("1")
    time.sleep(3)
    preview.ok()
    time.sleep(1)
    assert window.find("^CLODE"), "OK was possible without a worker"
    preview.cancel()
    preview = Preview(window, place)
    preview.other_than(coffee[PATCH], what="a new worker's preview")
    preview.cancel()


def test_a_gimp_killed_behind_its_dialog_takes_all_along_within_five_seconds(window, gimp_root):
    Preview(window)
    wait(lambda: workers(gimp_root), "the worker")
    mine = [pid for pid, line in gimp_root.processes().items() if line.startswith("gimp-3 ")]
    gimp_root.run(["kill", "-9", *mine])
    gone = ("-m clode_core.worker", "plug-ins/clode/clode.py")
    wait(
        lambda: not any(word in line for word in gone for line in gimp_root.processes().values()),
        "the end of worker and plug-in",
        5,
    )


def test_a_tall_picture_fits_a_small_screen(gimp_root, make_profile, make_batch):
    batch = make_batch(make_profile("small-screen"))
    shutil.copy(COFFEE, batch.folder / "coffee.png")
    batch.run("scenes.py")
    window = Window(gimp_root, batch.profile, [batch.folder / "portrait.xcf"], size="1024x768")
    try:
        preview = Preview(window)
        wait(lambda: workers(gimp_root), "the worker")
        shape = window.tool("getwindowgeometry", "--shell", preview.number)
        numbers = {word: int(number) for word, number in re.findall(r"^([A-Z]+)=(\d+)$", shape, re.MULTILINE)}
        assert numbers["X"] + numbers["WIDTH"] <= 1024
        assert numbers["Y"] + numbers["HEIGHT"] <= 768
        preview.cancel()
    finally:
        window.close()
