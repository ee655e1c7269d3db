"""An upgrade ends with the former release or the new one, never in between, and no tip is lost.

Two releases of this code, the second with a column, a trigger and a table more; a real database, and a web process for residents
behind a port that stays open, as with systemd.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.journey import Visitor
from tests.stack import ROOT, Stack, free_port, wait_until
from tests.tipportal.deploy.setup import sample_answers
from tests.tips.files import sample_uploads
from tipportal.deploy import processes
from tipportal.deploy.setup import __main__ as setup
from tipportal.deploy.setup import units
from tipportal.deploy.setup.release import PRODUCT
from tipportal.dev_stack.servers import postgres_programs

DRIVER = Path(__file__).with_name("driver.py")
MIGRATION = """
import os
import signal
from pathlib import Path
from django.db import migrations

def fail(apps, schema_editor):
    if Path("{root}/fails-to-migrate").exists():
        raise ValueError("a fault of the new release")
    if Path("{root}/kills-the-installer").exists():
        os.kill(os.getppid(), signal.SIGKILL)
    if Path("{root}/kills-the-installer").exists() or Path("{root}/is-killed-migrating").exists():
        os.kill(os.getpid(), signal.SIGKILL)

class Migration(migrations.Migration):
    dependencies = [{dependency}]
    operations = [{operations}]
"""
COLUMN = 'migrations.RunSQL("ALTER TABLE tips_tip ADD COLUMN newer integer NOT NULL DEFAULT 1", "ALTER TABLE tips_tip DROP COLUMN newer")'
RULES = """
CREATE TABLE IF NOT EXISTS newer_rule (id integer);
CREATE OR REPLACE FUNCTION newer_set() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.newer := 2;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER newer_set BEFORE INSERT OR UPDATE OF newer ON tips_tip FOR EACH ROW EXECUTE FUNCTION newer_set();
"""
CHECK = """
from pathlib import Path
if Path("{root}/fails-to-start").exists():
    raise SystemExit("a fault of the new release")
"""
# Numbers of the acts of this upgrade, as the driver prints them.
BEGUN, GATE, MIGRATE, RESTART, OPEN, LAST = 3, 14, 15, 20, 21, 25
# Of the way back from the last point that has one.
UNDOING = range(12)


@dataclasses.dataclass
class Server:
    """The folder that stands for a server, and what the driver must know of it."""

    stack: Stack
    root: Path
    source: Path
    url: str
    configuration: dict[str, Any]
    schema: str = ""

    def drive(self, *options: str, kill: tuple[str, int] | None = None) -> tuple[int, str]:
        """Run the installer with the newer release's code; return its exit code and what it printed."""
        code = self.root / "var/lib/portal/upgrade/code" if "--recover" in options else self.source
        file = self.root / "configuration"
        file.write_text(json.dumps({**self.configuration, "kill": kill}))
        done = subprocess.run(
            [sys.executable, "-B", DRIVER, file, *options],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(code.resolve())},
            pass_fds=[self.configuration["socket"]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    @property
    def running(self) -> str:
        return os.readlink(self.root / "opt/portal/current").rpartition("/")[2]

    def ask(self, query: str) -> Any:
        with contextlib.closing(self.stack.connect("owner")) as connection, connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0]

    def started(self) -> dict[str, str]:
        """Return from which release each service was started that runs."""
        return {path.name: path.read_text().rpartition("/")[2] for path in (self.root / "started").iterdir()}

    def runs_whole(self) -> bool:
        """Return whether all services run, each from the release that the link leads to: with its code, unit and settings."""
        names = {units.unit_of(process) for process in processes.PRODUCTION if process is not processes.SEARCH}
        return self.started() == dict.fromkeys({*names, units.STORE, units.PROXY}, self.running)

    def dump_schema(self) -> str:
        dump = [postgres_programs() / "pg_dump", "--schema-only", self.stack.database_url("postgres")]
        text = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
        return "".join(
            line for line in text.splitlines(keepends=True) if not line.startswith(("\\restrict", "\\unrestrict"))
        )

    def read_files(self) -> dict[str, bytes]:
        """Return configuration and units by their names."""
        paths = [path for folder in ("etc/portal", "etc/systemd/system") for path in (self.root / folder).iterdir()]
        return {path.name: path.read_bytes() for path in paths if path.is_file()}

    def is_untouched(self) -> bool:
        return self.running.startswith("0.9.0") and self.dump_schema() == self.schema and self.runs_whole()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    root = tmp_path / "root"
    (tmp_path / "answers").write_text(sample_answers.TEXT)
    assert setup.main(["--root", str(root), str(tmp_path / "answers")]) == 0
    with contextlib.ExitStack() as exits:
        listener = exits.enter_context(socket.socket())
        ports = {"public": free_port(), "staff": free_port()}
        listener.bind(("127.0.0.1", ports["public"]))
        listener.listen(2048)
        url = f"http://127.0.0.1:{ports['public']}"
        stack = exits.enter_context(
            Stack(tmp_path / "stack", web=[], variables={"PORTAL_URL": url, "WEB_CONCURRENCY": "1"})
        )
        sample_uploads.ensure_worker_key(stack.keys)
        for name in ("INCIDENT_SNAPSHOTS", "BASE_MAP"):
            Path(stack.keys[name]).mkdir(exist_ok=True)
        for process in (*processes.WORKERS, processes.BEAT):
            store = redis.Redis.from_url(stack.redis_url, db=1, client_name=process.name)
            exits.callback(store.close)
            store.ping()
        configuration = {
            "root": str(root),
            "socket": listener.fileno(),
            "ports": ports,
            "public": stack.environment("public"),
            "owner": stack.environment("owner"),
            "psql": str(postgres_programs() / "psql"),
            "superuser": stack.database_url("postgres"),
        }
        server = Server(stack, root, tmp_path / "newer", url, configuration)
        write_newer_release(server)
        server.schema = server.dump_schema()
        exits.callback(stop_services, root)
        yield server


def write_newer_release(server: Server) -> None:
    for name in PRODUCT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (server.source / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, server.source / name)
    version = server.source / "tipportal/version.py"
    version.write_text(version.read_text().replace('"0.9.0"', '"0.9.9"'))
    newest = sorted((ROOT / "tips/migrations").glob("0*.py"))[-1].stem
    for name, dependency, operations in (
        ("9998_column", newest, COLUMN),
        ("9999_fault", "9998_column", "migrations.RunPython(fail, migrations.RunPython.noop)"),
    ):
        text = MIGRATION.format(root=server.root, dependency=("tips", dependency), operations=operations)
        (server.source / f"tips/migrations/{name}.py").write_text(text)
    with (server.source / "tipportal/database/rules.sql").open("a") as rules:
        rules.write(RULES)
    with (server.source / "tipportal/wsgi.py").open("a") as wsgi:
        wsgi.write(CHECK.format(root=server.root))
    # Another unit and another variable than before.
    unit_texts = server.source / "tipportal/deploy/setup/units.py"
    unit_texts.write_text(unit_texts.read_text().replace("LimitCORE=0\n", "LimitCORE=0\n# Newer.\n"))


def stop_services(root: Path) -> None:
    for file in root.glob("*.pid"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(file.read_text()), signal.SIGKILL)


def start_former_release(server: Server) -> None:
    """Start the services as systemd has them before an upgrade."""
    sys.path.insert(0, str(DRIVER.parent))
    from tests.tipportal.deploy.upgrade import driver

    (server.root / "started").mkdir()
    driver.start_services(driver.StandIn({**server.configuration, "kill": None}))


@contextlib.contextmanager
def readers(url: str) -> Iterator[Counter[str]]:
    """Let people read the map and stories meanwhile, and count the answers by page and status."""
    answers: Counter[str] = Counter()
    stopped = threading.Event()

    def read() -> None:
        visitor = Visitor(url)
        while not stopped.is_set():
            for page in ("/", "/map/", "/stories/", "/tips/"):
                try:
                    visitor.open(page, timeout=300)
                    answers[f"{page} {visitor.status}"] += 1
                except OSError as error:
                    answers[f"{page} {error!r}"] += 1
                stopped.wait(0.2)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        stopped.set()
        thread.join(60)


def failures(answers: Counter[str]) -> dict[str, int]:
    return {answer: count for answer, count in answers.items() if not answer.endswith(" 200")}


def test_the_new_release_runs_and_readers_notice_nothing(server: Server) -> None:
    start_former_release(server)
    former, forgotten = server.running, server.root / "opt/portal/releases/0.8.9-forgotten"
    forgotten.mkdir()
    receipt = Visitor(server.url).send("Two men load boxes into a van")
    with readers(server.url) as answers:
        wait_until(lambda: len(answers) >= 4, 120, "an answer of each page")
        code, printed = server.drive()
    assert code == 0, printed
    assert failures(answers) == {}, printed
    assert server.running.startswith("0.9.9")
    assert not (server.root / "var/lib/portal/upgrade").exists()
    assert server.runs_whole(), server.started()
    assert {path.name for path in forgotten.parent.iterdir()} == {former, server.running}
    assert b"# Newer." in server.read_files()["portal-web-public.service"]
    closed = re.search(r"closed for (\d+) seconds", printed)
    assert closed, printed
    print(f"closed for {closed[1]} s, answers meanwhile: {dict(answers)}\n{printed}")
    assert "boxes" in Visitor(server.url).enter_inbox(receipt)
    Visitor(server.url).send("The van is back")
    assert server.ask("SELECT array_agg(newer ORDER BY newer) FROM tips_tip") == [1, 2]


def test_what_is_sent_while_the_site_is_closed_stays_with_its_writer_and_a_killed_upgrade_is_undone(
    server: Server,
) -> None:
    start_former_release(server)
    files = server.read_files()
    receipt = Visitor(server.url).send("Two men load boxes into a van")
    source = Visitor(server.url)
    code, printed = server.drive(kill=("after", RESTART))  # the new release runs, and isn't open
    assert code == -signal.SIGKILL, printed
    assert server.running.startswith("0.9.9")
    assert "newer_set" in server.dump_schema()

    source.open("/tips/", source.tip("They took it at night, by the river"))
    assert "They took it at night, by the river" in source.page
    assert "couldn&#x27;t save your tip just now" in source.page
    for page in ("/", "/map/", "/stories/", "/events/", "/tips/", "/tips/inbox/", "/privacy/"):
        assert source.open(page)
        assert source.status == 200, (page, source.page)
    source.open("/tips/inbox/", {"receipt": receipt})
    assert "Try again in a few minutes" in source.page
    assert "missing: open database" in source.open("/readyz")
    assert server.ask("SELECT count(*) FROM tips_tip") == 1

    code, printed = server.drive("--recover")
    assert code == 0, printed
    assert "nothing was lost" in printed
    assert server.is_untouched(), printed
    assert server.read_files() == files
    assert "boxes" in Visitor(server.url).enter_inbox(receipt)
    source.send("They took it at night, by the river")
    assert server.ask("SELECT count(*) FROM tips_tip") == 2


def upgrade_and_die(server: Server, number: int, *, reboots: bool = False) -> str:
    """Kill an upgrade after an act, let the service take over, at once or when the machine has started again; return what it prints."""
    code, printed = server.drive(kill=("after", number))
    assert code == -signal.SIGKILL, printed
    if reboots:
        code, printed = server.drive("--reboot")
        assert code == 0, printed
    code, printed = server.drive("--recover")
    assert code == 0, printed
    assert not (server.root / "var/lib/portal/upgrade").exists()
    return printed


@pytest.mark.nightly
@pytest.mark.parametrize("numbers", [range(BEGUN, MIGRATE), range(MIGRATE, OPEN)])
def test_an_upgrade_that_is_killed_before_it_opens_is_undone(server: Server, numbers: range) -> None:
    start_former_release(server)
    files = server.read_files()
    receipt = Visitor(server.url).send("Two men load boxes into a van")
    tips = 1
    for number in numbers:
        for reboots in (False, True) if number in (GATE, MIGRATE, RESTART) else (False,):
            printed = upgrade_and_die(server, number, reboots=reboots)
            assert server.is_untouched(), (number, printed, server.started())
            assert server.read_files() == files, number
            assert "boxes" in Visitor(server.url).enter_inbox(receipt)
            Visitor(server.url).send("The van is back")
            assert Visitor(server.url).open("/readyz") == "ok"
            tips += 1
            assert server.ask("SELECT count(*) FROM tips_tip") == tips


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("number", "reboots"), [*((number, False) for number in range(OPEN, LAST)), (OPEN, True), (LAST - 1, True)]
)
def test_an_upgrade_that_is_killed_after_it_has_opened_is_completed(server: Server, number: int, reboots: bool) -> None:
    start_former_release(server)
    receipt = Visitor(server.url).send("Two men load boxes into a van")
    upgrade_and_die(server, number, reboots=reboots)
    assert server.running.startswith("0.9.9")
    assert server.runs_whole(), server.started()
    assert b"# Newer." in server.read_files()["portal-web-public.service"]
    assert "boxes" in Visitor(server.url).enter_inbox(receipt)
    Visitor(server.url).send("The van is back")
    assert Visitor(server.url).open("/readyz") == "ok"
    assert server.ask("SELECT count(*) FROM tips_tip") == 2


@pytest.mark.nightly
def test_once_the_opening_has_begun_an_upgrade_is_completed(server: Server) -> None:
    start_former_release(server)
    code, printed = server.drive(kill=("before", OPEN))
    assert code == -signal.SIGKILL, printed
    code, printed = server.drive("--recover")
    assert code == 0, printed
    assert server.running.startswith("0.9.9")
    Visitor(server.url).send("The van is back")
    assert server.ask("SELECT array_agg(newer ORDER BY newer) FROM tips_tip") == [2]


@pytest.mark.nightly
def test_a_way_back_that_is_killed_goes_on_from_there(server: Server) -> None:
    start_former_release(server)
    files = server.read_files()
    assert server.drive(kill=("after", RESTART))[0] == -signal.SIGKILL
    for number in UNDOING:
        assert server.drive("--recover", kill=("after", number))[0] == -signal.SIGKILL
    code, printed = server.drive("--recover")
    assert code == 0, printed
    assert server.is_untouched(), printed
    assert server.read_files() == files
    Visitor(server.url).send("The van is back")


@pytest.mark.nightly
def test_an_upgrade_that_is_killed_between_two_migrations_is_undone(server: Server) -> None:
    start_former_release(server)
    (server.root / "kills-the-installer").touch()
    assert server.drive()[0] == -signal.SIGKILL
    assert server.ask("SELECT count(*) FROM django_migrations WHERE name IN ('9998_column', '9999_fault')") == 1
    code, printed = server.drive("--recover")
    assert code == 0, printed
    assert server.is_untouched(), printed
    Visitor(server.url).send("The van is back")


@pytest.mark.nightly
@pytest.mark.parametrize("fault", ["fails-to-check", "fails-to-migrate", "is-killed-migrating", "fails-to-start"])
def test_a_release_with_a_fault_never_opens(server: Server, fault: str) -> None:
    start_former_release(server)
    (server.root / fault).touch()
    with readers(server.url) as answers:
        wait_until(lambda: len(answers) >= 4, 120, "an answer of each page")
        code, printed = server.drive()
    assert code == 1, printed
    assert "The upgrade was undone" in printed
    assert failures(answers) == {}
    assert server.is_untouched(), printed
    Visitor(server.url).send("The van is back")
    (server.root / fault).unlink()
    code, printed = server.drive()
    assert code == 0, printed
    assert server.running.startswith("0.9.9")
