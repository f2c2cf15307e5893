"""The built site, and Chromium to open it in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def site():
    """The site, built with warnings as errors where `make docs` puts it: what is new there stays."""
    folder = ROOT / "docs/_build/html"
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "--nitpicky", "-b", "html"]
    done = subprocess.run(
        [*sphinx, ROOT / "docs", folder],
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium with a new profile."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.skip("there is no Chromium here (apt-get install chromium chromium-driver)")
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = programs[0]
    arguments = ["headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking"]
    arguments += ["disable-component-update", "disable-sync", "disable-dev-shm-usage", "window-size=1200,900"]
    arguments.append(f"user-data-dir={tmp_path_factory.mktemp('profile')}")
    for argument in arguments:
        options.add_argument(f"--{argument}")
    service = ChromeService(programs[1], env={**os.environ, "no_proxy": "localhost,127.0.0.1"})
    driver = Chrome(options, service)
    driver.set_script_timeout(60)
    yield driver
    driver.quit()
