# Every target is a task of apps/bootstrap.py, which works the same without make:
#   python3 apps/bootstrap.py demo          (Windows: py apps\bootstrap.py demo)

# The first Python that runs: a shim of pyenv can exist without a Python behind it.
PYTHON ?= $(or $(shell for python in python3 /usr/bin/python3 python3.14 python3.13 python3.12 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null && echo $$python && break; \
	done),$(error No Python 3.8 or newer runs here. Install one (Debian: apt-get install python3-venv) and try again))
DO = @$(PYTHON) apps/bootstrap.py

.DEFAULT_GOAL := help
.PHONY: help setup demo notebooks test test-screens test-real test-slow axe bench lint format lock clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1 /' \
		| while read -r name about; do printf '  make %-10s %s\n' "$$name" "$$about"; done

setup:  ## make the environment in .venv (instant when it is up to date)
	$(DO) setup

demo:  ## take a recording through all stages into .demo/ (your own: make demo FILE=my.mp4)
	$(DO) demo $${FILE:+"$$FILE"}

notebooks:  ## open the notebooks in JupyterLab
	$(DO) notebooks

test:  ## lint, types, the picture of the imports, and the tests without a browser
	$(DO) test

test-screens:  ## the tests of pages and notebooks, in Chromium
	$(DO) test-screens

test-real:  ## the tests on the real recordings in ../shared/media
	$(DO) test-real

test-slow:  ## the tests that kill, wait and repeat (minutes)
	$(DO) test-slow

axe:  ## look at every page with axe-core for what hinders people (needs npm; minutes)
	$(DO) axe

bench:  ## speed, memory and word error rates (minutes, on a quiet machine)
	$(DO) bench

lint:  ## the checks of `make test` without the tests
	$(DO) lint

format:  ## format the code
	$(DO) format

lock:  ## pin what pyproject.toml asks for in requirements.lock
	$(DO) lock

clean:  ## remove the environment, the caches and the demo's results
	$(DO) clean
