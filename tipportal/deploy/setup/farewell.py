"""Last words of an installation: what to do next, and what to keep on paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tipportal.deploy.setup import layout

# What is lost for ever with each, in the order of the harm.
_ESCROW = (
    ("receipt_salt", "without it no receipt opens its tip, ever"),
    ("private/*.key", "without it nobody can read a tip that is there"),
    ("addresses-private/*.key", "without it you can't write to subscribers"),
    ("address_hash_key", "without it subscribers aren't found again"),
    ("channels-private/*.key", "without it officers name their alert channels again"),
    ("factors/factor_key", "without it all staff set up their second step again"),
    ("audit_key", "without it the audit trail can't be checked"),
)


def write(answers: Mapping[str, str], invitation: str) -> str:
    """Return what is printed at the end. `invitation`: what the command printed that invites the first administrator, if it ran."""
    again = f"sudo portal staff create_administrator --link '{answers['ADMINISTRATOR_NAME']}' {answers['ADMINISTRATOR_MAIL']}"
    keys = "\n".join(f"     {path}: {loss}" for name, loss in _ESCROW for path in _find(name))
    return f"""\
What to do next
  1. {invitation or f"The first administrator was invited before. If the link was lost: {again}"}
  2. Invite two supervisors, who can read tips and check each other:
     sudo portal staff create_supervisors "Maja Lindqvist <maja@example.org>" "Ben Ortiz <ben@example.org>"
  3. Keep a copy of these on paper or a token, in a safe, with nobody who has a copy of the database:
{keys}
     To see one for writing it down: sudo basenc --base16 FILE
     To write it back one day: echo DIGITS | basenc --base16 -d > FILE
     Never copy {layout.KEYS}/media-private: its keys live for a day.
  4. Draw the base map, and add the first source of incidents: docs/incidents.md.
  5. Create the key of backups, on a stick that no server keeps: sudo portal owner backup_key create /media/stick
     (the user portal_owner must be able to write to the stick: mount it with -o uid=portal_owner, or change its owner).
     Until then there is no backup. Timers write one each night to {answers["BACKUPS"]}, and prove one each Sunday.
  6. Turn off swap or encrypt it, and encrypt the disk.
  7. Look at what the doctor says, now and after each change: sudo portal ROLE doctor
"""


def _find(pattern: str) -> list[Path]:
    """Return the files: their folders are closed to the user who reads this, whose shell can't complete a pattern."""
    return sorted(layout.KEYS.glob(pattern)) or [layout.KEYS / pattern]
