"""Stores many tips in a portal's database within seconds, for bench/desk.py: `python -m bench.desk_tips ROWS` in its environment.

Of all tips, one in 33 needs an officer; the reports of these open. The others are closed, and what they hold is random bytes. A
copy in clear is in the table plain_tip, for the comparison.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import random
import sys
import uuid

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from tips import intake, vault  # noqa: E402
from tips.models import Category  # noqa: E402

NULL = r"\N"
TIP_COLUMNS = (
    "id, number, category_id, state, disposition, priority, assigned_to_id, received_at, opened_after, closed_at, legal_hold,"
    " agency_key_id, key_for_agency, key_for_source, token_hash, form_hash, receipt_seen, report"
)
MESSAGE_COLUMNS = "id, position, body, written_at, tip_id, author, officer_id, form_hash, read"
PLAIN = """
CREATE TABLE plain_tip AS SELECT row_number() OVER () AS id, number, slug AS category, state, priority,
    coalesce(username, '') AS assignee, received_at, repeat('Two men with a gray pickup. ', 6) AS description
    FROM tips_tip JOIN tips_category c ON c.id = category_id LEFT JOIN core_account a ON a.id = assigned_to_id;
ALTER TABLE plain_tip ADD PRIMARY KEY (id);
CREATE INDEX ON plain_tip (priority, received_at DESC, id DESC);
"""


def as_bytes(content: bytes) -> str:
    return r"\\x" + content.hex()


def write_row(stream: io.StringIO, *values: object) -> None:
    stream.write("\t".join(str(value) for value in values) + "\n")


def fill(rows: int) -> None:
    chance = random.Random(17)
    categories = list(Category.objects.filter(is_sensitive=False, unit=None))
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    key_id, _sealed = vault.seal_key_to_newest(vault.generate_key(), settings.AGENCY_PUBLIC_KEYS)
    cursor = connection.cursor()
    cursor.execute("SELECT id FROM core_account WHERE username IN ('officer', 'supervisor')")
    officers = [str(row[0]) for row in cursor.fetchall()]
    tips, messages = io.StringIO(), io.StringIO()
    for number in range(rows):
        tip_id, key = uuid.UUID(int=chance.getrandbits(128), version=4), vault.generate_key()
        is_active = number % 33 == 0
        state = chance.choice(["new", "open", "open", "waiting"]) if is_active else "closed"
        received = now - dt.timedelta(hours=chance.randrange(1, 24 * (10 if is_active else 365)))
        category = chance.choice(categories)
        sealed_key, sealed = os.urandom(80), os.urandom(1065)
        if is_active:
            text = f"Two men with a gray pickup, number {number}. " * 6
            report = intake.Report(category=category, description=text, place="Harbor Street")
            _, sealed_key = vault.seal_key_to_newest(key, settings.AGENCY_PUBLIC_KEYS)
            sealed = vault.seal_text(key, report.as_text(received), vault.report_context(tip_id))
        write_row(
            tips,
            tip_id,
            1_000_000 + number,
            category.pk,
            state,
            "no_action" if state == "closed" else "",
            1 if chance.random() < 0.03 else 2,
            chance.choice([*officers, NULL]) if state != "new" else NULL,
            received,
            NULL if state == "new" else "01:00:00",
            received if state == "closed" else NULL,
            "f",
            key_id,
            as_bytes(sealed_key),
            as_bytes(os.urandom(80)),
            as_bytes(os.urandom(32)),
            as_bytes(os.urandom(32)),
            "t",
            as_bytes(sealed),
        )
        for position, author in enumerate(["staff", "source"] if state != "new" else [], 1):
            row_id, body = uuid.uuid4(), os.urandom(553)
            if is_active:
                context = vault.message_context(tip_id, row_id, author, position)
                body = vault.seal_text(key, "The same, with a trailer", context)
            is_unread = is_active and author == "source" and chance.random() < 0.2
            officer = officers[0] if author == "staff" else NULL
            form_hash = as_bytes(os.urandom(32))
            write_row(
                messages,
                row_id,
                position,
                as_bytes(body),
                received,
                tip_id,
                author,
                officer,
                form_hash,
                "f" if is_unread else "t",
            )
    tips.seek(0)
    messages.seek(0)
    cursor.execute("SET session_replication_role = replica")  # no triggers: these tips alert nobody
    cursor.copy_expert(f"COPY tips_tip ({TIP_COLUMNS}) FROM STDIN", tips)
    cursor.copy_expert(f"COPY tips_message ({MESSAGE_COLUMNS}) FROM STDIN", messages)
    cursor.execute(PLAIN)
    for table in ("tips_tip", "tips_message", "plain_tip"):
        cursor.execute(f"VACUUM ANALYZE {table}")


if __name__ == "__main__":
    fill(int(sys.argv[1]))
