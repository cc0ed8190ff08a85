# Every target does its own set-up: Python 3.11 or newer and make are all it takes.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# The first interpreter that is new enough: a machine may call it python3.11 or only python3.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
SOURCES := fleetdns tests
# Twice as many as there are cores: leases, watches and processes are waited for.
WORKERS ?= 4
# Files in their own order: by the number of their tests, one with a single long story would come last.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q
# Lock files name versions and hashes, never where they came from.
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: help demo test test-faults test-long test-unit check lint type bench bench-takeover rights alerts fmt lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "fleetdns needs Python 3.11 or newer on the PATH (or: make PYTHON=/path/to/python3.11)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python could not make a virtual environment; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# --no-deps with --require-hashes: what is installed is exactly what the lock file names.
$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(BIN)/python
	@echo "installing fleetdns and its embedded servers into $(VENV)" >&2
	@$(PIP) --require-hashes --no-deps -r requirements/demo.txt
	@echo "$(CURDIR)" > $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/fleetdns-checkout.pth
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.demo
	@echo "installing the tools for tests and checks into $(VENV)" >&2
	@$(PIP) --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.demo ## run the whole story on embedded servers; ends by itself
	@$(BIN)/python -m fleetdns demo --once

# A real kube-apiserver is built on first use, in about five minutes. Where that cannot be, `test` runs all the rest and
# says so at its end; `check` accepts no such gap.
test: $(VENV)/.dev ## all tests but the long ones and the faults; on the embedded servers and on a real kube-apiserver
	@if $(BIN)/python -m tests.apiserver.build >/dev/null; then \
		$(PYTEST) -m "not faults and not long"; \
	else \
		$(PYTEST) -m "not faults and not long and not realapi"; \
		$(BIN)/python -m tests.apiserver.build >/dev/null || { \
			echo "the tests on a real API server did not run: the line above says why and what to do" >&2; \
			[ -z "$(REAL_IS_REQUIRED)" ]; }; \
	fi

test-faults: WORKERS = 2
test-faults: $(VENV)/.dev ## break real kube-apiservers under what runs, and walk through the fleet on three; takes minutes
	@$(BIN)/python -m tests.apiserver.build >/dev/null
	@$(PYTEST) -m faults tests/faults tests/fleet

test-long: $(VENV)/.dev ## take each right away, apply every manifest, upgrade and go back, take over: minutes
	@$(BIN)/python -m tests.apiserver.build >/dev/null
	@$(PYTEST) -m "long and not faults"

test-unit: WORKERS = 2
test-unit: $(VENV)/.dev ## the quick tests: no server, no process
	@$(PYTEST) -m "not thorough and not long" tests/core tests/api tests/runtime tests/controllers tests/member

check: REAL_IS_REQUIRED := yes
check: lint type test test-long test-faults ## all that CI asks

lint: $(VENV)/.dev ## ruff, import contracts, Dockerfile
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/lint-imports --config .importlinter
	@$(BIN)/hadolint Dockerfile

type: $(VENV)/.dev ## mypy --strict
	@$(BIN)/mypy

bench: $(VENV)/.dev ## every benchmark but the takeovers, into docs/benchmarks.md and the pages it links; 20 minutes
	@$(BIN)/python -m tests.bench

bench-takeover: $(VENV)/.dev ## how long a takeover takes, into docs/takeover.md; 20 minutes
	@for times in "6 1" "30 5"; do for server in "virtual --rounds 1000" "real --rounds 20"; do \
		set -- $$times; \
		$(BIN)/python -m tests.bench.takeover --server $$server --lease-duration $$1 --lease-renew-interval $$2; \
	done; done

rights: $(VENV)/.dev ## the tables of rights, into docs/rights.md
	@$(BIN)/python -m tests.rights.table

alerts: $(VENV)/.dev ## play every alert with promtool (Debian: package prometheus)
	@$(BIN)/python -m tests.manifests.alerts

fmt: $(VENV)/.dev ## format and sort imports
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix --select I $(SOURCES)

lock: $(VENV)/.dev ## make the requirement files anew from pyproject.toml
	@$(PIP) pip-tools
	@$(COMPILE) --output-file requirements/run.txt pyproject.toml
	@$(COMPILE) --extra emulators --output-file requirements/demo.txt pyproject.toml
	@$(COMPILE) --extra emulators --extra dev --output-file requirements/dev.txt pyproject.toml

clean: ## remove what the other targets made
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
