# Every target sets up what it needs in .venv from nothing, and is quick when nothing changed.
#   make demo                     see it run
#   make test ARGS="-k retry"     ARGS go to pytest
#   make PYTHON=python3.12 test   which Python .venv is made with, when there is none yet

BIN := .venv/bin
PYTHON ?=
export PYTHON
ARGS ?=
# The installed environment is current while these are older than the stamp.
MEMBERS := $(wildcard src/*/pyproject.toml contrib/*/pyproject.toml)
CODE := $(wildcard src contrib tests benchmarks examples)
# CI runs the slow tests too; at the desk `make test-all` does.
TESTS := $(if $(filter true,$(CI)),test-all,test-fast)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-all lint format bench pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What the demo needs and no more: the core, the store and the example's numpy.
.venv/.demo-stamp: constraints.txt src/synapse_core/pyproject.toml src/synapse_store/pyproject.toml scripts/venv
	@scripts/venv -c constraints.txt -e ./src/synapse_core -e ./src/synapse_store numpy
	@touch $@

# All members and tools: more than the demo needs, so that one is current too.
.venv/.dev-stamp: requirements-dev.txt constraints.txt $(MEMBERS) scripts/venv
	@scripts/venv -r requirements-dev.txt
	@touch .venv/.demo-stamp $@

setup: .venv/.dev-stamp ## all members, editable, and the tools, in .venv

demo: .venv/.demo-stamp ## run the example pipeline, kill it while it trains, and resume it
	@$(BIN)/python examples/demo.py

test: $(TESTS) ## the fast tests; with CI=true all of them

test-fast: .venv/.dev-stamp
	$(BIN)/python -m pytest $(ARGS)

test-all: .venv/.dev-stamp ## all tests, slow ones too
	$(BIN)/python -m pytest -m "" $(ARGS)

lint: .venv/.dev-stamp ## ruff, formatting, mypy --strict, rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

format: .venv/.dev-stamp ## let ruff format and repair what it can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: .venv/.dev-stamp ## measure the core against the figures asked for
	$(BIN)/python -m benchmarks core $(ARGS)

# A fresh environment without the old pins tells what resolves today; the oldest Python, what all of them can install.
pins: ## renew constraints.txt
	rm -rf .venv-pins && $${PYTHON:-python3.11} -m venv .venv-pins
	grep -v '^-c ' requirements-dev.txt > .venv-pins/requirements.txt
	.venv-pins/bin/pip install --quiet -r .venv-pins/requirements.txt
	.venv-pins/bin/pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==' | LC_ALL=C sort -f > constraints.txt
	rm -rf .venv-pins

clean: ## remove .venv and everything that tools left behind
	rm -rf .venv .venv-pins .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
