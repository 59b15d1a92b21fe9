# Two commands on a fresh machine: `make demo` and `make test`. Only Python >= 3.11 and make are needed.
VENV ?= .venv
PY   := $(VENV)/bin/python
RUN  := $(VENV)/bin

.PHONY: demo test test-fast test-long test-region fuzz api-long coverage check audit lock bench format clean
demo: $(VENV)/installed
	$(RUN)/bms demo $(ARGS)

# Compiled modules are kept whatever the environment says: many tests start processes. A file stays
# on one worker: what its tests share is made once. Three workers on two processors: tests that wait
# for real processes leave theirs to the others.
PYTEST := PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test: $(VENV)/installed-test
	$(PYTEST) --durations=20 $(ARGS)

# What needs no process, no connection and no quarter of a second each, the properties on a fifth of their examples.
test-fast: $(VENV)/installed-test
	sh tools/test-fast $(PY) $(ARGS)

test-long: $(VENV)/installed-test
	BMS_TESTS=long $(PYTEST) $(ARGS)

# Three databases, six workers, kills for ten minutes: real processes.
test-region: $(VENV)/installed-test
	BMS_TESTS=long $(PY) -m pytest tests/system/region/test_small_region.py $(ARGS)

# Every parser of bytes from outside, as many examples as ARGS says (make fuzz ARGS=20000).
fuzz: $(VENV)/installed-test
	BMS_EXAMPLES=$(or $(ARGS),5000) $(PYTEST) tests/property/parsers

# Requests made from the OpenAPI document, as many of each operation as ARGS says (make api-long ARGS=200).
api-long: $(VENV)/installed-test
	BMS_REQUESTS=$(or $(ARGS),50) $(PY) -m pytest tests/contract/api/test_generated_requests.py -o timeout=0

coverage: $(VENV)/installed-test
	$(PYTEST) --cov --cov-report=term $(ARGS)

check: $(VENV)/installed-test
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(PY) tools/messages
	$(PY) tools/audit

# With a network: known vulnerabilities, hashes resolved anew, bill of materials (var/sbom.cdx.json).
audit: $(VENV)/installed-audit
	$(PY) tools/audit --all

lock: $(VENV)/installed-test
	$(PY) tools/audit --lock

bench: $(VENV)/installed
	$(RUN)/bms bench all $(ARGS)

format: $(VENV)/installed-test
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

$(VENV)/bin/python:
	sh tools/make-venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

$(VENV)/installed-audit: $(VENV)/installed
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[audit]' || echo "not installed (no network?): what audit needs" >&2
	touch $@

clean:
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .coverage .import_linter_cache
