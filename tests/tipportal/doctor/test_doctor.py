"""`manage.py doctor`: each fault is a sentence and exit code 1; a line for each check if all is well."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import smtplib
import socket
import ssl
import threading
from collections import namedtuple
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.core.management import call_command
from django.db import OperationalError, connection
from django.urls import get_resolver
from django.utils import timezone

from core import ephemeral_store
from core.mail import outages
from core.roles import Role
from crimemap.models import ImportRun, Source
from tests.stack import Mails, free_port
from tipportal.deploy import start_requirements
from tipportal.doctor import examination, machine, portal, servers, variables
from tipportal.doctor.findings import Finding, good

Usage = namedtuple("Usage", "total used free")


def faults_of(findings: list[Finding]) -> list[str]:
    return [finding.sentence for finding in findings if finding.is_fault]


def test_all_clean_is_a_line_each_and_a_fault_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(examination, "examine", lambda: iter([good("This is well."), good("That, too.")]))
    call_command("doctor")
    assert capsys.readouterr().out == "ok: This is well.\nok: That, too.\n"
    monkeypatch.setattr(examination, "examine", lambda: iter([Finding("Mend it.", is_fault=True), good("The rest.")]))
    with pytest.raises(SystemExit) as end:
        call_command("doctor")
    assert end.value.code == 1
    assert capsys.readouterr().out == "FAULT: Mend it.\nok: The rest.\n"


@pytest.mark.django_db
def test_every_role_can_be_examined(settings: Any, mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "check_users", list)  # other portals may run on this machine
    get_resolver().url_patterns  # noqa: B018  (read once a process: those of another role would stay for later tests)
    for role in Role:
        settings.ROLE = role
        lines = [str(finding) for finding in examination.examine()]
        assert "FAULT: DEMO is set. Remove it. It allows plain http and made-up tips." in lines
        assert "ok: Redis answers and writes nothing to a disk." in lines
        assert (f"ok: The mail server 127.0.0.1:{mails.port} answers." in lines) is (role in (Role.ALERTS, Role.BULK))
        assert ("ok: PostgreSQL logs no statement, no value and no connection." in lines) is (role is not Role.BEAT)


def test_a_missing_variable_is_a_fault_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "environ", {"REDIS_URL": "redis://x", "PORTAL_ROLE": "beat", "SECRET_KEY": "of the desk"})
    variables.require_readable_settings([])
    with pytest.raises(SystemExit) as end:
        variables.require_readable_settings(["alerts"])
    assert end.value.code == 1
    assert "SECRET_KEY" not in os.environ
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["DATABASE_URL", "PORTAL_URL", "STAFF_URL"]
    assert all(line.startswith("FAULT: ") for line in lines)


@pytest.mark.django_db
def test_a_database_that_logs_statements_is_named() -> None:
    assert faults_of(servers.check_database_log()) == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL log_statement = 'mod'; SET LOCAL log_min_messages = 'warning'")
    assert faults_of(servers.check_database_log()) == [
        "PostgreSQL's log_min_messages is “warning”: its log holds values of failed statements. Set it to “fatal”.",
        "PostgreSQL's log_statement is “mod”: its log holds the statements with what is in them. Set it to “none”.",
    ]


def test_a_store_that_writes_to_a_disk_or_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults_of(servers.check_store()) == []
    persistent = {"save": "3600 1", "appendonly": "yes", "maxmemory-policy": "allkeys-lru"}
    monkeypatch.setattr(ephemeral_store, "read_configuration", lambda *_names: persistent)
    assert [sentence.split(" of Redis")[0] for sentence in faults_of(servers.check_store())] == [
        "save",
        "appendonly",
        "maxmemory-policy",
    ]

    def refuse(error: type[Exception]) -> Callable[..., Any]:
        def read(*_names: str) -> None:
            raise error

        return read

    for error, words in (
        (ephemeral_store.ConfigurationHiddenError, "Allow CONFIG GET"),
        (ephemeral_store.StoreDownError, "Redis doesn't answer"),
    ):
        monkeypatch.setattr(ephemeral_store, "read_configuration", refuse(error))
        (sentence,) = faults_of(servers.check_store())
        assert words in sentence


@pytest.mark.django_db
def test_clocks_that_differ_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults_of(servers.check_clocks(is_synchronized=True)) == []
    now = ephemeral_store.read_clock()
    monkeypatch.setattr(ephemeral_store, "read_clock", lambda: now - 60)
    not_set, differs = faults_of(servers.check_clocks(is_synchronized=False))
    assert "isn't set by a time server" in not_set
    assert "The clock of Redis differs" in differs
    assert machine.is_clock_synchronized() in (True, False)


def test_a_mail_server_that_is_away_or_refuses_us_is_named(
    settings: Any, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert faults_of(servers.check_mail()) == []
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portal", "not-a-real-password"
    (without_sign_in,) = faults_of(servers.check_mail())
    assert "answers, but offers no sign-in" in without_sign_in
    mails.stop()
    (away,) = faults_of(servers.check_mail())
    assert "doesn't answer (ConnectionRefusedError)" in away

    class RefusingMail:
        def open(self) -> None:
            raise smtplib.SMTPAuthenticationError(535, b"no")

    monkeypatch.setattr(servers, "get_connection", RefusingMail)
    (refused,) = faults_of(servers.check_mail())
    assert "refuses our user name and password" in refused
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    (nowhere,) = faults_of(servers.check_mail())
    assert "nobody gets an email" in nowhere


def issue_certificate(folder: Path, host: str, days: float) -> ssl.SSLContext:
    """Return what a server needs for a certificate that ends in so many days; the certificate is in the folder."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=90)).not_valid_after(now + dt.timedelta(days=days))
    certificate = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False).sign(
        key, hashes.SHA256()
    )
    (folder / "certificate").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate", folder / "key")
    return context


def test_a_certificate_that_ends_soon_or_that_browsers_refuse_is_named(tmp_path: Path) -> None:
    def look(days: float, host: str = "localhost") -> list[Finding]:
        server = issue_certificate(tmp_path, host, days)
        trusted = ssl.create_default_context(cafile=str(tmp_path / "certificate"))
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def answer() -> None:
                with suppress(OSError), server.wrap_socket(listening.accept()[0], server_side=True):
                    pass

            thread = threading.Thread(target=answer)
            thread.start()
            found = servers.check_certificate(f"https://localhost:{listening.getsockname()[1]}", trusted)
            thread.join()
            return found

    assert [str(finding) for finding in look(60.5)] == ["ok: The certificate of localhost is good for 60 days."]
    (soon,) = faults_of(look(9.5))
    assert "ends in 9 days" in soon
    (ended,) = faults_of(look(-1))
    assert "has expired" in ended
    (other,) = faults_of(look(60.5, "shop.example"))
    assert "Hostname mismatch" in other
    assert servers.check_certificate("http://localhost:1") == []
    assert faults_of(servers.check_certificate(f"https://localhost:{free_port()}")) == []


def test_swap_on_a_plain_disk_is_named_and_encrypted_swap_is_not(tmp_path: Path) -> None:
    swaps, swap, devices = tmp_path / "swaps", tmp_path / "swapfile", tmp_path / "devices"
    swap.touch()
    swaps.write_text("Filename Type Size Used Priority\n")
    assert faults_of(machine.check_swap(swaps, devices)) == []
    swaps.write_text(f"Filename Type Size Used Priority\n{swap} file 1 0 -2\n")
    (sentence,) = faults_of(machine.check_swap(swaps, devices))
    assert f"unencrypted to the swap space {swap}" in sentence
    number = swap.stat().st_dev
    uuid = devices / f"{os.major(number)}:{os.minor(number)}" / "dm" / "uuid"
    uuid.parent.mkdir(parents=True)
    uuid.write_text("CRYPT-LUKS2-0\n")
    assert faults_of(machine.check_swap(swaps, devices)) == []


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_STORE = tmp_path
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**12, 0, 10**12))
    assert faults_of(machine.check_disks()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**12, 10**12, 10**6))
    assert f"The disk of MEDIA_STORE ({tmp_path}) is almost full" in faults_of(machine.check_disks())[0]


def test_keys_of_other_roles_that_this_user_can_read_are_named(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in machine._KEYS:
        setattr(settings, name, None)
    settings.ROLE, settings.RECEIPT_SALT = Role.PUBLIC, tmp_path / "receipt_salt"
    private = tmp_path / "private"
    private.mkdir()
    key = private / "0001-0123456789abcdef.key"
    for path in (settings.RECEIPT_SALT, key, tmp_path / "audit_key", private / "0001-0123456789abcdef.pub"):
        path.touch(mode=0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    found = faults_of(machine.check_other_keys())
    assert [sentence.split(" can read ")[1].split(",")[0] for sentence in found] == [
        str(tmp_path / "audit_key"),
        str(key),
    ]
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert faults_of(machine.check_other_keys()) == []


def test_roles_that_share_a_unix_user_and_core_dumps_are_named(tmp_path: Path) -> None:
    def run(number: int, role: str, dump: str) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "cmdline").write_bytes(b"python\0-m\0celery\0-A\0tipportal\0")
        (folder / "environ").write_bytes(b"A=b\0PORTAL_ROLE=" + role.encode() + b"\0C=d\0")
        (folder / "limits").write_text(f"Max core file size        {dump}                    unlimited    bytes\n")
        os.chown(folder, os.getuid(), os.getgid())

    assert machine.check_users(tmp_path) == []  # nothing runs that this user could see
    run(7, "media", "0")
    run(8, "media", "0")
    alone = faults_of(machine.check_users(tmp_path))
    assert alone == ([] if os.getuid() else ["The role media runs as root. Give it a user of its own."])
    run(9, "bulk", "unlimited")
    shared, dumps = faults_of(machine.check_users(tmp_path))
    assert f"The roles bulk, media run as the same Unix user (id {os.getuid()})" in shared
    assert "core dump: bulk." in dumps


@pytest.mark.django_db
def test_a_database_that_is_away_is_one_fault(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_database() -> None:
        raise OperationalError("connection refused\n")

    settings.ROLE = Role.STAFF
    monkeypatch.setattr(start_requirements, "find_database_problems", lambda _role: [])
    monkeypatch.setattr(connection, "ensure_connection", no_database)
    found = faults_of(list(examination.examine()))
    assert [sentence for sentence in found if "database" in sentence] == [
        "The database that DATABASE_URL names doesn't answer: connection refused"
    ]


@pytest.mark.django_db
def test_the_portals_own_faults_are_named(settings: Any, tmp_path: Path) -> None:
    assert faults_of(portal.check_salt()) == []
    assert faults_of(portal.check_migrations()) == []
    assert faults_of(portal.check_feeds()) == []
    settings.BASE_MAP = None
    (no_map,) = faults_of(portal.check_base_map())
    assert "There is no base map" in no_map


@pytest.mark.django_db
def test_work_that_waits_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "_NAME", "test: outage that the doctor finds")
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**12, 0, 10**12))
    assert faults_of(portal.check_queues()) == []
    outages.note_failure(smtplib.SMTPAuthenticationError(535, b"no"))
    source = Source.objects.create(name="Riverton", slug="riverton-feed")
    asked_at = timezone.now() - dt.timedelta(hours=3)
    ImportRun.objects.create(source=source, origin=ImportRun.Origin.PUSH, asked_at=asked_at)
    try:
        mail, waiting_import = faults_of(portal.check_queues())
    finally:
        outages.note_success()
    assert "the mail server has refused our password" in mail
    assert waiting_import == "1 import has waited for more than an hour to begin."
