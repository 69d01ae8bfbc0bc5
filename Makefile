# Everything that a developer types. Each target sets up the environment it needs; nothing has to
# be activated, and nothing is installed again until pyproject.toml changes.

TRAIN  ?= digits
PYTEST ?= -n 2 --dist worksteal

PYTHONS  := python3 python3.13 python3.12 python3.11 python3.14 python
SUITABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help train test lint format bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

train: .venv/.ready ## train a classifier on the bundled digits (TRAIN="…" for another run)
	.venv/bin/chainrule train $(TRAIN)

test: .venv/.ready ## run the tests; warnings are errors (PYTEST="-n 2 -k einsum" for some)
	.venv/bin/python -m pytest $(PYTEST)

lint: .venv/.ready ## check the style and the types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: .venv/.ready ## repair what can be repaired by machine
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv-bench/.ready ## time the library against its peers, in an environment of their own
	.venv-bench/bin/python -m benchmarks

clean: ## remove the environments, caches and builds; runs/ is yours and stays
	rm -rf .venv .venv-bench .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find src tests -type d -name __pycache__ -prune -exec rm -rf {} +

.venv/.ready: extra = dev
.venv-bench/.ready: extra = bench

.venv/.ready .venv-bench/.ready: pyproject.toml
	@python=; for name in $(PYTHONS); do \
	    if $$name -c '$(SUITABLE)' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "chainrule needs Python 3.11 or newer with its venv module; none of these is:" >&2; \
	    echo "  $(PYTHONS)" >&2; \
	    exit 1; \
	fi; \
	echo "setting up $(@D) with $$($$python --version)"; \
	$$python -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$(extra)]'
	@touch $@
