# One command each; `make help` lists them. Everything lives in .venv, made from hash-pinned locks.
SHELL := /bin/bash
# The first interpreter that runs and is 3.11 or 3.12; bin/preflight says what is wrong when there is none.
PYTHON ?= $(shell for p in python3 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && echo $$p && exit; done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install install-dev verify collector test render check bench screenshots clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.runtime: requirements.lock pyproject.toml otel/pyproject.toml
	@PYTHON="$(PYTHON)" bash bin/preflight
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --only-binary :all: -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e . -e ./otel
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --only-binary :all: -r requirements-dev.lock
	@touch $@

install: $(VENV)/.runtime ## Make .venv with what the suite needs to run
install-dev: $(VENV)/.dev ## ... and what its tests and checks need

verify: install ## Drive the embedded testbed, judge every objective, write a report
	$(BIN)/letta-slo verify $(ARGS)

collector: ## Build the collector with Go (1.25 or newer)
	cd otel/collector && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=0.1.0" -o build/otelcol-letta .

test: install-dev ## Install the real parts that the tests need (Debian, root), then check and test everything
	bash tests/run $(ARGS)

check: install-dev ## Lint, types and rendered files, without running anything
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy
	$(BIN)/python tests/render.py --check

render: install-dev ## Write the committed generated files again (reference pages, help texts)
	$(BIN)/python tests/render.py

bench: install-dev ## Measure side by side and print machine, repetitions and spread
	$(BIN)/python -m bench $(ARGS)

screenshots: install-dev ## Draw the committed screenshots again, from stored run folders
	$(BIN)/python tests/screenshots.py docs/runs/20261121-051239-f726

clean: ## Remove .venv and caches; run folders stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
