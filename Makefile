# Each command makes what it needs, once: a virtual environment in .venv, installed with pinned versions.
#   make demo                   pretrain on real images and compare with raw pixels   (BACKEND=jax|tensorflow|torch)
#   make test                   all tests, on every backend
#   make test-quick             the quick subset, on one backend: torch, on which tests start soonest, or BACKEND
#   make test-alone BACKEND=jax a smoke test in an environment with that backend alone
#   make test-backbones         SimCLR and BYOL on models of KerasHub and zeromodels, on JAX, without TensorFlow
#   make test-keras-cv          the same on a model of keras-cv, which needs TensorFlow
#   make lint                   ruff

QUICK := $(or $(BACKEND),torch)
BACKEND ?= tensorflow
PYTHON ?= python3
JOBS ?= 2
BACKENDS := jax tensorflow torch
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: demo test test-quick test-alone test-backbones test-keras-cv test-% lint clean
.DELETE_ON_ERROR:

$(VENV)/.base:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "keras_sslzoo needs Python 3.11 or newer. Received: " + sys.version.split()[0] + ". Name another with PYTHON=python3.12.")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.backend-%: $(VENV)/.base pyproject.toml constraints.txt
	$(PIP) --editable '.[$*]'
	touch $@

$(VENV)/.dev: $(VENV)/.base pyproject.toml constraints.txt
	$(PIP) --editable '.[jax,tensorflow,torch,dev]'
	touch $@ $(addprefix $(VENV)/.backend-,$(BACKENDS))

demo: $(VENV)/.backend-$(BACKEND)
	KERAS_BACKEND=$(BACKEND) $(BIN)/python examples/demo.py

# one thread a process, two processes: the suites share the cores without fighting for them
test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@for backend in $(BACKENDS); do \
	  echo "== $$backend"; \
	  OMP_NUM_THREADS=1 KERAS_BACKEND=$$backend $(BIN)/python -m pytest -m "not parity" -n $(JOBS) --dist worksteal || exit 1; \
	done
	@echo "== the backends against each other"
	OMP_NUM_THREADS=1 KERAS_BACKEND=jax $(BIN)/python -m pytest -m parity

test-quick: $(VENV)/.dev
	OMP_NUM_THREADS=1 KERAS_BACKEND=$(QUICK) $(BIN)/python -m pytest -m "not parity and not slow" -n $(JOBS) --dist worksteal

test-alone:
	$(PYTHON) -m venv .venv-$(BACKEND)
	.venv-$(BACKEND)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt '.[$(BACKEND)]'
	cd tests/alone && KERAS_BACKEND=$(BACKEND) ../../.venv-$(BACKEND)/bin/python smoke.py

# KerasHub asks for tensorflow-text, which it needs for tokenizers alone: --no-deps leaves it and TensorFlow out
test-backbones:
	$(PYTHON) -m venv .venv-backbones
	.venv-backbones/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt '.[jax]' pytest absl-py kagglehub rich sentencepiece tokenizers
	.venv-backbones/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps keras-hub zeromodels
	KERAS_BACKEND=jax .venv-backbones/bin/python -c 'import keras_hub, zeromodels' # what is absent would be skipped
	OMP_NUM_THREADS=1 KERAS_BACKEND=jax .venv-backbones/bin/python -m pytest tests/methods/test_backbones.py -k 'hub or zeromodels'

test-keras-cv:
	$(PYTHON) -m venv .venv-keras-cv
	.venv-keras-cv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt '.[tensorflow,keras-cv]' pytest
	KERAS_BACKEND=tensorflow .venv-keras-cv/bin/python -c 'import keras_cv'
	OMP_NUM_THREADS=1 KERAS_BACKEND=tensorflow .venv-keras-cv/bin/python -m pytest tests/methods/test_backbones.py -k cv_resnet

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf .venv .venv-* demo build dist
