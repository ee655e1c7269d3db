"""Commands that an operator can run are in the documentation, and those in its table are there."""

from __future__ import annotations

import re

from django.core.management import get_commands

from core.roles import Role
from tests.stack import ROOT

# Django's, which are refused here; those of the demo city; and the search process, which systemd or Docker starts.
NOT_FOR_OPERATORS = {"createsuperuser", "changepassword", "demo", "demo_incidents", "search_process"}
APPS = {"core", "crimemap", "outreach", "tips", "tipportal"}
COMMANDS = {name for name, app in get_commands().items() if app in APPS}
# A row of the table: a role and commands, each in a code of its own or an action of the one before.
ROW = re.compile(r"^\| (\w+) \| (`[^|]+`) \| [^|]+ \|$", re.M)


def read_table() -> dict[str, str]:
    """Return the role of each command in the table of docs/installation.md."""
    text = (ROOT / "docs/installation.md").read_text()
    section = text.partition("\n## Commands\n")[2].partition("\n## ")[0]
    found = {}
    for role, commands in ROW.findall(section):
        for command in re.findall(r"`(\w+)[^`]*`", commands):
            if command not in ("rotate", "status"):
                found[command] = role
    return found


def test_each_command_is_documented() -> None:
    texts = "\n".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    table = read_table()
    missing = {
        name
        for name in COMMANDS - NOT_FOR_OPERATORS - table.keys()
        if not re.search(rf"(manage\.py|portal \w+) {name}\b", texts)
    }
    assert not missing


def test_each_command_of_the_table_is_there_and_its_role_too() -> None:
    table = read_table()
    assert len(table) > 10
    assert table.keys() <= COMMANDS
    assert {*table.values()} <= {*Role, "each"}
