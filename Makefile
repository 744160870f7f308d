# Assay. `make` alone lists what it can do.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
HOST ?= localhost
PORT ?= 8501

.PHONY: help setup run test check fix samples bench report release clean browser

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/pip.stamp:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "Expected Python 3.11, got: $$("$(PYTHON)" --version 2>&1 || echo none). Install it, or run: make PYTHON=/path/to/python3.11"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: requirements.txt pyproject.toml $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

sample_models/built/.stamp: $(VENV)/run.stamp $(wildcard sample_models/*.py)
	$(BIN)/python -m sample_models.build
	@touch $@

setup: $(VENV)/dev.stamp sample_models/built/.stamp ## Create .venv, install everything, build the samples

run: $(VENV)/run.stamp sample_models/built/.stamp ## Open the dashboard on http://localhost:8501
	@echo "Assay is starting on http://$(HOST):$(PORT)  (Ctrl+C stops it)"
	@$(BIN)/python -m dashboard --host $(HOST) --port $(PORT)

test: setup browser ## Run every test
	@tests/run

check: $(VENV)/dev.stamp ## Check format, lint, types, layers, spelling, supply; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell analyzers dashboard sample_models tests benchmarks docs README.md CHANGELOG.md
	$(BIN)/python .ci/supply_chain.py

fix: $(VENV)/dev.stamp ## Format, and fix what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

samples: $(VENV)/run.stamp ## Rebuild the sample models from their data
	$(BIN)/python -m sample_models.build
	@touch sample_models/built/.stamp

bench: setup ## Run every benchmark side by side with its peers and write a table
	$(BIN)/python -m benchmarks

report: setup ## Audit every sample and write a report for each under reports/
	@# Exit code 1 means findings, which samples are there to show; only 2 is an error.
	$(BIN)/python -m analyzers audit-samples --out reports || [ $$? = 1 ]

release: setup ## Build the wheel and source archive under dist/, with their SHA-256 sums
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	git archive --format=tar.gz --prefix=assay/ --output=dist/assay-source.tar.gz HEAD
	cd dist && sha256sum *.whl *.tar.gz > SHA256SUMS && cat SHA256SUMS

browser: ## Say which browser the browser tests will use
	@tests/find_browser || true

clean: ## Remove what make built: .venv, sample models, caches, reports
	rm -rf $(VENV) sample_models/built reports .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
