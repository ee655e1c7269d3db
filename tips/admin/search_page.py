"""The page of a search in what is sealed: the words come by post, what is found is shown slice by slice.

The state of a search is in the page's form, sealed for its officer: words, place, and the tips found so far. So "Go on" works without
script, and script presses it (static/js/desk/search.js). Words stand in no address, and nothing of a search stays on the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from core.plain_text import clean_typed_text, fold_text
from core.staff import sealed_posts
from core.staff.session_resume import is_resumed
from tips.admin import desk_page
from tips.desk import permissions, search_record
from tips.desk.search import engines, findings, matching, slices, tip_batches
from tips.desk.search.tip_batches import Position, Scope
from tips.desk.search_record import SearchedWords
from tips.models import Author, State, Tip

TEMPLATE, FRAGMENT = "admin/tips/desk/search.html", "admin/tips/desk/search_results.html"
MAX_WORDS = 100  # characters; the sealed record of a search has room for so many
MAX_SHOWN = 100  # tips found; "Go on" shows the next
# A slice's time. With script the first hits show at once, and each slice shows progress. The first one is long enough for all of
# 100,000 tips that the search process remembers.
_PLAIN_SECONDS, _FIRST_SECONDS, _NEXT_SECONDS = 2.0, 0.15, 0.8
_NUMBER = re.compile(r"#?\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Search:
    """A search so far. `shown` are the tips found that the page shows, `fresh` those of the last slice, `earlier` counts those of pages before."""

    words: str
    scope: Scope
    after: Position | None = None
    searched: int = 0
    remaining: int = 0
    unopened: int = 0
    earlier: int = 0
    shown: list[UUID] = field(default_factory=list)
    fresh: list[UUID] = field(default_factory=list)
    process_is_gone: bool = False

    @property
    def found(self) -> int:
        return self.earlier + len(self.shown)

    @property
    def total(self) -> int:
        return self.searched + self.remaining

    def seal(self, account: Account) -> str:
        received, tip_id = self.after or ("", "")
        numbers = [self.searched, self.unopened, self.earlier]
        return sealed_posts.seal(
            [
                ("words", [self.words, self.scope.value]),
                ("after", [str(received), str(tip_id)]),
                ("numbers", [str(number) for number in numbers]),
                ("shown", [tip_id.hex for tip_id in self.shown]),
            ],
            account.pk,
        )


class _SearchRefusedError(Exception):
    """Nothing was searched; the message is a sentence for the officer."""


def respond(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Return the empty page (GET), or the next slice of a search (POST); a tip's number leads to the tip."""
    officer = request.user
    assert isinstance(officer, Account)
    permissions.require(permissions.can_open(officer))
    if request.method != "POST":
        return _render(request, officer, context, words="")
    words = _read_words(request)
    if is_resumed(request):
        return _render(request, officer, context, words, _("You're signed in again. Press Search to go on."))
    try:
        search = _read_search(request, officer, words)
    except _SearchRefusedError as problem:
        return _render(request, officer, context, words[:MAX_WORDS], str(problem), status=422)
    is_new = "state" not in request.POST
    numbered = _find_numbered(officer, search.words) if is_new else None
    if numbered is not None and not _is_done(numbered):
        return HttpResponseRedirect(reverse("admin:tips_tip_change", args=[numbered.pk]))
    next_search = _go_on(officer, search, _choose_seconds(request, is_new=is_new))
    if is_new or next_search.found > search.found or next_search.after is None:
        searched = SearchedWords(
            next_search.words,
            next_search.found,
            next_search.searched,
            next_search.total,
            next_search.scope in (Scope.GENERAL, Scope.SPAM),
        )
        search_record.record_words(officer, searched, goes_on=not is_new)
    return _render(request, officer, context, search.words, search=next_search, numbered=numbered)


def _read_words(request: HttpRequest) -> str:
    return " ".join(clean_typed_text(request.POST.get("words", "")).split())


def _read_search(request: HttpRequest, officer: Account, words: str) -> Search:
    """Return the search that the form goes on with, or a new one. Raises _SearchRefusedError."""
    scopes = tip_batches.list_scopes(officer)
    if "state" in request.POST:
        search = _open_state(request.POST["state"], officer)
        if search is None or search.scope not in scopes:
            raise _SearchRefusedError(_("This search can't go on. Search again."))
        return search
    scope = next((each for each in scopes if each.value == request.POST.get("in", "")), scopes[0] if scopes else None)
    if scope is None:
        raise _SearchRefusedError(_("There are no tips that you can search."))
    if not words:
        raise _SearchRefusedError(_("Type a word, part of a license plate, or a tip's number."))
    fits = SearchedWords(words, 10**6, 10**6, 10**6, is_general=True).fits()
    if len(words) > MAX_WORDS or not fits:
        raise _SearchRefusedError(
            _("That's too long to search for. Use up to %(count)d characters: the rarest words are enough.")
            % {"count": MAX_WORDS}
        )
    if not matching.parse_words(words):
        raise _SearchRefusedError(_("These are only signs. Type at least one letter or digit."))
    return Search(words, scope)


def _open_state(token: str, officer: Account) -> Search | None:
    fields = dict(sealed_posts.open_token(token, officer.pk) or [])
    if set(fields) != {"words", "after", "numbers", "shown"}:
        return None
    words, scope = fields["words"]
    received, tip_id = fields["after"]
    searched, unopened, earlier = map(int, fields["numbers"])
    after = Position(int(received), UUID(tip_id)) if tip_id else None
    shown = [UUID(hex=tip_id) for tip_id in fields["shown"]]
    return Search(words, Scope(scope), after, searched, 0, unopened, earlier, shown)


def _find_numbered(officer: Account, words: str) -> Tip | None:
    """Return the tip whose number was typed, closed or not, and record the search."""
    if not _NUMBER.fullmatch(fold_text(words)):
        return None
    tip_id = slices.find_number(officer, int(words.removeprefix("#")))
    tip = permissions.visible_tips(officer).defer("report").filter(pk=tip_id).first() if tip_id else None
    if tip is not None:
        search_record.record_search(officer, 1)
    return tip


def _is_done(tip: Tip) -> bool:
    """Return whether a tip is closed and its source has not written since: then it is offered, not opened."""
    return tip.state == State.CLOSED and not tip.messages.filter(author=Author.SOURCE, read=False).exists()


def _choose_seconds(request: HttpRequest, *, is_new: bool) -> float:
    if "script" not in request.POST:
        return _PLAIN_SECONDS
    return _FIRST_SECONDS if is_new else _NEXT_SECONDS


def _go_on(officer: Account, search: Search, seconds: float) -> Search:
    """Run the next slice. A page that is full begins anew."""
    if len(search.shown) >= MAX_SHOWN:
        search = replace(search, earlier=search.found, shown=[])
    room = MAX_SHOWN - len(search.shown)
    result, is_gone = engines.search(officer, search.words, search.scope, search.after, seconds, room)
    return replace(
        search,
        after=result.after,
        searched=search.searched + result.searched,
        remaining=result.remaining,
        unopened=search.unopened + result.unopened,
        shown=search.shown + result.found,
        fresh=result.found,
        process_is_gone=is_gone,
    )


def _render(
    request: HttpRequest,
    officer: Account,
    context: dict[str, Any],
    words: str,
    problem: str = "",
    *,
    search: Search | None = None,
    numbered: Tip | None = None,
    status: int = 200,
) -> HttpResponse:
    is_fragment = "fragment" in request.POST
    # Script has the frame, and the rows of the slices before.
    framed = context | (
        desk_page.acts_context(officer)
        if is_fragment
        else desk_page.frame_context(request, QueryDict(), has_rows=False)
    )
    framed |= {
        "title": _("Search"),
        "views_title": _("Search"),
        "searched_words": words,
        "problem": problem,
        "numbered": numbered,
        "closed_sentence": _describe_closed(numbered) if numbered else "",
        **_describe_scopes(officer, search),
    }
    if search is not None:
        framed |= _describe_search(officer, search, search.fresh if is_fragment else search.shown)
    return TemplateResponse(request, FRAGMENT if is_fragment else TEMPLATE, framed, status=status)


def _describe_scopes(officer: Account, search: Search | None) -> dict[str, Any]:
    labels = {
        Scope.GENERAL: _("Tips"),
        Scope.SPAM: _("Spam"),
        Scope.SENSITIVE: _("Sensitive tips"),
        Scope.WALLED: _("Walled tips"),
    }
    chosen = search.scope if search else Scope.GENERAL
    return {"scopes": [(scope.value, labels[scope], scope is chosen) for scope in tip_batches.list_scopes(officer)]}


def _describe_search(officer: Account, search: Search, listed: list[UUID]) -> dict[str, Any]:
    is_full = search.after is not None and len(search.shown) >= MAX_SHOWN
    return {
        "findings": findings.load(officer, listed, matching.parse_words(search.words)),
        "state": search.seal(officer) if search.after else "",
        "is_full": is_full,
        "is_searching": search.after is not None and not is_full,
        "searched_count": search.searched,
        "total_count": search.total,
        "progress_sentence": _("Searched %(searched)s of %(total)s.") % _counts(search)
        if search.after
        else _("All %(total)s searched.") % _counts(search),
        "running_sentence": _("Searching %(searched)s of %(total)s.") % _counts(search),
        "found_sentence": _describe_found(search),
        "searched_all_sentence": ngettext(
            "%(total)s tip searched, closed ones too.", "All %(total)s tips searched, closed ones too.", search.total
        )
        % _counts(search),
        "gone_sentence": _("The search process isn't running, so this search takes longer. Tell an administrator.")
        if search.process_is_gone
        else "",
        "offers_spam": search.scope is Scope.GENERAL,
        "nothing_found": search.after is None and not search.found,
        "unopened_sentence": ngettext(
            "%(unopened)s tip can't be opened on this server, so it was not searched. Tell an administrator.",
            "%(unopened)s tips can't be opened on this server, so they were not searched. Tell an administrator.",
            search.unopened,
        )
        % _counts(search)
        if search.unopened
        else "",
    }


def _counts(search: Search) -> dict[str, str]:
    names = ("searched", "total", "found", "unopened", "earlier")
    return {name: number_format(getattr(search, name), force_grouping=True) for name in names}


def _describe_found(search: Search) -> str:
    if search.earlier:
        return _("%(found)s found so far. The newest %(earlier)s were on the page before.") % _counts(search)
    if search.after is not None:
        return ngettext(
            "%(found)s found so far, newest first", "%(found)s found so far, newest first", search.found
        ) % _counts(search)
    return ngettext("%(found)s found, newest first", "%(found)s found, newest first", search.found) % _counts(search)


def _describe_closed(tip: Tip) -> str:
    return _("%(outcome)s, %(day)s.") % {
        "outcome": tip.get_disposition_display(),
        "day": date_format(localtime(tip.closed_at), "MONTH_DAY_FORMAT") if tip.closed_at else "",
    }
