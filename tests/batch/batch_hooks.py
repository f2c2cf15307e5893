"""Work that can be sent to other processes, and does what its picture's name says."""

import os
import signal
import time
from pathlib import Path

from clode_core.batch.work import Outcome


class Scripted:
    """Writes a result for every task, and leaves a mark for every attempt."""

    def __init__(self, marks, dies_at_start=False):
        self.marks, self.dies_at_start = Path(marks), dies_at_start

    def load(self):
        if self.dies_at_start:
            os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, task, progress=None):
        name = task.source.name
        mark = self.marks / f"{name}.{time.time_ns()}.{os.getpid()}"
        mark.touch()
        task.target.parent.mkdir(parents=True, exist_ok=True)
        if "bomb" in name or ("once" in name and len(list(self.marks.glob(f"{name}.*"))) == 1):
            (task.target.parent / f".clode-{'0' * 32}.partial").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "slow" in name:
            time.sleep(0.3)
        if "endless" in name:
            time.sleep(60)
        task.target.write_bytes(b"done")
        return Outcome(task, "", (1, 1), (1, 1))

    def attempts(self, name):
        return len(list(self.marks.glob(f"{name}.*")))
