# What one does here. `make run` and `make test` set up what they need by themselves.
# All paths are relative: the folder may have spaces in its name, and be as deep as it likes.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
WORKERS ?= 2
BENCHMARKS ?= intake views live flood load suggest adapters kill faults restore calls calls_kill fuzz fuzz_api

.PHONY: help run playground scale demo migrate test check fmt bench lock messages docs sbom audit clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

run: ## set up, then start the desk on http://127.0.0.1:8080
	@sh tools/setup.sh run && exec $(PY) -m bot run

playground: ## the desk with three stand-in chats side by side; no account anywhere. PARTS=1: in parts
	@sh tools/setup.sh run && $(if $(PARTS),. tools/redis.sh && )exec $(PY) tools/$(if $(PARTS),scale.py --standins,playground.py)

scale: ## the desk in parts: two webs, two gateways, a worker, PostgreSQL, Redis
	@sh tools/setup.sh run && . tools/redis.sh && exec $(PY) tools/scale.py

demo: ## fill an empty desk with teams, people and tickets
	@sh tools/setup.sh run && exec $(PY) -m bot demo

migrate: ## bring the database to this program's schema
	@sh tools/setup.sh run && exec $(PY) -m bot migrate

test: ## all tests; ARGS="tests/core -k queue" for some
	@sh tools/setup.sh dev && . tools/chromium.sh && . tools/redis.sh && exec $(PY) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: ## format, lint, types, import contracts
	@sh tools/setup.sh dev
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) -c "from importlinter.cli import lint_imports_command as check; check()"

fmt: ## put the code into form
	@sh tools/setup.sh dev
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

bench: ## the benchmarks, quickly; BENCHMARKS=intake for one
	@sh tools/setup.sh dev
	@. tools/redis.sh; for one in $(BENCHMARKS); do $(PY) -m benchmarks.$$one --quick || exit 1; done

lock: ## resolve the dependencies of pyproject.toml anew
	@sh tools/setup.sh dev
	@$(PY) tools/lock.py

messages: ## collect the texts for translators
	@sh tools/setup.sh dev
	@$(PY) tools/messages.py

docs: ## write the parts of docs/ that the program knows
	@sh tools/setup.sh run
	@$(PY) -m bot.docs

sbom: ## the bill of materials (CycloneDX) and the licences, in build/
	@sh tools/setup.sh run
	@$(PY) tools/sbom.py

audit: ## the pinned packages beside a folder of known vulnerabilities: ADVISORIES=folder
	@sh tools/setup.sh dev
	@$(PY) tools/audit.py "$(ADVISORIES)" $(ARGS)

clean: ## remove what can be made again; data/ stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
