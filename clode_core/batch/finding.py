"""Which pictures there are, and where their results go."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from clode_core.batch.work import Outcome, Task
from clode_core.errors import UserError
from clode_core.pictures.atomic import TEMPORARY_SUFFIX
from clode_core.pictures.files import SUFFIXES, WRITTEN, format_of

_LEFT_OVER = re.compile(rf"\.clode-[0-9a-f]{{32}}{re.escape(TEMPORARY_SUFFIX)}")


def find_tasks(
    paths: Sequence[Path],
    output: Path,
    *,
    suffix: str | None = None,
    name: str | None = None,
    skipped: list[Path] | None = None,
) -> tuple[list[Task], list[Outcome]]:
    """Pictures to enhance, and where each result goes.

    Parameters
    ----------
    paths : sequence of Path
        Pictures, whose results lie directly in `output`, and folders, whose tree is kept below it. Links to
        folders are followed; every folder is read once, in its own place before that of a link to it. A
        folder `output` inside another is not read.
    output : Path
        Folder for the results; it need not be there.
    suffix : str, optional
        Of the results. By default they keep that of their picture; camera raw files become TIFF.
    name : str, optional
        Of the result, where there is one picture; it decides the format.
    skipped : list of Path, optional
        Filled with the files in the folders that are no pictures, by their names.

    Returns
    -------
    tasks : list of Task
        Every picture once. Not all need be readable.
    closed : list of Outcome
        Folders inside the given ones that cannot be read, with the reason.

    Raises
    ------
    UserError
        If a folder holds no picture, two results would get one name (also on disks that do not tell upper
        from lower case), or a result would overwrite a picture that is to be enhanced.
    OSError
        If a given folder cannot be read.
    """
    found: list[tuple[Path, Path]] = []
    closed: list[Outcome] = []
    for path in paths:
        if not _is_folder(path):
            found.append((path, output / name if name is not None else _renamed(output / path.name, suffix)))
            continue
        others: list[Path] = []
        inside = list(_pictures_in(path, _identity(output), closed, others))
        if not inside:
            there = f"; {counted(others)}" if others else ""
            raise UserError(f"{path} holds no pictures{there}: README lists the formats that can be read")
        found += [(picture, _renamed(output / picture.relative_to(path), suffix)) for picture in inside]
        if skipped is not None:
            skipped += others
    return _without_collisions(found), closed


def counted(files: Sequence[Path]) -> str:
    """Say how many files were skipped: by name where they are few, by suffix where they are many."""
    few = 5
    if len(files) <= few:
        names = ", ".join(str(file) for file in files)
    else:
        kinds = Counter(file.suffix.lower() or "no suffix" for file in files)
        names = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    files_were = "1 file is" if len(files) == 1 else f"{len(files)} files are"
    return f"{files_were} no picture that can be read ({names})"


def _renamed(target: Path, suffix: str | None) -> Path:
    """The name of a result: with another suffix where its format is to be, or has to be, another."""
    own = target.suffix.lower()
    if suffix is not None:
        return target if format_of(own) == format_of(suffix) else target.with_suffix(suffix)
    return target.with_suffix(".tif") if own in SUFFIXES and own not in WRITTEN else target


def remove_left_over(folder: Path, *, below: bool = False) -> None:
    """Remove what killed writers left in a folder, and in those below it if asked to."""
    for place, inner, names in os.walk(folder):
        for name in filter(_LEFT_OVER.fullmatch, names):
            with suppress(OSError):
                os.unlink(os.path.join(place, name))
        if not below:
            inner.clear()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that no file can have; reading it will say so
        return False


def _identity(path: Path) -> object:
    """What is equal for all names of a file or folder."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)


def _pictures_in(top: Path, output: object, closed: list[Outcome], others: list[Path]) -> Iterator[Path]:
    """Pictures in a folder and below it; folders that cannot be read and other files go into the lists."""
    seen: set[object] = set()
    links = deque([top])
    while links:
        folders = [links.popleft()]
        while folders:
            folder = folders.pop()
            identity = _identity(folder)
            if identity in seen or (folder is not top and identity == output):
                continue
            seen.add(identity)
            try:
                entries = sorted(folder.iterdir())
            except OSError as error:
                if folder is top:
                    raise
                closed.append(Outcome(Task(folder, folder), f"{folder} cannot be read ({error.strerror})"))
                continue
            inner = []
            for entry in entries:
                if not _leads_to_folder(entry):
                    if entry.suffix.lower() in SUFFIXES:
                        yield entry
                    elif not entry.name.startswith("."):
                        others.append(entry)
                elif entry.is_symlink():
                    links.append(entry)
                else:
                    inner.append(entry)
            folders += reversed(inner)


def _leads_to_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:  # a link into nothing or into itself, which will be told where it has a picture's name
        return False


def _without_collisions(found: Sequence[tuple[Path, Path]]) -> list[Task]:
    sources = {os.path.realpath(source) for source, _ in found}
    tasks: dict[str, Task] = {}
    for source, target in found:
        if os.path.realpath(target) in sources:
            raise UserError(
                f"{target} is to be enhanced itself and would be overwritten: choose another name with -o"
            )
        name = unicodedata.normalize("NFC", str(target)).casefold()
        other = tasks.setdefault(name, Task(source, target))
        if os.path.realpath(other.source) != os.path.realpath(source):
            raise UserError(
                f"{other.source} and {source} would both become {target}: enhance them into two folders"
            )
    return list(tasks.values())
