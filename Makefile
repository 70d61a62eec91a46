# Dockline. `make demo` is all that a new machine needs: python3, make and git are enough to start from.

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
PYTEST = $(BIN)/python -m pytest -p tests.ci_plugin -p tests.serial_lines
# Each file's tests stay in one process: what a file starts is started once. Files keep their order: those that take minutes come first (tests/conftest.py).
BESIDE = -n 2 --dist loadfile --no-loadscope-reorder
CHECKED = benchmarks central contracts docs/how-to/example_driver drivers firmware_sims gateway tests tools dockline.py

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo test test-fast check bench accuracy stress soak chaos simulate fuzz bench-routing docs lock

help:           ## show the targets
	@sed -n 's/^\([a-z-]*\): .*## /  make \1|/p; s/^\([a-z-]*\):  *## /  make \1|/p' $(MAKEFILE_LIST) | sort -u | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

setup:          ## make .venv with everything the demo needs
	@$(PYTHON) tools/bootstrap.py demo

setup-test:     ## add what the tests need: packages, servers, browser
	@$(PYTHON) tools/bootstrap.py system test

demo: setup     ## run the simulated warehouse: make demo ARGS="--for 60s --no-browser --report report.json"
	@$(BIN)/dockline demo $(ARGS)

test: setup-test ## run all tests against real servers and a real browser
	@$(PYTEST) $(BESIDE) $(ARGS)

test-fast: setup-test ## run the tests that take less than a second each
	@HYPOTHESIS_PROFILE=fast $(PYTEST) $(BESIDE) -m "not slow" $(ARGS)

check: setup-test ## format, lint, types, layers, tidiness
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTEST) -q tests/tidy

bench: setup-test ## measure, beside peers in the same run; writes benchmarks/results/*.json
	@$(BIN)/python -m benchmarks $(ARGS)

accuracy: setup ## how often a dock door is right: make accuracy ARGS="--captures FOLDER --rounds 20"; writes benchmarks/results/accuracy.json
	@$(BIN)/python -m benchmarks.accuracy $(ARGS)

bench-routing: setup ## solve routing instances: make bench-routing DIR=/path/to/instances OPTIMA=/path/to/optima.csv
	@$(BIN)/python -m benchmarks.routing --dir "$(DIR)" --optima "$(OPTIMA)" $(ARGS)

stress: setup-test ## the stock ledger under fire: make stress ARGS="--operations 100000"; writes benchmarks/results/stress.json
	@$(BIN)/python -m benchmarks.stress $(ARGS)

simulate: setup-test ## outbox, wire and ingest in virtual time, seed by seed: make simulate ARGS="--seeds 5000 --first 1"
	@$(BIN)/python -m tests.simulation $(ARGS)

fuzz: setup-test ## generated and mutated inputs for every parser: make fuzz ARGS="--for 60s --json FILE"
	@$(BIN)/python -m tests.fuzz $(ARGS)

soak: setup-test ## devices unplugged thousands of times: make soak ARGS="--cycles 10000 --json FILE"
	@$(BIN)/python -m benchmarks.soak $(ARGS)

chaos: setup-test ## real programs under random faults: make chaos ARGS="--faults 20 --seed 7 --json FILE"
	@$(BIN)/python -m benchmarks.chaos $(ARGS)

docs: setup-test ## write the generated reference pages, schemas and the README's requirement table
	@$(BIN)/python -m tools.docs $(ARGS)

lock: setup     ## resolve requirements/*.txt anew; ARGS=--upgrade takes newer versions
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/lock.py $(ARGS)
