"""Categories of tips: rows that administrators edit, and the list that a new portal starts with."""

from __future__ import annotations

import json
from pathlib import Path

from django.db import transaction

from core.web import page_cache
from tips.models import Category, Question

TAXONOMY = Path(__file__).parent / "taxonomy.json"


def list_offered() -> list[Category]:
    """Return the categories of the form in their order, with their follow-up questions prefetched."""
    return page_cache.get_or_build(
        ("categories",), lambda: list(Category.objects.filter(active=True).prefetch_related("questions"))
    )


@transaction.atomic
def ensure_categories() -> int:
    """Write the default list if there is no category at all, and return how many were written."""
    if Category.objects.exists():
        return 0
    entries = json.loads(TAXONOMY.read_text(encoding="utf-8"))
    for number, entry in enumerate(entries, start=1):
        questions = entry.pop("questions")
        category = Category.objects.create(order=10 * number, **entry)
        Question.objects.bulk_create(
            Question(category=category, order=10 * position, **question)
            for position, question in enumerate(questions, start=1)
        )
    return len(entries)
