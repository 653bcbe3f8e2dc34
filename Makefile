# Every target sets up what it needs in .venv and may be run again at no cost.

PYTHON ?= python3
PORT ?= 8501
DATA ?=
DATA_PATH ?=
PYTEST_ARGS ?=
FUZZ_SECONDS ?= 300
FUZZ_ARGS ?=

# cmake, ninja and clang-format come from the environment, not from the system.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
LOWEST_TESTS := -q -m "not processes and not browser and not postgresql" \
    tests/interactions/test_column_values.py tests/datasets/test_movielens_formats.py tests/datasets/test_movies.py \
    tests/profiles/test_schema.py tests/models/test_persistence.py tests/cli/test_console.py tests/cli/test_importing.py
NATIVE := $(wildcard native/*.cpp native/*/*.h native/*/*.cpp)

define setup
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
    echo "Python 3.11 or newer is needed; '$(PYTHON)' is missing or older. On Debian 12, Ubuntu 24.04 and newer:"; \
    echo; echo "    sudo apt-get install -y python3-dev python3-venv g++ make"; echo; \
    echo "or name the one to use: make PYTHON=python3.12 $@"; exit 1; } >&2
@$(PYTHON) tools/environment.py
endef

.DEFAULT_GOAL := help

.PHONY: help
help:  ## List these targets
	@echo "Cinefold. Start with 'make app'."; echo
	@sed -n 's/^\([a-z]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) \
	    | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done
	@echo; echo "make app DATA=ml-32m for more movies, DATA_PATH=file.zip for those you have;"
	@echo "PYTHON=python3.12 uses another Python, PORT=8600 another port, PYTEST_ARGS='-k fold_in' some tests."

.PHONY: app
app:  ## Get the data, train the model, open the app on port 8501
	$(setup) app
	@cinefold data fetch ml-100k >/dev/null || [ -n "$(DATA_PATH)" ]
	@exec cinefold app --port $(PORT) $(if $(DATA),--dataset $(DATA)) \
	    $(if $(DATA_PATH),--path "$(patsubst ~/%,$(HOME)/%,$(DATA_PATH))")

.PHONY: test
test:  ## Run all tests
	$(setup) app postgresql spark tune test
	@$(MAKE) --no-print-directory -j2 sanitize oldest
	python -m pytest -n auto --maxprocesses=8 --dist loadfile $(PYTEST_ARGS)

.PHONY: oldest
oldest:
	$(setup)
	@python tools/lowest_versions.py store $(LOWEST_TESTS)

.PHONY: sanitize
sanitize:  ## Run the core's own tests under the address and undefined-behaviour sanitizers
	$(setup)
	@cmake -S . -B build/sanitize -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCINEFOLD_SANITIZE=ON \
	    -DPython_EXECUTABLE=$(CURDIR)/.venv/bin/python \
	    -Dnanobind_DIR="$$(python -m nanobind --cmake_dir)" >/dev/null
	@MAKEFLAGS= cmake --build build/sanitize -- --quiet
	@cd build/sanitize; if [ passed -nt core_tests ]; \
	    then echo "The core has not changed since it passed under the sanitizers."; \
	    else ./core_tests && touch passed; fi

.PHONY: fuzz
fuzz:  ## Feed mutated files to all parsers, FUZZ_SECONDS=300 long; FUZZ_ARGS="--help" lists what and how
	$(setup) app postgresql spark tune test
	@$(MAKE) --no-print-directory sanitize
	python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_ARGS)

.PHONY: lowest
lowest:  ## Run more of the tests than `make test` does on the oldest versions of all extras
	$(setup) app postgresql spark tune test
	@python tools/lowest_versions.py app,store,postgresql,tune $(LOWEST_TESTS) tests/app/about tests/app/taste tests/tuning/test_space.py

.PHONY: lint
lint:  ## Check style and types
	$(setup) app postgresql spark tune test lint
	ruff check
	ruff format --check
	mypy
	lint-imports --no-logo
	clang-format --dry-run -Werror $(NATIVE)

.PHONY: format
format:  ## Fix the style
	$(setup) app postgresql spark tune test lint
	ruff check --fix
	ruff format
	clang-format -i $(NATIVE)

.PHONY: bench
bench:  ## Measure against other libraries; BENCH_ARGS="--help" lists what and how
	$(setup) bench
	python -m benchmarks $(BENCH_ARGS)

.PHONY: clean
clean:  ## Remove the environment and all that was built (downloaded data stays)
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis test-artifacts
	find src tests benchmarks tools -name __pycache__ -type d -exec rm -rf {} +
