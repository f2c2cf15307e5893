"""Check the built site: every internal link, anchor, picture and script exists, every picture has a text.

``python docs/check_links.py docs/_build/html`` prints what is wrong and ends with exit code 1. It fetches
nothing.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What one page links to, what can be linked to in it, and its pictures without a text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.remote: list[str] = []
        self.anchors: set[str] = set()
        self.silent: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note links, anchors and pictures."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        source = given.get("src", "") or (given.get("href", "") if tag == "link" else "")
        if tag in ("img", "script", "link", "iframe") and urlsplit(source).netloc:
            self.remote.append(source)
        self.links += [given[name] for name in ("href", "src") if given.get(name)]
        if tag == "img" and not given.get("alt"):
            self.silent.append(given.get("src", ""))


def faults(site: Path) -> list[str]:
    """One sentence for everything that is wrong."""
    files = (path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts)
    pages = {path.resolve(): Page(path) for path in files}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        found += [f"{name}: the picture {source} has no alternative text" for source in page.silent]
        found += [f"{name}: {source} would be fetched from the network" for source in page.remote]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                found.append(f"{name}: {link} does not exist")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{name}: {link} names no place in {target.name}")
    return found


def main() -> None:
    """Check the site that the command line names."""
    site = Path(sys.argv[1])
    found = faults(site)
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        sys.exit(f"{len(found)} faults")
    print("every link, anchor and picture of the site is there")


if __name__ == "__main__":
    main()
