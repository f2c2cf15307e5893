"""``python -m clode_core.cli``."""

from clode_core.cli.application import main

main()
