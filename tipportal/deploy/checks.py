"""System checks of a deployment for `manage.py check`. Those marked `deploy` apply to production alone (`--deploy`)."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections
from django.http.request import validate_host
from django.utils.translation import gettext as _

from core import audit
from core.roles import Role
from core.single_sign_on.provider import Provider
from core.staff.groups import GROUPS
from tipportal.deploy import database_rights

FACTOR_KEY_BYTES = 32  # core/sign_in/factors/factor_sealing.py, which the other roles do not import
_CAP_SETUID = 7  # capabilities(7)


@register(Tags.security, deploy=True)
def check_staff_address(**_options: Any) -> list[CheckMessage]:
    """Require an address on which browsers offer passkeys: https, or localhost for a test machine."""
    parts = urlsplit(settings.STAFF_URL)
    if not settings.ROLE.serves_staff or parts.scheme == "https" or parts.hostname == "localhost":
        return []
    return [
        Error(
            _("STAFF_URL doesn't begin with https."),
            hint=_(
                "Serve the staff side over https. Browsers use passkeys nowhere else, and passwords would be readable."
            ),
            id="tipportal.E001",
        )
    ]


@register(Tags.security, deploy=True)
def check_demo(**_options: Any) -> list[CheckMessage]:
    if not settings.DEMO:
        return []
    return [Error(_("DEMO is set."), hint=_("Remove it. It allows plain http and made-up tips."), id="tipportal.E002")]


@register(Tags.security, deploy=True)
def check_addresses(**_options: Any) -> list[CheckMessage]:
    """Require what the check of a post's origin needs (core/web/middleware.py): without it every form is refused."""
    served = {
        "PORTAL_URL": settings.PORTAL_URL if settings.ROLE.serves_public else "",
        "STAFF_URL": settings.STAFF_URL if settings.ROLE.serves_staff else "",
    }
    messages: list[CheckMessage] = []
    for name, address in served.items():
        parts = urlsplit(address)
        if address and not validate_host(parts.hostname or "", settings.ALLOWED_HOSTS):
            messages.append(
                Error(
                    _("The host of %(name)s isn't in ALLOWED_HOSTS.") % {"name": name},
                    hint=_("Add %(host)s to ALLOWED_HOSTS.") % {"host": parts.hostname},
                    id="tipportal.E007",
                )
            )
        if address and parts.port:
            messages.append(
                Warning(
                    _("%(name)s has port %(port)s.") % {"name": name, "port": parts.port},
                    hint=_(
                        "Let the proxy pass on the port with the host (nginx: proxy_set_header Host $http_host). "
                        "Otherwise the portal accepts forms only at this exact address."
                    ),
                    id="tipportal.W008",
                )
            )
    if settings.ROLE.is_web and settings.HTTPS and not settings.SECURE_PROXY_SSL_HEADER:
        messages.append(
            Warning(
                _("HTTPS is on, but BEHIND_PROXY isn't."),
                hint=_(
                    "Set BEHIND_PROXY=true and let the proxy set X-Forwarded-Proto. Otherwise the portal accepts forms only at "
                    "PORTAL_URL and STAFF_URL."
                ),
                id="tipportal.W009",
            )
        )
    return messages


@register(Tags.security, deploy=True)
def check_freed_memory(**_options: Any) -> list[CheckMessage]:
    """Warn where the C library does not overwrite freed memory (processes.WIPING_ALLOCATOR): musl, macOS."""
    if _is_glibc():
        return []
    return [
        Warning(
            _("This system doesn't overwrite freed memory."),
            hint=_("Use a system with glibc, such as Debian: elsewhere memory keeps what sources wrote for longer."),
            id="tipportal.W010",
        )
    ]


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (ValueError, OSError):  # the name is unknown to other C libraries
        return False


@register(Tags.security)
def check_audit_key(**_options: Any) -> list[CheckMessage]:
    path: Path | None = settings.AUDIT_KEY
    if path is not None and not settings.ROLE.serves_staff:
        return [_refuse_staff_key("AUDIT_KEY", _("Remove it. Anyone who has this key can rewrite the audit trail."))]
    return _check_staff_key("AUDIT_KEY", path, [audit.KEY_BYTES])


@register(Tags.security)
def check_factor_key(**_options: Any) -> list[CheckMessage]:
    path: Path | None = settings.FACTOR_KEY
    if path is not None and not settings.ROLE.serves_staff:
        return [_refuse_staff_key("FACTOR_KEY", _("Remove it. This key opens the secrets of staff's second factors."))]
    return _check_staff_key("FACTOR_KEY", path, [FACTOR_KEY_BYTES, 2 * FACTOR_KEY_BYTES])


@register(Tags.security)
def check_channel_keys(**_options: Any) -> list[CheckMessage]:
    """Warn the staff side that officers can't add channels; the alerts worker refuses to start (start_requirements.py)."""
    folder: Path | None = settings.ALERT_CHANNEL_PUBLIC_KEYS
    if not (settings.ROLE.serves_staff and settings.ALERT_CHANNELS) or (folder and any(folder.glob("*.pub"))):
        return []
    message = _(
        "ALERT_CHANNELS is set, but officers can't add channels: the key that seals their addresses is missing."
    )
    hint = _(
        "Run `manage.py alert_channels create-key` as the alerts role, and copy the .pub file into the folder that"
        " ALERT_CHANNEL_PUBLIC_KEYS names."
    )
    return [Warning(message, hint=hint, id="tipportal.W016")]


@register(Tags.security)
def check_identity_provider(**_options: Any) -> list[CheckMessage]:
    """Find mistakes about single sign-on that would otherwise show at the first sign-in, or never."""
    provider: Provider | None = settings.OIDC_PROVIDER
    if provider is None:
        return []
    messages: list[CheckMessage] = []
    if unknown := sorted(set(provider.roles.values()) - set(GROUPS)):
        message = _("OIDC_ROLES names roles that don't exist: %(roles)s.") % {"roles": ", ".join(unknown)}
        hint = _("Use these: %(roles)s.") % {"roles": ", ".join(GROUPS)}
        messages.append(Error(message, hint=hint, id="tipportal.E012"))
    if not (os.access(provider.client_secret, os.R_OK) and provider.read_secret()):
        message = _("The file that OIDC_CLIENT_SECRET names can't be read, or it is empty.")
        hint = _("Write the secret that the identity provider gave you into it.")
        messages.append(Error(message, hint=hint, id="tipportal.E013"))
    return messages


def _refuse_staff_key(name: str, hint: str) -> CheckMessage:
    message = _("%(name)s is set for the %(role)s role.") % {"name": name, "role": settings.ROLE}
    return Error(message, hint=hint, id="tipportal.E003")


def _check_staff_key(name: str, path: Path | None, sizes: Sequence[int]) -> list[CheckMessage]:
    if not settings.ROLE.serves_staff:
        return []
    if path is not None and path.is_file() and path.stat().st_size in sizes:
        return _check_file_mode(path)
    return [
        Error(
            _("%(name)s must name a file of %(count)s bytes. Without it, nobody can sign in.")
            % {"name": name, "count": sizes[0]},
            hint=_("Create it once with `head -c 32 /dev/urandom`, mode 0600, and keep a copy in a safe place."),
            id="tipportal.E004",
        )
    ]


@register(Tags.security, deploy=True)
def check_audit_head_mail(**_options: Any) -> list[CheckMessage]:
    if settings.AUDIT_HEAD_EMAIL or not (settings.ROLE.serves_staff or settings.ROLE is Role.ALERTS):
        return []
    return [
        Warning(
            _("AUDIT_HEAD_EMAIL isn't set."),
            hint=_(
                "Set it to an address outside the agency's systems, such as a city auditor's. It gets one email a day, without"
                " which nobody can prove that the end of the audit trail was not cut off."
            ),
            id="tipportal.W011",
        )
    ]


@register(Tags.security)
def check_translator(**_options: Any) -> list[CheckMessage]:
    """Require that the program and the user of the translator exist, and that this process may switch to that user."""
    problems = []
    command, user = settings.TRANSLATE_COMMAND, settings.TRANSLATE_USER
    if command and shutil.which(command[0]) is None:
        problems.append(_("TRANSLATE_COMMAND names a program that isn't on this machine."))
    if command and user and not _may_become(user):
        problems.append(_("TRANSLATE_USER names a user that doesn't exist, or that this process may not switch to."))
    hint = _("Officers can't have texts translated until that is fixed (docs/installation.md, “The translator”).")
    return [Warning(problem, hint=hint, id="tipportal.W012") for problem in problems]


def _may_become(user: str) -> bool:
    try:
        user_id = pwd.getpwnam(user).pw_uid
    except KeyError:
        return False
    status = Path("/proc/self/status")
    capabilities = re.search(r"CapEff:\s*(\w+)", status.read_text()) if status.exists() else None
    has_right = bool(capabilities and int(capabilities[1], 16) >> _CAP_SETUID & 1)
    return user_id == os.geteuid() or os.geteuid() == 0 or has_right


@register(Tags.security)
def check_private_keys(**_options: Any) -> list[CheckMessage]:
    folder: Path | None = settings.AGENCY_PRIVATE_KEYS
    if folder is None or not folder.is_dir():
        return []
    return [message for path in sorted(folder.glob("*.key")) for message in _check_file_mode(path)]


@register(Tags.database)
def check_database_rights(databases: Sequence[str] | None = None, **_options: Any) -> list[CheckMessage]:
    """Require that the PostgreSQL user of the public or media role has no rights on a staff table."""
    if settings.ROLE not in (Role.PUBLIC, Role.MEDIA) or "default" not in (databases or ()):
        return []
    with connections["default"].cursor() as cursor:
        open_tables = database_rights.list_open_staff_tables(cursor, settings.ROLE)
    if not open_tables:
        return []
    return [
        Error(
            _("The database user of the %(role)s role has access to %(tables)s.")
            % {"role": settings.ROLE, "tables": ", ".join(open_tables)},
            hint=_("Use the database user portal_%(role)s, and run `manage.py migrate` to set its rights.")
            % {"role": settings.ROLE},
            id="tipportal.E005",
        )
    ]


def _check_file_mode(path: Path) -> list[CheckMessage]:
    if not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return []
    return [
        Error(
            _("%(path)s can be read by users other than its owner.") % {"path": path},
            hint=_("Run chmod 600 on it."),
            id="tipportal.E006",
        )
    ]
