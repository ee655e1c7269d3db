"""Pages that invite people: one from a form or many from a pasted list, and the invitations and links that are open."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.accounts import consent, invited_people, sign_in_links
from core.accounts.consent import ConsentRefusedError
from core.accounts.invited_people import InvitationProblemError, InvitedPerson, ListLine
from core.models import Account, ConsentRequest, SignInLink
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from core.staff import tip_access
from core.staff.groups import GROUPS

_ROLE_WORDS = {
    "officer": gettext_lazy("officer: reads and answers tips"),
    "supervisor": gettext_lazy("supervisor: also decides who may open tips"),
    "communications": gettext_lazy("communications: writes stories, guides and events"),
    "administrator": gettext_lazy("administrator: runs the portal, opens no tip"),
    "oversight": gettext_lazy("oversight: reads tips about supervisors, from outside the desk"),
}


class InvitationForm(forms.Form):
    """One person. `clean` leaves an InvitedPerson in `person`."""

    person: InvitedPerson

    name = forms.CharField(label=gettext_lazy("First and last name"), max_length=200)
    email = forms.CharField(
        label=gettext_lazy("Email address"),
        help_text=gettext_lazy("We mail the link to this address."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"),
        choices=[(name, _ROLE_WORDS.get(name, name)) for name in GROUPS],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose a role. Nobody gets an account without one.")},
    )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if not self.errors:
            try:
                self.person = invited_people.make_person(cleaned["name"], cleaned["email"], cleaned["roles"])
            except InvitationProblemError as error:
                self.add_error("email", error.problems)
        return cleaned


def list_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of these pages, below the list of accounts."""
    return [
        path("invite/", site.admin_view(invite_view), name="core_account_invite"),
        path("invite-list/", site.admin_view(list_view), name="core_account_invite_list"),
        path("invitations/", site.admin_view(open_view), name="core_account_invitations"),
    ]


@require_fresh_factor_for_posts
def invite_view(request: HttpRequest) -> HttpResponse:
    """Invite one person."""
    by = _require_inviter(request)
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            is_mailed = consent.invite_or_ask(form.person, by)
        except ConsentRefusedError as refused:
            form.add_error("roles", str(refused))
        else:
            _report(request, mailed=int(is_mailed), asked=int(not is_mailed))
            return HttpResponseRedirect(reverse("admin:core_account_invitations"))
    return _respond(request, "invite", {"title": _("Invite a person"), "form": form, "has_errors": form.is_bound})


@require_fresh_factor_for_posts
def list_view(request: HttpRequest) -> HttpResponse:
    """Invite the people of a pasted list: check it, show what would happen, and then send all or nothing."""
    by = _require_inviter(request)
    context: dict[str, Any] = {"title": _("Invite people from a list"), "max_lines": invited_people.MAX_LINES}
    context["role_names"] = ", ".join(GROUPS)
    text = request.POST.get("people", "")
    if request.method == "POST":
        lines = invited_people.parse_list(text)
        sentence = _explain_refused_list(lines)
        _check_roles(lines, by)
        problems = sum(bool(line.problems) for line in lines)
        if not sentence and not problems and "send" in request.POST:
            _send_all(request, lines, by)
            return HttpResponseRedirect(reverse("admin:core_account_invitations"))
        needing = {line.number for line in lines if line.person and _opens_tips(line.person)}
        context |= {"lines": lines, "sentence": sentence, "problems": problems, "needing": needing, "text": text}
        context |= {"has_errors": bool(sentence or problems), "can_send": not sentence and not problems}
    return _respond(request, "invite_list", context)


@require_fresh_factor_for_posts
def open_view(request: HttpRequest) -> HttpResponse:
    """List the invitations and links that are open; send one again or withdraw it."""
    by = _require_inviter(request)
    if request.method == "POST":
        action = "resend" if "resend" in request.POST else "withdraw"
        number = request.POST.get(action, "")
        link = SignInLink.objects.filter(pk=number).first() if number.isdecimal() and len(number) < 18 else None
        if link is None:
            messages.warning(request, _("This link was used or withdrawn meanwhile."))
        elif action == "resend":
            sign_in_links.resend(link, by)
            messages.success(request, _("Sent again. The link in the earlier email no longer works."))
        else:
            sign_in_links.withdraw(link, by)
            messages.success(request, _("Withdrawn. The link no longer works."))
        return HttpResponseRedirect(request.path)
    asked = ConsentRequest.objects.open().filter(kind=ConsentRequest.Kind.INVITE).select_related("asked_by")
    context = {
        "title": _("Open invitations and links"),
        "links": [_describe(link) for link in SignInLink.objects.select_related("account")],
        "asked": [(request_, InvitedPerson.from_json(request_.details)) for request_ in asked],
    }
    return _respond(request, "invitations", context)


def _describe(link: SignInLink) -> dict[str, Any]:
    return {
        "link": link,
        "owner": sign_in_links.get_owner(link),
        "roles": ", ".join(link.person.get("roles", [])),
        "is_refused": sign_in_links.has_refused_mail(link),
        "is_expired": sign_in_links.is_expired(link),
    }


def _send_all(request: HttpRequest, lines: list[ListLine], by: Account) -> None:
    with transaction.atomic():
        mailed = sum(consent.invite_or_ask(line.person, by) for line in lines if line.person)
    _report(request, mailed=mailed, asked=len(lines) - mailed)


def _report(request: HttpRequest, *, mailed: int, asked: int) -> None:
    if mailed:
        sentence = ngettext("%(number)s invitation is on its way.", "%(number)s invitations are on their way.", mailed)
        messages.success(request, sentence % {"number": mailed})
    if asked:
        sentence = ngettext(
            "%(number)s invitation has a role that opens tips. We mail it once a supervisor has allowed it.",
            "%(number)s invitations have a role that opens tips. We mail them once a supervisor has allowed them.",
            asked,
        )
        messages.info(request, sentence % {"number": asked})


def _explain_refused_list(lines: list[ListLine]) -> str:
    if not lines:
        return _("The list is empty. Write one person per line.")
    if len(lines) > invited_people.MAX_LINES:
        return _("The list has %(number)s people. Invite at most %(most)s at once.") % {
            "number": len(lines),
            "most": invited_people.MAX_LINES,
        }
    return ""


def _check_roles(lines: list[ListLine], by: Account) -> None:
    """Add a problem to each line with roles that this account may not give."""
    groups_by_name = {group.name: group for group in Group.objects.all()}
    for line in lines:
        if line.person is not None:
            roles = [groups_by_name[name] for name in line.person.roles if name in groups_by_name]
            line.problems += [problem] if (problem := tip_access.explain_refused_roles(by, roles, [])) else []


def _opens_tips(person: InvitedPerson) -> bool:
    return bool(tip_access.find_tip_roles(Group.objects.filter(name__in=person.roles)))


def _require_inviter(request: HttpRequest) -> Account:
    if not isinstance(request.user, Account):
        raise Http404
    if not request.user.has_perm("core.add_account"):
        raise PermissionDenied
    return request.user


def _respond(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    status = 422 if context.get("has_errors") else 200
    return TemplateResponse(
        request, f"admin/core/{page}.html", {**admin.site.each_context(request), **context}, status=status
    )
