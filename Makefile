# make demo    see it work             make test    everything that this machine can run
# make fast    while you write         make lint    style, types, import contracts
# make format  lay out the code        make soak    the long runs
# make bench   the figures             make matrix  make test on every Python found
# make coverage  branches not tested   make constraints  new pins
# make screenshots  the pictures in README and docs/page.md
# make docs    the documentation as a site   make clean   remove what make made
#
# PYTHON=python3.12 chooses the interpreter (3.10 or newer); PYTHONS="..." those of the matrix; SOAK_MINUTES=15 how long.

PYTHON ?= python3
SOAK_MINUTES ?= 60
PYTHONS ?= python3.10 python3.11 python3.12 python3.13
VENV ?= .venv

comma := ,
BIN := $(VENV)/bin
CODE := headwater infra tests bench
PYTEST := $(BIN)/python -m pytest
# Not one process a core on large machines: each may keep a Gremlin Server and a Spark beside it, 1.5 GB in all.
PARALLEL := -n auto --maxprocesses 4 --dist worksteal
# Spark and Gremlin Server need Java: without it their tests are skipped and say so, and nothing is installed for them.
JAVA := $(shell java -version >/dev/null 2>&1 && echo yes)
DEV := dev$(if $(JAVA),$(comma)spark)

# Both: newer versions of pip take the pins of build requirements from the second.
export PIP_CONSTRAINT := constraints.txt
export PIP_BUILD_CONSTRAINT := $(PIP_CONSTRAINT)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo docs test tests lint format fast coverage soak bench compat screenshots matrix constraints clean same-python
.DELETE_ON_ERROR:

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

# --- the environment: one stamp for running, one for developing -------------------------------------------------------

# Empty, or the one sentence that says why $(PYTHON) will not do. The checks are valid in any Python ever released.
wrong_python = $(if $(shell command -v "$(PYTHON)" 2>/dev/null),$(wrong_version),no $(PYTHON) was found: $(choose))
wrong_version = $(if $(call python_can,assert sys.version_info >= (3$(comma) 10)),$(no_venv),$(too_old))
no_venv = $(if $(call python_can,import ensurepip; import venv),,$(PYTHON) comes without venv: $(choose))
too_old = Headwater needs Python 3.10 or newer, which $(PYTHON) does not run: $(choose)
choose = install one (on Debian and Ubuntu: python3 and python3-venv) or choose one with make PYTHON=/path/to/python3
python_can = $(shell "$(PYTHON)" -c 'import sys; $(1); print("yes")' 2>/dev/null)

$(BIN)/python:
	$(if $(wrong_python),$(error $(wrong_python)))
	@echo "creating $(VENV) with $$($(PYTHON) --version)"
	@"$(PYTHON)" -m venv "$(VENV)" || { rm -rf "$(VENV)"; exit 2; }

# A PYTHON that somebody names must not be answered with an older environment of another version.
version = $(shell "$(1)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
same-python: | $(BIN)/python
	$(if $(filter $(origin PYTHON),file),,$(if $(filter $(call version,$(PYTHON)),$(call version,$(BIN)/python)),,\
	    $(error $(VENV) holds Python $(call version,$(BIN)/python): make clean first or name another folder with VENV=)))

$(VENV)/run.stamp: pyproject.toml constraints.txt | same-python
	@echo "installing Headwater and what it needs into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | same-python
	@echo "installing Headwater, what it needs and its test tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[$(DEV)]'
	@touch $(VENV)/run.stamp $@

# AWS graph-notebook pins much, so it has an environment of its own, without our pins. Where it cannot be installed the
# tests of its cells are skipped and say so.
$(VENV)/graph-notebook.stamp: $(VENV)/dev.stamp
	@echo "installing AWS graph-notebook into $(VENV)-graph-notebook ..."
	@"$(BIN)/python" -m venv "$(VENV)-graph-notebook"
	@PIP_CONSTRAINT= PIP_BUILD_CONSTRAINT= $(VENV)-graph-notebook/bin/python -m pip install --quiet graph-notebook==5.3.0 \
	    || { rm -rf "$(VENV)-graph-notebook"; echo "graph-notebook could not be installed"; }
	@touch $@

# dbt pins much too. Its version 2 has no OpenLineage, so 1 is named. Without it the test of dbt-ol is skipped.
$(VENV)/dbt.stamp: $(VENV)/dev.stamp
	@echo "installing dbt with DuckDB and OpenLineage into $(VENV)-dbt ..."
	@"$(BIN)/python" -m venv "$(VENV)-dbt"
	@PIP_CONSTRAINT= PIP_BUILD_CONSTRAINT= $(VENV)-dbt/bin/python -m pip install --quiet \
	    dbt-core==1.10.23 dbt-duckdb==1.10.1 openlineage-dbt==1.54.0 \
	    || { rm -rf "$(VENV)-dbt"; echo "dbt could not be installed"; }
	@touch $@

# --- what people type -------------------------------------------------------------------------------------------------

demo: $(VENV)/run.stamp
	@$(BIN)/headwater demo

test: lint tests

tests: $(VENV)/dev.stamp $(VENV)/graph-notebook.stamp $(VENV)/dbt.stamp
	$(PYTEST) $(PARALLEL)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --no-logo

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

fast: $(VENV)/dev.stamp
	FAST=1 $(PYTEST) -q $(wildcard tests/unit tests/golden tests/laws)

# Apart from `make test`: measuring branches makes the pure parts take three times as long.
coverage: $(VENV)/dev.stamp
	$(PYTEST) -q $(PARALLEL) --cov $(wildcard tests/unit tests/golden tests/laws tests/contract)

# First the long tests, and properties with other examples than always, then SOAK_MINUTES of mixed load, kills, slow clients and hostile input on one server.
soak: $(VENV)/dev.stamp
	$(PYTEST) -m soak --timeout 3600
	EXPLORE=1 $(PYTEST) -q $(PARALLEL) tests/laws
	$(BIN)/python -m tests.soak --minutes $(SOAK_MINUTES)

# The documentation as a site, in site/.
docs: $(VENV)/dev.stamp
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet
	@echo "site/index.html; with the search: $(BIN)/python -m http.server --bind 127.0.0.1 --directory site 8000"

bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench

# OpenLineage's public compatibility corpus, of which CORPUS is a copy: one graph, in order, twice and shuffled.
compat: $(VENV)/dev.stamp
	$(BIN)/python -m bench.compat "$(CORPUS)"

# Needs a browser: apt-get install chromium. Look at them before you commit them.
screenshots: $(VENV)/dev.stamp
	$(BIN)/python -m tests.browser.screenshots docs/pictures

# Lint, types and tests with each interpreter in an environment of its own; goes on after a failure; lists at the end.
matrix:
	@mkdir -p .matrix; : > .matrix/result; \
	for python in $(PYTHONS); do \
	    if ! "$$python" -c '' 2>/dev/null; then echo "$$python: not found" >> .matrix/result; continue; fi; \
	    name=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    if $(MAKE) --no-print-directory test PYTHON="$$python" VENV=".matrix/$$name"; \
	    then echo "$$python ($$name): passed" >> .matrix/result; \
	    else echo "$$python ($$name): FAILED" >> .matrix/result; fi; \
	done; \
	echo; cat .matrix/result; grep -q passed .matrix/result && ! grep -q FAILED .matrix/result

# Resolves pyproject.toml anew, for all supported Pythons at once, and writes the newest versions that fit.
constraints:
	$(if $(wrong_python),$(error $(wrong_python)))
	@test -x .pins/bin/uv || { "$(PYTHON)" -m venv .pins && PIP_CONSTRAINT= .pins/bin/python -m pip install --quiet uv; }
	@sed '/^[^#]/,$$d' constraints.txt > .pins/constraints.txt
	@.pins/bin/uv pip compile pyproject.toml --extra dev --extra spark --universal --python-version 3.10 --upgrade --quiet \
	    --no-header --no-annotate --no-emit-package headwater >> .pins/constraints.txt
	@mv .pins/constraints.txt constraints.txt
	@echo "constraints.txt: $$(grep -c == constraints.txt) pins; now: make matrix"

clean:
	rm -rf $(VENV) $(VENV)-graph-notebook $(VENV)-dbt .matrix .pins build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
