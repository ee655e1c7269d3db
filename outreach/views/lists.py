"""Lists of stories: all with filters, by tag, by area, by year, by search words."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from outreach.models import PublishedStory, Tag
from outreach.stories import search

PAGE_SIZE = 12


@require_safe
def stories(request: HttpRequest) -> HttpResponse:
    """All stories, newest first, or those that match the filters."""
    chosen = {
        name: search.normalize_query(request.GET.get(name, ""))[:80] for name in ("category", "tag", "area", "year")
    }
    layer, _slash, code = chosen["area"].partition("/")
    year = _parse_year(chosen["year"])
    stories = search.filter_stories(
        category=chosen["category"], tag=chosen["tag"], area=(layer, code) if chosen["area"] else None, year=year
    )
    if chosen["year"] and year is None:
        stories = stories.none()
    filters = [
        ("category", _("About"), search.category_choices()),
        ("tag", _("Tag"), search.tag_choices()),
        ("area", _("Area"), search.area_choices()),
        ("year", _("Year"), search.year_choices()),
    ]
    return _render_list(
        request,
        stories,
        "outreach/stories/list.html",
        filters=[(name, label, choices, chosen[name]) for name, label, choices in filters if choices],
        filtered=any(chosen.values()),
    )


@require_safe
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    """The stories of one tag."""
    wanted = get_object_or_404(Tag, slug=slug)
    heading = _("Stories: %(tag)s") % {"tag": wanted.name}
    return _render_list(request, search.filter_stories(tag=slug), "outreach/stories/tag_or_area.html", heading=heading)


@require_safe
def area(request: HttpRequest, layer: str, code: str) -> HttpResponse:
    """The stories of one area of the map."""
    name = search.area_name(layer, code)
    if not name:
        raise Http404
    heading = _("Stories from %(area)s") % {"area": name}
    return _render_list(
        request,
        search.filter_stories(area=(layer, code)),
        "outreach/stories/tag_or_area.html",
        heading=heading,
        area=name,
    )


@require_safe
def archive(request: HttpRequest) -> HttpResponse:
    """The years that have stories."""
    return render(request, "outreach/stories/archive.html", {"years": search.year_choices()})


@require_safe
def year(request: HttpRequest, year: int) -> HttpResponse:
    """The stories of one year, as a plain list by month."""
    known = dt.MINYEAR <= year <= dt.MAXYEAR
    stories = PublishedStory.objects.filter(published_on__year=year) if known else PublishedStory.objects.none()
    titles = list(stories.only("slug", "title", "published_on"))
    if not titles:
        raise Http404
    return render(
        request, "outreach/stories/year.html", {"year": str(year), "stories": titles, "years": search.year_choices()}
    )


@require_safe
def search_stories(request: HttpRequest) -> HttpResponse:
    """Stories that match the search words."""
    query = search.normalize_query(request.GET.get("q", ""))
    story_ids = search.find_matching_ids(query) if query else []
    return _render_list(
        request, story_ids, "outreach/stories/search.html", query=query, most=len(story_ids) >= search.MAX_RANKED
    )


def _render_list(
    request: HttpRequest, stories: QuerySet[PublishedStory] | list[int], template: str, **context: Any
) -> HttpResponse:
    """Render one page of stories, given as a query or as ids. An invalid page number shows the nearest page."""
    # Ids are counted in the index; only the stories of this page are read.
    story_ids = stories if isinstance(stories, list) else stories.values_list("pk", flat=True)
    page = Paginator(story_ids, PAGE_SIZE).get_page(request.GET.get("page"))
    context |= {
        "page": page,
        "stories": search.load_stories(page.object_list),
        "pages": _page_links(request.GET, page.paginator.num_pages, page.number),
    }
    return render(request, template, context)


def _page_links(query: QueryDict, count: int, here: int) -> list[tuple[int | None, str]]:
    """Return (number, link) of the first, the last and the neighboring pages; (None, "") stands for a gap."""
    numbers = sorted({1, count, *range(max(1, here - 1), min(count, here + 1) + 1)})
    links: list[tuple[int | None, str]] = []
    for number in numbers:
        if links and links[-1][0] != number - 1:
            links.append((None, ""))
        page_query = query.copy()
        page_query["page"] = str(number)
        links.append((number, "?" + page_query.urlencode()))
    return links if count > 1 else []


def _parse_year(text: str) -> int | None:
    return int(text) if len(text) == 4 and text.isascii() and text.isdigit() and text != "0000" else None
