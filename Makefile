# What there is to do, in one word each. Everything runs in .venv, which `setup` makes from the lock files.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

python := .venv/bin/python
zeven  := $(python) -m orchestration.cli
FUZZ_SECONDS ?= 60
SCALE ?= 0.01
# more of `make bench`, such as --rounds 5 or --without peer
BENCH ?=

.PHONY: help setup setup-spark run spark dashboard dev test test-slow test-spark fuzz bench bench-small bench-dashboard bench-connectors creme reliability lint lint-python lint-sql format lock clean clean-data

help:            ## show this list
	@sed -n 's/^\([a-z-]*\): *.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

setup:           ## make .venv from the lock files (does nothing when it is up to date)
	@.ci/setup

setup-spark: setup ## add to .venv what target = "spark" needs (wants Java 17 besides); `setup` may take it out again
	$(python) -m uv --quiet pip install --python $(python) --require-hashes --requirement requirements-spark.lock

run: setup       ## set up, make the demo company, run the pipeline, publish, show the seven numbers
	@$(zeven) demo
	@$(zeven) run

spark: setup-spark ## the demo company on Apache Spark: start a small cluster here, run, publish into spark_demo, stop (minutes)
	@$(python) -m orchestration.spark.demonstration

dashboard: setup ## the sales manager's pages on http://127.0.0.1:8050; makes a first release if there is none
	@$(zeven) releases --json | grep -q '"release_id"' || { $(zeven) demo && $(zeven) run; }
	@$(zeven) dashboard

dev: setup       ## Dagster's pages on http://127.0.0.1:3000
	@$(zeven) demo
	@$(zeven) dev

test: setup      ## the tests (minutes)
	$(python) -m pytest -n 2 --dist loadgroup -m "not slow" -rs

test-slow: setup ## the proofs that take long: kill -9 series, a large company
	$(python) -m pytest -m slow

test-spark: setup-spark ## all the proofs on Apache Spark, those that take long too (an hour; wants Java 17)
	$(python) -m pytest -m spark

fuzz: setup      ## look for inputs that break reading, for FUZZ_SECONDS (60)
	$(python) -m tests.fuzz $(FUZZ_SECONDS)

bench: setup     ## how close a run is to plain DuckDB at SCALE (0.01; 1 is a million leads), into docs/performance.md
	$(python) -m benchmarks.bench $(SCALE) $(BENCH)

bench-small: setup ## where the time of the smallest company's first run goes, into docs/small_run.md
	$(python) -m benchmarks.phases

bench-dashboard: setup ## how fast the pages are for 200 reps, into docs/performance_dashboard.md (minutes)
	$(python) -m benchmarks.dashboard

bench-connectors: setup ## how fast each CRM is read, and with how many calls (minutes)
	@$(python) -W ignore -m benchmarks.connectors

creme: setup     ## install a real CRM, Creme, read it, and compare with what it says itself (minutes; wants PostgreSQL)
	@$(python) -W ignore -m tests.creme

reliability: setup ## every fault that can be made to happen, and what came of it, into docs/reliability.md (an hour)
	$(python) -m benchmarks.reliability

lint: setup      ## ruff, mypy, sqlfluff; changes nothing
	@$(MAKE) --jobs 2 --output-sync lint-python lint-sql

lint-python:     ## the part of `lint` that reads Python
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy

lint-sql:        ## the part of `lint` that reads SQL
	$(python) -m sqlfluff lint --disable-progress-bar $(wildcard models tests/dbt)

format: setup    ## let ruff and sqlfluff mend what they can
	$(python) -m ruff check --fix .
	$(python) -m ruff format .
	$(python) -m sqlfluff fix --disable-progress-bar $(wildcard models tests/dbt)

lock: setup      ## resolve the dependencies of pyproject.toml again, with hashes
	$(python) -m uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-strip-extras \
		--python-version 3.11 --no-header --no-emit-index-url --quiet --output-file requirements.lock
	$(python) -m uv pip compile pyproject.toml --extra spark --constraint requirements.lock --universal --generate-hashes \
		--no-strip-extras --python-version 3.11 --no-header --no-emit-index-url --quiet --output-file requirements-spark.lock
	printf 'uv\n' | $(python) -m uv pip compile - --universal --generate-hashes \
		--python-version 3.11 --no-header --no-emit-index-url --no-annotate --quiet --output-file .ci/uv.lock

clean:           ## remove .venv and caches; no data
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .kept dbt_project/target
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data:      ## remove the demo company, its warehouse and its releases (of this folder)
	chmod -R u+w published 2>/dev/null || true
	rm -rf demo_data warehouse published
