"""insert_row writes what Model.save() writes."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from core.row_insertion import insert_row
from tips.models import AgencyKey, Category, Priority, Tip

pytestmark = pytest.mark.django_db


def build_tip(number: int) -> Tip:
    category = Category.objects.first() or Category.objects.create(slug="drugs", name="Drugs")
    AgencyKey.objects.get_or_create(id="0" * 16)
    return Tip(
        category=category,
        priority=Priority.URGENT,
        agency_key_id="0" * 16,
        key_for_agency=b"agency",
        key_for_source=b"source",
        token_hash=b"token%d" % number,
        form_hash=b"form%d" % number,
        report=b"report",
    )


def test_the_row_is_the_one_that_save_writes() -> None:
    inserted, saved = build_tip(1), build_tip(2)
    insert_row(inserted)
    saved.save()
    rows = {row.pop("id"): row for row in Tip.objects.values()}
    inserted_row, saved_row = rows[inserted.pk], rows[saved.pk]
    assert inserted_row["number"] != saved_row["number"]  # the database's own sequence
    own = ("number", "token_hash", "form_hash")
    assert {name: value for name, value in inserted_row.items() if name not in own} == {
        name: value for name, value in saved_row.items() if name not in own
    }


def test_a_saved_again_row_is_updated_not_inserted() -> None:
    tip = build_tip(1)
    insert_row(tip)
    tip.priority = Priority.NORMAL
    tip.save(update_fields=["priority"])
    assert Tip.objects.get().priority == Priority.NORMAL


def test_a_constraint_raises_django_s_error() -> None:
    insert_row(build_tip(1))
    with pytest.raises(IntegrityError):
        insert_row(build_tip(1))
