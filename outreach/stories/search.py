"""What residents can read of stories, and how they find it. Reads published copies alone (outreach.models.PublishedStory)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, Prefetch, QuerySet
from django.db.models.functions import ExtractYear

from core import page_cache
from crimemap import places
from outreach.models import Kind, Picture, PublishedStory, Tag

LONGEST_QUERY = 200
# The columns of pictures that the public role may read
PICTURES = Picture.objects.only("id", "alt", "credit", "state", "variants")
# Of very common words only the newest matches are found: ranking reads the words of each.
RANKED = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter: what stands in the address, its name, and how many stories it has."""

    value: str
    name: str
    count: int


def stories() -> QuerySet[PublishedStory]:
    """All published stories, newest first, with their lead pictures and tags, without the text."""
    return PublishedStory.objects.defer("body", "search").prefetch_related(Prefetch("lead", PICTURES), "tags")


def chosen(
    *, category: str = "", tag: str = "", area: tuple[str, str] | None = None, year: int | None = None
) -> QuerySet[PublishedStory]:
    """The stories that every filter lets through. An unknown value lets none through."""
    found = stories()
    if category:
        found = found.filter(category=category)
    if tag:
        found = found.filter(tags__slug=tag)
    if area:
        found = found.filter(areas__contains=[list(area)])
    if year:
        found = found.filter(published_on__year=year)
    return found


def matching(text: str) -> list[int]:
    """Numbers of stories with these words, best first. Understands "quoted phrases", OR and -without; any input is safe."""
    query = SearchQuery(cleaned(text), config="english", search_type="websearch")
    newest = PublishedStory.objects.filter(search=query).values("pk")[:RANKED]
    best = PublishedStory.objects.filter(pk__in=newest).order_by(
        SearchRank(F("search"), query).desc(), "-published_on", "-pk"
    )
    return list(best.values_list("pk", flat=True))


def by_numbers(numbers: Iterable[int]) -> list[PublishedStory]:
    """These stories in this order."""
    wanted = list(numbers)
    found = stories().in_bulk(wanted)
    return [found[number] for number in wanted if number in found]


def cleaned(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:LONGEST_QUERY]


def related(story: PublishedStory, count: int = 3) -> list[PublishedStory]:
    """The newest others of the same tags, then of the same category."""
    tags = [tag.pk for tag in story.tags.all()]
    alike = list(stories().filter(tags__in=tags).exclude(pk=story.pk).distinct()[:count]) if tags else []
    if len(alike) < count:
        known = [story.pk, *(other.pk for other in alike)]
        alike += stories().filter(category=story.category).exclude(pk__in=known)[: count - len(alike)]
    return alike


def years() -> list[Choice]:
    """Years with stories, newest first. At most a minute old, as are all choices."""
    return page_cache.kept(("stories", "years"), _years)


def categories() -> list[Choice]:
    return page_cache.kept(("stories", "categories"), _categories)


def tags() -> list[Choice]:
    """The tags that stories have, by name."""
    return page_cache.kept(("stories", "tags"), _tags)


def areas() -> list[Choice]:
    """The areas that stories name, by name; `value` is "layer/code". Areas that are no longer known are left out."""
    return page_cache.kept(("stories", "areas"), _areas)


def area_name(layer: str, code: str) -> str:
    """The name of an area as the map has it; empty where it is not known."""
    return places.area_names(layer).get(code, "")


def named_areas(areas: list[list[str]]) -> list[tuple[str, str, str]]:
    """Layer, code and name of a story's areas that the map knows."""
    return [(layer, code, name) for layer, code in areas if (name := area_name(layer, code))]


def _years() -> list[Choice]:
    counts = Counter(PublishedStory.objects.order_by().values_list(ExtractYear("published_on"), flat=True))
    return [Choice(str(year), str(year), count) for year, count in sorted(counts.items(), reverse=True)]


def _categories() -> list[Choice]:
    counts = Counter(PublishedStory.objects.order_by().values_list("category", flat=True))
    return [Choice(kind.value, str(kind.label), counts[kind.value]) for kind in Kind if counts[kind.value]]


def _tags() -> list[Choice]:
    counts = Counter(PublishedStory.tags.through.objects.values_list("tag_id", flat=True))
    return [Choice(tag.slug, tag.name, counts[tag.pk]) for tag in Tag.objects.filter(pk__in=counts)]


def _areas() -> list[Choice]:
    named = PublishedStory.objects.exclude(areas=[]).order_by().values_list("areas", flat=True)
    counts = Counter((str(layer), str(code)) for areas in named for layer, code in areas)
    found = [
        Choice(f"{layer}/{code}", name, count)
        for (layer, code), count in counts.items()
        if (name := area_name(layer, code))
    ]
    return sorted(found, key=lambda choice: choice.name)
