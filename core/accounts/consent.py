"""Consent: one person asks for a change, another one allows it, and only then it is carried out.

A supervisor has to consent to whatever could open tips to someone: a role that does, and for accounts that have one a new
password, second factor, email address or username, and turning it on again. A new second factor for any other account needs
another administrator or a supervisor. Nobody decides about their own account, and nobody asks and consents alone, except in an
agency whose only manager of accounts is one supervisor: pages and /privacy/ then say that there is no second pair of eyes.

A supervisor also has to consent to those of the agency's settings that could be turned against sources (core/agency/).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from copy import copy
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.accounts import account_changes, sign_in_links
from core.accounts.invited_people import InvitationProblemError, InvitedPerson, make_person
from core.agency import changes as agency_changes
from core.agency.settings_form import Changes
from core.models import Account, ConsentRequest
from core.staff import account_mails, tip_access

Kind, State = ConsentRequest.Kind, ConsentRequest.State
# The person who asked gets a mail as well.
_NEWS_LIFETIME = dt.timedelta(days=3)


class ConsentRefusedError(Exception):
    """The request can't be made or decided. The message is a sentence for the page."""


def needs_consent(kind: ConsentRequest.Kind, account: Account) -> bool:
    """Return whether a reset of this account's password or second factor needs a second person."""
    return kind == Kind.FACTOR or tip_access.opens_tips(account)


def invite_or_ask(person: InvitedPerson, by: Account) -> bool:
    """Mail the invitation, or ask for consent first if one of its roles opens tips. Returns whether it was mailed.

    Raises ConsentRefusedError if the account may not give these roles, even with consent.
    """
    roles = list(Group.objects.filter(name__in=person.roles))
    if problem := tip_access.explain_refused_roles(by, roles, []):
        raise ConsentRefusedError(problem)
    if tip_access.find_tip_roles(roles):
        ask(Kind.INVITE, by, details=person.as_json())
        return False
    with transaction.atomic():
        sign_in_links.invite(person, by)
    return True


def reset_alone(account: Account, by: Account) -> None:
    """Reset the password of an account that opens no tip, which needs no consent. The second factor stays."""
    with transaction.atomic():
        locked = Account.objects.select_for_update().get(pk=account.pk)
        assert not needs_consent(Kind.PASSWORD, locked)
        sign_in_links.send_reset(locked, by, with_factor=False)


def ask(
    kind: ConsentRequest.Kind, by: Account, *, account: Account | None = None, details: dict[str, Any] | None = None
) -> ConsentRequest:
    """Store the request, record it and mail it to all who can decide it. Raises ConsentRefusedError."""
    with transaction.atomic():
        if account is not None:
            # One request of a kind and account at a time: two browsers queue up here.
            Account.objects.select_for_update().get(pk=account.pk)
            earlier = ConsentRequest.objects.open().filter(kind=kind, account=account).first()
            if earlier is not None:
                raise ConsentRefusedError(
                    _("%(name)s has asked for a change of this account already. Decide or withdraw that request first.")
                    % {"name": name_account(earlier.asked_by)}
                )
        if kind == Kind.AGENCY:
            _refuse_second_request(details or {})
        request = ConsentRequest.objects.create(kind=kind, account=account, details=details or {}, asked_by=by)
        audit.record(by, "asked for consent to change", describe_subject(request), summarize(request))
        sentence = _("%(name)s asks for your consent about %(subject)s: %(change)s") % {
            "name": name_account(by),
            "subject": describe_subject(request),
            "change": " ".join(describe_changes(request)),
        }
        account_mails.mail_request(sentence, list_deciders(request))
    return request


def _refuse_second_request(changes: Changes) -> None:
    """Raise ConsentRefusedError if an open request would change one of these settings, too."""
    agency_changes.lock_changes()
    for earlier in ConsentRequest.objects.open().filter(kind=Kind.AGENCY).select_related("asked_by"):
        if earlier.details.keys() & changes.keys():
            raise ConsentRefusedError(
                _("%(name)s has asked for a change of these settings already. Decide or withdraw that request first.")
                % {"name": name_account(earlier.asked_by)}
            )


def list_deciders(request: ConsentRequest) -> list[Account]:
    """Return the accounts that can decide the request."""
    return [manager for manager in tip_access.list_managers() if not explain_refused_decision(request, manager)]


def list_open(decider: Account) -> list[ConsentRequest]:
    """Return the open requests that this account can decide."""
    if not decider.is_active or not (tip_access.is_supervisor(decider) or tip_access.is_administrator(decider)):
        return []
    requests = ConsentRequest.objects.open().select_related("account", "asked_by")
    return [request for request in requests if not explain_refused_decision(request, decider)]


def list_decided(asker: Account) -> list[ConsentRequest]:
    """Return what others decided of this account's own requests in the last days, the latest first."""
    own = ConsentRequest.objects.filter(asked_by=asker, decided_at__gt=timezone.now() - _NEWS_LIFETIME)
    return list(own.exclude(decided_by=asker).select_related("account", "decided_by").order_by("-decided_at"))


def explain_refused_decision(request: ConsentRequest, decider: Account) -> str:
    """Return "" if the account can consent to the request or refuse it, else why not."""
    if not ConsentRequest.objects.open().filter(pk=request.pk).exists():
        return _("This request was decided or withdrawn, or is older than 72 hours.")
    if problem := _explain_missing_role(request, decider):
        return problem
    if is_alone(decider):
        return ""
    if decider.pk == request.account_id:
        return _("This is about your own account, so someone else has to decide.")
    if decider.pk == request.asked_by_id:
        return _("You asked for this, so someone else has to decide.")
    return ""


def _explain_missing_role(request: ConsentRequest, decider: Account) -> str:
    """Return "" if the account's roles are enough to decide the request, else who can."""
    if decider.is_active and tip_access.is_supervisor(decider):
        return ""
    if not needs_supervisor(request):
        can_decide = decider.is_active and tip_access.is_administrator(decider)
        return "" if can_decide else _("Only an administrator or a supervisor can decide this.")
    if names := tip_access.name_supervisors():
        return _("Only a supervisor can decide this. Ask %(names)s.") % {"names": names}
    return _("Only a supervisor can decide this, and there is none. The person who runs the server can appoint one.")


def needs_supervisor(request: ConsentRequest) -> bool:
    """Return whether a supervisor has to decide: whenever the account opens tips, or will."""
    if request.account is None or request.kind == Kind.ACCESS:
        return True
    return "roles" in request.details or tip_access.opens_tips(request.account)


def is_alone(account: Account) -> bool:
    """Return whether the account is a supervisor, and no other account could ask or decide."""
    return tip_access.is_supervisor(account) and [manager.pk for manager in tip_access.list_managers()] == [account.pk]


def compute_version(request: ConsentRequest) -> str:
    """Return a digest of what the decision is about: the request, and the account's data as they are now."""
    account, shown = request.account, [request.pk, request.details]
    if account is not None:
        account.refresh_from_db()
        roles = sorted(account.groups.values_list("name", flat=True))
        names = [account.username, account.first_name, account.last_name, account.email]
        shown += [*names, account.is_active, account.password, roles]
    if request.kind == Kind.AGENCY:
        shown.append(agency_changes.read_stored())
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def give(request: ConsentRequest, by: Account, seen_version: str) -> None:
    """Consent and carry the change out. Raises ConsentRefusedError, also if the account is no longer as the decider saw it."""
    with transaction.atomic():
        request = _lock(request)
        if problem := explain_refused_decision(request, by):
            raise ConsentRefusedError(problem)
        if seen_version != compute_version(request):
            raise ConsentRefusedError(_("It has changed since you opened this page. Check it again."))
        if request.asked_by.pk not in [manager.pk for manager in tip_access.list_managers()]:
            raise ConsentRefusedError(
                _("%(name)s can no longer ask for this. Refuse the request.") % {"name": name_account(request.asked_by)}
            )
        _settle(request, State.GIVEN, by)
        change = " ".join(describe_changes(request))
        asker = request.asked_by.get_username()
        asked = "asked and consented alone" if request.asked_by_id == by.pk else f"asked by {asker}"
        audit.record(by, "consented to change", describe_subject(request), f"{summarize(request)} ({asked})")
        _carry_out(request, by)
        # Supervisors get the mail about the change.
        if not tip_access.is_supervisor(request.asked_by):
            text = _("%(name)s allowed your request, and it is done: %(change)s") % {
                "name": name_account(by),
                "change": change,
            }
            account_mails.mail_accounts_of([request.asked_by], _("Your request was allowed"), text)


def refuse(request: ConsentRequest, by: Account, answer: str) -> None:
    """Refuse the request, and mail the reason to the person who asked. Raises ConsentRefusedError."""
    with transaction.atomic():
        request = _lock(request)
        if problem := explain_refused_decision(request, by):
            raise ConsentRefusedError(problem)
        _settle(request, State.REFUSED, by, answer)
        audit.record(by, "refused to change", describe_subject(request), summarize(request))
        text = _("%(name)s refused your request about %(subject)s: %(change)s\n\nReason: %(answer)s") % {
            "name": name_account(by),
            "subject": describe_subject(request),
            "change": " ".join(describe_changes(request)),
            "answer": answer,
        }
        account_mails.mail_accounts_of([request.asked_by], _("Your request was refused"), text)


def withdraw(request: ConsentRequest, by: Account) -> None:
    """Withdraw one's own request. Raises ConsentRefusedError."""
    with transaction.atomic():
        request = _lock(request)
        if request.asked_by_id != by.pk or not ConsentRequest.objects.open().filter(pk=request.pk).exists():
            raise ConsentRefusedError(_("This request was decided or withdrawn, or is older than 72 hours."))
        _settle(request, State.WITHDRAWN, by)
        audit.record(by, "withdrew the request to change", describe_subject(request), summarize(request))


def validate_change(account: Account, details: dict[str, Any]) -> None:
    """Check the new username and email address. Raises ValidationError."""
    changed = copy(account)
    for name in ("username", "email"):
        if name in details:
            setattr(changed, name, details[name])
    changed.full_clean(exclude=["password"])


def find_new_domain(request: ConsentRequest) -> str:
    """Return the domain of the new email address if no active account has an address there, else ""."""
    domain = str(request.details.get("email", "")).rpartition("@")[2].lower()
    known = Account.objects.filter(is_active=True).values_list("email", flat=True)
    return "" if domain in {address.rpartition("@")[2].lower() for address in known} else domain


# Sentences


def describe_subject(request: ConsentRequest) -> str:
    """Return how the audit trail names the account that the request is about."""
    if request.account is not None:
        return account_changes.describe_subject(request.account)
    if request.kind == Kind.AGENCY:
        return agency_changes.SUBJECT
    return f"account {request.details['username']}"


def describe_changes(request: ConsentRequest) -> list[str]:
    """Return a sentence for each thing that changes."""
    details = request.details
    if request.kind == Kind.INVITE:
        person = InvitedPerson.from_json(details)
        return [
            _("Invite %(name)s (%(email)s) with these roles: %(roles)s.")
            % {"name": person.name, "email": person.email, "roles": ", ".join(person.roles)}
        ]
    if request.kind == Kind.PASSWORD:
        return [_("Take the password away, and mail a link to set a new one. The second factor stays.")]
    if request.kind == Kind.FACTOR:
        return [_("Take the password and all second factors away, and mail a link to set up both again.")]
    if request.kind == Kind.ACCESS:
        access_sentences = {
            "units": _("Make them a member of this unit, so that they see its tips: %(names)s."),
            "categories": _("Let them see the tips in this sensitive category: %(names)s."),
        }
        return [access_sentences[name] % {"names": ", ".join(rows.values())} for name, rows in details.items()]
    if request.kind == Kind.AGENCY:
        return agency_changes.describe(details)
    assert request.account is not None
    values = {"old_name": request.account.get_username(), "old_email": request.account.email or _("none")}
    sentences = {
        "roles": _("Give these roles: %(roles)s."),
        "username": _("Change the username from %(old_name)s to %(username)s."),
        "email": _("Change the email address from %(old_email)s to %(email)s."),
        "is_active": _("Turn the account on again."),
    }
    values |= {**details, "roles": ", ".join(details.get("roles", []))}
    return [sentence % values for name, sentence in sentences.items() if name in details]


def summarize(request: ConsentRequest) -> str:
    """Return the change for the audit trail, without email addresses."""
    if request.kind == Kind.INVITE:
        return f"invite {InvitedPerson.from_json(request.details).name}: {', '.join(request.details['roles'])}"
    if request.kind in (Kind.PASSWORD, Kind.FACTOR):
        return f"reset {request.kind}"
    if request.kind == Kind.ACCESS:
        return "; ".join(f"{name} +{', '.join(rows.values())}" for name, rows in request.details.items())
    if request.kind == Kind.AGENCY:
        return agency_changes.summarize(request.details)
    words = {"roles": f"roles +{', '.join(request.details.get('roles', []))}", "email": "email", "is_active": "turn on"}
    words["username"] = f"username {request.details.get('username')}"
    return "; ".join(words[name] for name in words if name in request.details)


def name_account(account: Account) -> str:
    return account.get_full_name() or account.get_username()


# Carrying out


def _lock(request: ConsentRequest) -> ConsentRequest:
    """Return the request as it is now, locked with its account until the caller's transaction ends."""
    locked = ConsentRequest.objects.select_for_update().get(pk=request.pk)
    if locked.account_id is not None:
        locked.account = Account.objects.select_for_update().get(pk=locked.account_id)
    return locked


def _settle(request: ConsentRequest, state: ConsentRequest.State, by: Account, answer: str = "") -> None:
    request.state, request.decided_by, request.decided_at, request.answer = state, by, timezone.now(), answer
    request.save(update_fields=["state", "decided_by", "decided_at", "answer"])


def _carry_out(request: ConsentRequest, by: Account) -> None:
    if request.kind == Kind.INVITE:
        _invite(InvitedPerson.from_json(request.details), request.asked_by, by)
        return
    if request.kind == Kind.AGENCY:
        _change_agency(request, by)
        return
    assert request.account is not None
    if request.kind == Kind.ACCESS:
        _give_access(request.account, request.details, by)
    elif request.kind == Kind.CHANGE:
        _change(request.account, request.details, by)
    else:
        sign_in_links.send_reset(request.account, by, with_factor=request.kind == Kind.FACTOR)


def _invite(person: InvitedPerson, asker: Account, by: Account) -> None:
    """Mail the invitation, unless another account has got the address meanwhile."""
    name = f"{person.last_name}, {person.first_name}" if person.last_name else person.first_name
    try:
        person = make_person(name, person.email, person.roles)
    except InvitationProblemError as error:
        raise ConsentRefusedError(str(error)) from None
    sign_in_links.invite(person, by)
    sentence = (
        f"{asker.get_username()} and {by.get_username()} invited account {person.username}: {', '.join(person.roles)}"
    )
    account_mails.mail_supervisors(sentence)


def _change_agency(request: ConsentRequest, by: Account) -> None:
    """Change the agency's settings, and mail all supervisors what was changed."""
    sentences = " ".join(describe_changes(request))
    try:
        agency_changes.store(by, request.details)
    except ValidationError as error:
        raise ConsentRefusedError(" ".join(error.messages)) from None
    account_mails.mail_agency_change(
        _("%(asker)s asked and %(decider)s allowed it: %(changes)s")
        % {"asker": name_account(request.asked_by), "decider": name_account(by), "changes": sentences}
    )


def _give_access(account: Account, details: dict[str, dict[str, str]], by: Account) -> None:
    """Add the account to units and sensitive categories (tips/models), as far as they still exist."""
    managers: dict[str, Any] = {"units": account.units, "categories": account.sensitive_categories}
    for name, rows in details.items():
        for row in managers[name].model.objects.filter(pk__in=rows):
            managers[name].add(row)
            kind = row._meta.verbose_name
            account_changes.record_change(by, "gave access to", account, f"{kind} {row}", is_opening=True)


def _change(account: Account, details: dict[str, Any], by: Account) -> None:
    try:
        validate_change(account, details)
    except ValidationError as error:
        raise ConsentRefusedError(" ".join(error.messages)) from None
    roles: Sequence[str] = details.get("roles", [])
    before = sorted(account.groups.values_list("name", flat=True))
    old_name, old_address = account.username, account.email
    for name in ("username", "email", "is_active"):
        if name in details:
            setattr(account, name, details[name])
    account.save(update_fields=["username", "email", "is_active"])
    account.groups.add(*Group.objects.filter(name__in=roles))
    # A link that was mailed before must not open an account that can open tips now, or to another address.
    account.sign_in_links.all().delete()
    if "is_active" in details:
        account_changes.record_change(by, "activated", account, is_opening=True)
    if "username" in details:
        account_changes.record_change(
            by, account_changes.RENAMED, account, f"{account_changes.OLD_NAME}{old_name}", is_opening=True
        )
    if "email" in details:
        account_changes.record_new_email(by, account, old_address, is_opening=True)
    if roles:
        after = sorted(account.groups.values_list("name", flat=True))
        detail = f"{', '.join(before) or 'none'} -> {', '.join(after)}"
        account_changes.record_change(by, "changed the roles of", account, detail, is_opening=True)
