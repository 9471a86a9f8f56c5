# make demo   sets itself up, runs a whole simulated clinic, serves it on 127.0.0.1
# make check  everything CI runs
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
ONLY ?=

.PHONY: help demo serve check check-all test attacks fuzz lint format types imports deps docs debian bench lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 12

# The environment is a file that depends on the lock: uv if it is there, else venv + pip.
$(VENV)/.run: requirements.lock pyproject.toml
	@test -x $(BIN)/python || (uv venv -q --python $(PYTHON) $(VENV) 2>/dev/null || $(PYTHON) -m venv $(VENV))
	@if command -v uv >/dev/null; then \
	  uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock; \
	else $(BIN)/python -m ensurepip >/dev/null && $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock; fi
	@$(BIN)/python .ci/install_self.py
	@touch $@

# after an upgrade too: else the first command after it waits for what changed
$(VENV)/.kernels: $(VENV)/.run $(wildcard src/euthymia/kernels/*.py)
	@$(BIN)/python .ci/compile_all.py
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@if command -v uv >/dev/null; then \
	  uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.lock; \
	else $(BIN)/python -m ensurepip >/dev/null && $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock; fi
	@touch $@

demo: $(VENV)/.kernels  ## a simulated clinic, end to end, served on 127.0.0.1 (ARGS=--no-serve: figures only)
	@$(BIN)/euthymia demo $(ARGS)

check: $(VENV)/.dev $(VENV)/.kernels  ## everything CI runs
	@$(MAKE) --no-print-directory -j2 lint imports deps
	@$(MAKE) --no-print-directory -j2 types test

check-all: check  ## check, and the slow tests
	@$(BIN)/pytest -q -n 2 -m "slow" tests
	@EUTHYMIA_EXAMPLES=8 $(BIN)/pytest -q -n 2 -m "not slow" tests/contract/test_features_families.py tests/property

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

format: $(VENV)/.dev  ## rewrite the code in the house format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

types: $(VENV)/.dev
	@$(BIN)/mypy

imports: $(VENV)/.dev
	@$(BIN)/lint-imports --no-cache

deps: $(VENV)/.dev
	@$(BIN)/deptry src

test: $(VENV)/.dev $(VENV)/.kernels debian
	@# a third worker waits less for browsers and servers; what fails is run again to say in full why
	@$(BIN)/pytest -q -n 3 --assert=plain -m "not slow" tests || \
	  { $(BIN)/pytest -q --last-failed --last-failed-no-failures none -m "not slow" tests; exit 1; }

attacks: $(VENV)/.dev $(VENV)/.kernels  ## what an attacker would try (part of check)
	@$(BIN)/pytest -q -n 2 -m "not slow" tests/attacks

fuzz: $(VENV)/.dev  ## fuzz the parsers for two minutes in all, and the API (part of check-all)
	@$(BIN)/pytest -q -n 2 -m slow tests/fuzz

debian: $(VENV)/.dev
	@.ci/debian

docs: $(VENV)/.dev  ## links lead somewhere, every code block runs
	@$(BIN)/pytest -q tests/contract/test_docs.py

bench: $(VENV)/.dev $(VENV)/.kernels  ## one JSON line a claim (ONLY=name for one)
	@$(BIN)/python benchmarks/run.py $(ONLY)

lock: $(VENV)/.dev  ## make the lock files anew
	@uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	@uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
