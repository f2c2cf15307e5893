"""The slider page in a real browser, from a disk and without a network."""

import base64
import io
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from make_slider import FOLDER, packed, quantised, restored, shown_by
from PIL import Image
from scenes import scenes

STORED = {scene["name"]: scene for scene in json.loads((FOLDER / "slider.json").read_text())}
REMAKE = "the weights have changed since: run python docs/make_slider.py"


@cache
def dark(name):
    return next(scene.dark for scene in scenes() if scene.name == name)


@pytest.fixture(scope="module")
def page(site, browser):
    browser.get((site / "slider.html").as_uri())
    return browser


def wait_for(browser, name, time):
    from selenium.webdriver.support.ui import WebDriverWait

    script = "return document.querySelector('.clode-slider canvas').dataset.shown"
    WebDriverWait(browser, 120).until(lambda driver: driver.execute_script(script) == f"{name} {time:.2f}")


def opened(browser, name):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element(By.ID, "clode-picture")).select_by_value(name)
    auto = round(STORED[name]["auto"] / 0.05) * 0.05
    wait_for(browser, name, auto)
    return browser.find_element(By.ID, "clode-time")


def seen(browser):
    """The pixels of the canvas, (Y, X, 3)."""
    url = browser.execute_script(
        "return document.querySelector('.clode-slider canvas').toDataURL('image/png')"
    )
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def set_to(browser, slider, name, time):
    """Move the slider as the browser does, with its event."""
    browser.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
        slider,
        str(time),
    )
    wait_for(browser, name, time)


@pytest.mark.parametrize("name", list(STORED))
def test_every_pixel_of_the_page_is_what_the_library_computes_within_two_levels(page, model, name):
    path = model.solve(dark(name))
    assert path.auto() == pytest.approx(STORED[name]["auto"], abs=2e-3), REMAKE
    picture = np.asarray(Image.open(FOLDER / STORED[name]["file"]))
    library = shown_by(path, picture, STORED[name]["auto"])
    slider = opened(page, name)
    means = []
    for time in (-2.0, 0.05, 1.5, 5.0):  # at 0 itself the library gives back what it was given
        set_to(page, slider, name, time)
        shown = seen(page)
        difference = np.abs(shown.astype(int) - library.at(time).astype(int))
        assert difference.max() <= 2, f"{REMAKE} (T = {time}, largest difference {difference.max()})"
        means.append(shown.mean())
    assert np.all(np.diff(means) > 5)


def test_the_slider_moves_by_the_keys(page):
    from selenium.webdriver.common.keys import Keys

    slider = opened(page, "cat")
    set_to(page, slider, "cat", 1.0)
    before = seen(page).mean()
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    wait_for(page, "cat", 1.1)
    assert seen(page).mean() > before
    slider.send_keys(Keys.HOME)
    wait_for(page, "cat", -5.0)
    assert page.switch_to.active_element == slider


def test_the_page_asks_nothing_of_the_network(page):
    script = "return performance.getEntriesByType('resource').map(entry => entry.name)"
    assert [name for name in page.execute_script(script) if not name.startswith(("file:", "data:"))] == []


def test_the_exponent_is_stored_in_less_than_four_kilobytes_beside_the_picture():
    for scene in STORED.values():
        assert len(base64.b64decode(scene["coefficients"])) == scene["bytes"] < 4000
        assert Path(FOLDER / scene["file"]).stat().st_size < 100_000


def test_packing_counts_zeros_and_keeps_small_and_large_numbers():
    whole = np.zeros((3, 2, 300), int)
    whole[0, 0, :3] = 5, -7, 1200
    whole[1, 1, 0] = -128
    first = [5, 249, 0, 1, 128, *(1200).to_bytes(2, "little"), 0, 255, 0, 255, 0, 86]
    second = [0, 2, 128, *(-128).to_bytes(2, "little", signed=True)]
    assert packed(whole)[: len(first) + len(second)] == bytes(first + second)
    assert packed(np.zeros((1, 2, 300), int)) == bytes([0, 255, 0, 255, 0, 90])


def test_the_exponent_is_restored_to_half_a_step(random):
    exponent = random.normal(3, 0.3, (3, 8, 12))
    assert np.abs(restored(quantised(exponent, 1e-3), 1e-3) - exponent).max() < 0.01


def test_the_line_of_a_comparison_moves_by_the_keys(site, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    browser.get((site / "gallery.html").as_uri())
    frames = browser.find_elements(By.CSS_SELECTOR, ".clode-compare-frame")
    assert len(frames) == 4
    line = frames[0].find_element(By.TAG_NAME, "input")
    line.send_keys(Keys.ARROW_LEFT)
    assert frames[0].get_attribute("style").replace(" ", "") == "--line:49%;"
    pictures = frames[0].find_elements(By.TAG_NAME, "img")
    assert [picture.get_attribute("alt").partition(":")[0] for picture in pictures] == ["After", "Before"]
    assert "inset(0px 51% 0px 0px)" in pictures[1].value_of_css_property("clip-path")
