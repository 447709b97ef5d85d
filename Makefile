# `make run` and `make test` do all the set-up on a fresh machine; `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:

# release: what is shipped and measured. quick: for work on the code (see CONTRIBUTING.md).
PROFILE ?= release

VENV := .venv
BIN := $(VENV)/bin
PYTHON_BIN := $(BIN)/python
PIP := $(PYTHON_BIN) -m pip --disable-pip-version-check
STAMPS := $(VENV)/.stamps
REPORTS := target/reports
NODE := tests/node
# Libraries that cannot live with the newest clients, for tests/clients/test_apps.py.
FRAMEWORKS := target/frameworks
EXTENSION := python/tollway/_dataplane.abi3.so

INSTALLED := $(STAMPS)/runtime
BUILT := $(STAMPS)/extension-$(PROFILE)
RUST_SOURCES := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock
LOCKS := runtime build test clients lint
# All crates but the binding, which links against the Python that loads it.
TESTED := protocol records store tokens resilience expression dataplane bench-load bench-micro

# The extension lies in the source tree, so it can be lost without its stamp.
ifeq ($(wildcard $(EXTENSION)),)
$(shell rm -f $(STAMPS)/extension-*)
endif

export VIRTUAL_ENV := $(CURDIR)/$(VENV)

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: $(BUILT) ## build, then serve with the bundled mock provider (ARGS="--config tollway.toml" for your own)
	@exec $(BIN)/tollway serve $(ARGS)

.PHONY: build
build: $(BUILT) ## build .venv/bin/tollway and nothing more

# --- Set-up -----------------------------------------------------------------------------------------------------------

.PHONY: services-run services-test services-bench
services-run services-test services-bench: services-%:
	@scripts/services.sh $*

$(STAMPS)/venv: | services-run
	python=$$(scripts/find-python.sh) && "$$python" -m venv $(VENV)
	mkdir -p $(STAMPS)
	touch $@

# Every lock is installed the same way: nothing but files whose hashes it names.
$(addprefix $(STAMPS)/,$(LOCKS)): $(STAMPS)/%: requirements/%.txt $(STAMPS)/venv
	$(PIP) install --quiet --require-hashes --no-deps -r $<
	touch $@

$(FRAMEWORKS)/.stamp: requirements/frameworks.txt | $(STAMPS)/venv
	$(PYTHON_BIN) -m venv $(FRAMEWORKS)
	$(FRAMEWORKS)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-deps -r $<
	touch $@

# An editable install, so that a change of Python needs no build. PIP_NO_INDEX: whatever is not locked must fail here.
$(BUILT): $(RUST_SOURCES) pyproject.toml $(STAMPS)/runtime $(STAMPS)/build
	PIP_NO_INDEX=1 $(BIN)/maturin develop --locked --profile $(PROFILE)
	rm -f $(STAMPS)/extension-*
	touch $@

$(NODE)/node_modules/.stamp: $(NODE)/package.json $(NODE)/package-lock.json
	cd $(NODE) && npm ci --no-audit --no-fund --loglevel=error
	touch $@

# --- Tests ------------------------------------------------------------------------------------------------------------

.PHONY: test test-rust test-python test-node
test: test-rust test-python test-node ## every test, with all that it needs

test-rust: | services-test
	@mkdir -p $(REPORTS)
	cargo test --locked --no-fail-fast $(addprefix -p tollway-,$(TESTED)) 2>&1 | tee $(REPORTS)/rust.txt

.PHONY: otelcol
otelcol: # OpenTelemetry's collector, for the test of what is exported; nothing where Go is not installed
	@scripts/otelcol.sh

test-python: $(BUILT) $(STAMPS)/test $(STAMPS)/clients $(FRAMEWORKS)/.stamp $(NODE)/node_modules/.stamp | services-test otelcol ## pytest (ARGS="tests/house -k locks" for some)
	@mkdir -p $(REPORTS)
	$(PYTHON_BIN) -m pytest --junitxml=$(REPORTS)/python.xml $(ARGS)

test-node: $(BUILT) $(NODE)/node_modules/.stamp | services-test
	@mkdir -p $(REPORTS)
	cd $(NODE) && npm test --silent -- --test-reporter=spec --test-reporter-destination=stdout \
	  --test-reporter=tap --test-reporter-destination=$(CURDIR)/$(REPORTS)/node.tap

.PHONY: soak
soak: $(BUILT) $(STAMPS)/test | services-test ## minutes of load: memory, tasks and connections must stay flat
	cargo build --locked --release -p tollway-bench-load
	$(PYTHON_BIN) -m pytest -m soak --timeout=3600 $(ARGS)

.PHONY: bench
bench: $(BUILT) $(STAMPS)/test | services-bench ## micro benches, then the load scenarios beside nginx (benches/README.md)
	cargo bench --locked -p tollway-bench-micro
	$(PYTHON_BIN) benches/micro/instructions.py
	cargo build --locked --release -p tollway-bench-load
	$(PYTHON_BIN) benches/run.py $(ARGS)

.PHONY: gate
gate: $(BUILT) $(STAMPS)/test | services-bench ## compare the working tree with a base commit; fails on a regression
	cargo build --locked --release -p tollway-bench-load
	$(PYTHON_BIN) benches/gate.py $(ARGS)

# --- Style ------------------------------------------------------------------------------------------------------------

LINTERS := lint-rustfmt lint-clippy lint-ruff lint-mypy lint-imports lint-deny

.PHONY: lint $(LINTERS)
lint: $(LINTERS) ## every linter and type check

lint-rustfmt:
	cargo fmt --all --check

lint-clippy:
	cargo clippy --locked --workspace --all-targets -- -D warnings

lint-ruff: $(STAMPS)/lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check

lint-mypy: $(STAMPS)/runtime $(STAMPS)/test $(STAMPS)/clients $(STAMPS)/lint
	$(BIN)/mypy

lint-imports: $(STAMPS)/runtime $(STAMPS)/lint
	PYTHONPATH=python $(BIN)/lint-imports --no-cache

lint-deny:
	@if command -v cargo-deny >/dev/null; then cargo deny --locked check; else echo "cargo-deny is not installed: skipped"; fi

.PHONY: fmt
fmt: $(STAMPS)/lint ## format everything
	cargo fmt --all
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

# --- Upkeep -----------------------------------------------------------------------------------------------------------

.PHONY: lock
lock: $(STAMPS)/venv ## make requirements/*.txt anew from pyproject.toml (ARGS=--upgrade for newer releases)
	$(PYTHON_BIN) -m venv target/lock
	target/lock/bin/python -m pip install --quiet 'pip-tools>=7.5,<8'
	target/lock/bin/python scripts/lock.py $(ARGS)

.PHONY: prices
prices: $(STAMPS)/runtime $(STAMPS)/test ## make the bundled price table anew from the locked genai-prices
	$(PYTHON_BIN) scripts/prices.py

.PHONY: clean
clean: ## remove all that was built or installed
	rm -rf $(VENV) target $(NODE)/node_modules $(EXTENSION) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find python tests benches scripts -name __pycache__ -type d -prune -exec rm -rf {} +
