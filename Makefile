# Everything a contributor runs. Needs Python 3.11 or newer and make; the rest goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CHECK_HOME := $(VENV)/dagster-check
LOCK_OPTIONS := --universal --generate-hashes --python-version 3.11 --extra dev --no-emit-index-url

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo dev example test test-fast check format bench lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14

install: $(INSTALLED) ## create .venv with the locked versions

# Done again when the lock or the project file changes.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check
	@touch $@

demo: $(INSTALLED) ## generate the synthetic market, run every stage, show the qualified accounts
	$(BIN)/mqa demo

dev: $(INSTALLED) ## open the Dagster UI on the home directory
	$(BIN)/mqa dev

example: $(INSTALLED) ## run one example: make example NAME=web_logs
	@test -n "$(NAME)" || { echo "Which one? make example NAME=..., out of:"; ls examples; exit 2; }
	$(BIN)/mqa example $(NAME)

# A file's tests share servers and runs, so a file stays with one worker.
test: $(INSTALLED) ## run all tests, on two cores
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

test-fast: $(INSTALLED) ## run the tests that take no more than a few seconds each
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow"

check: $(INSTALLED) ## format, lint, types, architecture, definitions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@mkdir -p $(CHECK_HOME) && printf 'telemetry:\n  enabled: false\n' > $(CHECK_HOME)/dagster.yaml
	VIRTUAL_ENV=$(CURDIR)/$(VENV) DAGSTER_HOME=$(CURDIR)/$(CHECK_HOME) \
		$(BIN)/dg check defs --use-active-venv --no-check-yaml

format: $(INSTALLED) ## let ruff format and fix what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED) ## run the benchmarks against their peers
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

lock: ## resolve the dependencies again into requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --custom-compile-command "make lock" \
		pyproject.toml -o requirements.lock
	@! grep -nE '://' requirements.lock || { echo "the lock must not hold addresses"; exit 1; }

clean: ## remove what was built; data in .mqa stays
	rm -rf $(VENV) build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache spark-warehouse metastore_db derby.log
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
