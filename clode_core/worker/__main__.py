"""Start a worker: ``python -m clode_core.worker --folder FOLDER --owner PROCESS``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from clode_core.worker.link.launch import IDLE
from clode_core.worker.link.place import PlaceError, private
from clode_core.worker.server import Server


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until nobody needs it; 0 also where another worker serves this folder already."""
    parser = argparse.ArgumentParser(prog="python -m clode_core.worker", description=__doc__)
    parser.add_argument("--folder", required=True, help="private folder for socket, key, lock and log")
    parser.add_argument("--owner", required=True, type=int, help="process to end with")
    parser.add_argument("--idle", type=float, default=IDLE, help="seconds to stay without a connection")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    options = parser.parse_args(arguments)
    try:
        return Server(private(options.folder), options.owner, options.idle, options.device).serve()
    except (PlaceError, OSError) as error:
        print(f"CLODE's worker cannot serve: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
