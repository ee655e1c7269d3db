"""Steps of `migrate` beyond Django's own."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder


def test_a_database_from_before_the_first_release_is_refused_with_a_sentence(db: None) -> None:
    MigrationRecorder(connection).record_applied("tipportal", "0001_initial")
    with pytest.raises(CommandError, match=r"a version before 0\.9\.0 .* move var/ away"):
        call_command("migrate", verbosity=0)
