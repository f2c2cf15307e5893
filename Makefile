# Three commands do everything: `make demo`, `make test` and `make docs`. Each makes its own environment in .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Windows open on a screen of their own where Xvfb is installed.
SCREEN := $(if $(shell command -v xvfb-run),xvfb-run -a -s "-screen 0 1600x1000x24")

.PHONY: demo test check docs clean

demo: $(VENV)/installed
	mkdir -p demo
	$(BIN)/clode enhance examples/dark_coffee.png examples/dark_cat.png -o demo --time auto
	$(BIN)/clode ladder examples/dark_coffee.png -o demo/dark_coffee-ladder.png
	@echo "Look at demo/dark_coffee.png, demo/dark_cat.png and demo/dark_coffee-ladder.png"

# Windows and GIMP wait for nothing but themselves; everything else runs in two processes of one thread each.
WINDOWS := tests/gui tests/live tests/gimp
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(WINDOWS:%=--ignore=%)
	$(SCREEN) $(BIN)/python -m pytest $(WINDOWS)

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site, from docs/ into docs/_build/html; a warning is an error.
docs: $(VENV)/installed-dev
	$(BIN)/python -m sphinx -W --keep-going --nitpicky -q -b html docs docs/_build/html
	$(BIN)/python docs/check_links.py docs/_build/html
	@echo "Open docs/_build/html/index.html"

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) demo dist build docs/_build docs/_generated
