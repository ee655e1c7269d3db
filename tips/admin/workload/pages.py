"""The supervisors' board: who has what, moving an officer's tips, and what needs a supervisor's decision."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from core.models import Account
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from tips.admin import desk_page
from tips.conversation import TipGoneError
from tips.desk import outbox, permissions, workload
from tips.desk.workload.moves import list_movable
from tips.models import SecondLook

_NOBODY = "nobody"


class MoveForm(forms.Form):
    to = forms.ChoiceField(label=gettext_lazy("They go to"), widget=forms.RadioSelect)
    form_id = forms.RegexField(r"\A[0-9a-f]{32}\Z", widget=forms.HiddenInput)

    def __init__(self, holder: Account | None, loads: list[workload.OfficerLoad], *args: Any) -> None:
        super().__init__(*args)
        self._receivers = {str(account.pk): account for account in workload.list_receivers(holder)}
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)
        by_duty = sorted((load for load in loads if load.officer), key=lambda load: not load.is_on_duty)
        field.choices = [
            (load.who, _("%(name)s, %(duty)s") % {"name": load.name, "duty": load.duty})
            for load in by_duty
            if load.who in self._receivers
        ]
        if holder is not None:
            field.choices = [*field.choices, (_NOBODY, _("Nobody: back to the desk"))]
        self.initial = {"form_id": secrets.token_hex(16)}

    @property
    def receiver(self) -> Account | None:
        return self._receivers.get(self.cleaned_data["to"])


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the URL patterns of the pages, below the list of tips."""
    views = (show_board, move_officers_tips, show_looks)
    board, move, looks = (require_http_methods(["GET", "POST"])(view) for view in views)
    return [
        path("workload/", keep_post_through_sign_in(site, board), name="tips_workload"),
        path("workload/move/<str:who>/", keep_post_through_sign_in(site, move), name="tips_workload_move"),
        path("workload/looks/", keep_post_through_sign_in(site, looks), name="tips_second_looks"),
    ]


def _require_supervisor(request: HttpRequest) -> Account:
    permissions.require(permissions.can_supervise(request.user))
    assert isinstance(request.user, Account)
    return request.user


def _respond(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    frame = desk_page.frame_context(request, QueryDict(), has_rows=False)
    return TemplateResponse(request, template, {**admin.site.each_context(request), **frame, **context})


def show_board(request: HttpRequest) -> HttpResponse:
    """Show who has what, or remind the officer whom the post names of their late tips."""
    supervisor = _require_supervisor(request)
    if request.method == "POST" and not is_resumed(request):
        _remind(request, supervisor)
        return HttpResponseRedirect(reverse("admin:tips_workload"))
    week, board = workload.draw_last_week(), workload.load_board(supervisor)
    return _respond(
        request,
        "admin/tips/desk/workload.html",
        title=_("Workload"),
        board=board,
        results=workload.measure_results(supervisor),
        on_duty=workload.find_gaps(),
        handover=workload.find_next(board),
        decisions=outbox.list_decisions(supervisor),
        holds=workload.list_holds(supervisor),
        looks=workload.list_looks(supervisor),
        week=week,
    )


def _remind(request: HttpRequest, supervisor: Account) -> None:
    loads = workload.load_board(supervisor).loads
    load = next((each for each in loads if each.who == request.POST.get("remind") and each.can_be_reminded), None)
    count = workload.remind(supervisor, load.officer) if load and load.officer else 0
    if load is None or not count:
        messages.warning(
            request, _("No reminder was sent: this officer has no late tip, or was reminded of each of them today.")
        )
        return
    sentence = ngettext(
        "%(name)s was reminded of %(count)s late tip.", "%(name)s was reminded of %(count)s late tips.", count
    )
    messages.success(request, sentence % {"name": load.name, "count": count})


def move_officers_tips(request: HttpRequest, who: str) -> HttpResponse:
    """Ask who gets the open tips of an officer or of nobody, then move them. `who` is an account's id, or "nobody"."""
    supervisor = _require_supervisor(request)
    board = workload.load_board(supervisor)
    load = next((load for load in board.loads if load.who == who), None)
    address = reverse("admin:tips_workload")
    if load is None:
        messages.warning(request, _("This person has no tips that you can move."))
        return HttpResponseRedirect(address)
    form = MoveForm(load.officer, board.loads, request.POST or None)
    if request.method == "POST" and not is_resumed(request) and form.is_valid():
        form_id = bytes.fromhex(form.cleaned_data["form_id"])
        _say_moved(request, workload.move_tips(supervisor, load.officer, form.receiver, form_id), form.receiver)
        return HttpResponseRedirect(address)
    count = list_movable(supervisor, load.officer).count()
    title = _("Move tips of %(name)s") % {"name": load.name} if load.officer else _("Move tips that nobody has")
    return _respond(request, "admin/tips/desk/workload_move.html", title=title, form=form, load=load, count=count)


def _say_moved(request: HttpRequest, done: workload.Moves, receiver: Account | None) -> None:
    if done.moved and receiver is not None:
        name = receiver.get_full_name() or receiver.get_username()
        sentence = ngettext(
            "%(count)s tip was moved to %(name)s.", "%(count)s tips were moved to %(name)s.", done.moved
        )
        messages.success(request, sentence % {"count": done.moved, "name": name})
    elif done.moved:
        sentence = ngettext(
            "%(count)s tip is back on the desk. Nobody has it.",
            "%(count)s tips are back on the desk. Nobody has them.",
            done.moved,
        )
        messages.success(request, sentence % {"count": done.moved})
    elif not done.kept:
        messages.warning(request, _("There was no open tip to move."))
    if done.kept:
        sentence = ngettext(
            "This tip was not moved, since the other officer may not see it: %(numbers)s. Choose someone else for it.",
            "These tips were not moved, since the other officer may not see them: %(numbers)s. Choose someone else for them.",
            len(done.kept),
        )
        messages.warning(request, sentence % {"numbers": ", ".join(map(str, done.kept))})


def show_looks(request: HttpRequest) -> HttpResponse:
    """Show the closings drawn for a second look, or record what the supervisor says of one."""
    supervisor = _require_supervisor(request)
    if request.method == "POST" and not is_resumed(request):
        _give_verdict(request, supervisor)
        return HttpResponseRedirect(reverse("admin:tips_second_looks"))
    return _respond(
        request,
        "admin/tips/desk/second_looks.html",
        title=_("Second looks"),
        looks=workload.list_looks(supervisor),
        week=workload.draw_last_week(),
    )


def _give_verdict(request: HttpRequest, supervisor: Account) -> None:
    try:
        look_id, verdict = UUID(request.POST.get("look", "")), SecondLook.Verdict(request.POST.get("verdict", ""))
        number = workload.give_verdict(look_id, supervisor, verdict)
    except (ValueError, TipGoneError):
        messages.warning(request, _("Nothing was saved: this closing doesn't wait for your look."))
        return
    if verdict == SecondLook.Verdict.RIGHT:
        sentence = _("Tip %(number)s was closed rightly. That you looked is recorded.")
    else:
        sentence = _("Recorded: tip %(number)s was closed too early. Open the tip, then reopen it.")
    messages.success(request, sentence % {"number": number})
