"""Objects that a release adds to the database besides its migrations: triggers, policies, functions and tables of its SQL files.

An upgrade that is undone must remove them: a trigger of the newer release would fail on the older one's tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tipportal.deploy.setup.machine import Machine
from tipportal.deploy.upgrade.write_gate import run_sql

_LIST = """\
SELECT coalesce(json_agg(json_build_array(kind, removal, definition) ORDER BY kind, removal), '[]') FROM (
    SELECT 'trigger' AS kind, format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) AS removal, pg_get_triggerdef(oid) AS definition
        FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0
    UNION ALL
    SELECT 'policy', format('DROP POLICY %I ON %s', polname, polrelid::regclass),
            concat_ws(' ', polcmd, polroles::text, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
    UNION ALL
    SELECT 'row security', format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', oid::regclass), '' FROM pg_class WHERE relrowsecurity
    UNION ALL
    SELECT 'function', format('DROP FUNCTION %s', oid::regprocedure), coalesce(pg_get_function_result(oid), '') FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
            AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
    UNION ALL
    SELECT 'table', format('DROP TABLE %s', oid::regclass), '' FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
) AS objects;
"""
# Columns can't be removed while these name them.
BEFORE_MIGRATIONS = ("trigger", "policy", "row security")
AFTER_MIGRATIONS = ("function", "table")


class SchemaObject(NamedTuple):
    """An object, the statement that removes it, and its definition."""

    kind: str
    removal: str
    definition: str


def list_objects(machine: Machine) -> list[SchemaObject]:
    return [SchemaObject(*each) for each in json.loads(run_sql(machine, _LIST))]


def remove_added(machine: Machine, before: Iterable[Sequence[str]], kinds: tuple[str, ...]) -> None:
    """Remove the objects of these kinds that weren't there before, or were others. `migrate` of the older release makes its own."""
    known = {tuple(each) for each in before}  # lists, if they come from a journal
    added = [each.removal for each in list_objects(machine) if each.kind in kinds and each not in known]
    if added:
        run_sql(machine, "BEGIN;\n" + "".join(f"{removal};\n" for removal in added) + "COMMIT;\n")
