"""The client's half of the worker: frames, connection and start, from the standard library alone.

This folder is copied as it is into front ends whose Python has neither numpy nor clode-core, so it
imports nothing but the standard library and itself. The protocol is described in docs/worker-protocol.md.
"""

from __future__ import annotations

from .client import Cancelled, Frozen, Link, WorkerError
from .frames import PROTOCOL, FrameError, Message
from .launch import Launcher

__all__ = ["PROTOCOL", "Cancelled", "FrameError", "Frozen", "Launcher", "Link", "Message", "WorkerError"]
