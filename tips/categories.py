"""What a tip can be about: data that administrators edit, and the list a new portal starts with."""

from __future__ import annotations

import json
from pathlib import Path

from django.db import transaction

from core.web import page_cache
from tips.models import Category, Question

TAXONOMY = Path(__file__).parent / "taxonomy.json"


def list_offered() -> list[Category]:
    """The categories on the form, in their order, each with its follow-up questions at hand."""
    return page_cache.kept(
        ("categories",), lambda: list(Category.objects.filter(active=True).prefetch_related("questions"))
    )


@transaction.atomic
def ensure_categories() -> int:
    """Write the default list if there is no category at all; returns how many were written."""
    if Category.objects.exists():
        return 0
    entries = json.loads(TAXONOMY.read_text(encoding="utf-8"))
    for place, entry in enumerate(entries, start=1):
        questions = entry.pop("questions")
        category = Category.objects.create(order=10 * place, **entry)
        Question.objects.bulk_create(
            Question(category=category, order=10 * position, **question)
            for position, question in enumerate(questions, start=1)
        )
    return len(entries)
