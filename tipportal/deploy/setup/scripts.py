"""Small files of an installation: the command `portal`, certbot's hook, and how long the journal is kept."""

from __future__ import annotations

from pathlib import Path

from tipportal.deploy.setup import layout
from tipportal.deploy.setup.units import PROXY

COMMAND = Path("/usr/local/sbin/portal")
HOOK = Path("/usr/local/sbin/portal-certificate")
JOURNAL = Path("/etc/systemd/journald.conf.d/portal.conf")

_ROLES = " ".join(layout.ROLES)
# The role's user reads the file of variables, so that a command finds what the role's processes find. An upgrade names other variables
# and another release than the one that runs, and its commands end with it: none may go on while it is undone.
COMMAND_TEXT = f"""\
#!/bin/sh
# portal ROLE COMMAND [ARGUMENTS]: a command of manage.py, as the Unix user of the role and with the role's variables.
set -eu
role=${{1:-}}
case " {_ROLES} " in
*" $role "*) [ $# -ge 2 ] ;;
*) false ;;
esac || {{ echo "Write: portal ROLE COMMAND, such as: portal staff doctor. Roles: {_ROLES}." >&2; exit 1; }}
shift
[ "$(id -u)" = 0 ] || {{ echo "Start this with sudo: it becomes the user portal_$role." >&2; exit 1; }}
cd "${{PORTAL_RELEASE:-{layout.CURRENT}}}"
exec env -i PATH=/usr/bin:/bin LANG=C.UTF-8 HOME=/nonexistent TERM="${{TERM:-dumb}}" \\
    setpriv --reuid="portal_$role" --regid="portal_$role" --init-groups --no-new-privs \\
    ${{PORTAL_RELEASE:+--pdeathsig=KILL}} \\
    sh -c 'umask 007; ulimit -c 0; set -a; . "$0"; set +a; exec .venv/bin/python manage.py "$@"' "${{PORTAL_VARIABLES:-{layout.CONFIGURATION}/$role.env}}" "$@"
"""

JOURNAL_TEXT = """\
# Of the portal: its lines have no addresses, and what else this machine logs goes after a month.
[Journal]
SystemMaxUse=500M
MaxRetentionSec=1month
"""


def write_hook(sides: dict[str, str]) -> str:
    """Return certbot's hook. `sides` says for which side ("public" or "staff") each certificate of certbot's is, by its name."""
    cases = "".join(f"*/{name}) side={side} ;;\n" for name, side in sides.items())
    return f"""\
#!/bin/sh
# Puts a certificate that certbot has fetched or renewed where nginx reads it.
set -eu
case "$RENEWED_LINEAGE" in
{cases}*) exit 0 ;;
esac
install -m 0600 "$RENEWED_LINEAGE/privkey.pem" "{layout.CERTIFICATES}/$side/privkey.pem"
install -m 0644 "$RENEWED_LINEAGE/fullchain.pem" "{layout.CERTIFICATES}/$side/fullchain.pem"
systemctl try-reload-or-restart {PROXY}
"""
