"""The private PostgreSQL and Valkey start from whatever a killed start left behind, and log no content."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
import redis

from tests.stack import wait_until
from tipportal.dev_stack import postgres_account, servers
from tipportal.dev_stack.child_process import Child, ProcessControlError
from tipportal.dev_stack.servers import PrivateServerError, Servers

ROOT = Path(__file__).resolve().parents[3]


def make_servers(folder: Path) -> Servers:
    return Servers(folder, durable=False)


def query_value(running: Servers, user: str, statement: str) -> object:
    connection = running.connect(user)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
            connection.commit()
            return row[0] if row else None
    finally:
        connection.close()


def make_database_with_a_row(folder: Path) -> None:
    """Start the servers, store a row, stop."""
    with make_servers(folder) as running:
        connection = running.connect("portal_owner")
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (n integer); INSERT INTO kept VALUES (42)")
        connection.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> object:
    with make_servers(tmp_path_factory.mktemp("embedded")) as up:
        yield up


class TestServerStart:
    def test_both_servers_answer(self, running: Servers) -> None:
        assert query_value(running, "portal_owner", "SELECT current_user") == "portal_owner"
        assert redis.Redis.from_url(running.redis_url).ping()

    def test_the_url_is_one_that_django_understands(self, running: Servers) -> None:
        import dj_database_url

        parsed = dj_database_url.parse(running.database_url("portal_public"))
        assert parsed["HOST"] == str(running.sockets)
        assert (parsed["USER"], parsed["NAME"]) == ("portal_public", "portal")

    def test_data_survives_a_restart(self, tmp_path: Path) -> None:
        make_database_with_a_row(tmp_path)
        with make_servers(tmp_path) as again:
            assert query_value(again, "portal_owner", "SELECT n FROM kept") == 42

    def test_nothing_is_left_after_stop(self, tmp_path: Path) -> None:
        with make_servers(tmp_path) as up:
            pids = [up.postgres.process.pid, up.valkey.process.pid]
            sockets = up.sockets
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        assert not sockets.exists()


class TestSeparation:
    def test_no_role_user_has_special_rights(self, running: Servers) -> None:
        mighty = "rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication"
        statement = f"SELECT count(*) FROM pg_roles WHERE rolname LIKE 'portal\\_%' AND ({mighty})"
        assert query_value(running, "postgres", statement) == 0

    @pytest.mark.parametrize("user", [user for user in servers.USERS if user])
    def test_every_user_has_a_password_of_its_own(self, running: Servers, user: str) -> None:
        assert query_value(running, user, "SELECT current_user") == user
        other = running.passwords["postgres" if user != "postgres" else "portal_public"]
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(host=str(running.sockets), user=user, password=other, dbname="portal")

    def test_listens_on_no_network_address(self, running: Servers) -> None:
        assert query_value(running, "postgres", "SHOW listen_addresses") == ""
        assert redis.Redis.from_url(running.redis_url).config_get("port")["port"] == "0"

    def test_sockets_and_passwords_are_private_to_the_owner(self, running: Servers) -> None:
        assert stat.S_IMODE(running.sockets.stat().st_mode) == 0o700
        assert stat.S_IMODE(running.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((running.folder / "passwords").stat().st_mode) == 0o600

    def test_valkey_writes_nothing_to_disk(self, running: Servers) -> None:
        client = redis.Redis.from_url(running.redis_url)
        assert client.config_get("save")["save"] == ""
        assert client.config_get("appendonly")["appendonly"] == "no"


class TestLogs:
    def test_the_log_has_no_value_and_no_statement(self, tmp_path: Path) -> None:
        with make_servers(tmp_path) as up:
            connection = up.connect("portal_owner")
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE tip (word text UNIQUE); INSERT INTO tip VALUES ('canary')")
                for statement in (
                    "INSERT INTO tip VALUES ('canary')",
                    "SELECT 'canary'::integer",
                    "SELECT canary FROM tip",
                    "DO $$ BEGIN RAISE WARNING 'canary'; RAISE EXCEPTION 'canary'; END $$",
                ):
                    with pytest.raises(psycopg2.Error):
                        cursor.execute(statement)
                with pytest.raises(psycopg2.Error):
                    cursor.execute("INSERT INTO tip VALUES (%s)", ["canary"])
            connection.close()
            redis.Redis.from_url(up.redis_url).set("canary", "canary")
        for log in tmp_path.glob("*.log"):
            assert "canary" not in log.read_text(), log


class TestFolders:
    def test_a_path_with_spaces_and_quotes(self, tmp_path: Path) -> None:
        with make_servers(tmp_path / "a b, \"c\" 'd'") as up:
            assert query_value(up, "portal_owner", "SELECT 1") == 1

    def test_a_path_too_long_for_a_socket(self, tmp_path: Path) -> None:
        folder = tmp_path.joinpath(*(["a-rather-long-name-of-a-folder"] * 20))
        with make_servers(folder) as up:
            assert query_value(up, "portal_owner", "SELECT 1") == 1

    def test_a_folder_that_cannot_be_made_is_explained(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(PrivateServerError, match="can't be used"):
            make_servers(tmp_path / "file" / "data")


class TestLeftovers:
    """Starts after a power failure or kill -9."""

    def test_an_interrupted_initdb_is_repeated(self, tmp_path: Path) -> None:
        (tmp_path / "postgres.partial" / "base").mkdir(parents=True)
        (tmp_path / "postgres.partial" / "PG_VERSION").write_text("18\n")
        with make_servers(tmp_path) as up:
            assert query_value(up, "portal_owner", "SELECT 1") == 1

    def test_a_stale_pid_file_with_a_reused_process_id(self, tmp_path: Path) -> None:
        make_database_with_a_row(tmp_path)
        innocent = subprocess.Popen(["sleep", "600"])
        try:
            (tmp_path / "postgres" / "postmaster.pid").write_text(
                f"{innocent.pid}\n{tmp_path / 'postgres'}\n1\n5432\n/tmp/gone\n\n0 0\nready\n"
            )
            (tmp_path / "postgres.lock").write_text(str(innocent.pid))
            with make_servers(tmp_path) as up:
                assert query_value(up, "portal_owner", "SELECT n FROM kept") == 42
                assert innocent.poll() is None
        finally:
            innocent.kill()
            innocent.wait()

    def test_servers_end_with_a_killed_parent(self, tmp_path: Path) -> None:
        """On Linux they end by themselves; elsewhere the next start ends them."""
        code = (
            "import sys, signal; from pathlib import Path; from tipportal.dev_stack.servers import Servers\n"
            "up = Servers(Path(sys.argv[1]), durable=False).start()\n"
            "print(up.postgres.process.pid, up.valkey.process.pid, up.sockets, flush=True); signal.pause()"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout
        postgres, valkey, sockets = parent.stdout.readline().split()
        parent.kill()
        parent.wait()
        if sys.platform == "linux":
            for pid in (postgres, valkey):
                wait_until(
                    lambda pid=pid: (
                        not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
                    ),
                    10,
                    "servers end",
                )
        with make_servers(tmp_path) as up:
            assert query_value(up, "portal_owner", "SELECT 1") == 1
        assert not Path(sockets).exists()

    def test_a_killed_postgres_restarts_with_its_data(self, tmp_path: Path) -> None:
        with make_servers(tmp_path) as up:
            connection = up.connect("portal_owner")
            with connection, connection.cursor() as cursor:
                cursor.execute("CREATE TABLE kept (n integer); INSERT INTO kept VALUES (42)")
            up.postgres.kill()
            up.start_postgres()
            assert query_value(up, "portal_owner", "SELECT n FROM kept") == 42

    def test_a_frozen_valkey_can_be_stopped(self, tmp_path: Path) -> None:
        with make_servers(tmp_path) as up:
            pid = up.valkey.process.pid
            up.valkey.signal(signal.SIGSTOP)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


class TestExplanations:
    def test_missing_passwords(self, tmp_path: Path) -> None:
        make_database_with_a_row(tmp_path)
        (tmp_path / "passwords").unlink()
        with pytest.raises(PrivateServerError, match="passwords is missing"):
            make_servers(tmp_path)

    def test_passwords_of_another_database(self, tmp_path: Path) -> None:
        make_database_with_a_row(tmp_path)
        up = make_servers(tmp_path)
        up.passwords["postgres"] = "wrong"
        with pytest.raises(PrivateServerError, match="doesn't belong to this database"):
            up.start()

    def test_damaged_data(self, tmp_path: Path) -> None:
        make_database_with_a_row(tmp_path)
        (tmp_path / "postgres" / "postgresql.conf").unlink()
        with pytest.raises(PrivateServerError, match="damaged or from another version"):
            make_servers(tmp_path).start()

    def test_full_disk(self) -> None:
        words = "LOG: x\nFATAL:  could not write lock file: No space left on device\n"
        assert "The disk is full" in servers._explain_failure("postgres does not start", words)

    def test_a_missing_program_is_explained(self, tmp_path: Path) -> None:
        child = Child(
            "ghost", ["/no/such/program"], lock=tmp_path / "l", log=tmp_path / "g", environment={}, folder=tmp_path
        )
        with pytest.raises(ProcessControlError, match="ghost doesn't start"):
            child.start()


class TestAsRoot:
    """PostgreSQL refuses root. For an ordinary user these hold trivially."""

    def test_nothing_changes_owner(self, running: Servers) -> None:
        assert {path.stat().st_uid for path in running.folder.rglob("*")} == {os.geteuid()}

    def test_starts_where_user_namespaces_are_forbidden(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make_database_with_a_row(tmp_path / "closed folder")
        monkeypatch.setattr(postgres_account, "can_disguise_root", lambda: False)
        with make_servers(tmp_path / "closed folder") as up:
            assert query_value(up, "portal_owner", "SELECT n FROM kept") == 42
            assert redis.Redis.from_url(up.redis_url).ping()
        monkeypatch.undo()
        with make_servers(tmp_path / "closed folder") as up:
            assert query_value(up, "portal_owner", "SELECT n FROM kept") == 42
