"""Several sets of pictures with references, named in one YAML file."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clode_core.evaluation.pairs import match, natural_order, read_pair, read_rgb
from clode_core.pictures.fusion import fuse

Picture = NDArray[np.uint8]
DARKEST_MEAN = 0.02
"""Mean of the darkest exposure of a stack that is entered; darker ones hold too little."""
BRIGHTEST_SHARE = 0.9
"""Exposures of a bracket are entered up to this share of the mean of its fusion."""
KINDS = ("pairs", "stacks", "brackets")
_FIELDS = {
    "pairs": {"low", "high"},
    "stacks": {"folder"},
    "brackets": {"folder", "scenes"},
}


@dataclass(frozen=True)
class Example:
    """One picture to be enhanced.

    Attributes
    ----------
    name : str
        What it is called in tables and sentences.
    read : callable
        Reads the dark picture and its reference, 8-bit (Y, X, 3).
    """

    name: str
    read: Callable[[], tuple[Picture, Picture | None]]


@dataclass(frozen=True)
class PictureSet:
    """A named set of examples."""

    name: str
    examples: Sequence[Example]


def examples_of(pairs: Iterable[tuple[Path, Path | None]]) -> list[Example]:
    """Examples out of the paths of dark pictures and their references."""
    return [Example(low.stem, lambda low=low, high=high: read_pair(low, high)) for low, high in pairs]  # type: ignore[misc]


def read_sets(file: Path, limit: int | None = None) -> list[PictureSet]:
    """Read the sets that a YAML file names; folders start at the file's own.

    The file holds ``sets``, a list of tables, and may hold ``jpeg``, a list of qualities at which every set
    is entered again with its dark pictures saved as JPEG (4:2:0). It may hold ``long_side``: pictures and
    references are then shrunk to it by area average, which takes noise out of the comparison and much of the
    time. A set has a ``name`` and a ``kind``:

    - ``pairs``: folders ``low`` and ``high`` with pictures of the same names;
    - ``stacks``: a ``folder`` with a folder of exposures for each scene, darkest first by name; the darkest
      with a mean above 0.02 is entered, the fusion of all is its reference;
    - ``brackets``: a ``folder`` of exposures and a text file ``scenes`` with the names of the pictures of one
      scene in each line; every darker one is entered, the fusion of all is its reference.

    Parameters
    ----------
    file : Path
        The YAML file.
    limit : int, optional
        Only the first examples of each set.

    Raises
    ------
    ValueError
        If the file or a set in it cannot be used; one sentence.
    """
    import yaml

    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        sets, qualities, long_side = values["sets"], values.get("jpeg", []), values.get("long_side")
        if long_side is not None and (type(long_side) is not int or long_side < 16):
            raise TypeError(f"long_side must be a whole number from 16, not {long_side!r}")
        named = [_named(file, table) for table in sets]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{file} is no list of sets ({' '.join(str(error).split())[:200]})") from None
    found = [PictureSet(one.name, one.examples[:limit]) for one in named]
    for quality in qualities:
        found += [
            PictureSet(
                f"{one.name}, JPEG {quality}", [_saved_as_jpeg(e, quality) for e in one.examples[:limit]]
            )
            for one in named
        ]
    if long_side is not None:
        found = [PictureSet(one.name, [_shrunk(e, long_side) for e in one.examples]) for one in found]
    return found


def _named(file: Path, table: dict[str, Any]) -> PictureSet:
    name, kind = str(table["name"]), table["kind"]
    if kind not in KINDS:
        raise ValueError(f"{file}: {name}: kind is one of {', '.join(KINDS)}, not {kind!r}")
    unknown = set(table) - {"name", "kind"} - _FIELDS[kind]
    if unknown:
        raise ValueError(f"{file}: {name}: {', '.join(sorted(unknown))} is not a known field")
    places = {field: file.parent / str(table[field]) for field in _FIELDS[kind]}
    if kind == "pairs":
        return PictureSet(name, examples_of(match(places["low"], places["high"], None).pairs))
    if kind == "stacks":
        return PictureSet(name, list(_stacks(places["folder"])))
    return PictureSet(name, list(_brackets(places["folder"], places["scenes"])))


def _stacks(folder: Path) -> Iterator[Example]:
    scenes = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.name)
    if not scenes:
        raise ValueError(f"{folder} holds no folders of exposures")
    for scene in scenes:
        paths = sorted(
            (path for path in scene.iterdir() if path.is_file()), key=lambda p: natural_order(p.name)
        )

        def read(paths: list[Path] = paths) -> tuple[Picture, Picture]:
            exposures = [read_rgb(path) for path in paths]
            usable = [x for x in exposures if x.mean() / 255 > DARKEST_MEAN]
            return min(usable or exposures, key=lambda x: float(x.mean())), _fused(exposures)

        yield Example(scene.name, read)


def _brackets(folder: Path, scenes: Path) -> Iterator[Example]:
    files = {path.stem: path for path in folder.iterdir() if path.is_file()}
    for line in scenes.read_text(encoding="utf-8").splitlines():
        names = line.partition("#")[0].split()
        missing = [name for name in names if name not in files]
        if missing:
            raise ValueError(f"{folder} holds no picture {missing[0]}, which {scenes} names")
        exposures = [read_rgb(files[name]) for name in names]
        if not exposures:
            continue
        reference = _fused(exposures)
        for name, exposure in zip(names, exposures, strict=True):
            if DARKEST_MEAN < exposure.mean() / 255 < BRIGHTEST_SHARE * reference.mean() / 255:
                yield Example(name, lambda pair=(exposure, reference): pair)  # type: ignore[misc]


def _fused(exposures: Sequence[Picture]) -> Picture:
    return np.rint(fuse(exposures) * 255).astype(np.uint8)


def _shrunk(example: Example, long_side: int) -> Example:
    def smaller(picture: Picture) -> Picture:
        from PIL import Image

        height, width = picture.shape[:2]
        scale = min(1.0, long_side / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))

    def read() -> tuple[Picture, Picture | None]:
        source, reference = example.read()
        return smaller(source), None if reference is None else smaller(reference)

    return Example(example.name, read)


def _saved_as_jpeg(example: Example, quality: int) -> Example:
    def read() -> tuple[Picture, Picture | None]:
        from PIL import Image

        source, reference = example.read()
        file = io.BytesIO()
        Image.fromarray(source).save(file, "JPEG", quality=quality, subsampling="4:2:0")
        return np.asarray(Image.open(file).convert("RGB")), reference

    return Example(example.name, read)
