"""Add the sensitive categories to a running agency's list, switched off: its form changes only when the agency wants it to."""

import json
from pathlib import Path

from django.db import migrations

TAXONOMY = Path(__file__).resolve().parents[1] / "taxonomy.json"
COLUMNS = ("slug", "name", "icon", "hint", "safety_note")


def add_missing(apps, schema_editor):
    """Do nothing on a new portal, whose whole list is written after the migrations (tips/categories.py)."""
    categories = apps.get_model("tips", "Category").objects
    questions = apps.get_model("tips", "Question").objects
    if not categories.exists():
        return
    for entry in json.loads(TAXONOMY.read_text(encoding="utf-8")):
        is_known = categories.filter(slug=entry["slug"]).exists() or categories.filter(name=entry["name"]).exists()
        if is_known or not entry.get("is_sensitive"):
            continue
        columns = {name: entry[name] for name in COLUMNS}
        category = categories.create(**columns, order=95, active=False, is_sensitive=True)
        for position, question in enumerate(entry["questions"], start=1):
            questions.create(category=category, order=10 * position, **question)


class Migration(migrations.Migration):
    dependencies = [("tips", "0006_units_and_sensitive_categories")]

    operations = [migrations.RunPython(add_missing, migrations.RunPython.noop)]
