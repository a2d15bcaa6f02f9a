# Everything a newcomer types. Needs Python 3.11 or newer, make and a network; no root.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check install clean

install: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another with make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[sim,desk,dev]'
	touch $@

demo: install
	$(BIN)/nest-sim demo

# The tests start a real Mosquitto. Where it is missing this says so and fails, rather than passing without it. Most tests wait for
# sockets and processes, so two run at a time; a whole nest of processes has the computer to itself.
test: install
	@PATH="$$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto >/dev/null || { \
	  echo "make test needs Mosquitto, the real broker that the tests use. Install it: apt-get install mosquitto, or brew install mosquitto."; exit 1; }
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not scenario'
	$(BIN)/python -m pytest -m scenario

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
