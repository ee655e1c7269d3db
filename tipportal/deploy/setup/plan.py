"""The plan of an installation: all steps in their order."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.roles import Role
from tipportal.deploy import role_files
from tipportal.deploy.setup import environment_files, layout, proxy, scripts, servers, units
from tipportal.deploy.setup.answers import CERTBOT, split, write
from tipportal.deploy.setup.machine import OPEN_FILE, Machine, Rights, StepFailedError
from tipportal.deploy.setup.release import Release
from tipportal.deploy.setup.steps import Step, add_user, join, keep_file, keep_folder, make_secret, point_link

_PACKAGES = ("postgresql", "redis-server", "nginx", "openssl", "python3-venv", "libseccomp2", "ca-certificates")
# They would listen with settings of their own, and the store would write to the disk.
_REPLACED = ("redis-server.service", "nginx.service")
# A digest of all that the running processes were started with.
_STARTED = layout.DATA / "started"
_SIDES = ("public", "staff")


class Plan:
    """The steps for these answers. `invitation` is the address for the first administrator, once that step was carried out."""

    def __init__(self, machine: Machine, answers: Mapping[str, str]) -> None:
        self.machine = machine
        self.answers = answers
        self.release = Release(machine)
        self.invitation = ""
        self._units = units.write_units(answers)

    def list_steps(self) -> list[Step]:
        """Return the steps in the order in which they must be done."""
        steps = [
            *self.list_preparing(),
            *self.list_switching(),
            self._migrate(),
            join("Create the key pairs", [self._create_keys(*keys) for keys in _KEY_PAIRS]),
            self._start(),
            *(self._fetch_certificate(side) for side in _SIDES if self._site_certificate(side) == CERTBOT),
            self._invite(),
        ]
        return [step for step in steps if self.machine.is_real or not step.needs_machine]

    def list_preparing(self) -> list[Step]:
        """Return the steps that another release beside them doesn't notice."""
        steps = [
            self._install_packages(),
            join("Turn off Redis and nginx as the packages start them", [self._turn_off(name) for name in _REPLACED]),
            join("Add a Unix user for each role, and groups for what they share", self._add_users()),
            join("Make folders with owners and modes", self._make_folders()),
            Step(
                f"Put the code and its packages into {self.release.folder}", self.release.is_ready, self.release.build
            ),
            join("Write the secrets that are drawn once", self._make_secrets()),
            self._set_up_postgres(),
            self._make_database(),
            keep_file(self.machine, scripts.COMMAND, scripts.COMMAND_TEXT, Rights(mode=0o755)),
            join("Write the service that undoes an interrupted upgrade", self._write_units(units.RECOVERY_UNITS)),
        ]
        return [step for step in steps if self.machine.is_real or not step.needs_machine]

    def list_switching(self) -> list[Step]:
        """Return the steps that put this release and these answers in the place of what is there: files alone, and the link last."""
        return [
            keep_file(self.machine, layout.ANSWERS, write(self.answers), Rights(mode=0o600)),
            join("Write the variables of each role", [self._write_environment(role) for role in layout.ROLES]),
            join("Write the settings of Redis and nginx, and the page for a closed site", self._write_server_files()),
            join("Write systemd's services and timers", self._write_units([*self._units])),
            join("Put certificates where nginx reads them", [self._place_certificate(side) for side in _SIDES]),
            point_link(self.machine, layout.CURRENT, self.release.folder),
        ]

    # The machine

    def _install_packages(self) -> Step:
        packages = list(_PACKAGES)
        if CERTBOT in (self._site_certificate(side) for side in _SIDES):
            packages.append("certbot")

        def carry_out() -> None:
            self.machine.run("apt-get", "-qq", "update")
            self.machine.run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", *packages)

        def is_done() -> bool:
            status = self.machine.answer("dpkg-query", "--show", "--showformat=${db:Status-Abbrev}\n", *packages)
            return [line.strip() for line in status.splitlines()] == ["ii"] * len(packages)

        return Step(f"Install the packages {', '.join(packages)}", is_done, carry_out, needs_machine=True)

    def _turn_off(self, name: str) -> Step:
        def is_done() -> bool:
            # Commands fail for what is off: an answer is empty, or says so.
            return self.machine.answer("systemctl", "is-enabled", name) != "enabled" and not self._is_active(name)

        return Step(f"Turn off {name}", is_done, lambda: self.machine.run("systemctl", "disable", "--now", name), True)

    def _is_active(self, name: str) -> bool:
        return self.machine.answer("systemctl", "is-active", name) in ("active", "activating", "reloading")

    def _add_users(self) -> list[Step]:
        users = [add_user(self.machine, layout.STORE_USER, [])]
        for role in layout.ROLES:
            groups = [group for group, roles in role_files.GROUPS.items() if role in roles]
            users.append(add_user(self.machine, role.unix_user, groups))
        return users

    def _make_folders(self) -> list[Step]:
        staff = Role.STAFF.unix_user
        closed, owner = Rights(staff, staff, 0o700), Role.OWNER.unix_user
        plain = (layout.RELEASES, layout.CONFIGURATION, layout.DATA, layout.KEYS, layout.RAM, layout.CHALLENGES)
        return [
            *(keep_folder(self.machine, path) for path in plain),
            keep_folder(self.machine, layout.CERTIFICATES, Rights(mode=0o700)),
            keep_folder(self.machine, layout.KEYS / "factors", closed),
            keep_folder(self.machine, Path(self.answers["BACKUPS"]), Rights(owner, owner, 0o700)),
            *(
                keep_folder(self.machine, layout.path_of(folder), Rights(*role_files.owner_of(folder), folder.mode))
                for folder in role_files.FOLDERS
            ),
        ]

    def _make_secrets(self) -> list[Step]:
        key = Rights(mode=0o600)
        made = [self._draw_secret(file) for file in role_files.FILES]
        made.append(make_secret(self.machine, layout.SECRET_KEY, lambda: secrets.token_hex(32).encode(), key))
        if self.answers.get("OIDC_ISSUER"):
            staff = Role.STAFF.unix_user
            made.append(make_secret(self.machine, layout.OIDC_SECRET, bytes, Rights(staff, staff, 0o600)))
        return made

    def _draw_secret(self, file: role_files.SecretFile) -> Step:
        rights = Rights(*role_files.owner_of(file), file.mode)
        return make_secret(self.machine, layout.path_of(file), lambda: os.urandom(file.sizes[0]), rights)

    def _write_environment(self, role: Role) -> Step:
        rights = Rights("root", role.unix_user, 0o640)
        return keep_file(self.machine, layout.environment_file(role), lambda: self.write_variables(role), rights)

    def write_variables(self, role: Role) -> str:
        """Return the text of a role's file of variables."""
        key = self.machine.path(layout.SECRET_KEY)
        return environment_files.write(role, self.answers, key.read_text() if key.exists() else "")

    # Servers

    def _find_cluster(self) -> Path | None:
        clusters = sorted(Path("/etc/postgresql").glob("*/main"), key=lambda path: int(path.parent.name))
        return clusters[-1] if clusters else None

    def _set_up_postgres(self) -> Step:
        def settings() -> Step | None:
            cluster = self._find_cluster()
            return (
                keep_file(self.machine, cluster / "conf.d" / "portal.conf", servers.write_postgres_settings())
                if cluster
                else None
            )

        def carry_out() -> None:
            step, cluster = settings(), self._find_cluster()
            if step is None or cluster is None:
                raise StepFailedError(
                    "PostgreSQL has no cluster “main”. Create one with pg_createcluster, then start again."
                )
            step.carry_out()
            self.machine.run("systemctl", "restart", f"postgresql@{cluster.parent.name}-main.service")

        def is_done() -> bool:
            step = settings()
            return step is not None and step.is_done()

        return Step(
            "Let PostgreSQL log no content, and listen on its socket alone", is_done, carry_out, needs_machine=True
        )

    def _ask_postgres(self, query: str, database: str = "postgres") -> str:
        return self.machine.answer(*("runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", database, "-c", query))

    def _make_database(self) -> Step:
        def carry_out() -> None:
            self.machine.run(
                *("runuser", "-u", "postgres", "--", "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", "postgres"),
                text=servers.write_users(),
            )

        def is_done() -> bool:
            return {*self._ask_postgres(servers.NAMES_QUERY).split()} >= servers.NAMES

        return Step(
            "Create PostgreSQL's users, without passwords, and the database", is_done, carry_out, needs_machine=True
        )

    def _write_server_files(self) -> list[Step]:
        closed_page = layout.CONFIGURATION / "closed.html"
        configuration = proxy.Proxy(
            public=self._describe_site("public", "PUBLIC_HOSTS", environment_files.PORTS[Role.PUBLIC]),
            staff=self._describe_site("staff", "STAFF_HOSTS", environment_files.PORTS[Role.STAFF]),
            base_map=next(layout.path_of(folder) for folder in role_files.FOLDERS if folder.variable == "BASE_MAP"),
            has_ipv6=self.machine.path(Path("/proc/net/if_inet6")).exists(),
            web_root=layout.WEB_ROOT,
            challenges=layout.CHALLENGES,
            closed_page=closed_page,
            staff_networks=tuple(split(self.answers.get("STAFF_NETWORKS", ""))),
        )
        return [
            keep_file(self.machine, layout.CONFIGURATION / "store.conf", servers.write_store_settings()),
            keep_file(self.machine, closed_page, proxy.write_closed_page(self.answers, self.release.source / "locale")),
            keep_file(self.machine, layout.CONFIGURATION / "nginx.conf", proxy.write(configuration)),
        ]

    def _write_units(self, names: Sequence[str]) -> list[Step]:
        folder = Path("/etc/systemd/system")
        journal = keep_file(self.machine, scripts.JOURNAL, scripts.JOURNAL_TEXT)
        return [*(keep_file(self.machine, folder / name, self._units[name]) for name in names), journal]

    # Certificates

    def _site_certificate(self, side: str) -> str:
        return self.answers[f"{side.upper()}_CERTIFICATE"]

    def _describe_site(self, side: str, hosts: str, port: int) -> proxy.Site:
        own = self._site_certificate(side)
        return proxy.Site(
            tuple(split(self.answers[hosts])), layout.CERTIFICATES / side if own == CERTBOT else Path(own), port
        )

    def _place_certificate(self, side: str) -> Step:
        """Return the step that finds the agency's certificate, or makes one that nginx starts with until certbot has fetched its own."""
        own = self._site_certificate(side)
        folder = layout.CERTIFICATES / side if own == CERTBOT else Path(own)
        chain, key = (self.machine.path(folder / name) for name in ("fullchain.pem", "privkey.pem"))
        host = split(self.answers[f"{side.upper()}_HOSTS"])[0]

        def carry_out() -> None:
            if own != CERTBOT:
                raise StepFailedError(
                    f"{folder} lacks fullchain.pem or privkey.pem of {host}. Put both there, then start again."
                )
            chain.parent.mkdir(parents=True, exist_ok=True)
            self.machine.run(
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-days",
                    "30",
                ),
                *("-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-keyout", key, "-out", chain),
            )
            key.chmod(0o600)

        return Step(f"Place the certificate of {host}", lambda: chain.exists() and key.exists(), carry_out)

    def _fetch_certificate(self, side: str) -> Step:
        hosts = split(self.answers[f"{side.upper()}_HOSTS"])
        names = {
            split(self.answers[f"{each.upper()}_HOSTS"])[0]: each
            for each in _SIDES
            if self._site_certificate(each) == CERTBOT
        }
        hook = keep_file(self.machine, scripts.HOOK, scripts.write_hook(names), Rights(mode=0o755))

        def carry_out() -> None:
            hook.carry_out()
            try:
                self.machine.run(
                    *("certbot", "certonly", "--non-interactive", "--agree-tos", "--webroot", "-w", layout.CHALLENGES),
                    *("--cert-name", hosts[0], "--email", self.answers["ADMINISTRATOR_MAIL"]),
                    *("--deploy-hook", scripts.HOOK),
                    *(part for host in hosts for part in ("-d", host)),
                )
            except StepFailedError:
                raise StepFailedError(
                    f"certbot couldn't fetch the certificate of {hosts[0]}, so browsers warn of the site until it has. The internet"
                    f" must reach this server on port 80 under {' and '.join(hosts)}. What certbot met is at the end of"
                    " /var/log/letsencrypt/letsencrypt.log."
                ) from None

        def is_done() -> bool:
            return hook.is_done() and Path("/etc/letsencrypt/live", hosts[0], "fullchain.pem").exists()

        return Step(
            f"Let certbot fetch the certificate of {hosts[0]}, and renew it", is_done, carry_out, True, may_fail=True
        )

    # The portal

    def manage(self, role: Role, *arguments: str) -> str:
        return self.machine.run(scripts.COMMAND, role, *arguments)

    def _migrate(self) -> Step:
        def is_done() -> bool:
            try:
                self.manage(Role.OWNER, "migrate", "--check")
            except StepFailedError:
                return False
            return True

        return Step(
            "Create or update tables and rights", is_done, lambda: self.manage(Role.OWNER, "migrate", "-v0"), True
        )

    def _create_keys(self, role: Role, command: str, variable: str) -> Step:
        folder = next(layout.path_of(folder) for folder in role_files.FOLDERS if folder.variable == variable)
        return Step(
            f"Create the keys of {command}",
            lambda: any(self.machine.path(folder).glob("*.key")),
            lambda: self.manage(role, command, "create-key"),
            needs_machine=True,
        )

    def _describe_start(self) -> str:
        """Return a digest of what the processes are started with: units, variables, servers' settings and code."""
        digest = hashlib.sha256(self.release.name.encode())
        files = [Path("/etc/systemd/system") / name for name in self._units]
        files += [layout.environment_file(role) for role in layout.ROLES]
        files += [layout.CONFIGURATION / name for name in ("nginx.conf", "store.conf")]
        for path in sorted(files):
            there = self.machine.path(path)
            digest.update(there.read_bytes() if there.exists() else b"")
        return digest.hexdigest()

    def _start(self) -> Step:
        lasting = units.list_lasting(self.answers)

        def is_done() -> bool:
            stamp = self.machine.path(_STARTED)
            current = stamp.exists() and stamp.read_text() == self._describe_start()
            return current and all(self._is_active(name) for name in lasting)

        def carry_out() -> None:
            self.machine.run("systemctl", "daemon-reload")
            self.machine.run("systemctl", "restart", "systemd-journald.service")
            self._start_units(sorted(lasting, key=_starting_order))
            self.complete_start()

        return Step("Start the services, now and with the machine", is_done, carry_out, needs_machine=True)

    def complete_start(self) -> None:
        """Let the services that were started start with the machine, too, start their timers, and note what they were started with."""
        enabled = units.list_enabled(self.answers)
        self.machine.run("systemctl", "enable", "--quiet", *enabled)
        self.machine.run("systemctl", "start", *(name for name in enabled if name.endswith((".timer", ".target"))))
        self.machine.write(_STARTED, self._describe_start().encode(), OPEN_FILE)

    def _start_units(self, lasting: list[str]) -> None:
        for name in lasting:
            if name.endswith(".socket"):
                # An open port stays open: what waits in it is answered by the new process.
                self.machine.run("systemctl", "start", name)
                continue
            try:
                self.machine.run("systemctl", "restart", name)
            except StepFailedError:
                words = self.machine.answer(
                    "journalctl", "--unit", name, "--lines", "12", "--output", "cat", "--no-pager"
                )
                raise StepFailedError(f"{name} doesn't start:\n{words}") from None

    def _invite(self) -> Step:
        name, mail = self.answers["ADMINISTRATOR_NAME"], self.answers["ADMINISTRATOR_MAIL"]

        def is_done() -> bool:
            query = "SELECT EXISTS (SELECT FROM core_account) OR EXISTS (SELECT FROM core_signinlink)"
            return self._ask_postgres(query, layout.DATABASE) == "t"

        def carry_out() -> None:
            self.invitation = self.manage(Role.STAFF, "create_administrator", "--link", name, mail)

        return Step(f"Invite {name} as the first administrator", is_done, carry_out, needs_machine=True)


_KEY_PAIRS = (
    (Role.STAFF, "vault", "AGENCY_PRIVATE_KEYS"),
    (Role.BULK, "addresses", "ADDRESS_PRIVATE_KEYS"),
    (Role.ALERTS, "alert_channels", "ALERT_CHANNEL_PRIVATE_KEYS"),
)


def _starting_order(name: str) -> tuple[int, str]:
    """Return a key to sort by: ports, the store, the media worker and beat, which make keys that web processes need, others, the proxy."""
    order = (units.STORE, "portal-worker-media.service", "portal-beat.service")
    if name.endswith(".socket"):
        return 0, name
    if name in order:
        return 1 + order.index(name), name
    return (5 if name == units.PROXY else 4), name
