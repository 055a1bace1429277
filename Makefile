# `make run` and `make test` do all the set-up themselves, in .venv. PYTHON chooses the interpreter.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.10 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?= $(BIN)/python -m pytest
# Most tests wait for servers, so two at a time take little more than half of the time; a file's tests stay together.
WORKERS ?= 2
ARGS ?=

.PHONY: run lint test tables image model reliability soak mutants fuzz bench clean clean-data

run: $(VENV)/.run
	exec $(BIN)/docker-registry-swift demo --data demo-data $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pip check --disable-pip-version-check

test: lint
	$(PYTEST) -n $(WORKERS) --dist loadfile $(ARGS)

# Writes the tables of options in docs/ from the tables of the code, which a test compares.
tables: $(VENV)/.test
	$(BIN)/python -m tests.tables

# Builds the container image on a Debian that is made for it, and starts it: as root, minutes.
image: $(VENV)/.test
	$(PYTEST) tests/image $(ARGS)

# Searches the largest scenes of garbage collection's model: tens of minutes.
model: $(VENV)/.test
	GC_MODEL=long $(PYTEST) -s --timeout=7200 tests/maintenance/gc/test_model.py $(ARGS)

# All that docs/reliability.md has figures of, printed as it goes: hours.
reliability: $(VENV)/.test
	RELIABILITY=whole $(PYTEST) -s --timeout=7200 tests/reliability $(ARGS)
	GC_MODEL=long $(PYTEST) --timeout=7200 tests/maintenance/gc/test_model.py tests/drivers/test_writers_meet.py \
		tests/distribution/storage/test_races.py tests/distribution/storage/test_endings.py

# Half an hour of mixed load with faults; SOAK says another number of seconds.
SOAK ?= 1800
soak: $(VENV)/.test
	SOAK=$(SOAK) $(PYTEST) -s --timeout=$$(($(SOAK) + 900)) tests/reliability/test_soak.py $(ARGS)

# Breaks the code on purpose; the tests that docs/spec.md names must notice.
mutants: $(VENV)/.test
	$(BIN)/python -m tests.mutants $(ARGS)

# Hostile input, so often over sockets and to each parser; says how many. Some Pythons have no atheris.
FUZZ_INPUTS ?= 20000
fuzz: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check schemathesis
	-$(BIN)/pip install --quiet --disable-pip-version-check --only-binary :all: atheris
	FUZZ_INPUTS=$(FUZZ_INPUTS) $(PYTEST) -s --timeout=7200 tests/fuzz $(ARGS)
	FUZZ_INPUTS=$(FUZZ_INPUTS) $(BIN)/python -m tests.fuzz

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks $(ARGS)

clean:
	rm -rf $(VENV) .tox build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The images of `make run`.
clean-data:
	rm -rf demo-data

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.10 or newer found; install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "$(PYTHON) is not Python 3.10 or newer; name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.run: setup.cfg setup.py | $(BIN)/python
	@echo "Installing what the registry needs into $(VENV): a minute or more, once."
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -e '.[registry,embedded]'
	touch $@

$(VENV)/.test: setup.cfg setup.py | $(BIN)/python
	@echo "Installing what the tests need into $(VENV): a minute or more, once."
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -e '.[registry,embedded,clouds,keystone,otel,redis,test]'
	touch $@ $(VENV)/.run
