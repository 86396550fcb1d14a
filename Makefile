# Every target sets up what it needs: an environment is made once, and brought up to date
# when pyproject.toml or the pins change. `make PYTHON=python3.12 …` picks another interpreter.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
PYTEST_ARGS ?=
GRAPH ?= sqlite
BLOBS ?= folder
MINUTES ?= 10

BIN := .venv/bin
STAMP := .venv/.installed
PEERS := .venv-bench/.installed

NEO4J := $(BIN)/python -m tests.services.neo4j
NEO4J_TESTS := tests/services tests/contracts tests/statements tests/browser tests/e2e

.PHONY: help demo test test-neo4j check serve neo4j neo4j-stop bench soak wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(STAMP) ## run the example pipeline on a server of its own; GRAPH=neo4j, BLOBS=s3: on these
	@$(BIN)/python -m examples.digits --graph $(GRAPH) --blobs $(BLOBS)

test: $(STAMP) ## run the tests; PYTEST_ARGS='tests/unit -x' narrows them
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

test-neo4j: $(STAMP) ## the tests that need Neo4j; NEO4J_VERSION=2026.08.1 picks another
	@$(BIN)/python -m pytest $(NEO4J_TESTS) -k "neo4j or Neo4j or cypher or Cypher" $(PYTEST_ARGS)

check: $(STAMP) ## lint, format, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# What the environment sets (see .env.example) wins over these local defaults.
serve: export LINEAGE_GRAPH_URL ?= sqlite://$(CURDIR)/var/graph.db
serve: export LINEAGE_BLOBS_URL ?= file://$(CURDIR)/var/blobs
serve: export LINEAGE_HOST ?= 127.0.0.1
serve: export LINEAGE_PORT ?= 8000
serve: $(STAMP) ## run a server that keeps everything under ./var; its key is in var/admin-key
	@umask 077; mkdir -p var/blobs; test -s var/admin-key \
		|| $(BIN)/python -c 'import secrets; print(secrets.token_hex(20))' > var/admin-key
	@echo "Starting; Ctrl-C stops it. Once it listens on http://$$LINEAGE_HOST:$$LINEAGE_PORT, in another shell:"
	@key='"$$(cat "$(CURDIR)/var/admin-key")"'; test -z "$$LINEAGE_ADMIN_KEY" || key='<your LINEAGE_ADMIN_KEY>'; \
		echo "  export LINEAGE_URL=http://$$LINEAGE_HOST:$$LINEAGE_PORT LINEAGE_API_KEY=$$key"
	@LINEAGE_ADMIN_KEY="$${LINEAGE_ADMIN_KEY:-$$(cat var/admin-key)}" exec $(BIN)/python -m api

neo4j: $(STAMP) ## start a Neo4j that keeps its data under ./var, and leave it running
	@$(NEO4J) start

neo4j-stop: $(STAMP) ## stop that Neo4j; its data stays
	@$(NEO4J) stop

bench: $(STAMP) $(PEERS) ## measure beside peers (own environment); the table goes to docs/performance.md
	@$(BIN)/python -m bench --keep

soak: $(STAMP) ## random, crash and fuzz tests for MINUTES=10, shared among them
	@$(BIN)/python -m pytest -m soak --soak-minutes=$(MINUTES) $(PYTEST_ARGS)

wheel: $(STAMP) ## build the client's wheel into dist/
	@$(BIN)/python -m build --wheel --outdir dist

clean: ## remove build results and caches; keeps the environments and ./var
	rm -rf build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.venv*' -prune -exec rm -rf {} +

# $(call environment,FOLDER): a complete one is kept, half of one is made again.
define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "$(PYTHON) is not Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11"; exit 1; } >&2
@$(1)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(1) \
	|| { rm -rf $(1); echo "$(PYTHON) cannot make a virtual environment: install its venv package" \
	"(Debian, Ubuntu: apt install python3-venv), or name another: make PYTHON=/path/to/python3.11"; exit 1; } >&2
endef

$(STAMP): pyproject.toml constraints.txt
	$(call environment,.venv)
	@echo "setting up .venv (once; a minute or so)"
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[server,demo,dev]'
	@touch $@

$(PEERS): bench/peers.txt
	$(call environment,.venv-bench)
	@echo "setting up .venv-bench (once; the peers are large)"
	@.venv-bench/bin/python -m pip install --quiet -r bench/peers.txt
	@touch $@
