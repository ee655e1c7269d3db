"""Every template compiles, every template that is named exists, and every template is named."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.template.loader import get_template

TEMPLATES = settings.BASE_DIR / "templates"
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.*"))
FOLDERS = {name.partition("/")[0] for name in NAMES if "/" in name}
OWN_CODE = ("core", "tips", "crimemap", "outreach", "file_cleaning", "tipportal")
# Found by a library under a fixed name: Django's admin, forms and error pages, crispy-bootstrap5.
FOUND_BY_LIBRARIES = (
    "404.html", "admin/base_site.html", "admin/change_form.html", "admin/login.html", "admin/search_form.html",
    "auth/widgets/*", "bootstrap5/*",
)  # fmt: skip


def names_in_templates() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        for named in re.findall(
            r"{% (?:extends|include|shared_part) [\"']([^\"']+)[\"']", (TEMPLATES / name).read_text()
        ):
            yield named, name


@cache
def names_in_code() -> list[tuple[str, str]]:
    """Return names and, from f-strings, patterns such as "crimemap/pages/*.html", each with the module it is in."""
    modules = [path for folder in OWN_CODE for path in (settings.BASE_DIR / folder).rglob("*.py")]
    return [each for module in modules for each in _names_in_module(module)]


def _names_in_module(module: Path) -> Iterator[tuple[str, str]]:
    code = module.read_text()
    if ".html" in code or ".txt" in code:  # most have neither, and to parse them all takes seconds
        for node in ast.walk(ast.parse(code)):
            match node:
                case ast.Constant(value=str(text)):
                    pattern = text
                case ast.JoinedStr(values=parts):
                    pattern = "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
                case _:
                    continue
            if re.fullmatch(r"[\w*/]+\.(html|txt)", pattern) and pattern.partition("/")[0] in {*FOLDERS, *NAMES}:
                yield pattern, str(module.relative_to(settings.BASE_DIR))


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_templates_compile(folder: str) -> None:
    for name in NAMES:
        if name.startswith(f"{folder}/"):
            get_template(name)  # an error names the template


def test_templates_without_a_folder_compile() -> None:
    for name in NAMES:
        if "/" not in name:
            get_template(name)


def test_templates_named_by_templates_exist() -> None:
    named = list(names_in_templates())
    assert len(named) > 100
    for name, _template in named:
        get_template(name)


def test_templates_named_by_code_exist() -> None:
    named = names_in_code()
    assert len(named) > 80
    missing = [each for each in named if not any(fnmatchcase(name, each[0]) for name in NAMES)]
    assert [each for each in missing if not _is_of_a_library(each[0])] == []


def _is_of_a_library(name: str) -> bool:
    roots = [Path(config.path) / "templates" for config in apps.get_app_configs()]
    return any((root / name).is_file() for root in roots)


def test_every_template_is_named() -> None:
    named = {name for name, _place in (*names_in_templates(), *names_in_code())} | set(FOUND_BY_LIBRARIES)
    assert [name for name in NAMES if not any(fnmatchcase(name, pattern) for pattern in named)] == []
