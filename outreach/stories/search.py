"""What residents can read of stories, and how they find it. Reads published copies alone (outreach.models.PublishedStory)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, Prefetch, QuerySet
from django.db.models.functions import ExtractYear

from core.web import page_cache
from crimemap import places
from outreach.models import Picture, PublishedStory, StoryCategory, Tag

MAX_QUERY_CHARACTERS = 200
# The columns of pictures that the public role may read
_PUBLIC_PICTURES = Picture.objects.only("id", "alt", "credit", "state", "variants")
# Of very common words only the newest matches are found: ranking reads the words of each.
MAX_RANKED = 500


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """One value of a filter: what stands in the address, its name, and how many stories it has."""

    value: str
    name: str
    count: int


def published_stories() -> QuerySet[PublishedStory]:
    """All published stories, newest first, with their lead pictures and tags, without the text."""
    return PublishedStory.objects.defer("body", "search").prefetch_related(Prefetch("lead", _PUBLIC_PICTURES), "tags")


def filter_stories(
    *, category: str = "", tag: str = "", area: tuple[str, str] | None = None, year: int | None = None
) -> QuerySet[PublishedStory]:
    """The stories that every filter lets through. An unknown value lets none through."""
    found = published_stories()
    if category:
        found = found.filter(category=category)
    if tag:
        found = found.filter(tags__slug=tag)
    if area:
        found = found.filter(areas__contains=[list(area)])
    if year:
        found = found.filter(published_on__year=year)
    return found


def find_matching_ids(text: str) -> list[int]:
    """Numbers of stories with these words, best first. Understands "quoted phrases", OR and -without; any input is safe."""
    query = SearchQuery(normalize_query(text), config="english", search_type="websearch")
    newest = PublishedStory.objects.filter(search=query).values("pk")[:MAX_RANKED]
    best = PublishedStory.objects.filter(pk__in=newest).order_by(
        SearchRank(F("search"), query).desc(), "-published_on", "-pk"
    )
    return list(best.values_list("pk", flat=True))


def load_stories(numbers: Iterable[int]) -> list[PublishedStory]:
    """These stories in this order."""
    wanted = list(numbers)
    found = published_stories().in_bulk(wanted)
    return [found[number] for number in wanted if number in found]


def normalize_query(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:MAX_QUERY_CHARACTERS]


def find_related(story: PublishedStory, count: int = 3) -> list[PublishedStory]:
    """The newest others of the same tags, then of the same category."""
    tags = [tag.pk for tag in story.tags.all()]
    alike = list(published_stories().filter(tags__in=tags).exclude(pk=story.pk).distinct()[:count]) if tags else []
    if len(alike) < count:
        known = [story.pk, *(other.pk for other in alike)]
        alike += published_stories().filter(category=story.category).exclude(pk__in=known)[: count - len(alike)]
    return alike


def year_choices() -> list[FilterChoice]:
    """Years with stories, newest first. At most a minute old, as are all choices."""
    return page_cache.kept(("stories", "years"), _count_by_year)


def category_choices() -> list[FilterChoice]:
    return page_cache.kept(("stories", "categories"), _count_by_category)


def tag_choices() -> list[FilterChoice]:
    """The tags that stories have, by name."""
    return page_cache.kept(("stories", "tags"), _count_by_tag)


def area_choices() -> list[FilterChoice]:
    """The areas that stories name, by name; `value` is "layer/code". Areas that are no longer known are left out."""
    return page_cache.kept(("stories", "areas"), _count_by_area)


def area_name(layer: str, code: str) -> str:
    """The name of an area as the map has it; empty where it is not known."""
    return places.area_names(layer).get(code, "")


def named_areas(areas: list[list[str]]) -> list[tuple[str, str, str]]:
    """Layer, code and name of a story's areas that the map knows."""
    return [(layer, code, name) for layer, code in areas if (name := area_name(layer, code))]


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
    named = PublishedStory.objects.exclude(areas=[]).order_by().values_list("areas", flat=True)
    counts = Counter((str(layer), str(code)) for areas in named for layer, code in areas)
    found = [
        FilterChoice(f"{layer}/{code}", name, count)
        for (layer, code), count in counts.items()
        if (name := area_name(layer, code))
    ]
    return sorted(found, key=lambda choice: choice.name)
