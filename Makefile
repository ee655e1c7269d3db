# `make run` and `make test` need python3 (3.11 or newer), make and git. What else they need they install, and say so.
.PHONY: help run test soak theft-test lint lint-types lint-style lint-imports format audit sbom
.DEFAULT_GOAL := help

PY = .venv/bin/python
PACKAGES = tipportal outreach tips crimemap file_cleaning core
# The type checker's Django plugin imports the settings; nothing of this is connected to.
LINT_ENV = PORTAL_ROLE=all SECRET_KEY=lint DATABASE_URL=postgres://lint REDIS_URL=redis://lint DJANGO_SETTINGS_MODULE=tipportal.settings

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: ## start everything with the demo city; prints the address and the staff sign-in
	@python3 bootstrap.py run

test: ## check everything: lint, then all tests with real servers, workers and Chromium
	@python3 bootstrap.py dev
	@$(PY) -m tests.programs
	@$(MAKE) --no-print-directory lint
	@$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

soak: ## run the tests that take minutes, those of generated examples with new ones, and each page in all looks; meant for each night
	@python3 bootstrap.py dev
	@$(PY) -m tests.programs
	@$(PY) -m pytest -m "nightly or hypothesis" --hypothesis-profile searching
	@$(PY) -m pytest tests/browser --hypothesis-profile searching

theft-test: ## search everything a thief could take from a portal of its own; LONG=1 also after ten minutes (Linux, root)
	@python3 bootstrap.py dev
	@$(PY) -m tests.theft $(if $(LONG),--long)

lint: ## check style, types, templates, JavaScript and imports
	@python3 bootstrap.py dev
	@$(MAKE) --no-print-directory --jobs=2 lint-types lint-style

lint-types: # takes as long as all the others
	@$(LINT_ENV) $(PY) -m mypy $(PACKAGES)

lint-style:
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m djlint --quiet --lint templates
	@.venv/bin/oxlint --quiet static/js
	@$(MAKE) --no-print-directory lint-imports

lint-imports: ## check floors, doors and circles of imports alone
	@PYTHONPATH=. $(PY) -c "from importlinter.cli import lint_imports_command as run; run()"
	@$(PY) -m tests.house_rules

format: ## put Python into the project's format and mend what ruff can mend
	@python3 bootstrap.py dev
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

audit: ## ask for known vulnerabilities of the installed packages
	@python3 bootstrap.py dev
	@$(PY) -m tests.audit

sbom: ## write sbom.json: the packages of production with versions and licenses (CycloneDX)
	@python3 bootstrap.py dev
	@$(PY) -m tests.sbom > sbom.json && echo "sbom.json is written."
