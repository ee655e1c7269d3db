"""What `migrate` does beside Django's own."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection


def test_a_database_of_an_earlier_state_is_a_sentence(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE outreach_reminder RENAME COLUMN link_hash TO earlier")
    with pytest.raises(CommandError, match=r'of another state of this project .* "link_hash" .* move var/ away'):
        call_command("migrate", verbosity=0)
