# The two commands: `make run` (the app with its demo workspace) and `make test` (the whole suite, browser included).
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PYTHONUNBUFFERED := 1
# Processes that share the tests, file by file; each holds the models of its own, 1.5 GB at most.
TEST_PROCESSES ?= 2

.PHONY: run test test-all test-postgresql check format lock benchmarks starters clean system-packages

run: $(VENV)/.installed
	@$(BIN)/python -m core run

test: $(VENV)/.installed-dev system-packages
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not slow" -n $(TEST_PROCESSES) --dist loadfile

# With the tests that train for minutes, kill processes that train, and walk the studio in a browser.
test-all: $(VENV)/.installed-dev system-packages
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(TEST_PROCESSES) --dist loadfile

# Every test of these that touches the database, browsers included, with databases of its own on a real PostgreSQL.
test-postgresql: $(VENV)/.installed-dev system-packages
	PILOTLIGHT_TEST_DATABASE=postgresql OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not slow" -n $(TEST_PROCESSES) --dist loadfile

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not browser and not server and not slow" --timeout 120 -n $(TEST_PROCESSES) --dist loadfile

# Faults that others have reported in our packages, and risky patterns in our code. Needs the internet.
audit: $(VENV)/.installed-dev
	$(BIN)/bandit -q -c pyproject.toml -r core pages app.py tools
	$(BIN)/pip-audit -r requirements.txt --no-deps --disable-pip

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.installed-dev
	$(BIN)/python -m tools.lock

benchmarks: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.all

# The models that ship with the product, made anew from the public data sets (five hours and more on two cores).
starters: $(VENV)/.installed-dev
	$(BIN)/python -m tools.starters

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Install it (Debian, Ubuntu: apt-get install python3.11 python3.11-venv) or name another: make run PYTHON=python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# OCR asks for the OpenCV build with windows, which wants system libraries that a server lacks; the headless build is the
# same code without them, so it takes its place.
$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip uninstall --quiet --yes opencv-python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "opencv-python-headless==$$(sed -n 's/^opencv-python==//p' requirements.txt)"
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	grep -v '^-r' requirements-dev.txt > $(VENV)/dev-only.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(VENV)/dev-only.txt
	@touch $@

# Chromium for the browser tests and a Chinese font for scanned test pages, where we may install them; the tests that need
# them are otherwise skipped and say how to get them.
system-packages:
	@if command -v chromium >/dev/null && fc-list 2>/dev/null | grep -q "Noto Sans CJK"; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk fontconfig >/dev/null; \
	else echo "Browser tests need Chromium: sudo apt-get install chromium fonts-noto-cjk fontconfig"; fi

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
