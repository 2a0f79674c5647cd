# `make` alone lists the targets. Everything runs in .venv, which is built from the lock files.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
export PYTHONHASHSEED ?= 0
export MPLBACKEND = Agg
export DO_NOT_TRACK = 1
# small arrays gain nothing from more threads, and on a busy machine their waiting for each other costs a lot
export OPENBLAS_NUM_THREADS ?= 1
# the demo and the tests start many processes; one that may not keep bytecode spends most of its start compiling it
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

$(VENV)/.base: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Driftline needs Python 3.11 or newer; set PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@echo "installing the locked requirements into $(VENV) (about a minute the first time)"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet -r requirements.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.base
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet -r requirements-dev.lock
	@touch $@

install: $(VENV)/.base ## create .venv and install Driftline with its locked requirements
install-dev: $(VENV)/.dev ## the same with the tools that tests and checks need

demo: $(VENV)/.base ## watch real traffic drift: verdicts, one alert, a retraining job (SQLite, no services)
	@$(BIN)/driftline demo $(ARGS)

# The compiled decoder is optional: only whoever asks for it, and tests and benchmarks where cargo is there, wait for it.
NATIVE := monitor/adapters/native
NATIVE_SOURCES := $(wildcard $(NATIVE)/src/*.rs) $(NATIVE)/Cargo.toml $(NATIVE)/Cargo.lock

native: $(VENV)/.native ## compile the fast decoder (needs cargo; everything works without it)

$(VENV)/.native: $(NATIVE_SOURCES) $(VENV)/.base
	@command -v cargo >/dev/null || { echo "cargo is not installed; get it from rustup.rs, or go on without the fast decoder"; exit 1; }
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet 'setuptools>=77' 'setuptools-rust>=1.12,<2'
	@echo "compiling the fast decoder (about half a minute)"
	@rm -f $(NATIVE)/*.so # an extension that may fail to build must not leave the last one in its place
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --reinstall-package driftline -e .
	@$(BIN)/python -c 'import sys; from monitor.adapters.native import compiled_scanner as c; m, why = c(); sys.exit(m is None and "the fast decoder is " + why)'
	@touch $@

native-if-possible: $(VENV)/.dev
	@if command -v cargo >/dev/null; then $(MAKE) --no-print-directory native || echo "going on without the fast decoder"; fi

fuzz: $(VENV)/.dev native-if-possible ## compare the fast decoder with the safe one: make fuzz N=2000000 SEED=0
	@$(BIN)/python -m tests.fuzz -n $(or $(N),2000000) --seed $(or $(SEED),0)

test: check-code native-if-possible ## everything a change must pass: format, lint, types, contracts, docs, all tests
	@$(BIN)/python -m pytest $(T)

check: test ## the same as test

check-code: $(VENV)/.dev ## format, lint, strict types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

unit: $(VENV)/.dev ## the fast tests only (no servers)
	@$(BIN)/python -m pytest tests/unit tests/contracts tests/docs tests/config_mistakes $(T)

format: $(VENV)/.dev ## rewrite the code in the house format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

sim: $(VENV)/.dev ## the whole product against crashes: make sim N=2000, SEED=7 or SCRIPT='write(0, 9); ...'
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(N),--count $(N)) $(if $(SCRIPT),--script '$(SCRIPT)') $(if $(BUG),--bug $(BUG))

differential: $(VENV)/.dev ## our alerts beside a real Alertmanager and promtool: make differential N=200 SEED=0
	@$(BIN)/python -m tests.differential -n $(or $(N),200) --seed $(or $(SEED),0)

golden: $(VENV)/.dev ## rewrite the golden files; review the diff
	@$(BIN)/python -m pytest tests/golden --rewrite-golden

bench: $(VENV)/.dev native-if-possible ## run one benchmark (make bench B=ingest) or all; results in benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks $(B)

chaos: $(VENV)/.dev ## kill consumers while a million events are read, and compare: make chaos KILLS=100 [EVENTS=] [SEED=] [CLIENT=]
	@$(BIN)/python -m tests.chaos --kills=$(or $(KILLS),100) --events=$(or $(EVENTS),1000000) --seed=$(or $(SEED),1) --client=$(or $(CLIENT),kafka-python)

docs: $(VENV)/.base ## regenerate the reference pages (settings, command line, checks, reasons)
	@$(BIN)/python -m docs.generate

lock: ## refresh the lock files after editing pyproject.toml
	@$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header --extra demo pyproject.toml -o requirements.lock
	@$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header --extra demo --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock

clean: ## remove the environment and everything generated
	rm -rf $(VENV) $(NATIVE)/target $(NATIVE)/*.so .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache demo-output

.PHONY: help install install-dev native native-if-possible fuzz demo test check check-code unit format sim differential golden bench chaos docs lock clean
