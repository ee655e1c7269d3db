"""Nobody reaches tips through accounts alone: one person asks, a supervisor consents, and all supervisors are told."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts import appointments, consent, invited_people, link_secrets, sign_in_links
from core.models import Account, AccountMail, ConsentRequest, SignInLink, SupervisorAppointment
from core.staff import account_mails, groups, tip_access
from core.web import page_cache
from tests.core.staff.test_staff import account, change, ids, lines, signed_in
from tests.stack import Mails
from tests.tipportal.database.test_grants import acting_as

pytestmark = pytest.mark.django_db

NOT_YET = "Not changed yet"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def officer() -> Account:
    return account("okafor", groups.OFFICER)


@pytest.fixture
def supervisor() -> Account:
    return account("lindqvist", groups.SUPERVISOR, first_name="Maja", last_name="Lindqvist")


@pytest.fixture
def second(supervisor: Account) -> Account:
    return account("second", groups.SUPERVISOR)


@pytest.fixture
def administrator(supervisor: Account) -> Client:
    """An administrator of a portal that has a supervisor."""
    return signed_in(account("ito", groups.ADMINISTRATOR))


def state_of(who: Account) -> tuple[Any, ...]:
    now = Account.objects.get(pk=who.pk)
    return now.username, now.email, now.password, now.is_active, sorted(now.groups.values_list("name", flat=True))


def address_of(request: ConsentRequest) -> str:
    return reverse("admin:core_account_request", args=[request.pk])


def decide(who: Account, request: ConsentRequest, **data: str) -> Any:
    """Open the page of a request as this account and press a button, "give" by default."""
    client = signed_in(who)
    page = client.get(address_of(request)).content.decode()
    versions = re.findall(r'name="version" value="(\w+)"', page)
    return client.post(address_of(request), {"version": (versions or [""])[0]} | (data or {"give": "1"}), follow=True)


def reset(client: Client, who: Account, kind: str) -> str:
    page = client.post(reverse("admin:core_account_reset", args=[who.pk]), {"kind": kind}, follow=True)
    return page.content.decode()


@pytest.mark.parametrize("role", [groups.OFFICER, groups.SUPERVISOR])
def test_a_role_that_opens_tips_is_given_once_a_supervisor_consents(
    administrator: Client, supervisor: Account, role: str
) -> None:
    other = account("marsh", groups.COMMUNICATIONS)
    before = state_of(other)
    page = administrator.get(change(administrator, other, groups=ids(*before[-1], role))["Location"]).content.decode()
    assert NOT_YET in page
    assert "Maja Lindqvist" in page
    assert state_of(other) == before
    request = ConsentRequest.objects.get()
    shown = signed_in(supervisor).get(address_of(request)).content.decode()
    assert f"Give these roles: {role}." in shown
    assert "marsh@example.org" in shown
    assert "Allowed, and done" in decide(supervisor, request).content.decode()
    assert state_of(other)[-1] == sorted([groups.COMMUNICATIONS, role])
    assert lines() == [
        ("ito", "asked for consent to change", "account marsh", f"roles +{role}"),
        ("lindqvist", "consented to change", "account marsh", f"roles +{role} (asked by ito)"),
        (
            "lindqvist",
            "changed the roles of",
            "account marsh",
            f"communications -> {', '.join(sorted([groups.COMMUNICATIONS, role]))}",
        ),
    ]


@pytest.mark.parametrize(
    "changes",
    [{"email": "ito@example.org"}, {"username": "ito2"}, {"is_active": "on"}],
    ids=lambda each: next(iter(each)),
)
def test_an_account_that_opens_tips_is_taken_over_by_no_single_person(
    administrator: Client, supervisor: Account, second: Account, officer: Account, changes: dict[str, str]
) -> None:
    Account.objects.filter(pk=officer.pk).update(is_active="is_active" not in changes)
    officer.refresh_from_db()
    before = state_of(officer)
    data = {"is_active": "on" if officer.is_active else None} | changes
    for asker in (administrator, signed_in(supervisor)):
        assert change(asker, officer, **data).status_code == 302
        assert state_of(officer) == before
        ConsentRequest.objects.latest("pk").delete() if asker is administrator else None
    request = ConsentRequest.objects.get()
    assert "someone else has to decide" in decide(supervisor, request).content.decode()
    assert state_of(officer) == before
    decide(second, request)
    assert state_of(officer) != before


def test_no_administrator_decides_about_accounts_that_open_tips(administrator: Client, officer: Account) -> None:
    other = account("second.admin", groups.ADMINISTRATOR)
    for kind in ("password", "factor"):
        assert NOT_YET in reset(administrator, officer, kind)
    for request in ConsentRequest.objects.all():
        assert "Only a supervisor can decide this" in decide(other, request).content.decode()
        assert request.pk in {each.pk for each in ConsentRequest.objects.open()}
    assert not SignInLink.objects.exists()
    assert consent.list_open(other) == []


def test_nobody_decides_about_their_own_account(administrator: Client, supervisor: Account, second: Account) -> None:
    own = Account.objects.get(username="ito")
    change(administrator, own, groups=ids(groups.ADMINISTRATOR, groups.SUPERVISOR))
    request = ConsentRequest.objects.get()
    own.groups.add(Group.objects.get(name=groups.SUPERVISOR))
    assert "about your own account" in decide(own, request).content.decode()
    change(signed_in(own), second, email="new@example.org")
    request = ConsentRequest.objects.latest("pk")
    assert "about your own account" in decide(second, request).content.decode()
    assert Account.objects.get(pk=second.pk).email == "second@example.org"


@pytest.mark.parametrize("single_right", [True, False])
def test_a_password_is_reset_by_two_people_and_the_owner_is_told(
    administrator: Client, supervisor: Account, mails: Mails, single_right: bool
) -> None:
    who = account("single") if single_right else account("both", groups.ADMINISTRATOR, groups.OFFICER)
    if single_right:
        who.user_permissions.add(Permission.objects.get(codename="open_tip"))
    session = signed_in(who)
    before = state_of(who)
    assert NOT_YET in reset(administrator, who, "password")
    assert state_of(who) == before
    decide(supervisor, ConsentRequest.objects.get())
    assert not Account.objects.get(pk=who.pk).has_usable_password()
    assert session.get("/admin/").status_code == 302
    account_mails.mail_accounts()
    told = [mail.get_content() for mail in mails.received if mail["To"] == who.email]
    assert len(told) == 1
    assert "your old password for the staff desk" in told[0]
    assert "/admin/set-up/" in told[0]


def test_an_account_that_opens_no_tip_gets_a_new_password_from_one_and_a_new_factor_from_two(
    administrator: Client, supervisor: Account
) -> None:
    other = account("marsh", groups.COMMUNICATIONS)
    assert NOT_YET in reset(administrator, other, "factor")
    request = ConsentRequest.objects.get()
    assert "someone else has to decide" in decide(Account.objects.get(username="ito"), request).content.decode()
    decide(account("third", groups.ADMINISTRATOR), request)
    assert SignInLink.objects.get().purpose == SignInLink.Purpose.FACTOR
    assert NOT_YET not in reset(administrator, other, "password")
    assert SignInLink.objects.get().purpose == SignInLink.Purpose.PASSWORD
    assert "Only an administrator can change this account" in reset(signed_in(supervisor), other, "password")


def test_the_page_is_shown_again_if_the_account_changed_meanwhile(administrator: Client, supervisor: Account) -> None:
    other = account("marsh", groups.COMMUNICATIONS)
    change(administrator, other, groups=ids(groups.COMMUNICATIONS, groups.OFFICER))
    request, client = ConsentRequest.objects.get(), signed_in(supervisor)
    page = client.get(address_of(request)).content.decode()
    (version,) = re.findall(r'name="version" value="(\w+)"', page)
    change(administrator, other, email="ito@example.org")
    answer = client.post(address_of(request), {"version": version, "give": "1"})
    assert answer.status_code == 409
    assert "has changed since you opened this page" in answer.content.decode()
    assert "ito changed the email of account marsh" in answer.content.decode()
    assert state_of(other)[-1] == [groups.COMMUNICATIONS]


def test_an_old_link_opens_no_account_that_opens_tips_now(administrator: Client, supervisor: Account) -> None:
    other = account("marsh", groups.COMMUNICATIONS)
    reset(administrator, other, "password")
    assert SignInLink.objects.exists()
    change(administrator, other, groups=ids(groups.OFFICER))
    decide(supervisor, ConsentRequest.objects.get())
    assert not SignInLink.objects.exists()
    third = account("third", groups.COMMUNICATIONS)
    reset(administrator, third, "password")
    change(administrator, third, email="ito@example.org")
    assert not SignInLink.objects.exists()


def test_a_request_is_refused_with_a_reason_withdrawn_or_expires(
    administrator: Client, supervisor: Account, officer: Account, mails: Mails
) -> None:
    own = Account.objects.get(username="ito")
    change(administrator, officer, email="new@example.org")
    request = ConsentRequest.objects.get()
    assert decide(supervisor, request, refuse="1").status_code == 422
    AccountMail.objects.all().delete()
    assert "Refused" in decide(supervisor, request, refuse="1", answer="She didn't ask for it.").content.decode()
    account_mails.mail_accounts()
    assert [(mail["To"], "She didn't ask for it." in mail.get_content()) for mail in mails.received] == [
        ("ito@example.org", True)
    ]
    change(administrator, officer, email="new@example.org")
    request = ConsentRequest.objects.latest("pk")
    assert "decided or withdrawn" in decide(supervisor, request, withdraw="1").content.decode()
    assert "Withdrawn" in decide(own, request, withdraw="1").content.decode()
    change(administrator, officer, email="new@example.org")
    ConsentRequest.objects.open().update(asked_at=timezone.now() - dt.timedelta(hours=72))
    request = ConsentRequest.objects.latest("pk")
    assert "older than 72 hours" in decide(supervisor, request).content.decode()
    assert Account.objects.get(pk=officer.pk).email == "okafor@example.org"


def test_a_request_of_someone_who_may_no_longer_ask_is_not_carried_out(
    administrator: Client, supervisor: Account, officer: Account
) -> None:
    change(administrator, officer, email="new@example.org")
    Account.objects.filter(username="ito").update(is_active=False)
    answer = decide(supervisor, ConsentRequest.objects.get()).content.decode()
    assert "can no longer ask for this" in answer
    assert Account.objects.get(pk=officer.pk).email == "okafor@example.org"


def test_a_second_request_of_a_kind_waits_for_the_first(administrator: Client, officer: Account) -> None:
    change(administrator, officer, email="new@example.org")
    answer = administrator.get(change(administrator, officer, email="newer@example.org")["Location"])
    assert "has asked for a change of this account already" in answer.content.decode()
    assert ConsentRequest.objects.count() == 1


def test_a_name_that_is_taken_is_refused_before_it_is_asked_for(administrator: Client, officer: Account) -> None:
    account("other", groups.OFFICER)
    assert "Another account has this name" in change(administrator, officer, username="Other").content.decode()
    assert not ConsentRequest.objects.exists()


def test_the_desk_counts_what_a_supervisor_has_to_decide(
    administrator: Client, supervisor: Account, second: Account, officer: Account
) -> None:
    change(administrator, officer, email="new@example.org")
    assert "1 request needs your decision" in signed_in(supervisor).get("/admin/").content.decode()
    assert "needs your decision" not in administrator.get("/admin/").content.decode()
    assert "new@example.org" in signed_in(second).get("/admin/core/account/requests/").content.decode()


def test_all_supervisors_are_told_of_the_request_and_of_the_change(
    supervisor: Account, second: Account, officer: Account, mails: Mails
) -> None:
    account("gone", groups.SUPERVISOR, is_active=False)
    change(signed_in(supervisor), officer, groups=ids(groups.OFFICER, groups.SUPERVISOR))
    account_mails.mail_accounts()
    assert [mail["To"] for mail in mails.received] == ["second@example.org"]
    assert "Maja Lindqvist asks for your consent about account okafor: Give these roles: supervisor." in (
        mails.received[0].get_content().replace("\n", " ")
    )
    decide(second, ConsentRequest.objects.get())
    mails.received.clear()
    account_mails.mail_accounts()
    receivers = ["lindqvist@example.org", "okafor@example.org", "second@example.org"]
    assert sorted(mail["To"] for mail in mails.received) == receivers
    assert not AccountMail.objects.exists()


def test_a_mail_that_is_refused_for_now_is_sent_later(supervisor: Account, mails: Mails) -> None:
    account_mails.mail_supervisors("ito did something.")
    mails.refuse = "451 later"
    account_mails.mail_accounts()
    assert (AccountMail.objects.count(), mails.received) == (1, [])
    mails.refuse = None
    account_mails.mail_accounts()
    assert (AccountMail.objects.count(), len(mails.received)) == (0, 1)


# One supervisor


def test_a_lone_supervisor_asks_an_administrator(administrator: Client, supervisor: Account, officer: Account) -> None:
    change(signed_in(supervisor), officer, email="new@example.org")
    assert "You asked for this" in decide(supervisor, ConsentRequest.objects.get()).content.decode()
    assert "There is only one supervisor" in signed_in(supervisor).get("/admin/").content.decode()


def test_an_agency_of_one_decides_alone_and_says_so(client: Client, officer: Account) -> None:
    one = account("one", groups.ADMINISTRATOR, groups.SUPERVISOR)
    change(signed_in(one), officer, email="new@example.org")
    request = ConsentRequest.objects.get()
    assert "Nobody else can decide it" in signed_in(one).get(address_of(request)).content.decode()
    decide(one, request)
    assert Account.objects.get(pk=officer.pk).email == "new@example.org"
    assert ("one", "consented to change", "account okafor", "email (asked and consented alone)") in lines()
    assert "only one supervisor" in client.get("/privacy/").content.decode()


def test_residents_read_of_one_supervisor_alone(client: Client, supervisor: Account) -> None:
    def read() -> str:
        page_cache.clear()
        return client.get("/privacy/").content.decode()

    assert "only one supervisor" in read()
    account("gone", groups.SUPERVISOR, is_active=False)
    assert "only one supervisor" in read()
    account("second", groups.SUPERVISOR)
    assert "only one supervisor" not in read()
    assert "A supervisor has to agree first" in read()


def test_the_privacy_page_answers_without_the_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> bool:
        raise DatabaseError

    monkeypatch.setattr(tip_access, "has_four_eyes", fail)
    page = client.get("/privacy/").content.decode()
    assert "know who you are" in page
    assert "only one supervisor" not in page


def test_without_a_supervisor_nobody_gives_a_role_that_opens_tips() -> None:
    client, other = signed_in(account("ito", groups.ADMINISTRATOR)), account("marsh")
    account("gone", groups.SUPERVISOR, is_active=False)
    page = client.get(change(client, other, groups=ids(groups.SUPERVISOR))["Location"]).content.decode()
    assert "and there is none" in page
    assert state_of(other)[-1] == []


# What one person still does alone


def test_an_administrator_keeps_other_accounts_and_turns_off_officers(administrator: Client, officer: Account) -> None:
    other = account("marsh", groups.COMMUNICATIONS)
    assert change(administrator, other, email="m@example.org", groups=ids(groups.ADMINISTRATOR)).status_code == 302
    assert state_of(other)[1:] == ("m@example.org", other.password, True, [groups.ADMINISTRATOR])
    assert change(administrator, officer, is_active=None).status_code == 302
    assert not Account.objects.get(pk=officer.pk).is_active
    mails = AccountMail.objects.filter(old_address="")
    texts = sorted((mail.account.username, mail.text.splitlines()[0]) for mail in mails)
    assert texts == [
        ("lindqvist", "ito deactivated account okafor."),
        ("okafor", "ito deactivated account okafor."),
    ]


def test_the_last_supervisor_stays(administrator: Client, supervisor: Account) -> None:
    for changes in ({"is_active": None}, {"groups": ids(groups.OFFICER)}):
        before = state_of(supervisor)
        assert "the last active supervisor" in change(administrator, supervisor, **changes).content.decode()
        assert "the last active supervisor" in change(signed_in(supervisor), supervisor, **changes).content.decode()
        assert state_of(supervisor) == before
    second = account("second", groups.SUPERVISOR)
    link = SignInLink.objects.create(
        purpose=SignInLink.Purpose.FACTOR, account=second, made_by="ito", expires_at=timezone.now()
    )
    assert "the last active supervisor" in change(administrator, supervisor, is_active=None).content.decode()
    link.delete()
    assert change(administrator, supervisor, is_active=None).status_code == 302


def test_nobody_makes_themselves_the_only_one_who_decides(supervisor: Account) -> None:
    both = account("both", groups.SUPERVISOR, groups.ADMINISTRATOR)
    client = signed_in(both)
    for changes in ({"is_active": None}, {"groups": ids(groups.OFFICER)}):
        before = state_of(supervisor)
        page = change(client, supervisor, **changes).content.decode()
        assert "You would be the only supervisor and administrator left" in page
        assert state_of(supervisor) == before
    account("ito", groups.ADMINISTRATOR)
    assert change(client, supervisor, is_active=None).status_code == 302


def test_a_supervisor_does_not_become_an_administrator(supervisor: Account) -> None:
    client, administrator = signed_in(supervisor), account("ito", groups.ADMINISTRATOR)
    for who in (supervisor, account("marsh", groups.COMMUNICATIONS)):
        before = state_of(who)
        page = change(client, who, groups=ids(*before[-1], groups.ADMINISTRATOR)).content.decode()
        assert "Only an administrator can" in page
        assert state_of(who) == before
    before = state_of(administrator)
    assert "Only an administrator can" in change(client, administrator, email="x@example.org").content.decode()
    assert "Only an administrator can" in reset(client, administrator, "password")
    assert "Only an administrator can" in reset(client, administrator, "factor")
    assert state_of(administrator) == before


# No other road


def test_no_other_page_changes_accounts_or_roles(administrator: Client, officer: Account) -> None:
    permission = Permission.objects.get(codename="open_tip")
    for path in (
        "auth/group/",
        f"auth/group/{Group.objects.get(name=groups.ADMINISTRATOR).pk}/change/",
        "auth/permission/",
        "password_reset/",
    ):
        assert administrator.get(f"/admin/{path}").status_code == 404
    for path in ("add/", f"{officer.pk}/delete/"):
        assert administrator.get(f"/admin/core/account/{path}").status_code == 403
        assert administrator.post(f"/admin/core/account/{path}", {"post": "yes"}).status_code == 403
    before = state_of(officer)
    passwords = {"password1": "quite another sentence", "password2": "quite another sentence", "set-password": "1"}
    administrator.post(f"/admin/core/account/{officer.pk}/password/", passwords)
    administrator.post(
        "/admin/core/account/", {"action": "delete_selected", "_selected_action": officer.pk, "post": "yes"}
    )
    assert state_of(officer) == before
    extra = {"is_superuser": "on", "user_permissions": [permission.pk], "password": "x", "is_staff": ""}
    own = Account.objects.get(username="ito")
    password = own.password
    assert change(administrator, own, **extra).status_code == 302
    own.refresh_from_db()
    assert (own.is_superuser, own.is_staff, own.password) == (False, True, password)
    assert not own.has_perm("tips.open_tip")


def test_roles_are_given_in_these_modules_alone() -> None:
    """A new place that gives roles would go around consent: look at it, then list it here."""
    giving = re.compile(
        r"\.groups\.(add|set)\(|user_permissions\.(add|set)\(|is_superuser\s*=|\.user_set\.|through\.objects\.\w*create"
    )
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("core", "tips", "crimemap", "outreach", "tipportal")
        for path in (ROOT / package).rglob("*.py")
        if giving.search(path.read_text(encoding="utf-8"))
    }
    assert found == {
        "core/accounts/appointments.py",
        "core/accounts/consent.py",
        "core/accounts/sign_in_links.py",
        "core/management/commands/create_administrator.py",
        "core/single_sign_on/role_claims.py",  # none that opens tips
        "core/staff/tip_access.py",  # asks for superusers
        "tipportal/demo/tips.py",
    }


def test_invitations_with_a_role_that_opens_tips_are_mailed_after_consent(
    administrator: Client, supervisor: Account
) -> None:
    data = {"name": "Ben Ortiz", "email": "ben@example.org", "roles": [groups.OFFICER]}
    page = administrator.post(reverse("admin:core_account_invite"), data, follow=True).content.decode()
    assert "once a supervisor has allowed it" in page
    assert not SignInLink.objects.exists()
    request = ConsentRequest.objects.get()
    assert "Invite Ben Ortiz (ben@example.org) with these roles: officer." in (
        signed_in(supervisor).get(address_of(request)).content.decode()
    )
    decide(supervisor, request)
    person = invited_people.InvitedPerson.from_json(SignInLink.objects.get().person)
    assert (person.name, person.email, person.roles) == ("Ben Ortiz", "ben@example.org", (groups.OFFICER,))
    assert not Account.objects.filter(email="ben@example.org").exists()


# What the page and the mails say


def test_the_owner_is_told_at_the_old_address(administrator: Client, supervisor: Account, mails: Mails) -> None:
    marsh, officer = account("marsh", groups.COMMUNICATIONS), account("okafor", groups.OFFICER)
    change(administrator, marsh, email="m@example.net")
    change(administrator, officer, email="o@example.net")
    decide(supervisor, ConsentRequest.objects.get())
    account_mails.mail_accounts()
    told = [mail["To"] for mail in mails.received if mail["Subject"] == "Your account has a new email address"]
    assert sorted(told) == ["marsh@example.org", "okafor@example.org"]
    assert [mail["To"] for mail in mails.received if mail["Subject"] == "Your request was allowed"] == [
        "ito@example.org"
    ]


def test_the_page_tells_of_a_strange_address_and_of_the_accounts_past(
    administrator: Client, supervisor: Account, officer: Account
) -> None:
    marsh = account("evil", groups.COMMUNICATIONS)
    change(administrator, marsh, email="evil@example.net")
    marsh.refresh_from_db()
    change(administrator, marsh, username="marsh", first_name="Priya")
    marsh.refresh_from_db()
    change(administrator, marsh, first_name="Priya", groups=ids(groups.OFFICER))
    page = signed_in(supervisor).get(address_of(ConsentRequest.objects.get())).content.decode()
    assert "ito changed the email of account evil" in page
    assert "ito renamed account marsh: was evil" in page
    assert "ito changed the name of account marsh" in page
    assert "No active account has an address" not in page
    change(administrator, officer, email="o@example.com")
    page = signed_in(supervisor).get(address_of(ConsentRequest.objects.latest("pk"))).content.decode()
    assert "No active account has an address at example.com." in page


def test_the_staff_roles_database_user_can_do_all_of_it(
    administrator: Client, supervisor: Account, officer: Account
) -> None:
    """The tests' own user may do anything; the staff process can't."""
    own, third = Account.objects.get(username="ito"), account("third", groups.SUPERVISOR)
    with acting_as("staff"):
        for kind in (consent.Kind.FACTOR, consent.Kind.CHANGE):
            request = consent.ask(kind, own, account=officer, details={"email": "n@example.org"})
            consent.give(request, supervisor, consent.compute_version(request))
        withdrawn = consent.ask(consent.Kind.PASSWORD, own, account=officer)
        consent.withdraw(withdrawn, own)
        person = invited_people.make_person("Ben Ortiz", "ben@example.org", [groups.COMMUNICATIONS])
        assert consent.invite_or_ask(person, own)
        link = SignInLink.objects.get()
        sign_in_links.resend(link, own)
        address = link_secrets.issue_address(link)
        link = link_secrets.find_link(address.split("/")[-2])
        assert link is not None
        sign_in_links.use(link, "a long enough sentence")
        appointment = appointments.appoint([person])
        assert appointments.object_to(appointment, third)
        SupervisorAppointment.objects.filter(pk=appointment.pk).update(carried_out_at=timezone.now())
        appointments.acknowledge(appointment, third)
        assert tip_access.has_four_eyes()
    with acting_as("alerts"):
        account_mails.mail_accounts()
    with acting_as("public"):
        assert tip_access.has_four_eyes()
