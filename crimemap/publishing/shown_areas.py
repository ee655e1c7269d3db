"""Lists the names of areas that residents see though no layer has them, so that an administrator can refuse one."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import connection

MAX_NEW_NAMES = 5_000  # of one publication; Chicago has 277 beats
_RECORD = """
INSERT INTO crimemap_reportedvalue (field, text, decision)
SELECT field, text, 'approved' FROM unnest(%s::text[], %s::text[]) AS shown (field, text)
WHERE NOT EXISTS (SELECT FROM crimemap_reportedvalue AS known WHERE known.field = shown.field AND known.text = shown.text)
LIMIT %s ON CONFLICT DO NOTHING
"""


def record_shown_areas(names: Mapping[str, Collection[str]]) -> None:
    """Record names, by layer, as shown, except those that are already listed."""
    pairs = [(layer, name) for layer, its_names in names.items() for name in sorted(its_names)]
    if pairs:
        layers, texts = zip(*pairs, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_RECORD, [list(layers), list(texts), MAX_NEW_NAMES])
