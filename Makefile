.DEFAULT_GOAL := help
SHELL := /bin/bash
UV_VERSION := 0.13.9
UV := $(shell command -v uv || echo .uv/bin/uv)
RUN := .venv/bin/python -m
GRAPHS ?= graphs

.PHONY: help env up check test fast integration e2e generate format cluster cluster-down clean

help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet uv==$(UV_VERSION)

env: $(filter .uv/bin/uv,$(UV)) ## Install Graphwarden and its tools into .venv, from the lock
	@$(UV) sync --frozen --quiet --all-extras --compile-bytecode

up: env ## Run the fleet of graphs/ on this machine, on http://127.0.0.1:8123
	.venv/bin/graphwarden up $(GRAPHS)

check: env ## Format, lint, types, imports, generated files and unit tests: under a minute
	@.venv/bin/ruff format --check --quiet . || { echo "run \`make format\`"; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy --no-error-summary operator/graphwarden graphs
	@.venv/bin/lint-imports --no-logo 2>&1 | tail -n 20 ; exit $${PIPESTATUS[0]}
	@$(RUN) graphwarden.api.crd --check crds charts/graphwarden/crds
	@$(RUN) pytest -q -n 2 tests/unit tests/architecture

test: env ## Everything: the checks, then integration and contract tests, then the real cluster
	@tests/cluster/localcluster prebuild
	@$(MAKE) --no-print-directory check integration e2e

integration: env ## Tests with real processes, databases and an API server
	@tests/cluster/localcluster build api || [ -z "$$CI" ]
	@$(RUN) pytest -q tests/integration tests/contract

e2e: env ## Tests on a whole Kubernetes cluster, made in tests/cluster where none is given
	@$(RUN) pytest -q tests/e2e

generate: env ## Write what is generated from the models: crds/ and the chart's copy
	@$(RUN) graphwarden.api.crd crds charts/graphwarden/crds

format: env ## Format and mend what can be mended by a tool
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --fix --quiet .

cluster: ## Start the test cluster and print its KUBECONFIG line
	@tests/cluster/localcluster build && tests/cluster/localcluster up

cluster-down: ## Stop the test cluster
	@tests/cluster/localcluster down

clean: ## Remove what the targets above made in this folder
	rm -rf .venv .uv .graphwarden .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
