"""What a picture carries that the format of its result has no place for, said before it is written."""

from __future__ import annotations

from collections.abc import Iterator

from clode_core.pictures.files.formats import EXIF, FORMATS, PROFILE, SCALE, XMP
from clode_core.pictures.files.photoshop import IPTC_TAG, PHOTOSHOP_TAG, blocks_of, is_photoshop
from clode_core.pictures.files.picture import Picture
from clode_core.pictures.files.reading import Say
from clode_core.pictures.files.tiff_exif import directory_tags

_COMMENT, _EXTENSION = 0xFE, b"http://ns.adobe.com/xmp/extension/"
_COLOUR_CHUNKS = {b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI"}
_TEXT_CHUNKS = {b"tEXt", b"zTXt", b"iTXt"}
_NOT_MISSED = {305, 306, IPTC_TAG, PHOTOSHOP_TAG}
"""Program and date of the file, and what is looked at by itself."""
_MAPS = {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113}


def tell_losses(like: Picture, kind: str, say: Say) -> None:
    """Say, in one sentence, what `like` carries and a file of a format cannot.

    Parameters
    ----------
    like : Picture
        Picture that the result is made of.
    kind : str
        A name in `FORMATS`.
    say : callable
        Told the sentence.
    """
    lost = [*_everywhere(like, kind), *(_of_its_format(like, kind) if kind != like.format else ())]
    if lost:
        listed = f"{', '.join(lost[:-1])} and {lost[-1]}" if len(lost) > 1 else lost[0]
        say(f"carries {listed}, which {FORMATS[kind].title} does not hold here")


def _everywhere(like: Picture, kind: str) -> Iterator[str]:
    """Of what most formats hold."""
    profile = like.icc_profile if like.format != "raw" else None  # that of sRGB, which all take for granted
    there = {EXIF: like.exif, XMP: like.xmp, PROFILE: profile, SCALE: like.dpi}
    yield from (name for name, value in there.items() if value and name in FORMATS[kind].lacks)


def _of_its_format(like: Picture, kind: str) -> Iterator[str]:
    """Of what only its own format holds."""
    if kind not in ("jpeg", "tiff") and blocks_of(like):
        yield "Photoshop's blocks and IPTC"
    if like.jpeg:
        kept = [part for part in like.jpeg.segments if not is_photoshop(part)]
        if any(part.marker == _COMMENT for part in kept):
            yield "a comment"
        if any(part.content.startswith(_EXTENSION) for part in kept):
            yield "XMP of more than 64 KiB"
        if any(part.marker != _COMMENT and not part.content.startswith(_EXTENSION) for part in kept):
            yield "segments of other programs"
    names = {chunk.name for chunk in like.png_chunks}
    if names & _TEXT_CHUNKS:
        yield "texts"
    if names & _COLOUR_CHUNKS - {b"sRGB"}:
        yield "a colour space without a profile"
    if others := sorted(names - _TEXT_CHUNKS - _COLOUR_CHUNKS):
        yield f"parts of PNG ({', '.join(name.decode('latin-1') for name in others)})"
    if like.tiff:
        yield from _of_tiff(like)
    if like.notes.get("header"):
        yield "lines or attributes of its header"
    if like.notes.get("comment"):
        yield "a comment"


def _of_tiff(like: Picture) -> Iterator[str]:
    assert like.tiff is not None
    held = directory_tags(like.exif) if like.exif else set()
    codes = {tag.code for tag in like.tiff.tags} - held - _NOT_MISSED
    if codes & _MAPS:
        yield "its place on a map (GeoTIFF, GDAL)"
    if others := sorted(codes - _MAPS):
        yield f"tags of TIFF ({', '.join(map(str, others))})"
    if like.tiff.kind in ("imagej", "ome"):
        yield "the description of a microscope"
    if like.tiff.reduced:
        yield "smaller copies"
