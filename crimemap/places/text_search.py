"""Text search for blocks, intersections, areas and landmarks: exact parts of names first, misspellings only if nothing matches."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.lookups import TrigramWordSimilar
from django.contrib.postgres.search import TrigramWordSimilarity
from django.db import connection
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Abs, Length

from core.plain_text import fold_text
from crimemap.models import Area, Block, Intersection, Landmark, Located
from crimemap.street_names import normalize_name

MAX_TEXT_CHARACTERS = 100
MAX_STREETS = 6
MIN_BLOCKS = 3  # that landmarks leave room for in a list
MIN_SIMILARITY = "0.4"  # of a misspelled name (pg_trgm word similarity, 0 to 1): "ardne" and "arden" have 0.5

MIN_KIND_SIMILARITY = 0.8  # of a misspelled kind (difflib, 0 to 1): "scool" and "school" have 0.91

# All match folded text.
_NUMBER = re.compile(r"(\d{1,6})\s+(?:block\b\s*)?(?:of\b\s*)?(.+)")
_AND = re.compile(r"\s*[&/@+]\s*|\s+(?:and|at)\s+")
_LEAD = re.compile(r"(?:the\s+)?(?:corner|crossing|intersection)\s+of\s+|(?:near|around|at)\s+")
# What an address on an envelope has besides its street: "412 Arden Street Apt 3, Riverton, CA 94000".
_REST_OF_ADDRESS = re.compile(r"\s*(?:,|#|\b(?:apt|apartment|unit|suite|ste)\b).*$", re.DOTALL)


def search(text: str, limit: int) -> Sequence[Located]:
    """Return the blocks, intersections, areas and landmarks that `text` may mean, best first. Any input is safe."""
    text = fold_text(text[:MAX_TEXT_CHARACTERS])[:MAX_TEXT_CHARACTERS].strip()
    text = _LEAD.sub("", text, count=1) if _LEAD.match(text) else text
    found = _search_folded(text, limit)
    shorter = _REST_OF_ADDRESS.sub("", text)
    return found if found or shorter == text else _search_folded(shorter, limit)


def _search_folded(text: str, limit: int) -> Sequence[Located]:
    one, *two = _AND.split(text, maxsplit=1)
    corners = intersections(normalize_name(one), normalize_name(two[0]), limit) if two else []
    if corners:
        return corners
    numbered = _NUMBER.fullmatch(text)
    if numbered:
        on_street = numbered_blocks(int(numbered[1]) // 100 * 100, normalize_name(numbered[2]), limit)
        return [*landmarks(normalize_name(text), limit), *on_street][
            :limit
        ]  # "20th Street" is no number, "4 Mile Park" is
    query = normalize_name(text)
    if not query:
        return []
    areas = Area.objects.exclude(layer=Area.Layer.CITY)
    on_streets = blocks(_streets_containing(query), limit)
    known = landmarks(query, limit - min(len(on_streets), MIN_BLOCKS))
    found: list[Located] = [*areas.filter(key__contains=query)[:limit], *known, *on_streets]
    if found or two:  # two streets that don't meet are not a misspelling of one name
        return found[:limit]
    kinds = _kinds_named(query, with_slips=True)
    named = [
        *Landmark.objects.filter(kind__in=kinds)[: limit if kinds else 0],
        *_similar_rows(areas, query)[:2],
        *_similar_rows(Landmark.objects.exclude(kind__in=kinds), query)[:2],
    ]
    return [*named, *blocks(_similar_streets(query), limit)][:limit]


def landmarks(query: str, limit: int) -> list[Landmark]:
    """Return the landmarks with `query` in their names, or all of a kind that it names ("school"), best first."""
    kinds = _kinds_named(query)
    starts = Case(When(key__startswith=query, then=0), default=1)
    found = Landmark.objects.filter(Q(key__contains=query) | Q(kind__in=kinds))
    return list(found.order_by(starts, Length("key"), "key")[:limit])


def _kinds_named(query: str, *, with_slips: bool = False) -> list[str]:
    """Return the kind that `query` names in the singular or the plural: "school", "schools", with slips "scool"."""
    names: dict[str, str] = {}
    for value, label in Landmark.Kind.choices:
        name = normalize_name(str(label))
        plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
        names |= {name: value, plural: value}
    close = difflib.get_close_matches(query, names, 1, MIN_KIND_SIMILARITY) if with_slips else [query]
    return [names[name] for name in close if name in names]


def intersections(one: str, two: str, limit: int) -> list[Intersection]:
    """Return where streets named `one` and `two` meet; if one name is empty, where the other meets any street."""
    if not one or not two:
        known = streets(one or two) or _streets_that_cross(one or two)
        return list(Intersection.objects.filter(Q(first__in=known) | Q(second__in=known))[:limit])
    ones, twos = (streets(name) or _streets_that_cross(name) for name in (one, two))
    found = Intersection.objects.filter(Q(first__in=ones, second__in=twos) | Q(first__in=twos, second__in=ones))
    rank = {street: place for names in (ones, twos) for place, street in enumerate(names)}
    return sorted(found, key=lambda corner: rank[corner.first] + rank[corner.second])[:limit]


def _streets_that_cross(query: str) -> list[str]:
    """Return the names of streets without blocks that contain `query`, from their crossings."""
    if not query:
        return []
    first, second = (
        Intersection.objects.filter(**{f"{name}__icontains": query}).order_by().values_list(name, flat=True).distinct()
        for name in ("first", "second")
    )
    return sorted({*first[:MAX_STREETS], *second[:MAX_STREETS]}, key=len)[:MAX_STREETS]


def numbered_blocks(hundred: int, query: str, limit: int) -> list[Block]:
    """Return this hundred of each street named `query`, or the three nearest blocks if the street has no such hundred."""
    names = streets(query)
    found = blocks(names, limit, Q(hundred=hundred))
    if found:
        return found
    return list(Block.objects.filter(street__in=names[:1]).order_by(Abs(F("hundred") - hundred), "hundred")[:3])


def blocks(names: list[str], limit: int, which: Q | None = None) -> list[Block]:
    """Return the blocks of these streets, in the order of `names`."""
    order = Case(*(When(street=name, then=place) for place, name in enumerate(names)), default=len(names))
    found = Block.objects.filter(which or Q(), street__in=names).order_by(order, "hundred")
    return list(found[:limit]) if names else []


def streets(query: str) -> list[str]:
    """Return the names of streets that `query` may mean, best first."""
    return _streets_containing(query) or _similar_streets(query)


def _streets_containing(query: str) -> list[str]:
    if not query:
        return []
    named = Block.objects.filter(key__contains=query).order_by()
    starts = Case(When(key__startswith=query, then=0), default=1)
    ranked = named.annotate(later=starts, size=Length("key")).values("street", "later", "size").distinct()
    return [row["street"] for row in ranked.order_by("later", "size", "street")[:MAX_STREETS]]


def _similar_streets(query: str) -> list[str]:
    if not query:
        return []
    rows = _similar_rows(Block.objects.order_by(), query).values("street", "likeness").distinct()
    return [row["street"] for row in rows[: MAX_STREETS // 2]]


def _similar_rows(rows: QuerySet[Any], query: str) -> QuerySet[Any]:
    """Return rows whose key has a part similar to `query`, most similar first. Uses the trigram index."""
    with connection.cursor() as cursor:
        # Stays set for the life of the connection, where nothing else depends on it.
        cursor.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, false)", [MIN_SIMILARITY])
    near = rows.filter(TrigramWordSimilar(F("key"), Value(query)))
    ranked: QuerySet[Any] = near.annotate(likeness=TrigramWordSimilarity(query, "key")).order_by("-likeness", "key")
    return ranked
