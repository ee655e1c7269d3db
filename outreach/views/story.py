"""One story: its page, its share card, the page for sharing it."""

from __future__ import annotations

from urllib.parse import urlsplit

import segno
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.agency import current_settings
from outreach import structured_data
from outreach.artwork import share_card, typesetting
from outreach.content import markdown, pictures
from outreach.models import PublishedStory, StoryContent, Withdrawal
from outreach.stories import facts, search, share_links
from outreach.stories.publication import start_of_day

_CACHE_ONE_DAY = "public, max-age=86400"  # no longer: withdrawn stories must leave caches as well


@require_safe
def story(request: HttpRequest, slug: str) -> HttpResponse:
    """A published story, or 410 Gone for one that was withdrawn."""
    story = _get_story(slug)
    if story is None:
        return _withdrawn_response(request, slug)
    picture_ids = story.pictures.order_by().values_list("pk", flat=True)
    address = share_links.absolute_url(reverse("outreach:story", args=[slug]))
    image = share_card_url(story)
    context = {
        "story": story,
        "text": markdown.render(story.body, pictures.load_ready_pictures(picture_ids)),
        "address": address,
        "card": image,
        "published_at": start_of_day(story.published_on),
        "corrected_at": start_of_day(story.corrected_on) if story.corrected_on else None,
        "metadata": structured_data.article_data(story, address, image),
        "shares": share_links.list_share_links(story.title, address),
        "related": search.find_related(story),
        "corrections": story.corrections.all(),
        "tags": story.tags.all(),
        "places": search.named_areas(story.areas),
    }
    return render(request, "outreach/stories/story.html", context)


@require_safe
def share(request: HttpRequest, slug: str) -> HttpResponse:
    """Ways to share a story that need more than a link: Mastodon with the reader's server, a QR code, the address."""
    story = _get_story(slug)
    if story is None:
        return _withdrawn_response(request, slug)
    address = share_links.absolute_url(reverse("outreach:story", args=[slug]))
    typed = request.GET.get("server", "").strip()[:300]
    host = share_links.parse_mastodon_host(typed) if typed else None
    code = segno.make(address, error="m", micro=False)
    context = {
        "story": story,
        "address": address,
        "shares": share_links.list_share_links(story.title, address),
        "typed": typed,
        "host": host,
        "onward": share_links.mastodon_share_url(host, story.title, address) if host else "",
        "problem": _("We don't know this server. Enter a name like mastodon.social.") if typed and not host else "",
        # segno generates this SVG from our own address alone
        "qr": mark_safe(code.svg_inline(scale=6, border=3, light="#fff", omitsize=True, svgclass="", lineclass="")),  # noqa: S308
    }
    return render(request, "outreach/stories/share.html", context)


@require_safe
def card(request: HttpRequest, slug: str) -> HttpResponse:
    """The share card as a PNG. Caches keep it for a day if the URL has the digest of its content."""
    story = _get_story(slug)
    if story is None:
        raise Http404
    drawn = build_share_card(story)
    response = HttpResponse(share_card.draw_card(drawn), content_type="image/png")
    if request.GET.get("v") == drawn.digest:
        response["Cache-Control"] = _CACHE_ONE_DAY
    # Other sites show the card beside a link to the story.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def build_share_card(story: StoryContent) -> share_card.ShareCard:
    return share_card.ShareCard(
        title=story.title,
        label=str(story.get_category_display()),
        facts=tuple(facts.fact_phrases(story)),
        agency=current_settings.current().name,
        site=urlsplit(settings.PORTAL_URL).netloc,
        backdrop=typesetting.read_backdrop(),
    )


def share_card_url(story: PublishedStory) -> str:
    path = reverse("outreach:card", args=[story.slug])
    return share_links.absolute_url(f"{path}?v={build_share_card(story).digest}")


def _get_story(slug: str) -> PublishedStory | None:
    return (
        search.published_stories().defer(None).defer("search").prefetch_related("corrections").filter(slug=slug).first()
    )


def _withdrawn_response(request: HttpRequest, slug: str) -> HttpResponse:
    withdrawn = Withdrawal.objects.filter(slug=slug).first()
    if withdrawn is None:
        raise Http404
    return render(request, "outreach/stories/withdrawn.html", {"on": withdrawn.on}, status=410)
