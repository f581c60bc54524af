# Two commands on a machine that has Python >= 3.11, make and a package index:
#   make demo    shows events arriving, on a page where things can be broken
#   make test    passes all tests that need no outside server
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

help: ## Show this text
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/.ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "eventing-alibaba needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V 2>&1); say which: make PYTHON=python3.12 ..."; exit 1; }
	@# Another Python than the one it was made with would be mixed into it, and nothing would start.
	@which='import sys; print(sys.base_prefix, sys.version)'; \
	test "$$($(BIN)/python -c "$$which" 2>/dev/null)" = "$$($(PYTHON) -c "$$which")" || rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

env: .venv/.ready ## Make .venv with everything that tests and checks need

# A tenth of what tests and checks need, so that one who only wants to see it does not wait for the
# rest: the locked packages of a user, and of the lock for developers what builds an editable install.
.venv/.demo: requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "eventing-alibaba needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) -V 2>&1); say which: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@awk 'function end() { if (block ~ /^(hatchling|editables)==|#[^\n]*hatchling/) printf "%s", block } /^[^ #]/ { end(); block = "" } { block = block $$0 "\n" } END { end() }' requirements/dev.txt > .venv/build.txt
	@# Python's own pip spares the seconds that it takes to install another one.
	@pip="$(PYTHON) -m pip --python $(BIN)/python"; \
	$$pip --version >/dev/null 2>&1 || { $(PYTHON) -m venv .venv; pip="$(BIN)/python -m pip"; }; \
	echo "installing the locked packages of requirements/runtime.txt ..."; \
	$$pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements/runtime.txt -r .venv/build.txt; \
	$$pip install --quiet --disable-pip-version-check --no-compile --no-deps --no-build-isolation -e .
	@touch $@

demo: .venv/.demo ## Show events arriving, and a page to break things; ARGS=--once counts 1000
	@$(BIN)/eventing-alibaba demo $(ARGS)

# Tests start hundreds of processes, and each would compile all that it imports where the environment
# forbids to keep what was compiled, as images of Python do.
test test-real soak: export PYTHONDONTWRITEBYTECODE :=

# More tests at once than cores, since most of their time they wait: for the end of a lease, of a poll.
test: .venv/.ready ## All tests that need no outside server
	$(BIN)/pytest -n 8 --dist worksteal $(ARGS)

.venv/.browser: .venv/.ready requirements/browser.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/browser.txt
	@touch $@

test-real: .venv/.browser ## Tests against real servers; installs what the machine lacks
	bash tests/real/install.sh
	$(BIN)/pytest tests/real $(ARGS)

soak: .venv/.ready ## The crash tests at full size
	bash tests/real/install.sh
	SOAK=1 $(BIN)/pytest tests/flow tests/real -m soak $(ARGS)

bench: .venv/.ready ## Measure against other forwarders; ARGS="--records 1000000"
	bash tests/real/install.sh
	$(BIN)/python -m benchmarks.kafka $(ARGS)

docs: .venv/.ready ## Build the site into docs/_build/html
	$(BIN)/sphinx-build -q -W -n --keep-going -b html docs docs/_build/html

check: .venv/.ready ## Lint, format, types, layers, spelling, generated files, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/python -m tests.check_lock
	$(BIN)/python -m eventing_alibaba_operator.crd --check
	$(BIN)/python -m eventing_alibaba.sources.rocketmq.proto.generate --check
	$(MAKE) --no-print-directory docs

LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line --upgrade

lock: .venv/.ready ## Lock the newest versions that pyproject.toml allows
	$(LOCK) pyproject.toml --all-extras --group dev -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra kafka --extra mns --extra rocketmq -c requirements/dev.txt -o requirements/runtime.txt
	$(LOCK) pyproject.toml --extra ram -c requirements/dev.txt -o requirements/ram.txt
	$(LOCK) pyproject.toml --extra operator -c requirements/dev.txt -o requirements/operator.txt
	$(LOCK) --group pyproject.toml:browser -c requirements/dev.txt -o requirements/browser.txt

clean: ## Remove what the targets made
	rm -rf .venv docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help env demo test test-real soak bench docs check lock clean
