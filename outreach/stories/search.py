"""How residents find stories: lists, filters and full-text search. Reads only PublishedStory, the public copies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, Prefetch, QuerySet
from django.db.models.functions import ExtractYear

from core.plain_text import fold_text
from core.web import page_cache
from crimemap import places
from outreach import area_conditions
from outreach.models import Picture, PublishedStory, StoryCategory, Tag

MAX_QUERY_CHARACTERS = 200
# Only the columns that the public role may read (grants.sql)
_PUBLIC_PICTURES = Picture.objects.only("id", "alt", "credit", "state", "variants")
# Hyphens with nothing but other signs between them. One is an operator, a row of them is a drawn line; and
# PostgreSQL fails at 33 ("tsquery stack too small").
_HYPHENS = re.compile(r"-[^\w\"]*-")
# A search for very common words ranks only the newest matches, because ranking reads the text of each.
MAX_RANKED = 500


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """One value of a filter: `value` is used in the query string, `count` is its number of stories."""

    value: str
    name: str
    count: int


def published_stories() -> QuerySet[PublishedStory]:
    """Return all published stories, newest first, with their lead pictures and tags, without the text."""
    return PublishedStory.objects.defer("body", "search").prefetch_related(Prefetch("lead", _PUBLIC_PICTURES), "tags")


def filter_stories(
    *, category: str = "", tag: str = "", area: tuple[str, str] | None = None, year: int | None = None
) -> QuerySet[PublishedStory]:
    """Return the stories that match every given filter; `area` is (layer, code). An unknown value matches none."""
    stories = published_stories()
    if category:
        stories = stories.filter(category=category)
    if tag:
        stories = stories.filter(tags__slug=tag)
    if area:
        stories = stories.filter(area_conditions.is_in_area(*area))
    if year:
        stories = stories.filter(published_on__year=year)
    return stories


def find_matching_ids(text: str) -> list[int]:
    """Return the ids of stories that match the words, best match first.

    Understands "quoted phrases", OR and -without (websearch_to_tsquery of PostgreSQL); any input is safe. The words are
    folded as those of the stories are: it makes no difference which apostrophes, quotation marks, dashes or accents are typed.
    """
    words = _HYPHENS.sub(" ", fold_text(normalize_query(text)))
    query = SearchQuery(words, config="english", search_type="websearch")
    newest = PublishedStory.objects.filter(search=query).values("pk")[:MAX_RANKED]
    best = PublishedStory.objects.filter(pk__in=newest).order_by(
        SearchRank(F("search"), query).desc(), "-published_on", "-pk"
    )
    return list(best.values_list("pk", flat=True))


def load_stories(story_ids: Iterable[int]) -> list[PublishedStory]:
    """Load stories in the order of their ids. Ids of stories that are gone are skipped."""
    ids = list(story_ids)
    stories = published_stories().in_bulk(ids)
    return [stories[pk] for pk in ids if pk in stories]


def normalize_query(text: str) -> str:
    """Return one line of search words: at most 200 characters, without NUL, which PostgreSQL does not take."""
    return " ".join(text.replace("\0", " ").split())[:MAX_QUERY_CHARACTERS]


def find_related(story: PublishedStory, count: int = 3) -> list[PublishedStory]:
    """Return the newest other stories with the same tags, then with the same category."""
    tags = [tag.pk for tag in story.tags.all()]
    others = published_stories().exclude(pk=story.pk)
    related = list(others.filter(tags__in=tags).distinct()[:count]) if tags else []
    if len(related) < count:
        more = others.filter(category=story.category).exclude(pk__in=[each.pk for each in related])
        related += more[: count - len(related)]
    return related


def year_choices() -> list[FilterChoice]:
    """Return the years that have stories, newest first. Like all choices, at most a minute old."""
    return page_cache.get_or_build(("stories", "years"), _count_by_year)


def category_choices() -> list[FilterChoice]:
    return page_cache.get_or_build(("stories", "categories"), _count_by_category)


def tag_choices() -> list[FilterChoice]:
    """Return the tags that stories have, by name."""
    return page_cache.get_or_build(("stories", "tags"), _count_by_tag)


def area_choices() -> list[FilterChoice]:
    """Return the areas that stories have, by name; `value` is "layer/code". Areas no longer on the map are left out."""
    return page_cache.get_or_build(("stories", "areas"), _count_by_area)


def area_name(layer: str, code: str) -> str:
    """Return the area's name on the map, or an empty string for an unknown area."""
    return places.area_names(layer).get(places.current_code(layer, code), "")


def named_areas(areas: list[list[str]]) -> list[tuple[str, str, str]]:
    """Return (layer, code, name) for those of a story's areas that are on the map."""
    current = dict.fromkeys((layer, places.current_code(layer, code)) for layer, code in areas)
    return [(layer, code, name) for layer, code in current if (name := area_name(layer, code))]


def _count_by_year() -> list[FilterChoice]:
    counts = Counter(PublishedStory.objects.order_by().values_list(ExtractYear("published_on"), flat=True))
    return [FilterChoice(str(year), str(year), count) for year, count in sorted(counts.items(), reverse=True)]


def _count_by_category() -> list[FilterChoice]:
    counts = Counter(PublishedStory.objects.order_by().values_list("category", flat=True))
    return [
        FilterChoice(kind.value, str(kind.label), counts[kind.value]) for kind in StoryCategory if counts[kind.value]
    ]


def _count_by_tag() -> list[FilterChoice]:
    counts = Counter(PublishedStory.tags.through.objects.values_list("tag_id", flat=True))
    return [FilterChoice(tag.slug, tag.name, counts[tag.pk]) for tag in Tag.objects.filter(pk__in=counts)]


def _count_by_area() -> list[FilterChoice]:
    areas_by_story = PublishedStory.objects.exclude(areas=[]).order_by().values_list("areas", flat=True)
    counts = Counter(
        area
        for areas in areas_by_story
        for area in {(str(layer), places.current_code(str(layer), str(code))) for layer, code in areas}
    )
    choices = [
        FilterChoice(f"{layer}/{code}", name, count)
        for (layer, code), count in counts.items()
        if (name := area_name(layer, code))
    ]
    return sorted(choices, key=lambda choice: choice.name)
