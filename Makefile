.DEFAULT_GOAL := help
SHELL := /bin/bash
UV_VERSION := 0.13.9
UV := $(shell command -v uv || echo .uv/bin/uv)
RUN := .venv/bin/python -m
GRAPHS ?= graphs
REASONS := clients/typescript/src/reasons.ts
# Each of their files has processes and databases of its own.
APART := tests/integration/worker/ tests/integration/storage/ tests/integration/savers/

.PHONY: help env up demo check client test fast integration e2e eval bench kill-sends sieve reports generate chart-docs sbom audit format cluster cluster-down clean

help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet uv==$(UV_VERSION)

env: $(filter .uv/bin/uv,$(UV)) ## Install Graphwarden and its tools into .venv, from the lock
	@$(UV) sync --frozen --quiet --all-extras --compile-bytecode

up: env ## Run the fleet of graphs/ on this machine, on http://127.0.0.1:8123
	.venv/bin/graphwarden up $(GRAPHS)

demo: env ## A day of the sales workflows on real servers, told as a story; needs Java
	@PYTHONPATH=tests $(RUN) demo --output $${OUTPUT:-text}

check: env ## Format, lint, types, imports, generated files and unit tests: under a minute
	@.venv/bin/ruff format --check --quiet . || { echo "run \`make format\`"; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy --no-error-summary operator/graphwarden graphs
	@.venv/bin/lint-imports --no-logo 2>&1 | tail -n 20 ; exit $${PIPESTATUS[0]}
	@$(RUN) graphwarden.api.crd --check crds charts/graphwarden/crds
	@$(RUN) graphwarden.api.reference --check docs/reference.md
	@$(RUN) graphwarden.api.typescript --check $(REASONS)
	@$(RUN) graphwarden.api.values --check charts/graphwarden/values.schema.json
	@$(RUN) pytest -q -n 2 -m "not integration" tests/unit tests/architecture graphs

client: ## Format, lint, types and unit tests of the TypeScript client, which needs Node 20 and npm
	@cd clients/typescript && npm ci --silent --no-audit --no-fund --ignore-scripts && npm run --silent lint && npm test --silent

test: env ## Everything: the checks, then integration and contract tests, then the real cluster
	@tests/cluster/localcluster prebuild
	@$(MAKE) --no-print-directory check integration e2e

integration: env ## Tests with real processes, databases and an API server
	@tests/cluster/localcluster build api || [ -z "$$CI" ]
	@$(RUN) pytest -q $(filter-out $(APART),$(wildcard tests/integration/*/))
	@$(RUN) pytest -q -n 2 --dist loadfile $(APART) tests/contract
	@$(RUN) pytest -q -n 2 --dist loadfile -m integration graphs

e2e: env ## Tests on a whole Kubernetes cluster, made in tests/cluster where none is given
	@$(RUN) pytest -q tests/e2e

eval: env ## How good the classifiers are on held-out examples: make eval, or OPTIONS="classify_reply --output json"
	@$(RUN) graphs.sales.evaluation $(OPTIONS)

bench: env ## What a run costs on a worker, in the router and on other servers, how soon it starts; 10 000 parked threads
	@PYTHONPATH=tests $(RUN) bench.worker
	@PYTHONPATH=tests $(RUN) bench.router
	@PYTHONPATH=tests $(RUN) bench.start
	@PYTHONPATH=tests $(RUN) bench.parked

chaos: env ## Kill workers a thousand times in every way there is, and check what is left of their runs
	@PYTHONPATH=tests $(RUN) chaos --kills $${KILLS:-1000} --minutes $${MINUTES:-60} --report .graphwarden/chaos.json

kill-sends: env ## Kill a send of mail before each of its lines, and count the mails
	@PYTHONPATH=tests $(RUN) killpoints --step $${STEP:-1} --report .graphwarden/killpoints.json

sieve: env ## Kill the operator before and after every write, and disturb all that it sees
	@tests/cluster/localcluster build api
	@PYTHONPATH=tests $(RUN) sieve --report .graphwarden/sieve.json

reports: env ## What kube-score and checkov say of the rendered chart, where they are installed
	@PYTHONPATH=tests $(RUN) reports

sbom: env ## Write the bill of materials of each image to dist/, as CycloneDX, from the lock
	@mkdir -p dist
	@for extra in operator router worker; do \
	  extras="--extra $$extra"; [ $$extra = worker ] && extras="$$extras --extra graphs"; \
	  $(UV) export --frozen --quiet --no-dev $$extras --format cyclonedx1.5 --preview-features sbom-export --output-file dist/sbom-$$extra.cdx.json >/dev/null || exit 1; \
	  echo dist/sbom-$$extra.cdx.json; \
	done

audit: env ## Ask osv.dev whether what the images hold has known weaknesses; needs the internet
	@$(UV) audit --frozen --no-dev --preview-features audit

generate: env ## Write what is generated from the models: crds/, the chart's copy, its schema, the reference, the client's errors
	@$(RUN) graphwarden.api.crd crds charts/graphwarden/crds
	@$(RUN) graphwarden.api.reference docs/reference.md
	@$(RUN) graphwarden.api.typescript $(REASONS)
	@$(RUN) graphwarden.api.values charts/graphwarden/values.schema.json

chart-docs: ## Write the chart's README from its values; needs Go
	@cd tests/integration/chart && go tool helm-docs --chart-search-root=../../../charts/graphwarden --sort-values-order=file --log-level=warning

format: env ## Format and mend what can be mended by a tool
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --fix --quiet .

cluster: ## Start the test cluster and print its KUBECONFIG line
	@tests/cluster/localcluster build && tests/cluster/localcluster up

cluster-down: ## Stop the test cluster
	@tests/cluster/localcluster down

clean: ## Remove what the targets above made in this folder
	rm -rf .venv .uv .graphwarden .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
