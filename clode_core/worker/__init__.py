"""A resident process that enhances pictures for front ends whose own Python has no torch.

``python -m clode_core.worker`` serves one owner, such as one running GIMP: it loads the model once,
solves each picture once and then answers from its trajectory. `link` is the client's half; the protocol is
described in docs/worker-protocol.md.
"""

from __future__ import annotations

from clode_core.worker.link import PROTOCOL, Cancelled, Launcher, Link, WorkerError

__all__ = ["PROTOCOL", "Cancelled", "Launcher", "Link", "WorkerError"]
