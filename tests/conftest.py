"""Shared fixtures, and the private PostgreSQL of a test run with a database for each process of pytest-xdist, and a Valkey for each.

The servers run, and the environment names them, before pytest-django reads the settings.
"""

from __future__ import annotations

import fcntl
import gc
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from playwright.sync_api import Browser
from whitenoise.base import WhiteNoise
from whitenoise.responders import Redirect, StaticFile
from xdist.scheduler import LoadFileScheduling

from core.mail import confirmation_pace
from tests import chromium, receipt_cost
from tests.stack import TEMPLATES, Mails, Stack, make_keys
from tipportal.deploy.processes import VARIABLES
from tipportal.dev_stack import static_files
from tipportal.dev_stack.servers import Servers
from tips import vault

RUN_FIRST = ("test_make_run.py", "browser", "faults", "upgrade", "tipportal", "file_cleaning", "tips")
BROWSER_TESTS = "tests/browser/"
_run_resources: dict[str, Servers | Path] = {}
_stores: list[Servers] = []  # of the processes of pytest-xdist


def pytest_configure(config: pytest.Config) -> None:
    # Without compiled modules each process of a portal compiles the project's, and each process of pytest its tests.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if not hasattr(config, "workerinput"):  # processes of pytest-xdist inherit the environment of the first
        _start_servers()
    from django.conf import settings

    assert settings.ROLE.value == "all"  # reading them loads the settings, after which pytest-django sets up Django
    # A busy machine makes no test fail, and neither does chance: only the nightly run draws new examples.
    hypothesis.settings.register_profile("repeated", deadline=None, derandomize=True, max_examples=40)
    hypothesis.settings.register_profile("searching", deadline=None, max_examples=1_000)
    hypothesis.settings.load_profile(config.getoption("--hypothesis-profile") or "repeated")
    # The real hash takes a quarter of a second for each account of a test.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    receipt_cost.set_cost(receipt_cost.LOWEST)
    _list_static_files_once()
    # Overwriting freed memory takes CPU from every process of a portal, and only the theft test looks there.
    Stack.wipes_memory = False


def _list_static_files_once() -> None:
    """Let all test clients share one list of static files.

    Each client loads the middleware when it is first used. WhiteNoise then looks at 400 files, which took longer than the pages.
    """
    list_files = WhiteNoise.update_files_dictionary
    listed: dict[tuple[str, str], dict[str, StaticFile | Redirect]] = {}

    def update_files_dictionary(self: WhiteNoise, root: str, prefix: str) -> None:
        if (root, prefix) not in listed:
            list_files(self, root, prefix)
            listed[root, prefix] = dict(self.files)
        self.files |= listed[root, prefix]

    WhiteNoise.update_files_dictionary = update_files_dictionary


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist, as with `-p no:xdist`, nothing calls it
def pytest_xdist_auto_num_workers() -> int:
    """Return two more than there are cores: tests spend a third of their time waiting for processes they have started."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_newgateway(gateway: Any) -> None:
    """Give each process a Valkey of its own: some of its tests count what is there, or say that mail goes out again."""
    store = Servers(Path(os.environ[TEMPLATES]).parent / f"store-{gateway.id}", durable=False)
    _stores.append(store)
    store.start_valkey()
    channel = gateway.remote_exec("import os; os.environ['REDIS_URL'] = channel.receive()")
    channel.send(store.redis_url)
    channel.waitclose()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return FilesScheduling(config, log)


class FilesScheduling(LoadFileScheduling):
    """Give each file to one process, and those of the browser all to the same.

    They share `stack`, which each other process would have to start again. So each of them meets what the same others have done
    before, whichever process is the quickest.
    """

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER_TESTS if nodeid.startswith(BROWSER_TESTS) else super()._split_scope(nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Let one process of pytest-xdist collect before the others: it compiles the tests, which takes three times as long as the rest.

    Meanwhile nothing is searched for garbage: the tree of tests only grows.
    """
    gc.disable()
    try:
        if not hasattr(session.config, "workerinput"):
            return (yield)
        with (Path(os.environ[TEMPLATES]).parent / "collection.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fcntl.flock(lock, fcntl.LOCK_SH)
            return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests, and drop the cases of empty parameter sets.

    Tests that start whole portals run first, then those of films and the slow ones of the desk, so that no process is left alone
    with them at the end. Cases for files that this machine lacks are deselected instead of skipped.
    """

    def rank(item: pytest.Item) -> int:
        # From the project's folder, whose own name may be one of them.
        parts = item.nodeid.partition("::")[0].split("/")
        return next((rank for rank, name in enumerate(RUN_FIRST) if name in parts), len(RUN_FIRST))

    items.sort(key=rank)
    empty_cases = [item for item in items if any(_is_empty_parameter_set(mark) for mark in item.iter_markers("skip"))]
    if empty_cases:
        config.hook.pytest_deselected(items=empty_cases)
        items[:] = [item for item in items if item not in empty_cases]


def pytest_collection_finish() -> None:
    """Keep the garbage collector from searching thousands of collected tests again and again."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)  # what tests leave is little beside it: each search takes time from them


def _is_empty_parameter_set(mark: pytest.Mark) -> bool:
    return str(mark.kwargs.get("reason", "")).startswith("got empty parameter set")


def pytest_unconfigure(config: pytest.Config) -> None:
    servers, folder = _run_resources.pop("servers", None), _run_resources.pop("folder", None)
    for store in _stores:
        store.stop()
    if isinstance(servers, Servers):
        servers.stop()
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)


def _start_servers() -> None:
    folder = Path(tempfile.mkdtemp(prefix="portal-tests-"))
    _run_resources["folder"] = folder
    servers = Servers(folder / "servers", durable=False)
    _run_resources["servers"] = servers
    servers.start()
    for name in VARIABLES:
        os.environ.pop(name, None)
    keys = make_keys(folder / "keys")
    vault.create_key_pair(Path(keys["AGENCY_PUBLIC_KEYS"]), Path(keys["AGENCY_PRIVATE_KEYS"]))
    vault.create_key_pair(Path(keys["MEDIA_PUBLIC_KEYS"]), Path(keys["MEDIA_PRIVATE_KEYS"]))
    # A web role refuses to start with these.
    del keys["ADDRESS_PRIVATE_KEYS"], keys["ALERT_CHANNEL_PRIVATE_KEYS"]
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


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> None:
    """Replace pytest-django's, which migrates a database for each process."""
    from django.test import TransactionTestCase

    from tests import database_copies

    process = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    with django_db_blocker.unblock():
        database_copies.use_copy(Path(os.environ[TEMPLATES]).parent, process)
        ensure_foundations()
        database_copies.save_foundations()
    TransactionTestCase._fixture_teardown = lambda _test: database_copies.restore_foundations()


@pytest.fixture
def opens_addresses(settings: Any) -> None:
    """Let this process open sealed addresses, as only the bulk worker can in a real portal."""
    settings.ADDRESS_PRIVATE_KEYS = settings.ADDRESS_PUBLIC_KEYS.with_name("addresses-private")


@pytest.fixture
def opens_channels(settings: Any) -> None:
    """Let this process open the addresses of officers' channels, as only the alerts worker can in a real portal."""
    settings.ALERT_CHANNEL_PRIVATE_KEYS = settings.ALERT_CHANNEL_PUBLIC_KEYS.with_name("channels-private")


@pytest.fixture
def mails(settings: Any) -> Iterator[Mails]:
    """Start a real mail server that stores its mail, and send this process's mail to it."""
    server = Mails()
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.DEFAULT_FROM_EMAIL = "Riverton Police <portal@riverton.example>"
    yield server
    server.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start Riverton's portal with one web process and the alerts worker, once per xdist process, for tests that change little."""
    with Stack(tmp_path_factory.mktemp("stack"), web=["all"], workers=["alerts"], demo=True) as running:
        yield running


@pytest.fixture(scope="session")
def portal(stack: Stack) -> Stack:
    """Publish incidents of 400 days at eighty points of the city in `stack`."""
    from tests.crimemap import published_city

    folder = Path(stack.keys["INCIDENT_SNAPSHOTS"])
    folder.mkdir(exist_ok=True)
    published_city.write(folder)
    return stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a real Chromium for the tests of a module; those in tests/browser share one."""
    with chromium.run() as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing that a process remembers, of pages, visitors or messages, reach the next test: files run in any order."""
    from core.agency import current_settings
    from core.sign_in import client_addresses
    from core.web import page_cache
    from tips.officer_alerts import escalation, message_budget, notification_outbox
    from tips.source import throttle

    page_cache.clear()
    throttle.gate, throttle.caller_gate = throttle.FloodGate(), throttle.CallerGate()
    throttle.guess_gate = throttle.GuessGate()
    notification_outbox.budget = message_budget.MessageBudget()
    escalation._due_at.clear()
    confirmation_pace.pace = confirmation_pace.ConfirmationPace()
    # Settings of an earlier test count no longer. A query every few seconds would meet tests that count queries, or have no database.
    # Not by monkeypatch: a test may undo what is patched.
    current_settings._memory = current_settings._Memory()
    current_settings.CHECK_SECONDS = math.inf
    # All tests sign in from the same address, and those of a process share a store: a key of its own gives each test its own counts.
    monkeypatch.setattr(client_addresses, "KEY_NAME", f"test:{uuid4()}")


def ensure_foundations() -> None:
    """Make the groups, categories, targets, guides, offense codes and agency keys of every portal, if they are missing."""
    from django.conf import settings
    from django.contrib.auth.models import Group

    from core.staff import groups
    from crimemap.models import OffenceCode
    from crimemap.offences import catalogue
    from outreach import guides
    from tips import categories, vault
    from tips.desk.queue import targets
    from tips.models import AgencyKey, ResponseTarget

    if not Group.objects.exists():
        groups.ensure_groups()
        categories.ensure_categories()
        guides.ensure_guides()
    if not OffenceCode.objects.exists():
        catalogue.create_missing_codes()
    if not ResponseTarget.objects.exists():
        ResponseTarget.objects.bulk_create(
            ResponseTarget(step=step, minutes=span.total_seconds() // 60) for step, span in targets.DEFAULTS.items()
        )
    for file in vault.key_files(settings.AGENCY_PUBLIC_KEYS, "pub"):
        AgencyKey.objects.get_or_create(id=file.id)
