PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

$(BIN)/archspec: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev: $(BIN)/archspec
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(VENV)/dev  ## make .venv with everything that development needs

$(VENV)/train: $(BIN)/archspec
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train]'
	@touch $@

demo: $(VENV)/train  ## summarize LeNet-5, and train it on handwritten digits
	$(BIN)/archspec summarize lenet5
	$(BIN)/archspec train lenet5

test: $(VENV)/dev  ## run the tests
	$(BIN)/python -m pytest -n 2

check: $(VENV)/dev  ## lint, types and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest -n 2

docs: $(VENV)/dev  ## write the generated pages of docs/
	$(BIN)/python docs/generate.py

bench: $(VENV)/dev  ## measure speed: archspec's, and that of the modules it makes
	$(BIN)/python tests/benchmarks/speed.py
	$(BIN)/python tests/benchmarks/modules.py
	$(BIN)/python tests/benchmarks/drawing.py

clean:  ## remove what the other targets made
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis

.PHONY: help setup demo test check docs bench clean
