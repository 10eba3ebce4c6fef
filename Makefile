# A machine with Python 3.11 (and its venv module) and make is enough; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# What writes the logs that `make producers` reads, and Stillwatch's extra for PostgreSQL, which .venv goes without.
PRODUCERS := .venv-producers
PRODUCED := $(patsubst %,tests/sources/test_%.py,otlp_producers sdk_recordings litellm_proxy postgres) \
  tests/gateway/doors/test_litellm.py tests/gateway/doors/test_guardrail_api.py
# Where small language models are trained and audited. Torch alone is not locked by hash: which of its builds fits
# depends on the machine (TORCH, and pip's settings, choose another; the CPU's is enough).
SUSPECTS := .venv-suspects
TORCH ?= torch==2.13.0
SUSPECTED := tests/safety_audit/test_small_models.py tests/marks/sampling/test_torch.py tests/marks/sampling/test_vllm.py \
  tests/proving/radioactivity/test_local.py tests/proving/test_small_suspects.py tests/proving/test_students.py

.PHONY: demo test producers suspects check format bench docs lock clean help
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/'

demo: $(VENV)/.run ## make a small labelled traffic, scan it, score the scan, print where the report is
	$(BIN)/stillwatch demo --out demo

test: check ## lint, types, import directions, tests: what CI runs
	$(BIN)/python -m pytest -n 2

producers: $(VENV)/.dev $(PRODUCERS)/.made ## tests on logs that real producers write, and of the gateway in LiteLLM (docs/producers.md); a gigabyte to install
	STILLWATCH_PRODUCERS_PYTHON=$(abspath $(PRODUCERS))/bin/python PYTHONPATH=$(abspath $(PRODUCERS))/postgres:$$PYTHONPATH \
	  $(BIN)/python -m pytest $(PRODUCED)

suspects: $(SUSPECTS)/.made ## small language models, trained here, go through a whole audit (docs/reference-server.md), and mark what they write; a gigabyte to install
	$(SUSPECTS)/bin/python -m pytest $(SUSPECTED)

check: $(VENV)/.dev ## lint, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/lint-imports

format: $(VENV)/.dev ## rewrite the source in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## the tables that the README quotes; those of trained students too, where `make suspects` was
	$(BIN)/python -m bench
	@if [ -x $(SUSPECTS)/bin/python ]; then \
	  $(SUSPECTS)/bin/python -m bench.students && $(SUSPECTS)/bin/python -m bench.marks_distortion; \
	else echo "students are trained, and marks timed, where torch is: make suspects, then make bench again"; fi

docs: $(VENV)/.dev ## rewrite the pages that are made from the code (a test fails when one is stale)
	$(BIN)/python docs/generate.py

lock: $(VENV)/.dev ## resolve the dependencies anew (needs uv)
	./requirements/lock

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Stillwatch needs Python 3.11 or newer: make PYTHON=python3.11 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/run.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(PRODUCERS)/.made: requirements/producers.txt requirements/postgres.txt | $(BIN)/python
	$(PYTHON) -m venv --clear $(PRODUCERS)
	$(PRODUCERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/producers.txt
	$(INSTALL) --require-hashes --target $(PRODUCERS)/postgres -r requirements/postgres.txt
	@touch $@

$(SUSPECTS)/.made: requirements/run.txt requirements/dev.txt requirements/local.txt | $(BIN)/python
	$(PYTHON) -m venv --clear $(SUSPECTS)
	$(SUSPECTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements/run.txt -r requirements/dev.txt -r requirements/local.txt
	$(SUSPECTS)/bin/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(SUSPECTS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean: ## remove what make has made
	rm -rf $(VENV) $(PRODUCERS) $(SUSPECTS) demo bench/out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
