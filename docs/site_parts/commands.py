"""The page of all commands, written from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from clode_core.cli import app as clode

HEAD = """\
# All commands and options

This page is made from the commands themselves: it says what `clode COMMAND --help` says. For a first walk
through them see {doc}`../command-line`.

"""


def _text(text: str | None) -> str:
    """Help as Markdown: the examples that it indents stay as they are."""
    return re.sub(r"\n{3,}", "\n\n", (text or "").replace("\b\n", "\n")).strip()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _default(parameter: Any) -> str:
    value = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    if parameter.required or value in (None, "", [], ()) or callable(value):
        return ""
    if parameter.show_default is False:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{getattr(value, 'value', value)}"


def _rows(command: Any, context: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.name == "help" or getattr(parameter, "hidden", False):
            continue
        if parameter.param_type_name == "argument":
            name = f"`{parameter.name.upper()}`"
        else:
            flags = [*parameter.opts, *parameter.secondary_opts]
            name = ", ".join(f"`{flag}`" for flag in flags)
        shown = _default(parameter)
        default = f" Default: `{shown}`." if shown else ""
        yield f"| {name} | {_cell(parameter.help or '')}{default} |"


def _usage(command: Any, path: str) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    shown = (
        f"{p.name.upper()}{'...' if p.nargs == -1 else ''}"
        if p.required
        else f"[{p.name.upper()}{'...' if p.nargs == -1 else ''}]"
        for p in arguments
    )
    return " ".join([path, "[OPTIONS]", *shown])


def described(command: Any, path: str, level: int) -> Iterator[str]:
    """A command and those below it, in Markdown, line by line."""
    context = command.make_context(path, [], resilient_parsing=True)
    yield f"{'#' * level} `{path}`\n"
    yield f"{_text(command.help)}\n"
    below = getattr(command, "commands", {})
    if not below:
        yield f"```text\n{_usage(command, path)}\n```\n"
    rows = list(_rows(command, context))
    if rows:
        yield "| | |\n|---|---|"
        yield from rows
        yield ""
    lines = [line for line in (command.epilog or "").split("\n\n") if line.startswith("clode ")]
    if lines:
        yield "\n".join(["```text", *lines, "```", ""])
    for name, further in below.items():
        yield from described(further, f"{path} {name}", level + 1)


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(described(typer.main.get_command(clode), "clode", 2))


def write(app: Any) -> None:
    """Write the page where Sphinx finds it, unless it is there already."""
    target = Path(app.srcdir) / "_generated" / "commands.md"
    target.parent.mkdir(exist_ok=True)
    text = page()
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Write the page before the sources are looked for."""
    app.connect("config-inited", lambda app, config: write(app))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
