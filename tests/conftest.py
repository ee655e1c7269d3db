"""Servers for the tests: one private PostgreSQL and Valkey a run, shared by the processes of pytest-xdist.

They are up, and the environment names them, before pytest-django reads the settings.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import chromium
from tests.stack import TEMPLATES, Mails, Stack, make_keys
from tipportal.deploy.processes import VARIABLES
from tipportal.dev_stack import static_files
from tipportal.dev_stack.servers import Servers
from tips import vault

FIRST = ("test_make_run.py", "faults", "browser")
_run: dict[str, Servers | Path] = {}


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the workers of pytest-xdist inherit what the first process set
        _start_servers()
    from django.conf import settings

    assert settings.ROLE.value == "all"  # read now: pytest-django sets Django up only once the settings are


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: for a third of their time tests wait for processes that they have started."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What starts whole portals comes first, so that no process is left alone with it at the end; cases made of files that
    this machine does not have do not exist, instead of being skipped."""
    items.sort(key=lambda item: next((at for at, name in enumerate(FIRST) if name in item.path.parts), len(FIRST)))
    nothing = [item for item in items if any(_is_empty(mark) for mark in item.iter_markers("skip"))]
    if nothing:
        config.hook.pytest_deselected(items=nothing)
        items[:] = [item for item in items if item not in nothing]


def _is_empty(mark: pytest.Mark) -> bool:
    return str(mark.kwargs.get("reason", "")).startswith("got empty parameter set")


def pytest_unconfigure(config: pytest.Config) -> None:
    servers, folder = _run.pop("servers", None), _run.pop("folder", None)
    if isinstance(servers, Servers):
        servers.stop()
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)


def _start_servers() -> None:
    folder = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    _run["folder"] = folder
    servers = Servers(folder / "servers", durable=False)
    _run["servers"] = servers
    servers.start()
    for name in VARIABLES:
        os.environ.pop(name, None)
    keys = make_keys(folder / "keys")
    vault.create_key_pair(Path(keys["AGENCY_PUBLIC_KEYS"]), Path(keys["AGENCY_PRIVATE_KEYS"]))
    vault.create_key_pair(Path(keys["MEDIA_PUBLIC_KEYS"]), Path(keys["MEDIA_PRIVATE_KEYS"]))
    del keys["ADDRESS_PRIVATE_KEYS"]  # whoever serves pages refuses to start with it
    os.environ |= keys | {
        "DJANGO_SETTINGS_MODULE": "tipportal.settings",
        "PORTAL_ROLE": "all",
        "DEMO": "1",
        "DATABASE_URL": servers.database_url(),
        "REDIS_URL": servers.redis_url,
        "EMAIL_URL": "memory://",
    }
    os.environ[TEMPLATES] = str(folder / "portals")
    os.environ["STATIC_ROOT"] = str(static_files.collect(os.environ))


@pytest.fixture
def opens_addresses(settings: Any) -> None:
    """What the bulk worker alone can do in a real portal."""
    settings.ADDRESS_PRIVATE_KEYS = settings.ADDRESS_PUBLIC_KEYS.with_name("addresses-private")


@pytest.fixture
def mails(settings: Any) -> Iterator[Mails]:
    """A real mail server that keeps what it takes; this process sends to it."""
    sink = Mails()
    sink.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
    settings.DEFAULT_FROM_EMAIL = "Riverton Police <portal@riverton.example>"
    yield sink
    sink.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Riverton's portal in one web process with the alerts worker, for tests that only look (one a xdist process)."""
    with Stack(tmp_path_factory.mktemp("stack"), web=["all"], workers=["alerts"], demo=True) as running:
        yield running


@pytest.fixture(scope="session")
def portal(stack: Stack) -> Stack:
    """The same with incidents of 400 days at eighty of the city's points."""
    from tests.crimemap import published_city

    folder = Path(stack.keys["INCIDENT_SNAPSHOTS"])
    folder.mkdir(exist_ok=True)
    published_city.write(folder)
    return stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium, as long-lived as a module's tests, that finds this machine alone."""
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium.path(), args=arguments)
        yield running
        running.close()


@pytest.fixture(autouse=True)
def _foundations(request: pytest.FixtureRequest) -> None:
    """What `migrate` and `vault create-key` leave in every database; tests that flush take it away."""
    from core.web import page_cache

    page_cache.forget()
    marker = request.node.get_closest_marker("django_db")
    if "transactional_db" in request.fixturenames or (marker and marker.kwargs.get("transaction")):
        request.getfixturevalue("transactional_db")
    elif "db" in request.fixturenames or marker:
        request.getfixturevalue("db")
    else:
        return
    ensure_foundations()


def ensure_foundations() -> None:
    from django.conf import settings
    from django.contrib.auth.models import Group

    from core.staff import groups
    from outreach import guides
    from tips import categories, vault
    from tips.models import AgencyKey

    if not Group.objects.exists():
        groups.ensure_groups()
        categories.ensure_categories()
        guides.ensure_guides()
    for file in vault.key_files(settings.AGENCY_PUBLIC_KEYS, "pub"):
        AgencyKey.objects.get_or_create(id=file.id)
