"""The installer's plan: its order, the files that it writes, who can read them, and that a second run changes nothing.

The files are written below a folder that stands for a machine. systemd and nginx judge theirs where they are installed.
"""

from __future__ import annotations

import getpass
import itertools
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from core.roles import Role
from tests.stack import ROOT, free_port, wait_until
from tests.tipportal.deploy.setup import sample_answers
from tipportal.deploy import processes, role_files
from tipportal.deploy.processes import PRODUCTION, variables_of
from tipportal.deploy.setup import __main__ as setup
from tipportal.deploy.setup import (
    answers,
    environment_files,
    farewell,
    layout,
    machine,
    proxy,
    release,
    scripts,
    servers,
    units,
)
from tipportal.deploy.setup.machine import Machine, StepFailedError
from tipportal.deploy.setup.plan import Plan
from tipportal.dev_stack import servers as private_servers
from tipportal.doctor import servers as doctor

PRODUCT = release.PRODUCT
DANGER = "If anyone is in danger, call %(number)s."
ANSWERS = answers.complete(answers.parse(sample_answers.TEXT, "portal.env"))
KEYS = {item.variable for item in (*role_files.FILES, *role_files.FOLDERS) if item.path.startswith("keys/")}


def find_programs(name: str) -> list[str]:
    """Return the program where it is installed: without it there is no case of the test."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    return [found] if found else []


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which an installation was written, without the code."""
    folder = tmp_path_factory.mktemp("root")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "PRODUCT", ("manage.py",))
        (folder / "answers").write_text(sample_answers.TEXT)
        assert setup.main(["--root", str(folder), str(folder / "answers")]) == 0
        yield folder


def read(root: Path, path: str) -> str:
    return (root / path.removeprefix("/")).read_text()


def unit_of(root: Path, name: str) -> dict[str, str]:
    """Return the settings of a unit; those that stand there several times are joined."""
    found: dict[str, str] = {}
    for line in read(root, f"etc/systemd/system/{name}").splitlines():
        name, separator, value = line.partition("=")
        if separator:
            found[name] = f"{found[name]} {value}" if name in found else value
    return found


def test_a_second_run_changes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def look() -> dict[Path, tuple[int, int]]:
        return {path: (path.lstat().st_mtime_ns, path.lstat().st_ino) for path in root.rglob("*")}

    before = look()
    assert setup.main(["--root", str(root)]) == 0  # with the answers of the first
    assert look() == before
    assert setup.main(["--root", str(root), "--plan"]) == 0
    assert "to do" not in capsys.readouterr().out
    # A file that was changed by hand is put right, and a secret never is.
    (root / "etc/portal/nginx.conf").write_text("")
    (root / "etc/portal/nginx.conf").chmod(0o666)
    salt = (root / "var/lib/portal/keys/receipt_salt").read_bytes()
    assert setup.main(["--root", str(root)]) == 0
    assert "listen 443" in read(root, "etc/portal/nginx.conf")
    assert (root / "etc/portal/nginx.conf").stat().st_mode & 0o777 == 0o644
    assert (root / "var/lib/portal/keys/receipt_salt").read_bytes() == salt


def test_the_steps_come_in_an_order_in_which_each_has_what_it_needs() -> None:
    titles = [step.title for step in Plan(Machine(), ANSWERS).list_steps()]
    words = (
        *("packages", "Turn off Redis", "Unix user", "folders", "the code", "secrets", "PostgreSQL log"),
        *(
            "PostgreSQL's users",
            "sbin/portal",
            "interrupted",
            "portal.env",
            "variables",
            "settings of Redis",
            "systemd's",
        ),
        *(
            "certificates",
            "current lead",
            "tables and rights",
            "key pairs",
            "Start the services",
            "certificate of tips",
        ),
        *("certificate of desk", "first administrator"),
    )
    assert len(titles) == len(words)
    for title, word in zip(titles, words, strict=True):
        assert word in title


def test_the_installer_needs_no_package(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-m", "tipportal.deploy.setup", "--plan", root / "answers"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Start the services" in done.stdout


def test_each_role_gets_its_own_variables_and_all_that_it_refuses_to_start_without(root: Path) -> None:
    from tipportal.deploy import start_requirements

    for role in layout.ROLES:
        lines = read(root, f"etc/portal/{role}.env").splitlines()[1:]
        given = {line.partition("=")[0] for line in lines}
        assert given - processes.WIPING_ALLOCATOR.keys() <= variables_of(role)
        assert not start_requirements.find_missing_variables(role, dict.fromkeys(given, "x"))
        assert (root / f"etc/portal/{role}.env").stat().st_mode & 0o777 == 0o640
        assert ("SECRET_KEY" in given) is (role is Role.STAFF)
    assert (root / "etc/portal/portal.env").stat().st_mode & 0o777 == 0o600
    # A role's keys are what it has variables for.
    secret = read(root, "var/lib/portal/keys/secret_key")
    assert len(secret) == 64
    assert secret in read(root, "etc/portal/staff.env")


def test_a_value_reaches_the_process_as_it_was_written() -> None:
    odd = """O'Brien's "$HOME" `id` \\ #1; 100 % = ñ"""
    text = environment_files.write(Role.PUBLIC, {**ANSWERS, "CONTACT": odd}, "")
    shell = subprocess.run(
        ["sh", "-c", "set -a; . /dev/stdin; printenv CONTACT"], input=text, capture_output=True, text=True, check=True
    )
    assert shell.stdout == odd + "\n"


def test_users_read_and_write_what_their_roles_do_and_no_key_of_another() -> None:
    """By owner, group and mode: what the installer makes is what the processes ask for at their start."""
    members = {group: {role.unix_user for role in roles} for group, roles in role_files.GROUPS.items()}
    for item in (*role_files.FILES, *role_files.FOLDERS):
        owner, group = role_files.owner_of(item)
        for role in set(layout.ROLES) - {Role.OWNER}:
            shift = 6 if role.unix_user == owner else 3 if role.unix_user in members.get(group, {group}) else 0
            rights = item.mode >> shift & 0o7
            if isinstance(item, role_files.SecretFile):
                assert bool(rights & 4) is (role in item.roles), (item.variable, role)
                continue
            reads, writes = role in item.readers | item.writers, role in item.writers
            assert not reads or rights & 5 == 5, (item.variable, role)
            assert not writes or rights & 7 == 7, (item.variable, role)
            if item.variable.endswith("PRIVATE_KEYS"):
                assert bool(rights) is reads, (item.variable, role)
    documented = re.findall(
        r"^\| (`[A-Z_`, ]+`) \| ([a-z_, `]+) \| (\d{4}) \|", (ROOT / "docs/installation.md").read_text(), re.M
    )
    table = {
        name: (owner.replace("`", ""), mode)
        for names, owner, mode in documented
        for name in re.findall(r"[A-Z_]+", names)
    }
    for item in (*role_files.FILES, *role_files.FOLDERS):
        user, group = role_files.owner_of(item)
        assert table[item.variable] == (user if group == user else f"{user}, {group}", f"{item.mode:04o}")


def test_each_process_has_a_service_that_sees_its_own_keys_alone(root: Path) -> None:
    assert "portal-search.service" not in {path.name for path in (root / "etc/systemd/system").iterdir()}
    for process in PRODUCTION:
        if process is processes.SEARCH:
            continue
        service = unit_of(root, f"portal-{process.name}.service")
        assert service["ExecStart"].endswith(f"/bin/python -m tipportal.deploy.processes {process.name}")
        assert service["User"] == service["Group"] == process.role.unix_user
        assert service["EnvironmentFile"] == f"/etc/portal/{process.role}.env"
        assert (service["NoNewPrivileges"], service["ProtectSystem"], service["LimitCORE"]) == ("yes", "strict", "0")
        assert (service["MemorySwapMax"], service["Restart"], service["CapabilityBoundingSet"]) == ("0", "always", "")
        closed = {path.removeprefix("-") for path in service["InaccessiblePaths"].split()}
        for item in (*role_files.FILES, *role_files.FOLDERS):
            path = layout.path_of(item)
            is_closed = bool(closed & {str(path), str(path.parent)})
            assert is_closed is (item.variable not in variables_of(process.role)), (process.name, item.variable)
        others = {f"/etc/portal/{role}.env" for role in layout.ROLES if role is not process.role}
        assert others | {"/etc/portal/portal.env", "/etc/portal/certificates", str(layout.SECRET_KEY)} <= closed
        written = {str(layout.path_of(folder)) for folder in role_files.FOLDERS if process.role in folder.writers}
        assert set(service.get("ReadWritePaths", "").split()) == written
        if process.role in (Role.MEDIA, Role.BEAT):
            assert (service["PrivateNetwork"], service["RestrictAddressFamilies"]) == ("yes", "AF_UNIX")
    # Each night a backup, from the day on which there is a key; and what runs by a timer is not started with the machine.
    for name in ("portal-backup", "portal-backup-drill", "portal-backup-ledger"):
        backup = unit_of(root, f"{name}.service")
        assert backup["ConditionPathExistsGlob"] == "/var/lib/portal/keys/backup/*.pub"
        assert backup["ReadWritePaths"] == "/var/backups/portal /var/lib/portal/keys/backup"
        assert f"{name}.timer" in units.list_enabled(ANSWERS)
        assert f"{name}.service" not in units.list_enabled(ANSWERS)
        assert f"{name}.service" not in unit_of(root, "portal.target")["Wants"]
    # What undoes an interrupted upgrade starts with the machine, and isn't one of the services that are there all the time.
    assert unit_of(root, units.RECOVERY)["ConditionPathExists"] == "/var/lib/portal/upgrade/state"
    assert units.RECOVERY in units.list_enabled(ANSWERS)
    assert units.RECOVERY not in units.list_lasting(ANSWERS)
    assert not {units.RECOVERY, units.RECOVERY_TIMER} & {*unit_of(root, "portal.target")["Wants"].split()}
    public = unit_of(root, "portal-web-public.service")
    assert "portal-web-public.socket" in public["Requires"]
    assert public["Type"] == "notify"
    media = unit_of(root, "portal-worker-media.service")
    assert f"{layout.RAM}:size=3221225472,mode=1777" in media["TemporaryFileSystem"]
    weights = [
        int(unit_of(root, f"portal-{name}.service")["CPUWeight"])
        for name in ("web-public", "worker-media", "worker-media-video")
    ]
    assert weights == sorted(weights, reverse=True)
    wanted = units.write_units(
        {**ANSWERS, "SEARCH_SOCKET": "1", "OIDC_ISSUER": "https://id.example", "TRANSLATE_USER": "t"}
    )
    assert "LimitMEMLOCK=infinity" in wanted["portal-search.service"]
    assert "IPAddressDeny" not in wanted["portal-web-staff.service"]
    assert "AmbientCapabilities=CAP_SETUID CAP_SETGID" in wanted["portal-web-staff.service"]
    assert "IPAddressDeny=any" in wanted["portal-web-public.service"]


@pytest.mark.parametrize("program", find_programs("systemd-analyze"))
def test_systemd_accepts_the_units(root: Path, tmp_path: Path, program: str) -> None:
    folder = tmp_path / "units"
    shutil.copytree(root / "etc/systemd/system", folder)
    for path in folder.iterdir():  # programs that are not on this machine
        path.write_text(re.sub(r"^(Exec\w+)=.*", r"\1=/bin/true", path.read_text(), flags=re.MULTILINE))
    done = subprocess.run(
        [program, "verify", "--man=no", *sorted(map(str, folder.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if str(folder) in line or "portal" in line]
    assert not complaints


def test_servers_keep_nothing() -> None:
    written = {name: value.strip("'") for name, value in servers.POSTGRES_SETTINGS.items()}
    for name, (safe, _consequence) in doctor.SAFE_SETTINGS.items():
        if name in private_servers.SETTINGS or name in written:
            assert written[name] in safe, name
    for name, (value, _consequence) in doctor.SAFE_STORE_SETTINGS.items():
        assert servers.STORE_SETTINGS[name].strip('"') == value


def test_the_example_of_a_proxy_is_what_the_installer_writes(root: Path) -> None:
    example = proxy.Proxy(
        public=proxy.Site(("tips.example.org",), Path("/etc/nginx/certificates/public"), 8001),
        staff=proxy.Site(("desk.example.org",), Path("/etc/nginx/certificates/staff"), 8002),
        base_map=Path("/srv/portal/base-map"),
    )
    assert (ROOT / "docker/nginx.conf").read_text() == proxy.write(example)
    text = read(root, "etc/portal/nginx.conf")
    assert "root /opt/portal/current/www;" in text
    # Where certbot writes its challenges to.
    assert f"location /.well-known/acme-challenge/ {{ root {layout.CHALLENGES}; }}" in text
    assert "deny all;" not in text
    closed = proxy.Proxy(example.public, example.staff, example.base_map, staff_networks=("10.0.0.0/8", "fd00::/8"))
    _public, _word, staff = proxy.write(closed).partition("# Staff.")
    assert "allow 10.0.0.0/8;\n        allow fd00::/8;\n        deny all;" in staff


def test_the_closed_page_speaks_the_agencys_language(tmp_path: Path) -> None:
    page = proxy.write_closed_page({**ANSWERS, "AGENCY_NAME": "<script>"}, ROOT / "locale")
    assert "<script>" not in page
    assert "call 911" in page
    assert '<html lang="en-us">' in page
    messages = tmp_path / "pt_BR/LC_MESSAGES"
    messages.mkdir(parents=True)
    translated = "Ligue <b>%(number)s</b> se alguém estiver em perigo."
    catalog = gettext_file({"": "Content-Type: text/plain; charset=UTF-8\n", DANGER: translated})
    (messages / "django.mo").write_bytes(catalog)
    page = proxy.write_closed_page({**ANSWERS, "LANGUAGE_CODE": "pt-br"}, tmp_path)
    assert '<html lang="pt-br">' in page
    assert "Ligue &lt;b&gt;911&lt;/b&gt; se alguém" in page
    assert "This site is closed" in page  # nobody has translated it


def gettext_file(messages: dict[str, str]) -> bytes:
    """Return a compiled catalog (the GNU format of .mo files) of messages and their translations."""
    pairs = [(text.encode(), translation.encode()) for text, translation in sorted(messages.items())]
    tables: tuple[list[bytes], list[bytes]] = ([], [])
    content = b""
    for side in (0, 1):
        for pair in pairs:
            tables[side].append(struct.pack("<II", len(pair[side]), 28 + 16 * len(pairs) + len(content)))
            content += pair[side] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return head + b"".join(tables[0]) + b"".join(tables[1]) + content


@pytest.mark.parametrize("program", find_programs("nginx"))
def test_nginx_accepts_its_file_and_writes_no_line_of_a_request(root: Path, tmp_path: Path, program: str) -> None:
    """Nothing answers behind it, and clients speak nonsense: each of that is an error with an address in nginx's eyes."""
    ports = (free_port(), free_port())
    text = (
        read(root, "etc/portal/nginx.conf")
        .replace("/etc/portal", f"{root}/etc/portal")
        .replace("user www-data;", f"user {getpass.getuser()};")
    )
    text = text.replace("/run/portal-proxy.pid", str(tmp_path / "pid")).replace(" 80 ", f" 127.0.0.1:{ports[0]} ")
    text = (
        text.replace(" 443 ", f" 127.0.0.1:{ports[1]} ")
        .replace("127.0.0.1:800", "127.0.0.1:1")
        .replace("/etc/nginx/mime.types", str(tmp_path / "types"))
    )
    text = re.sub(r"listen \[::\]\S+ .*;", "", text).replace("worker_rlimit_nofile 65536;", "")
    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        text = text.replace("http {", f"http {{\n    {name}_temp_path {tmp_path}/{name};", 1)
    (tmp_path / "types").write_text("types { text/html html; }")
    (tmp_path / "nginx.conf").write_text(text)
    command = [program, "-e", "stderr", "-c", tmp_path / "nginx.conf"]
    tested = subprocess.run([*command, "-q", "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    with (
        (tmp_path / "log").open("w+") as log,
        subprocess.Popen([*command, "-g", "daemon off;"], stderr=log, stdout=log) as running,
    ):
        try:
            wait_until(lambda: listens(ports[1]), 120, "nginx listens")
            for port, sent in (
                (ports[0], b"GET / HTTP/1.1\r\nHost: tips.example.org\r\n\r\n"),
                (ports[0], b"\x16\x03\x01 no TLS here \r\n\r\n"),
                (ports[0], b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n"),
                (ports[1], b"GET / HTTP/1.1\r\nHost: tips.example.org\r\n\r\n"),  # http on the port of https
                (ports[1], b"\x16\x03\x01\x00\x05hello"),
            ):
                talk(port, sent)
            context = ssl._create_unverified_context()
            assert agree_on_tls(ports[1]) == "TLSv1.3"
            assert agree_on_tls(ports[1], "ECDHE+AESGCM") == "TLSv1.2"
            assert agree_on_tls(ports[1], "ECDHE+AES:!AESGCM:!AESCCM") == ""
            for path in ("/tips/", "/static/none.css", "/map/base/0123456789abcdef.pmtiles"):
                with pytest.raises(urllib.error.HTTPError) as closed:
                    urllib.request.urlopen(f"https://127.0.0.1:{ports[1]}{path}", context=context)
                assert closed.value.code in (502, 503)
                assert "This site is closed for a moment" in closed.value.read().decode()
        finally:
            running.terminate()
        running.wait(10)
        log.seek(0)
        assert log.read() == ""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def agree_on_tls(port: int, offered: str = "") -> str:
    """Return the version of TLS that the server agrees to, else nothing. `offered`: the ciphers of a client that knows TLS 1.2 alone."""
    context = ssl._create_unverified_context()
    if offered:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(offered)
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as line, context.wrap_socket(line) as encrypted:
            return str(encrypted.version())
    except ssl.SSLError:
        return ""


def talk(port: int, sent: bytes) -> None:
    """Send bytes and read until the server closes the connection, or ours is reset."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection, suppress(OSError):
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def test_other_machines_are_refused_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release_file, systemd = tmp_path / "os-release", tmp_path / "systemd"
    monkeypatch.setattr(machine, "_serves_other_sites", lambda: False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    systemd.mkdir()
    for name, is_known in (
        ('ID=debian\nVERSION_ID="12"', True),
        ("ID=debian\n", True),
        ('ID=ubuntu\nVERSION_ID="24.04"', True),
        ('ID=ubuntu\nVERSION_ID="22.04"', False),
        ('ID=debian\nVERSION_ID="11"', False),
        ('ID=fedora\nVERSION_ID="40"', False),
    ):
        release_file.write_text(name)
        assert (machine.find_obstacles(release_file, systemd) == []) is is_known, name
    release_file.write_text("ID=debian\n")
    (sentence,) = machine.find_obstacles(release_file, tmp_path / "none")
    assert "systemd" in sentence
    (tmp_path / "sites-enabled").mkdir()
    (tmp_path / "sites-enabled/default").touch()
    monkeypatch.undo()
    assert not machine._serves_other_sites(tmp_path)
    (tmp_path / "sites-enabled/shop").touch()
    assert machine._serves_other_sites(tmp_path)


class MachineThatNotes(Machine):
    """A machine that notes commands instead of running them."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.commands: list[list[str]] = []

    def run(self, *arguments: str | Path, text: str = "", environment: Mapping[str, str] | None = None) -> str:
        self.commands.append([str(argument) for argument in arguments])
        return ""


def test_the_last_words_name_each_key_file_that_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layout, "KEYS", tmp_path)
    (tmp_path / "private").mkdir()
    for number in (1, 2):
        (tmp_path / "private" / f"000{number}.key").touch()
    words = farewell.write(ANSWERS, "Give Ada Okafor this address.")
    assert words.count(f"{tmp_path}/private/000") == 2
    assert "private/*.key: without it nobody" not in words


def test_certbot_is_asked_for_each_certificate_with_all_names_of_its_host(tmp_path: Path) -> None:
    noting = MachineThatNotes(tmp_path)
    plan = Plan(noting, {**ANSWERS, "PUBLIC_HOSTS": "tips.example.org, www.example.org"})
    for side in ("public", "staff"):
        plan._fetch_certificate(side).carry_out()
    for command, names in zip(
        noting.commands, (["tips.example.org", "www.example.org"], ["desk.example.org"]), strict=True
    ):
        given = dict(itertools.pairwise(command))
        assert command[:2] == ["certbot", "certonly"]
        assert (given["-w"], given["--cert-name"]) == (str(layout.CHALLENGES), names[0])
        assert given["--email"] == ANSWERS["ADMINISTRATOR_MAIL"]
        assert given["--deploy-hook"] == str(scripts.HOOK)
        assert [name for option, name in itertools.pairwise(command) if option == "-d"] == names


def test_a_certificate_that_certbot_cant_fetch_is_told_in_a_sentence(tmp_path: Path) -> None:
    class MachineWithoutInternet(MachineThatNotes):
        def run(self, *arguments: str | Path, text: str = "", environment: Mapping[str, str] | None = None) -> str:
            raise StepFailedError("“certbot certonly” has failed: HTTPSConnectionPool(...)")

    plan = Plan(MachineWithoutInternet(tmp_path), {**ANSWERS, "PUBLIC_HOSTS": "tips.example.org, www.example.org"})
    with pytest.raises(StepFailedError) as failed:
        plan._fetch_certificate("public").carry_out()
    assert "on port 80 under tips.example.org and www.example.org" in str(failed.value)
    assert "Pool" not in str(failed.value)


def test_a_renewed_certificate_is_put_where_nginx_reads_it_and_nginx_reads_it_anew(tmp_path: Path) -> None:
    certificates, programs = tmp_path / "certificates", tmp_path / "programs"
    for folder in (certificates / "public", certificates / "staff", programs):
        folder.mkdir(parents=True)
    (programs / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    (programs / "systemctl").chmod(0o755)
    hook = scripts.write_hook({"tips.example.org": "public", "desk.example.org": "staff"})
    hook = hook.replace(str(layout.CERTIFICATES), str(certificates))

    def renew(name: str) -> None:
        lineage = tmp_path / "live" / name
        lineage.mkdir(parents=True)
        for file in ("fullchain.pem", "privkey.pem"):
            (lineage / file).write_text(f"{file} of {name}")
        path = f"{programs}:{os.environ['PATH']}"
        subprocess.run(["sh", "-c", hook], env={"PATH": path, "RENEWED_LINEAGE": str(lineage)}, check=True)

    renew("shop.example.org")  # another site's
    assert not [path for path in certificates.rglob("*") if path.is_file()]
    renew("desk.example.org")
    key = certificates / "staff" / "privkey.pem"
    assert key.read_text() == "privkey.pem of desk.example.org"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (certificates / "staff" / "fullchain.pem").exists()
    assert not [*(certificates / "public").iterdir()]
    assert (tmp_path / "asked").read_text() == "try-reload-or-restart portal-proxy.service\n"


def test_the_command_refuses_what_is_no_role(tmp_path: Path) -> None:
    script = tmp_path / "portal"
    script.write_text(scripts.COMMAND_TEXT)
    for arguments in ([], ["staff"], ["root", "doctor"], ["staff media", "doctor"]):
        done = subprocess.run(["sh", script, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("Write: portal ROLE COMMAND")


def test_the_release_is_what_the_image_has() -> None:
    copied = {
        name
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY")
        for name in line.split()[1:-1]
    }
    assert copied == set(PRODUCT)
