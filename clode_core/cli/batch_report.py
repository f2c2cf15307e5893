"""What became of a run, every picture counted once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clode_core.batch.finding import counted
from clode_core.batch.work import Outcome
from clode_core.cli.terminal import print_error, print_path
from clode_core.errors import UserError


@dataclass
class Report:
    """Counts of a run.

    Attributes
    ----------
    made, earlier : int
        Results made now, and by earlier runs.
    failed : list of Outcome
        What has no result, with the reason.
    notes : dict
        Sentences about pictures that have one, each with the pictures it is true of.
    skipped : list of Path
        Files in the folders that are no pictures.
    """

    made: int = 0
    earlier: int = 0
    failed: list[Outcome] = field(default_factory=list)
    notes: dict[str, list[Path]] = field(default_factory=dict)
    skipped: list[Path] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Pictures there were."""
        return self.made + self.earlier + len(self.failed)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, and print the path of a result."""
        if outcome.error:
            self.failed.append(outcome)
        else:
            self.made += 1
            print_path(outcome.task.target)
        for note in outcome.notes:
            self.notes.setdefault(note, []).append(outcome.task.source)

    def tell(self) -> None:
        """Name what failed, in order, on the error output."""
        if self.earlier:
            print_error(f"{self.earlier} pictures were done already, {self.made} were made now")
        for note, sources in self.notes.items():
            more = f" (and {len(sources) - 1} more alike)" if len(sources) > 1 else ""
            print_error(f"{sources[0]} {note}{more}")
        if self.skipped:
            print_error(counted(self.skipped))
        for outcome in self.failed:
            source = str(outcome.task.source)
            print_error(outcome.error if source in outcome.error else f"{source}: {outcome.error}")

    def check(self) -> None:
        """Raise `UserError` if anything failed."""
        if self.failed:
            raise UserError(f"{len(self.failed)} of {self.total} pictures could not be enhanced")
