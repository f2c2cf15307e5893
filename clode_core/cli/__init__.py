"""The ``clode`` command: one module for each of its commands."""

from clode_core.cli.application import app, main

__all__ = ["app", "main"]
