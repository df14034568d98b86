# make limits   the quick mass scan and its figures, in results/
# make test     the whole test suite
# Both create .venv from the pinned requirements.txt first; `make setup` does only that.

PYTHON ?= python3
JOBS ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
RESULTS ?= results
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# The file pins everything, so pip has nothing to resolve (half the time of a set-up).
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps

# A basf2 release exports PYTHONPATH: its numpy would come before the pinned one.
unexport PYTHONPATH
unexport PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help setup limits figures test bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-9s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED) ## create .venv with the pinned requirements and this project

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "make: $(PYTHON) is missing or older than Python 3.11; try PYTHON=python3.11" >&2; \
	    exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --no-compile --require-hashes -r requirements.txt
	$(PIP_INSTALL) --no-build-isolation -e .
	@touch $@

limits: $(INSTALLED) ## quick mass scan of the 2017 study, with figures
	$(BIN)/alpenglow scan --preset belle2-2017 --quick --out $(RESULTS) --jobs $(JOBS)
	$(BIN)/alpenglow figures $(RESULTS)

figures: $(INSTALLED) ## redraw the figures of a results folder
	$(BIN)/alpenglow figures $(RESULTS)

test: $(INSTALLED) ## the whole test suite (PYTEST_ARGS="-m 'not slow'" for less)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

bench: $(INSTALLED) ## events per second, against plain numpy
	$(BIN)/python -m tests.bench

clean: ## remove .venv and caches, keep results
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
