"""An administrator cannot reach tips through accounts: a supervisor decides who opens tips, and all supervisors are told."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from core.models import Account, AccountMail, AuditEntry
from core.staff import account_mails, groups
from tests.core.staff.test_staff import PASSWORD, account, change, ids, lines, signed_in
from tests.stack import Mails

pytestmark = pytest.mark.django_db

ASK = "only a supervisor can"


@pytest.fixture
def officer() -> Account:
    return account("okafor", groups.OFFICER)


@pytest.fixture
def supervisor() -> Account:
    return account("lindqvist", groups.SUPERVISOR, first_name="Maja", last_name="Lindqvist")


@pytest.fixture
def administrator(supervisor: Account) -> Client:
    """An administrator of a portal that has a supervisor."""
    return signed_in(account("ito", groups.ADMINISTRATOR))


def set_password(client: Client, who: Account, **data: str) -> Any:
    passwords = {"password1": "quite another sentence", "password2": "quite another sentence"}
    data = passwords | {"usable_password": "true", "set-password": "1"} | data
    return client.post(reverse("admin:auth_user_password_change", args=[who.pk]), data, follow=True)


def add(client: Client, name: str, *roles: str) -> Any:
    data = {"username": name, "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    return client.post(reverse("admin:core_account_add"), data | {"groups": ids(*roles)})


def state_of(who: Account) -> tuple[Any, ...]:
    now = Account.objects.get(pk=who.pk)
    return now.username, now.email, now.password, now.is_active, sorted(now.groups.values_list("name", flat=True))


@pytest.mark.parametrize("role", [groups.OFFICER, groups.SUPERVISOR])
def test_an_administrator_gives_no_role_that_opens_tips(administrator: Client, role: str) -> None:
    other, own = account("marsh", groups.COMMUNICATIONS), Account.objects.get(username="ito")
    for who in (other, own):
        before = state_of(who)
        page = change(administrator, who, groups=ids(*before[-1], role)).content.decode()
        assert ASK in page
        assert "Maja Lindqvist" in page
        assert state_of(who) == before
    assert ASK in add(administrator, "new", role).content.decode()
    assert not Account.objects.filter(username="new").exists()
    assert lines() == []


@pytest.mark.parametrize(
    "changes",
    [{"email": "ito@example.org"}, {"username": "ito2"}, {"is_active": "on"}],
    ids=lambda each: next(iter(each)),
)
def test_an_administrator_takes_over_no_account_that_opens_tips(
    administrator: Client, officer: Account, changes: dict[str, str]
) -> None:
    Account.objects.filter(pk=officer.pk).update(is_active="is_active" not in changes)
    officer.refresh_from_db()
    before = state_of(officer)
    data = {"is_active": "on" if officer.is_active else None} | changes
    assert ASK in change(administrator, officer, **data).content.decode()
    assert state_of(officer) == before


def test_an_administrator_sets_no_password_of_an_account_that_opens_tips(
    administrator: Client, officer: Account, supervisor: Account
) -> None:
    single = account("single")
    single.user_permissions.add(Permission.objects.get(codename="open_tip"))
    both = account("both", groups.ADMINISTRATOR, groups.OFFICER)
    for who in (officer, supervisor, single, both):
        before = state_of(who)
        assert ASK in set_password(administrator, who).content.decode()
        data = {"usable_password": "false", "unset-password": "1"}
        assert ASK in set_password(administrator, who, **data).content.decode()
        assert state_of(who) == before


def test_an_administrator_keeps_other_accounts_and_turns_off_officers(administrator: Client, officer: Account) -> None:
    other = account("marsh", groups.COMMUNICATIONS)
    assert change(administrator, other, email="m@example.org", groups=ids(groups.ADMINISTRATOR)).status_code == 302
    assert change(administrator, officer, is_active=None).status_code == 302
    assert not Account.objects.get(pk=officer.pk).is_active
    assert AccountMail.objects.get().text.startswith("ito deactivated account okafor.")


def test_the_last_supervisor_stays(administrator: Client, supervisor: Account) -> None:
    for changes in ({"is_active": None}, {"groups": ids(groups.OFFICER)}):
        before = state_of(supervisor)
        assert "the last active supervisor" in change(administrator, supervisor, **changes).content.decode()
        assert "the last active supervisor" in change(signed_in(supervisor), supervisor, **changes).content.decode()
        assert state_of(supervisor) == before
    account("second", groups.SUPERVISOR)
    assert change(administrator, supervisor, is_active=None).status_code == 302


def test_a_supervisor_decides_and_all_supervisors_are_told(
    supervisor: Account, officer: Account, mails: Mails, django_capture_on_commit_callbacks: Any
) -> None:
    account("second", groups.SUPERVISOR)
    account("gone", groups.SUPERVISOR, is_active=False)
    other = account("marsh", groups.COMMUNICATIONS)
    client = signed_in(supervisor)
    with django_capture_on_commit_callbacks(execute=False):
        assert change(client, other, groups=ids(groups.COMMUNICATIONS, groups.OFFICER)).status_code == 302
    assert AccountMail.objects.count() == 2
    account_mails.mail_accounts()
    assert sorted(mail["To"] for mail in mails.received) == ["lindqvist@example.org", "second@example.org"]
    assert (
        mails.received[0]
        .get_content()
        .startswith("lindqvist changed the roles of account marsh: communications -> communications, officer")
    )
    assert not AccountMail.objects.exists()
    assert change(client, officer, email="new@example.org").status_code == 302
    assert set_password(client, officer).status_code == 200
    assert Account.objects.get(pk=officer.pk).check_password("quite another sentence")
    assert add(client, "new", groups.OFFICER).status_code == 302
    assert [line[1] for line in lines()] == [
        "changed the roles of",
        "changed the email of",
        "changed the password of",
        "created",
    ]
    assert AccountMail.objects.count() == 6


def test_a_mail_that_is_refused_for_now_is_sent_later(supervisor: Account, mails: Mails) -> None:
    account_mails.mail_supervisors("ito did something.")
    mails.refuse = "451 later"
    account_mails.mail_accounts()
    assert (AccountMail.objects.count(), mails.received) == (1, [])
    mails.refuse = None
    account_mails.mail_accounts()
    assert (AccountMail.objects.count(), len(mails.received)) == (0, 1)


def test_a_supervisor_does_not_become_an_administrator(supervisor: Account) -> None:
    client, administrator = signed_in(supervisor), account("ito", groups.ADMINISTRATOR)
    for who in (supervisor, account("marsh", groups.COMMUNICATIONS)):
        before = state_of(who)
        page = change(client, who, groups=ids(*before[-1], groups.ADMINISTRATOR)).content.decode()
        assert "Only an administrator can" in page
        assert state_of(who) == before
    before = state_of(administrator)
    assert "Only an administrator can" in change(client, administrator, email="x@example.org").content.decode()
    assert "Only an administrator can" in set_password(client, administrator).content.decode()
    assert state_of(administrator) == before


def test_without_a_supervisor_an_administrator_sets_up_the_desk(officer: Account) -> None:
    client = signed_in(account("ito", groups.ADMINISTRATOR))
    account("gone", groups.SUPERVISOR, is_active=False)
    assert set_password(client, officer).status_code == 200
    assert add(client, "first", groups.SUPERVISOR).status_code == 302
    assert [line[1] for line in lines()] == ["changed the password of", "created"]
    assert ASK in add(client, "second", groups.SUPERVISOR).content.decode()


def test_no_other_page_changes_accounts_or_roles(administrator: Client, officer: Account) -> None:
    permission = Permission.objects.get(codename="open_tip")
    for path in (
        "auth/group/",
        f"auth/group/{Group.objects.get(name=groups.ADMINISTRATOR).pk}/change/",
        "auth/permission/",
    ):
        assert administrator.get(f"/admin/{path}").status_code == 404
    assert administrator.get("/admin/password_reset/").status_code == 404
    extra = {"is_superuser": "on", "user_permissions": [permission.pk]}
    own = Account.objects.get(username="ito")
    assert change(administrator, own, **extra).status_code == 302
    own.refresh_from_db()
    assert not own.is_superuser
    assert not own.has_perm("tips.open_tip")


def test_the_command_line_makes_a_supervisor_and_tells_the_others(
    supervisor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long enough phrase\n"))
    call_command("create_supervisor", "second", "second@example.org", stdout=io.StringIO())
    assert Account.objects.get(username="second").has_perm("tips.hold_tip")
    assert AuditEntry.objects.get().subject == "account second"
    assert AccountMail.objects.count() == 2
