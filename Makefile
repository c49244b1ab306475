# Two commands do all the set-up: `make demo` and `make test`. Everything lands in .venv and out/.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    := out/demo
BODIES := $(sort $(wildcard meshes/bodies/meshes/*.ply))
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-scatter lint bench dist test-dist fuzz docs docs-clean clean

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

fuzz: $(VENV)/installed-dev ## damaged files for every reader, 10 minutes
	$(BIN)/python -m benchmarks.fuzz_readers --minutes 10

dist: $(VENV)/installed ## wheel and sdist in dist/, the same bytes at every build of a commit
	rm -rf dist
	$(PIP) setuptools
	$(BIN)/python tools/dist.py dist

test-dist: dist ## install both into clean environments and test them there
	$(BIN)/python tools/try_dist.py dist

# Warnings are errors. Notebooks run; one that did not change is taken from docs/_build.
$(VENV)/installed-docs: $(VENV)/installed
	@echo "Installing the documentation tools into $(VENV) ..."
	$(PIP) --editable '.[docs]'
	@touch $@

docs: $(VENV)/installed-docs ## the documentation, notebooks executed, into docs/_build/html
	$(BIN)/python -m sphinx -E --fail-on-warning --keep-going --quiet docs docs/_build/html
	@echo "Open docs/_build/html/index.html in a browser."

docs-clean: ## forget what `make docs` has built and executed
	rm -rf docs/_build

clean: docs-clean ## remove .venv, out/ and caches
	rm -rf $(VENV) out dist .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
