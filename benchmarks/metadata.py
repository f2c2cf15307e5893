"""What a picture file carries, and what becomes of it: kept, said or lost.

    python benchmarks/metadata.py [--folder DIR] [--only NAME] [--all]

Makes one file of each kind that carries all it can, runs `clode enhance` on it, and compares the result with
the source by exiftool (every tag, by its group) and by tifffile and Pillow (how the pixels are stored).

kept    the same in the result, or made anew where it tells of the pixels (thumbnails, smaller copies)
said    gone or changed, and the command named it
lost    gone or changed without a word; this must be empty

exiftool must be installed (https://exiftool.org).
"""

import argparse
import io
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import metadata_files

OF_THE_FILE = re.compile(
    "^(System|ExifTool|File):(?!Comment)|:(ImageSize|Megapixels|Warning|Error)$|^Composite:|^(JUMBF|RIFF):.*Size$"
)
"""What exiftool tells of the file itself."""
OF_THE_STORAGE = re.compile(
    ":(StripOffsets|StripByteCounts|TileOffsets|TileByteCounts|RowsPerStrip|ThumbnailOffset|ThumbnailLength|"
    "ThumbnailImage|PhotoshopThumbnail|SubIFD[A-Za-z0-9_]*|ExifOffset|GPSInfo|InteropOffset|FreeOffsets|"
    "FreeByteCounts|PreviewImage.*|JpgFromRaw.*|ExifByteOrder|CurrentIPTCDigest|MediaData.*|ItemInformation|"
    "MPImage.*|NumberOfImages|MPFVersion|.*DataOffset|.*DataLength|Tile(Width|Length)|CompressedSize)$"
)
"""Places and lengths in the file, and thumbnails, which are looked at by themselves."""


def told_by_exiftool(path):
    """Every tag by its group and name, with its value."""
    command = ["exiftool", "-j", "-G1", "-a", "-u", "-n", "-struct", "-ee", str(path)]
    (tags,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    kept = {}
    for name, value in tags.items():
        if name != "SourceFile" and not OF_THE_FILE.search(name) and not OF_THE_STORAGE.search(name):
            kept[name] = value
    return kept


def enhanced(source, folder, *options):
    """Run the command, in this process to save its start; gives the result, and all that it said."""
    from clode_core.cli.application import app

    printed, said = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(said):
        code = app(
            ["enhance", str(source), "-o", str(folder), "--no-denoise", *options], standalone_mode=False
        )
    paths = printed.getvalue().split("\n")
    return (Path(paths[0]) if not code and paths[0] else None), said.getvalue().strip()


def compare(case, folder):
    """Pieces of one file and what became of each: name, fate, detail."""
    result, said = enhanced(case.path, folder / "out" / case.name.replace(" ", "-"), *case.options)
    if result is None:
        yield "the file", "refused", said
        return
    before, after = told_by_exiftool(case.path), told_by_exiftool(result)
    groups = defaultdict(list)
    for name in before:
        groups[name.split(":")[0]].append(name)
    for group, names in groups.items():
        changed = [name for name in names if not same(before[name], find(after, name))]
        words = said.lower()
        named = [name for name in changed if case.is_said(name, words)]
        lost = [name for name in changed if name not in named and not case.is_new(name)]
        fate = "lost" if lost else "said" if named else "kept"
        yield group, fate, ", ".join(name.split(":")[1] for name in lost or named)
    for piece, (old, new) in case.pieces(result).items():
        fate = "kept" if old == new else "said" if case.is_said(piece, said.lower()) else "lost"
        yield piece, fate, "" if old == new else f"{old} -> {new}"
    if said:
        yield "the command said", "", said.replace(str(case.path), case.path.name)


def find(tags, name):
    """A tag's value, also where exiftool names its group by another directory of the same file."""
    if name in tags:
        return tags[name]
    group, tag = name.split(":")
    alike = [
        value for other, value in tags.items() if other.split(":")[1] == tag and alike_groups(group, other)
    ]
    return alike[0] if alike else None


def alike_groups(group, other):
    """Whether two groups are the same part of EXIF, such as IFD0 of the file and of a block in it."""
    return {group, other.split(":")[0]} <= {"IFD0", "ExifIFD"}


def same(old, new):
    """Whether a value came back; numbers to a millionth, as ratios are rounded."""
    if isinstance(old, int | float) and isinstance(new, int | float):
        return abs(old - new) <= 1e-6 * max(1.0, abs(old))
    return bool(old == new)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", help="part of a name")
    parser.add_argument("--all", action="store_true", help="also name what was kept")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="clode-metadata-"))
    folder.mkdir(parents=True, exist_ok=True)
    totals = defaultdict(int)
    print("| file | kept | said | lost |\n|---|---|---|---|")
    told = []
    for case in metadata_files.cases(folder):
        if arguments.only and arguments.only not in case.name:
            continue
        fates = defaultdict(list)
        for piece, fate, detail in compare(case, folder):
            if not fate:
                told.append(f"{case.name}: {detail}")
                continue
            fates[fate].append(f"{piece} ({detail})" if detail and fate != "kept" else piece)
            totals[fate] += 1
        cells = (", ".join(fates[fate]) for fate in ("kept", "said", "lost"))
        print(f"| {case.name} | {' | '.join(cells)} |", flush=True)
        for refused in fates["refused"]:
            print(f"REFUSED {case.name}: {refused}")
    print(
        f"\nPieces: {totals['kept']} kept, {totals['said']} said, {totals['lost']} lost.\n\nWhat was said:\n"
    )
    for line in told:
        print("- " + " ".join(line.split()))
    return int(bool(totals["lost"] or totals["refused"]))


if __name__ == "__main__":
    sys.exit(main())
