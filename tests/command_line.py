"""The command, run inside the test."""

from typer.testing import CliRunner

from clode_core import cli


def clode(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


def sentence(result):
    """The one line that a failed command prints."""
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    (line,) = [line for line in result.stderr.splitlines() if line]
    assert line.startswith("clode: ")
    return line
