"""How words find blocks, intersections and areas. Written names win; only where none fits is a slip forgiven."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.lookups import TrigramWordSimilar
from django.contrib.postgres.search import TrigramWordSimilarity
from django.db import connection
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Abs, Length

from crimemap.models import Area, Block, Intersection, Located
from crimemap.street_names import normalize_name

LONGEST_SEARCH = 100
STREETS = 6
SLIP = "0.4"  # how alike a mistyped name must be (pg_trgm word similarity, 0 to 1): "ardne" and "arden" are 0.5 alike

_NUMBER = re.compile(r"(\d{1,6})\s+(?:block\b\s*)?(?:of\b\s*)?(.+)", re.IGNORECASE)
_AND = re.compile(r"\s*[&/@+]\s*|\s+(?:and|at)\s+", re.IGNORECASE)


def search(text: str, limit: int) -> Sequence[Located]:
    """Blocks, intersections and areas that `text` may mean, best first. Any input is safe."""
    text = " ".join(text[:LONGEST_SEARCH].split())
    one, *two = _AND.split(text, maxsplit=1)
    corners = intersections(normalize_name(one), normalize_name(two[0]), limit) if two else []
    if corners:
        return corners
    numbered = _NUMBER.fullmatch(text)
    if numbered:
        return numbered_blocks(int(numbered[1]) // 100 * 100, normalize_name(numbered[2]), limit)
    query = normalize_name(text)
    if not query:
        return []
    areas = Area.objects.exclude(layer=Area.Layer.CITY)
    found: list[Located] = [*areas.filter(key__contains=query)[:limit], *blocks(_written(query), limit)]
    if found or two:  # two streets that don't meet are no slip of one name
        return found[:limit]
    return [*_alike(areas, query)[:2], *blocks(_meant(query), limit)][:limit]


def intersections(one: str, two: str, limit: int) -> list[Intersection]:
    """Where a street called `one` meets a street called `two`; with one of them empty, where the other meets any."""
    if not one or not two:
        known = streets(one or two)
        return list(Intersection.objects.filter(Q(first__in=known) | Q(second__in=known))[:limit])
    ones, twos = streets(one), streets(two)
    found = Intersection.objects.filter(Q(first__in=ones, second__in=twos) | Q(first__in=twos, second__in=ones))
    rank = {street: place for names in (ones, twos) for place, street in enumerate(names)}
    return sorted(found, key=lambda corner: rank[corner.first] + rank[corner.second])[:limit]


def numbered_blocks(hundred: int, query: str, limit: int) -> list[Block]:
    """That hundred of each street called `query`, or the three nearest to it where the street does not reach so far."""
    names = streets(query)
    found = blocks(names, limit, Q(hundred=hundred))
    if found:
        return found
    return list(Block.objects.filter(street__in=names[:1]).order_by(Abs(F("hundred") - hundred), "hundred")[:3])


def blocks(names: list[str], limit: int, which: Q | None = None) -> list[Block]:
    """Blocks of the streets in `names`, in that order."""
    order = Case(*(When(street=name, then=place) for place, name in enumerate(names)), default=len(names))
    found = Block.objects.filter(which or Q(), street__in=names).order_by(order, "hundred")
    return list(found[:limit]) if names else []


def streets(query: str) -> list[str]:
    """Names of streets called `query`, best first."""
    return _written(query) or _meant(query)


def _written(query: str) -> list[str]:
    if not query:
        return []
    named = Block.objects.filter(key__contains=query).order_by()
    starts = Case(When(key__startswith=query, then=0), default=1)
    ranked = named.annotate(later=starts, size=Length("key")).values("street", "later", "size").distinct()
    return [row["street"] for row in ranked.order_by("later", "size", "street")[:STREETS]]


def _meant(query: str) -> list[str]:
    if not query:
        return []
    rows = _alike(Block.objects.order_by(), query).values("street", "likeness").distinct()
    return [row["street"] for row in rows[: STREETS // 2]]


def _alike(rows: QuerySet[Any], query: str) -> QuerySet[Any]:
    """Rows whose key has a part written nearly like `query`, most alike first. Uses the trigram index."""
    with connection.cursor() as cursor:
        # For the connection's life: nothing else reads it.
        cursor.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, false)", [SLIP])
    near = rows.filter(TrigramWordSimilar(F("key"), Value(query)))
    ranked: QuerySet[Any] = near.annotate(likeness=TrigramWordSimilarity(query, "key")).order_by("-likeness", "key")
    return ranked
