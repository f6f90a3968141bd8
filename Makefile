# Every routine command. `make demo` runs the main job, `make test` passes every test; both set up what they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
MODELS := .venv-models
CLIENTS := .venv-clients
SPARK  := .venv-spark
READY  := $(VENV)/.ready
DATA   ?=
TIME   ?=
TARGET ?=
WORKERS ?= 2

.PHONY: demo test test-models test-clients test-spark lint format bench bench-peers setup system clean

demo: $(READY)  ## release a model of generated card transactions and compare new ones (or DATA=file.parquet TIME=column TARGET=column)
	$(BIN)/python -m holdfast.demo $(if $(DATA),--data "$(DATA)") $(if $(TIME),--time "$(TIME)") $(if $(TARGET),--target "$(TARGET)")

test: $(READY) system  ## every test, the doctests and the examples in the docs
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow_models" --doctest-modules --doctest-glob='*.md' --cov --cov-report=term

test-models: $(MODELS)/.ready  ## conversions of PyTorch, TabNet and TensorFlow models, with these in environments of their own (3 GB)
	XDG_CACHE_HOME="$(abspath $(MODELS))/cache" $(MODELS)/bin/python -m pytest -m slow_models $(addprefix tests/models/test_,torch.py tabnet.py savedmodel.py)

test-clients: $(READY) $(CLIENTS)/.ready  ## the clients of KServe and MLServer, in an environment of their own, against a real server
	HOLDFAST_CLIENTS="$(abspath $(CLIENTS))/bin/python" $(BIN)/python -m pytest tests/serve/test_clients.py

test-spark: $(READY) $(SPARK)/.ready  ## PySpark reads the log, with it in an environment of its own (1 GB; needs Java)
	HOLDFAST_SPARK="$(abspath $(SPARK))/bin/python" $(BIN)/python -m pytest -rs tests/log/test_spark.py

lint: $(READY)  ## style, formatting, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)  ## every quality bar: speed, memory, rates, coverage, baselines; rewrites docs/benchmarks.md
	$(BIN)/python benchmarks/run.py

bench-peers: $(READY)  ## the same job with the peers that install, each in a virtual environment of its own
	$(BIN)/python benchmarks/peers.py

setup: $(READY)

system:  ## Chromium for the browser tests (Debian); says what it installs, and leaves other systems alone
	@bash scripts/system.sh

$(READY): pyproject.toml constraints.txt scripts/vega_bundle.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable ".[sql,serve,otel,alerts,png,sklearn,lightgbm,callable]"
	@touch $@

$(MODELS)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(MODELS)
	$(MODELS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(MODELS)/bin/python -m pip install --quiet --constraint constraints.txt --group test-models --editable ".[tabnet,tensorflow]"
	@touch $@

$(CLIENTS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(CLIENTS)/bin/python -m pip install --quiet --group test-clients
	@touch $@

$(SPARK)/.ready: pyproject.toml
	$(PYTHON) -m venv $(SPARK)
	$(SPARK)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(SPARK)/bin/python -m pip install --quiet --group test-spark
	@touch $@

clean:
	rm -rf $(VENV) $(MODELS) $(CLIENTS) $(SPARK) build dist .pytest_cache .mypy_cache .ruff_cache .coverage* demo-output
