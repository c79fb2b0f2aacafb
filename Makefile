# make run   build the environment and serve API and pages on http://127.0.0.1:8000
# make test  build the same environment and run every test
# make lint  check style, formatting and types
# make env   only build the environment, in .venv, from requirements.lock
# make clean remove the environment and caches, never data

.PHONY: run test lint env clean

# The newest Python the lock file has been resolved for comes first.
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3 python

PIP := .venv/bin/python -m pip --quiet --quiet --disable-pip-version-check

# .venv/.packages is written last and names the folder it was made for: an install that was
# killed, a checkout that was moved or a Python that was removed makes the environment anew.
intact := $(shell [ "`cat .venv/.packages 2>/dev/null`" = "$(CURDIR)" ] && .venv/bin/python -c 'print("yes")' 2>/dev/null)
ifneq ($(intact),yes)
.PHONY: .venv/.packages
endif

run: env
	@.venv/bin/kb serve

test: env
	@.venv/bin/python -m pytest -n auto --maxprocesses 4 tests

lint: env
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

env: .venv/.project

.venv/.packages: requirements.lock
	@python=; too_old=; no_venv=; \
	for candidate in $(PYTHONS); do \
	    version=`$$candidate -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null` || continue; \
	    if ! $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	        too_old=$$version; \
	    elif ! $$candidate -c 'import ensurepip, venv' 2>/dev/null; then \
	        no_venv=$$version; \
	    else \
	        python=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$$python" ] && [ -n "$$no_venv" ]; then \
	    echo "Python $$no_venv is here without its venv module; install it (Debian, Ubuntu: apt-get install python3-venv)." >&2; exit 1; \
	elif [ -z "$$python" ]; then \
	    echo "Python 3.11 or newer is needed, found $${too_old:-none}; install one that starts as python3." >&2; exit 1; \
	fi; \
	echo "Building the environment in .venv with Python $$version, about a minute ..."; \
	rm -rf .venv && $$python -m venv .venv
	@$(PIP) install --only-binary :all: --require-hashes -r requirements.lock
	@printf '%s' "$(CURDIR)" > $@

.venv/.project: .venv/.packages pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
