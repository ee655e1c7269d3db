# `make run` and `make test` need python3 (3.11 or newer), make and git; everything else they fetch themselves.
.PHONY: run test lint audit

PY = .venv/bin/python
# The type checker's Django plugin imports the settings; nothing of this is connected to.
LINT_ENV = PORTAL_ROLE=all SECRET_KEY=lint DATABASE_URL=postgres://lint REDIS_URL=redis://lint DJANGO_SETTINGS_MODULE=tipportal.settings

run:
	@python3 bootstrap.py run

test:
	@python3 bootstrap.py dev
	@$(PY) -m tests.chromium
	@command -v exiftool >/dev/null && command -v ffprobe >/dev/null || { apt-get update -qq && apt-get install -y -qq libimage-exiftool-perl ffmpeg; } >/dev/null 2>&1 || { echo "The tests of media need exiftool and ffprobe: install them."; exit 1; }
	@$(MAKE) --no-print-directory lint
	@$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint:
	@python3 bootstrap.py dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(LINT_ENV) $(PY) -m mypy tipportal tips crimemap outreach file_cleaning core
	@$(PY) -m djlint --quiet --lint templates
	@PYTHONPATH=. $(PY) -c "from importlinter.cli import lint_imports_command as run; run()"
	@$(PY) -m tests.import_rules

audit:
	@python3 bootstrap.py dev
	@$(PY) -m tests.audit
