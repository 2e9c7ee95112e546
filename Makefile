# Two commands do everything on a machine with Python 3.11+ and make: `make run` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ADDRESS ?= 127.0.0.1
PORT   ?= 8501
# What Python compiles it keeps, wherever that is turned off: the tests start many processes, a second each without.
export PYTHONDONTWRITEBYTECODE :=
SPACE  := $(subst ,, )

.DEFAULT_GOAL := help
.PHONY: help run check test soak bench look lint types unit guards record peers clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.installed  ## the dashboard on http://127.0.0.1:8501
	@$(BIN)/python -m evaluators import --if-missing
	@echo "Plumbline: http://$(ADDRESS):$(PORT)"
	@$(BIN)/python -m dashboard run --address $(ADDRESS) --port $(PORT)

check: $(VENV)/.tested  ## lint, types and unit tests, under a minute
	@$(MAKE) --no-print-directory -j 3 lint types unit

test: $(VENV)/.tested  ## everything that guards the product: lint, types, unit, page and browser tests
	@$(MAKE) --no-print-directory -j 3 lint types guards

soak: $(VENV)/.tested  ## the long simulations of which `make test` runs small ones (an hour or so)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m soak
	@$(BIN)/python -m tests.maintain self-test

unit: $(VENV)/.tested  ## the tests that reach for no model library, process, port or browser (see tests/unit.py)
	@$(BIN)/python -m pytest -p tests.unit -n 2 --dist loadfile -q -rfE -m "not bench and not peers and not soak and not slow"

guards: $(VENV)/.tested  ## all tests but those of bench, peers and soak
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not bench and not peers and not soak"

lint: $(VENV)/.tested  ## ruff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.tested  ## mypy --strict
	@$(BIN)/mypy

bench: $(VENV)/.tested  ## ratios against the alternatives, in one run (FROM=a results checkout, AGAINST=a commit, SCALE=100)
	@$(BIN)/python -m tests.bench $(if $(FROM),--from $(FROM)) $(if $(AGAINST),--against $(AGAINST)) $(if $(SCALE),--scale $(SCALE))

look: $(VENV)/.tested  ## pictures of every page, three widths, light and dark, both languages, in build/look
	@$(BIN)/python -m tests.look

peers: $(VENV)/.tested  ## real servers and frameworks in environments of their own, and the tests of them (two hours, once; PEERS="infinity ctranslate2")
	@$(BIN)/python -m tests.peers $(PEERS)
	@$(BIN)/python -m pytest -m peers $(if $(PEERS),-k "$(subst $(SPACE), or ,$(strip $(PEERS)))") tests/peers

clean:  ## remove what the other commands made
	rm -rf $(VENV) .peers build data/*.duckdb data/*.duckdb*.lock data/*.published.json .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Plumbline needs Python 3.11 or later; name one with PYTHON=, as in: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "This Python cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: requirements.txt | $(BIN)/python
	@echo "Installing what the dashboard and the evaluators need (once; a few minutes) ..."
	@$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.tested: requirements-dev.txt requirements.txt $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@$(BIN)/python -m tests.browser --install
	@touch $@
