"""Prepare a restored database before any role may use it: erasures again, the stricter right, nothing that waits."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction
from psycopg2 import sql
from psycopg2.extras import execute_values

from tipportal.backup.ledger import Ledger


@dataclass(frozen=True, slots=True)
class _Rule:
    """The change of rows with a mark of `kind`, which rules.sql makes of `columns`, and the words for the operator."""

    words: str
    kind: str
    columns: tuple[str, ...]
    statement: str

    def compose(self) -> sql.Composed:
        parts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in self.columns)
        marked = sql.SQL("ledger_mark({}, {}) IN (SELECT mark FROM core_erasuremark)")
        return sql.SQL(self.statement).format(marked=marked.format(sql.Literal(self.kind), parts))


_RULES = (
    _Rule("tips erased again", "tip", ("id",), "SELECT tip_erase(id) FROM tips_tip WHERE {marked}"),
    _Rule(
        "receipts that no longer open a tip",
        "receipt",
        ("token_hash",),
        "UPDATE tips_tip SET token_hash = NULL, key_for_source = NULL WHERE token_hash IS NOT NULL AND {marked}",
    ),
    _Rule(
        "tips compared again with the names of staff",
        "wall",
        ("id",),
        "INSERT INTO tips_arrival (id, tip_id, is_recheck) SELECT gen_random_uuid(), id, false FROM tips_tip WHERE {marked}",
    ),
    _Rule(
        "walls closed again",
        "wall",
        ("tip_id",),
        "UPDATE tips_wall SET decision = '' WHERE decision = 'released' AND {marked}",
    ),
    _Rule(
        "alerts of residents ended again",
        "subscription",
        ("link_hash",),
        "SELECT alert_erase(id) FROM crimemap_subscription WHERE {marked}",
    ),
    _Rule(
        "links of residents ended again",
        "alert_link",
        ("link_hash",),
        "DELETE FROM crimemap_alertlink WHERE {marked}",
    ),
    _Rule(
        "reminders of residents ended again",
        "reminder",
        ("link_hash",),
        "SELECT reminder_erase(id) FROM outreach_reminder WHERE {marked}",
    ),
    _Rule(
        "accounts turned off again",
        "account",
        ("id",),
        "UPDATE core_account SET is_active = false WHERE is_active AND {marked}",
    ),
    _Rule(
        "accounts whose password changed since: reset them",
        "password",
        ("id", "password"),
        "UPDATE core_account SET password = '!' WHERE {marked}",
    ),
    _Rule("second factors removed again", "factor", ("id", "user_id"), "DELETE FROM mfa_authenticator WHERE {marked}"),
    _Rule(
        "identities removed again",
        "identity",
        ("issuer", "subject"),
        "DELETE FROM core_provideridentity WHERE {marked}",
    ),
    _Rule(
        "roles taken away again", "role", ("account_id", "group_id"), "DELETE FROM core_account_groups WHERE {marked}"
    ),
    _Rule(
        "people taken off units again",
        "unit_member",
        ("unit_id", "account_id"),
        "DELETE FROM tips_unit_members WHERE {marked}",
    ),
    _Rule(
        "people taken off sensitive categories again",
        "category_reader",
        ("category_id", "account_id"),
        "DELETE FROM tips_category_readers WHERE {marked}",
    ),
    _Rule(
        "people taken off walled tips again",
        "wall_reader",
        ("wall_id", "account_id"),
        "DELETE FROM tips_wall_readers WHERE {marked}",
    ),
    _Rule("channels of officers removed again", "channel", ("id",), "DELETE FROM tips_alertchannel WHERE {marked}"),
    _Rule(
        "categories made sensitive again",
        "sensitive",
        ("id",),
        "UPDATE tips_category SET is_sensitive = true WHERE NOT is_sensitive AND {marked}",
    ),
)
# What waited when the backup was made went out since, or was undone: sent again it would surprise or betray. Tables that hold nothing
# else are in no backup (database_dump.TRANSIENT_TABLES).
_SETTLE = (
    "DELETE FROM tips_notification WHERE state = 'waiting'",
    "UPDATE tips_alert SET state = 'spread', next_step_at = NULL, is_unanswered = false"
    " WHERE state <> 'spread' OR next_step_at IS NOT NULL OR is_unanswered",
    "DELETE FROM crimemap_delivery WHERE state = 'waiting'"
    " OR address_hash NOT IN (SELECT address_hash FROM crimemap_subscription)",
    "UPDATE outreach_post SET state = 'failed', problem = 'restored from a backup' WHERE state IN ('waiting', 'sending')",
    # Decided since, perhaps refused. Whoever needs it asks again.
    "UPDATE core_consentrequest SET state = 'withdrawn' WHERE state = 'open'",
    "DELETE FROM core_supervisorappointment_acknowledged_by WHERE supervisorappointment_id IN"
    " (SELECT id FROM core_supervisorappointment WHERE carried_out_at IS NULL)",
    "DELETE FROM core_supervisorappointment WHERE carried_out_at IS NULL",
    # Transactions are numbered anew on another server.
    "UPDATE source_rewriting SET since = NULL, done_in = NULL",
    "UPDATE staff_channel SET secret = gen_random_uuid()",
)


@dataclass(frozen=True, slots=True)
class Restriction:
    """The number of rows of a restored database that were erased or restricted again, and the words for it."""

    words: str
    count: int


def replay(ledger: Ledger | None) -> list[Restriction]:
    """Erase and restrict what the ledger names, and empty what waits. Without a ledger, only the latter."""
    with transaction.atomic(), connection.cursor() as cursor:
        done: list[Restriction] = []
        if ledger is not None:
            execute_values(
                cursor.cursor,
                "INSERT INTO core_erasuremark (mark, day) VALUES %s ON CONFLICT DO NOTHING",
                [(mark, day) for mark, day in ledger.marks],
            )
            for rule in _RULES:
                cursor.execute(rule.compose())
                done.append(Restriction(rule.words, cursor.rowcount))
        for statement in _SETTLE:
            cursor.execute(statement)
    return [restriction for restriction in done if restriction.count]
