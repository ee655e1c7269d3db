"""systemd units of an installation: one service for each process, the store, the proxy, sockets of web processes, and timers.

Each service sees its own keys alone, writes only where its role does, gets no privilege, and is never in swap or a core dump. Those
that don't need a network have none: PostgreSQL and Redis are reached by sockets in the file system.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.roles import Role
from tipportal.deploy import processes, role_files
from tipportal.deploy.processes import Process
from tipportal.deploy.setup import layout
from tipportal.deploy.setup.environment_files import PORTS

TARGET = "portal.target"
STORE, PROXY = "portal-store.service", "portal-proxy.service"
# Of an upgrade that was interrupted: when the machine starts, and by a timer that runs while there is an upgrade.
RECOVERY_UNITS = RECOVERY, RECOVERY_TIMER = ("portal-upgrade.service", "portal-upgrade.timer")
# Shares of the processor when all of them want it. A tip is taken before anything else happens to it.
_CPU_WEIGHTS = {
    "web-public": 400,
    "web-staff": 200,
    "worker-alerts": 200,
    "beat": 100,
    "search": 100,
    "worker-media": 50,
    "worker-bulk": 30,
    "worker-media-video": 20,
}
# Roles whose processes start confined ones for strangers' or agencies' files: those enter namespaces and set rules of their own.
_CONFINING = (Role.STAFF, Role.BULK, Role.MEDIA)
_CONFINEMENT_CALLS = "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp unshare"
# Processes that speak to no machine but this one.
_OFFLINE = ("search", "worker-media", "worker-media-video", "beat")

_HARDENING = """\
UMask=0007
LimitCORE=0
LimitNOFILE=16384
MemorySwapMax=0
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
"""


def list_services(answers: Mapping[str, str]) -> list[Process]:
    """Return the processes that run: the search process only if the operator wants it."""
    return [
        process for process in processes.PRODUCTION if process is not processes.SEARCH or answers.get("SEARCH_SOCKET")
    ]


def _listens(process: Process) -> bool:
    return process.role in PORTS and process is not processes.SEARCH


def unit_of(process: Process) -> str:
    return f"portal-{process.name}.service"


def socket_of(process: Process) -> str:
    return f"portal-{process.name}.socket"


def write_units(answers: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each unit by its name."""
    running = list_services(answers)
    units = {unit_of(process): _write_service(process, answers) for process in running}
    units |= {
        socket_of(process): _write_socket(process)
        for process in running
        if process.role in PORTS and process.role.is_web and process.name.startswith("web")
    }
    units[STORE], units[PROXY] = _STORE, _PROXY
    units[TARGET] = _write_target([*units])  # of these, not of what timers start
    for timed in _list_timed(answers):
        units |= _write_timed(timed)
    units[RECOVERY], units[RECOVERY_TIMER] = _RECOVERY, _RECOVERY_TIMER
    return units


def list_enabled(answers: Mapping[str, str]) -> list[str]:
    """Return the units that start with the machine."""
    others = {TARGET, RECOVERY_TIMER, *(f"{timed.name}.service" for timed in _list_timed(answers))}
    return [TARGET, *(name for name in write_units(answers) if name not in others)]


def list_lasting(answers: Mapping[str, str]) -> list[str]:
    """Return the services and sockets that are there all the time."""
    return [name for name in list_enabled(answers) if name.endswith((".service", ".socket")) and name != RECOVERY]


def _write_service(process: Process, answers: Mapping[str, str]) -> str:
    role = process.role
    lines = [
        "[Unit]",
        f"Description=Portal: {process.name}",
        "Documentation=file:///opt/portal/current/docs/installation.md",
        f"After=network-online.target postgresql.service {STORE}",
        "Wants=network-online.target",
        *([f"Requires={socket_of(process)}", f"After={socket_of(process)}"] if _listens(process) else []),
        f"PartOf={TARGET}",
        # What a process lacks may be there in a moment: it is started again for as long as it takes.
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        # gunicorn says when it answers: until then a restart keeps connections waiting in the socket.
        "Type=notify" if _listens(process) else "Type=exec",
        f"User={role.unix_user}",
        f"Group={role.unix_user}",
        f"WorkingDirectory={layout.CURRENT}",
        f"EnvironmentFile={layout.environment_file(role)}",
        f"ExecStart={layout.PYTHON} -m tipportal.deploy.processes {process.name}",
        "Restart=always",
        "RestartSec=2",
        # On a busy machine a start takes a while: broken off, it would only begin again.
        "TimeoutStartSec=300",
        "TimeoutStopSec=30",
        f"CPUWeight={_CPU_WEIGHTS[process.name]}",
        _HARDENING + _restrict(process, answers),
        "[Install]",
        f"WantedBy={TARGET}",
    ]
    return "\n".join(lines) + "\n"


def _restrict(process: Process, answers: Mapping[str, str]) -> str:
    role = process.role
    confines = role in _CONFINING and process is not processes.SEARCH
    switches_user = process.name == "web-staff" and bool(answers.get("TRANSLATE_USER"))
    lines = [
        "CapabilityBoundingSet=" + ("CAP_SETUID CAP_SETGID" if switches_user else ""),
        "AmbientCapabilities=" + ("CAP_SETUID CAP_SETGID" if switches_user else ""),
        "RestrictNamespaces=" + ("user net ipc uts" if confines else "yes"),
        "SystemCallFilter=@system-service" + (f" {_CONFINEMENT_CALLS}" if confines else ""),
        # In memory, and seen by this service alone.
        "TemporaryFileSystem=/tmp:mode=1777,nosuid,nodev /var/tmp:mode=1777,nosuid,nodev",
        f"InaccessiblePaths={' '.join(f'-{path}' for path in _list_closed(process.role))}",
    ]
    if writable := _list_writable(role):
        lines.append(f"ReadWritePaths={' '.join(writable)}")
    if role is Role.MEDIA:
        # One file and its rebuilt parts.
        size = 3 * int(answers.get("TIP_MAX_BYTES") or 1024**3)
        lines.append(f"TemporaryFileSystem={layout.RAM}:size={size},mode=1777,nosuid,nodev,noexec")
    if process.name in _OFFLINE:
        lines += ["PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX"]
    else:
        lines.append("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6")
    if role is Role.PUBLIC or (role is Role.STAFF and not answers.get("OIDC_ISSUER")):
        lines += ["IPAddressDeny=any", "IPAddressAllow=localhost"]
    if process is processes.SEARCH:
        lines += ["LimitMEMLOCK=infinity", "RuntimeDirectory=portal-search", "RuntimeDirectoryMode=0770"]
    return "\n".join(lines) + "\n\n"


def _list_closed(role: Role) -> Iterator[str]:
    """Yield the keys and the folders of data that the role has no variable for, and the environment files of other roles."""
    own = processes.variables_of(role)
    items = [item for item in (*role_files.FILES, *role_files.FOLDERS) if item.variable not in own]
    paths = [layout.path_of(item) for item in items]
    # Of a file that is replaced, the folder: the new file would be open again.
    yield from sorted({str(path.parent if path.parent.name == "factors" else path) for path in paths})
    yield str(layout.SECRET_KEY)
    if role is not Role.STAFF:
        yield str(layout.OIDC_SECRET)
    yield from (str(layout.environment_file(other)) for other in layout.ROLES if other is not role)
    yield str(layout.ANSWERS)
    yield str(layout.CERTIFICATES)


def _list_writable(role: Role) -> list[str]:
    return [str(layout.path_of(folder)) for folder in role_files.FOLDERS if role in folder.writers]


def _write_socket(process: Process) -> str:
    """Return the unit that keeps the web process's port open while the process starts again: nobody is turned away meanwhile."""
    return f"""\
[Unit]
Description=Portal: port of {process.name}
PartOf={TARGET}

[Socket]
ListenStream=127.0.0.1:{PORTS[process.role]}
Backlog=2048

[Install]
WantedBy=sockets.target
"""


def _write_target(units: list[str]) -> str:
    return f"""\
[Unit]
Description=Portal: all processes
Wants={" ".join(units)}

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class _Timed:
    """A command that runs by a timer, and the folders that it writes to."""

    name: str
    purpose: str
    role: Role
    command: str
    times: str
    writable: tuple[str, ...] = ()
    condition: str = ""


def _list_timed(answers: Mapping[str, str]) -> tuple[_Timed, ...]:
    folder = answers["BACKUPS"]
    keys = str(next(layout.path_of(each) for each in role_files.FOLDERS if each.variable == "BACKUP_KEYS"))
    # Until there is a backup key, administrators see on the desk that there is no backup.
    writable, owner, has_key = (folder, keys), Role.OWNER, f"ConditionPathExistsGlob={keys}/*.pub"
    return (
        _Timed("portal-audit-verify", "check of the audit trail", Role.STAFF, "audit verify", "*-*-* 03:20:00"),
        _Timed("portal-backup", "backup", owner, f"backup {folder}", "Mon..Sat 02:10:00", writable, has_key),
        _Timed(
            "portal-backup-drill",
            "backup with a proof",
            owner,
            f"backup {folder} --drill",
            "Sun 02:10:00",
            writable,
            has_key,
        ),
        _Timed(
            "portal-backup-ledger",
            "ledger of what was erased",
            owner,
            f"backup {folder} --ledger",
            "*:0/10",
            writable,
            has_key,
        ),
    )


def _write_timed(timed: _Timed) -> dict[str, str]:
    """Return a service that runs a command as a role, and its timer."""
    service = f"""\
[Unit]
Description=Portal: {timed.purpose}
After=postgresql.service {STORE}
{timed.condition}

[Service]
Type=oneshot
User={timed.role.unix_user}
Group={timed.role.unix_user}
WorkingDirectory={layout.CURRENT}
EnvironmentFile={layout.environment_file(timed.role)}
ExecStart={layout.PYTHON} manage.py {timed.command}
CPUWeight=20
{_HARDENING}CapabilityBoundingSet=
RestrictNamespaces=yes
SystemCallFilter=@system-service
RestrictAddressFamilies=AF_UNIX
PrivateNetwork=yes
PrivateTmp=yes
InaccessiblePaths={" ".join(f"-{path}" for path in _list_closed(timed.role))}
ReadWritePaths={" ".join(timed.writable)}
"""
    timer = f"""\
[Unit]
Description=Portal: {timed.purpose}

[Timer]
OnCalendar={timed.times}
Persistent=yes

[Install]
WantedBy=timers.target
"""
    return {f"{timed.name}.service": service, f"{timed.name}.timer": timer}


_STORE = f"""\
[Unit]
Description=Portal: broker and memory-only store (Redis)
PartOf={TARGET}
StartLimitIntervalSec=0

[Service]
Type=notify
User={layout.STORE_USER}
Group={layout.STORE_USER}
RuntimeDirectory={layout.STORE_SOCKET.parent.name}
RuntimeDirectoryMode=0750
ExecStart=/usr/bin/redis-server {layout.CONFIGURATION}/store.conf
Restart=always
RestartSec=2
{_HARDENING}CapabilityBoundingSet=
RestrictNamespaces=yes
SystemCallFilter=@system-service
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX
PrivateTmp=yes
InaccessiblePaths=-{layout.DATA} -{layout.ANSWERS}

[Install]
WantedBy={TARGET}
"""

_PROXY = f"""\
[Unit]
Description=Portal: nginx
After=network-online.target
Wants=network-online.target
PartOf={TARGET}
StartLimitIntervalSec=0

[Service]
Type=exec
# Errors before the file is read go to standard error, too, and not to a file of nginx's.
ExecStartPre=/usr/sbin/nginx -e stderr -q -t -c {layout.CONFIGURATION}/nginx.conf
ExecStart=/usr/sbin/nginx -e stderr -c {layout.CONFIGURATION}/nginx.conf -g "daemon off;"
# A certificate that can't be used is said here, and nginx goes on with the former one.
ExecReload=/usr/sbin/nginx -e stderr -q -t -c {layout.CONFIGURATION}/nginx.conf
ExecReload=/usr/sbin/nginx -e stderr -c {layout.CONFIGURATION}/nginx.conf -s reload
KillSignal=SIGQUIT
TimeoutStopSec=20
Restart=always
RestartSec=2
LimitCORE=0
LimitNOFILE=65536
MemorySwapMax=0
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=/run /var/lib/nginx
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
LockPersonality=yes
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_CHOWN CAP_DAC_OVERRIDE
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
InaccessiblePaths=-{layout.KEYS} -{layout.ANSWERS} -{layout.DATA}/media -{layout.DATA}/uploads -{layout.DATA}/drop

[Install]
WantedBy={TARGET}
"""

_RECOVERY = f"""\
[Unit]
Description=Portal: undo or complete an upgrade that was interrupted
After=postgresql.service
ConditionPathExists={layout.DATA}/upgrade/state

[Service]
Type=oneshot
WorkingDirectory=-{layout.DATA}/upgrade/code
ExecStart=/usr/bin/python3 -B -m tipportal.deploy.setup --recover
Restart=on-failure
RestartSec=20

[Install]
WantedBy=multi-user.target
"""

_RECOVERY_TIMER = """\
[Unit]
Description=Portal: see whether an upgrade was interrupted

[Timer]
OnCalendar=minutely
AccuracySec=1s
"""
