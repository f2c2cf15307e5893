"""Tags of a TIFF file that are copied: all but those that say how its pixels are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clode_core.pictures.files.picture import PageNotes, Tag

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

_STORAGE = {
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 282, 283, 284, 288, 289,
    292, 293, 296, 317, 320, 322, 323, 324, 325, 330, 338, 339, 342, 347, 512, 513, 514, 515, 517, 518, 519,
    520, 521, 529, 530, 531, 532,
}  # fmt: skip
_OF_OLD_VALUES = {280, 281, 290, 291, 340, 341}
_ELSEWHERE = {270, 700, 34665, 34675, 34853, 40965}
"""Description, XMP, profile and the directories of EXIF, which are written by other means."""
_DIALECTS = {33628, 33629, 33630, 33631, 34361, 34362, 34412, 50838, 50839, 51123}
"""Of microscopes, about planes that would lie elsewhere in the new file."""
_NOT_COPIED = _STORAGE | _OF_OLD_VALUES | _ELSEWHERE | _DIALECTS
_LONGEST = 64 * 1024 * 1024
_MOST_PAGES = 2000


def tags_of(tif: TiffFile, page: TiffPage) -> tuple[Tag, ...]:
    """Tags of a page that can be copied, with their bytes as in the file."""
    kept = []
    for tag in page.tags:
        if tag.code in _NOT_COPIED or not 0 < tag.valuebytecount <= _LONGEST:
            continue
        tif.filehandle.seek(tag.valueoffset)
        kept.append(Tag(tag.code, int(tag.dtype), tif.filehandle.read(tag.valuebytecount)))
    return tuple(kept)


def notes_of_pages(tif: TiffFile, series: TiffPageSeries) -> tuple[PageNotes, ...]:
    """What every page says, where it is not the same on all; otherwise nothing."""
    if not 1 < len(series.pages) <= _MOST_PAGES or any(page is None for page in series.pages):
        return ()
    pages = [page.aspage() for page in series.pages if page is not None]
    each = tuple(
        PageNotes(
            tags_of(tif, page),
            page.description,
            *resolution_of(page),
            page.tags.valueof(34675) or None,
            page.tags.valueof(700) or None,
        )
        for page in pages
    )
    return each if any(one != each[0] for one in each) else ()


def resolution_of(page: TiffPage) -> tuple[tuple[float, float] | None, int]:
    """Pixels per unit across and down, and the unit: 1 none, 2 inch, 3 centimetre."""
    unit = int(page.tags.valueof(296, default=2))
    pairs = [page.tags.valueof(tag) for tag in (282, 283)]
    resolution = None
    if all(pair and pair[0] and pair[1] for pair in pairs):
        across, down = (pair[0] / pair[1] for pair in pairs)
        resolution = across, down
    return resolution, unit if unit in (1, 2, 3) else 1


def is_storage(code: int) -> bool:
    """Whether a tag says how pixels are stored, or is of the old pixels, or is kept by other means."""
    return code in _STORAGE | _OF_OLD_VALUES or code in (700, 34675)
