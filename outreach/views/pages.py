"""Guides, the impact page, the poster, the Atom feed and the site map."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from core.web import page_cache
from outreach import sitemap
from outreach.artwork import poster
from outreach.content import markdown, pictures
from outreach.models import Guide
from outreach.stories import feeds, impact
from tips import statistics


@require_safe
def guide_list(request: HttpRequest) -> HttpResponse:
    """All guides that are shown."""
    return render(request, "outreach/guides/list.html", {"guides": Guide.objects.filter(shown=True).defer("body")})


@require_safe
def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """One guide, printable."""
    guide = get_object_or_404(Guide, slug=slug, shown=True)
    others = Guide.objects.filter(shown=True).exclude(pk=guide.pk).defer("body")
    context = {
        "guide": guide,
        "text": markdown.render(
            guide.body, pictures.load_ready_pictures(guide.pictures.order_by().values_list("pk", flat=True))
        ),
        "others": others,
    }
    return render(request, "outreach/guides/guide.html", context)


@require_safe
def impact_page(request: HttpRequest) -> HttpResponse:
    """Figures of tips and stories, and how they are counted."""
    return HttpResponse(page_cache.render_cached(request, "outreach/impact/impact.html", _impact_context))


def _impact_context() -> dict[str, object]:
    months = statistics.read_months()
    return {
        "figures": statistics.read_figures(),
        "months": months,
        "chart": impact.lay_out_chart(months),
        "outcomes": impact.total_outcomes(),
        "years": impact.outcomes_by_year(),
        "said": impact.list_you_said_we_did(),
        "least": statistics.MIN_SHOWN,
        "least_for_median": statistics.MIN_FOR_MEDIAN,
    }


@require_safe
def poster_file(request: HttpRequest) -> HttpResponse:
    """The poster as PDF: ?paper=a4 or letter."""
    paper = request.GET.get("paper", "")
    if paper not in poster.PAPERS:
        paper = "letter" if request.GET.get("paper") is None and settings.LANGUAGE_CODE.endswith("us") else "a4"
    response = HttpResponse(poster.draw_poster(poster.poster_words(), paper), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="poster-{paper}.pdf"'
    return response


@require_safe
def feed(_request: HttpRequest) -> HttpResponse:
    """The newest stories as an Atom feed."""
    return HttpResponse(feeds.render_atom_feed(), content_type="application/atom+xml; charset=utf-8")


@require_safe
def sitemap_file(_request: HttpRequest) -> HttpResponse:
    """The site map for search engines, cached for a minute."""
    return HttpResponse(
        page_cache.get_or_build(("sitemap",), sitemap.render_sitemap), content_type="application/xml; charset=utf-8"
    )
