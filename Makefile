# Two commands do all the set-up: `make demo` and `make test`. Everything lands in .venv and out/.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    := out/demo
BODIES := $(sort $(wildcard meshes/bodies/meshes/*.ply))
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-scatter lint bench clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing gaugeconv into $(VENV) (PyTorch is the large part) ..."
	$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo "Installing the development tools into $(VENV) ..."
	$(PIP) --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed ## install, segment a bundled body, measure accuracy and gauge error
	$(BIN)/gaugeconv segment $(firstword $(BODIES)) --out $(OUT)/ --view
	@echo; echo "Accuracy on the bundled bodies, none of which was trained on:"
	$(BIN)/gaugeconv evaluate meshes/bodies --split test
	@echo; echo "How far the output moves when every tangent frame is redrawn at random:"
	$(BIN)/gaugeconv verify $(firstword $(BODIES)) --samples 4
	@echo; echo "Open the .html file in $(OUT)/ in a browser and turn the body."

lint: $(VENV)/installed-dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Annotations, array shapes included, are checked in all calls but those that are wrong on purpose.
test: lint ## install with the development tools, then linter, type check and tests
	GAUGECONV_CHECK_SHAPES=1 $(BIN)/pytest -n auto -m "not unchecked"
	$(BIN)/pytest -m unchecked

# torch-scatter has no wheels: it is compiled against the installed PyTorch, which takes minutes.
$(VENV)/installed-scatter: $(VENV)/installed-dev
	@echo "Building torch-scatter (about 6 minutes the first time) ..."
	$(PIP) setuptools wheel
	$(PIP) --no-build-isolation torch-scatter
	@touch $@

test-scatter: $(VENV)/installed-scatter ## build torch-scatter and run the tests of its backend
	$(BIN)/pytest -n auto -m scatter

bench: $(VENV)/installed-dev ## the measurements of benchmarks/ that need no data
	$(BIN)/python -m benchmarks

clean: ## remove .venv, out/ and caches
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
