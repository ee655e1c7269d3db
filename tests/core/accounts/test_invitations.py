"""Invitations: a mailed link instead of a carried password, once, for 72 hours; one person or a whole list."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts import consent, invited_people, link_secrets, sign_in_links
from core.models import Account, AccountMail, ConsentRequest, SignInLink
from core.sign_in.factors.factor_form import CODE_FIELD
from core.sign_in.sign_in_steps import is_enrolled
from core.staff import account_mails, groups
from tests.core.staff.test_staff import PASSWORD, account, lines, signed_in
from tests.stack import Mails

pytestmark = pytest.mark.django_db

PASSWORDS = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def administrator() -> Account:
    return account("ito", groups.ADMINISTRATOR)


def invite(by: Account, name: str = "Maja Lindqvist", email: str = "maja@example.org", *roles: str) -> Any:
    data = {"name": name, "email": email, "roles": roles or [groups.COMMUNICATIONS]}
    return signed_in(by).post(reverse("admin:core_account_invite"), data)


def invite_list(by: Account, text: str, *, send: bool = False) -> Any:
    return signed_in(by).post(
        reverse("admin:core_account_invite_list"), {"people": text} | ({"send": "1"} if send else {}), follow=True
    )


def read_link(mails: Mails) -> str:
    """Send the mails that wait, and return the path of the link in the newest one."""
    account_mails.mail_accounts()
    (path,) = re.findall(r"http://[^/]+(/admin/set-up/[\w-]{43}/)", mails.received[-1].get_content())
    return path


# The link


def test_a_mailed_link_makes_the_account_once(administrator: Account, mails: Mails) -> None:
    assert invite(administrator).status_code == 302
    assert not Account.objects.filter(email="maja@example.org").exists()
    path, browser = read_link(mails), Client()
    assert mails.received[-1]["To"] == "maja@example.org"
    shown = browser.get(path)
    assert "maja.lindqvist" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    answer = browser.post(path, PASSWORDS)
    assert answer.status_code == 302
    created = Account.objects.get(email="maja@example.org")
    assert created.check_password(PASSWORD)
    assert (created.username, created.get_full_name()) == ("maja.lindqvist", "Maja Lindqvist")
    assert (created.is_staff, created.is_superuser, created.is_active) == (True, False, True)
    assert [group.name for group in created.groups.all()] == [groups.COMMUNICATIONS]
    assert answer["Location"] == "/admin/sign-in/code/"
    assert "_auth_user_id" not in browser.session
    assert "Set up your second step" in browser.get(answer["Location"], follow=True).content.decode()
    assert Client().get(path).status_code == 410
    assert Client().post(path, PASSWORDS).status_code == 410
    assert lines() == [
        ("ito", "invited", "account maja.lindqvist", "Maja Lindqvist: communications"),
        ("maja.lindqvist", "created", "account maja.lindqvist", "invited by ito: communications"),
    ]


def test_opening_the_link_uses_nothing_up(administrator: Account, mails: Mails) -> None:
    """Mail scanners open links; a password that is refused uses nothing up either."""
    invite(administrator)
    path = read_link(mails)
    for _ in range(2):
        assert Client().get(path).status_code == 200
        assert Client().head(path).status_code == 200
    assert Client().post(path, PASSWORDS | {"new_password2": "another"}).status_code == 422
    short = {"new_password1": "maja.lindqvist", "new_password2": "maja.lindqvist"}
    assert "too similar to the username" in Client().post(path, short).content.decode()
    assert Client().post(path, PASSWORDS).status_code == 302


def test_the_database_holds_no_secret_of_a_link(administrator: Account, mails: Mails) -> None:
    invite(administrator)
    waiting = AccountMail.objects.get()
    assert "{address}" in waiting.text
    assert SignInLink.objects.get().secret_hash is None
    secret = read_link(mails).split("/")[-2]
    (stored,) = SignInLink.objects.values()
    assert len(stored["secret_hash"]) == 32
    assert secret not in str(stored)
    assert not AccountMail.objects.exists()
    assert link_secrets.find_link(bytes(stored["secret_hash"]).hex()[:43]) is None


def test_a_link_expires_after_72_hours_and_is_sent_again(administrator: Account, mails: Mails) -> None:
    invite(administrator)
    path = read_link(mails)
    left = SignInLink.objects.get().expires_at - timezone.now()
    assert dt.timedelta(hours=71, minutes=59) < left <= dt.timedelta(hours=72)
    SignInLink.objects.update(expires_at=timezone.now())
    assert Client().get(path).status_code == 410
    assert Client().post(path, PASSWORDS).status_code == 410
    client, address = signed_in(administrator), reverse("admin:core_account_invitations")
    assert "Expired on" in client.get(address).content.decode()
    link = SignInLink.objects.get()
    assert "Sent again" in client.post(address, {"resend": link.pk}, follow=True).content.decode()
    newer = read_link(mails)
    assert newer != path
    assert Client().get(path).status_code == 410
    assert Client().get(newer).status_code == 200
    assert "Withdrawn" in client.post(address, {"withdraw": link.pk}, follow=True).content.decode()
    assert Client().get(newer).status_code == 410
    assert lines()[-1][:3] == ("ito", "withdrew the link of", "account maja.lindqvist")
    assert "No invitation is open" in client.get(address).content.decode()
    for value in ("x", "9" * 30, str(link.pk)):
        assert "used or withdrawn" in client.post(address, {"resend": value}, follow=True).content.decode()


def test_the_list_of_links_says_what_became_of_the_mail(administrator: Account, mails: Mails) -> None:
    client, address = signed_in(administrator), reverse("admin:core_account_invitations")
    invite(administrator)
    assert "The email waits to be sent" in client.get(address).content.decode()
    mails.refuse_to["maja@example.org"] = "550 no such user"
    account_mails.mail_accounts()
    assert "The mail server refused this address" in client.get(address).content.decode()


def test_a_name_that_was_taken_meanwhile_gets_a_number(administrator: Account, mails: Mails) -> None:
    invite(administrator)
    account("Maja.Lindqvist")
    assert Client().post(read_link(mails), PASSWORDS).status_code == 302
    assert Account.objects.get(email="maja@example.org").username == "maja.lindqvist2"


@pytest.mark.parametrize("secret", ["x", "a" * 43, "%00" * 43, "a" * 5000, "é" * 43])
def test_a_made_up_link_opens_nothing(administrator: Account, secret: str) -> None:
    invite(administrator)
    answer = Client().get(f"{link_secrets.PATH}{secret}/")
    assert answer.status_code == 410
    assert "no longer works" in answer.content.decode()


def test_setting_up_signs_the_one_before_out(administrator: Account, mails: Mails) -> None:
    invite(administrator)
    path, browser = read_link(mails), signed_in(administrator)
    assert "ito is signed in here" in browser.get(path).content.decode()
    browser.post(path, PASSWORDS)
    assert browser.get("/admin/").status_code == 302
    assert "Set up your second step" in browser.get("/admin/sign-in/set-up/").content.decode()


def test_a_new_password_is_followed_by_the_second_factor(administrator: Account, mails: Mails) -> None:
    """The link alone must not be a second factor."""
    marsh = account("marsh", groups.COMMUNICATIONS)
    session = signed_in(marsh)
    consent.reset_alone(marsh, administrator)
    assert session.get("/admin/").status_code == 302
    browser = Client()
    answer = browser.post(read_link(mails), PASSWORDS)
    assert f'name="{CODE_FIELD}"' in browser.get(answer["Location"]).content.decode()
    assert browser.get("/admin/").status_code == 302
    assert Account.objects.get(pk=marsh.pk).check_password(PASSWORD)
    assert is_enrolled(marsh)


def test_a_lost_factor_is_gone_with_the_password(administrator: Account, mails: Mails) -> None:
    marsh = account("marsh", groups.COMMUNICATIONS)
    session = signed_in(marsh)
    sign_in_links.send_reset(marsh, administrator, with_factor=True)
    assert session.get("/admin/").status_code == 302
    assert not Authenticator.objects.filter(user=marsh).exists()
    answer = (browser := Client()).post(read_link(mails), PASSWORDS)
    assert "Set up your second step" in browser.get(answer["Location"], follow=True).content.decode()


def test_a_link_of_an_account_that_was_turned_off_signs_nobody_in(administrator: Account, mails: Mails) -> None:
    marsh = account("marsh", groups.COMMUNICATIONS)
    sign_in_links.send_reset(marsh, administrator, with_factor=True)
    Account.objects.filter(pk=marsh.pk).update(is_active=False)
    browser = Client()
    answer = browser.post(read_link(mails), PASSWORDS)
    assert "/admin/login/" in browser.get(answer["Location"], follow=True).redirect_chain[-1][0]


# One person


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"roles": []}, "Nobody gets an account without one."),
        ({"email": ""}, "This field is required"),
        ({"email": "maja@"}, "send to this email address"),
        ({"name": ""}, "This field is required"),
        ({"name": ", "}, "Write the person&#x27;s name first."),
        ({"email": "ITO@example.org"}, "The account ito has this email address."),
        ({"roles": ["root"]}, "is not one of the available choices"),
    ],
)
def test_an_incomplete_invitation_is_refused_with_a_sentence(
    administrator: Account, data: dict[str, Any], sentence: str
) -> None:
    data = {"name": "Maja", "email": "maja@example.org", "roles": [groups.COMMUNICATIONS]} | data
    answer = signed_in(administrator).post(reverse("admin:core_account_invite"), data)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not SignInLink.objects.exists()


def test_a_supervisor_invites_officers_alone_and_others_nobody(administrator: Account) -> None:
    supervisor = account("lindqvist", groups.SUPERVISOR)
    page = invite(supervisor, "Ben Ortiz", "ben@example.org", groups.ADMINISTRATOR)
    assert "Only an administrator can give" in page.content.decode()
    assert invite(supervisor, "Ben Ortiz", "ben@example.org", groups.OFFICER).status_code == 302
    assert "has an open invitation" in invite(administrator, "Ben", "BEN@example.org").content.decode()
    for role in (groups.OFFICER, groups.COMMUNICATIONS):
        assert invite(account(f"one-{role}", role)).status_code == 403
    assert not SignInLink.objects.exists()


@pytest.mark.parametrize(
    ("first", "last", "username"),
    [
        ("Maja", "Lindqvist", "maja.lindqvist"),
        ("Zoë", "O’Neill-Øster", "zoe.oneilloster"),
        ("Maja", "", "maja"),
        ("李", "小龙", "li.xl"),
        ("Wolfeschlegelsteinhausenbergerdorff", "Senior", "wolfeschlegelsteinhausenberger"),
    ],
)
def test_usernames_are_made_from_names(first: str, last: str, username: str) -> None:
    assert invited_people.make_username(first, last, "li.xl@example.org", []) == username
    assert invited_people.make_username(first, last, "li.xl@example.org", [username.upper()]) == f"{username}2"


# A list


def test_a_list_is_checked_and_then_sent_whole(administrator: Account) -> None:
    account("lindqvist", groups.SUPERVISOR)
    text = (
        "Ben Ortiz, ben@example.org, communications\n\n"
        "Okafor, Ada\tada@example.org\tofficer and communications\r\n"
        "Eve Marsh <eve@example.org>; Administrator\n"
    )
    page = invite_list(administrator, text).content.decode()
    assert "3 people to invite" in page
    assert "A supervisor has to allow it" in page
    assert not SignInLink.objects.exists()
    page = invite_list(administrator, text, send=True).content.decode()
    assert "2 invitations are on their way" in page
    assert "1 invitation has a role that opens tips" in page
    people = [invited_people.InvitedPerson.from_json(link.person) for link in SignInLink.objects.all()]
    assert [(person.username, person.email, person.roles) for person in people] == [
        ("ben.ortiz", "ben@example.org", ("communications",)),
        ("eve.marsh", "eve@example.org", ("administrator",)),
    ]
    asked = invited_people.InvitedPerson.from_json(ConsentRequest.objects.get().details)
    assert (asked.name, asked.roles) == ("Ada Okafor", ("officer", "communications"))


def test_a_list_with_one_bad_line_sends_nothing(administrator: Account) -> None:
    text = "\n".join(
        [
            "Ben Ortiz, ben@example.org, communications",
            "Ben Twin, BEN@example.org, communications",
            "no address, communications",
            "Eve Marsh, eve@example.org",
            "Eve Stone, stone@example.org, sheriff",
            "ito two, ito@example.org, communications",
            ", nobody@example.org, communications",
            "Bad, bad@, communications",
        ]
    )
    answer = invite_list(administrator, text, send=True)
    assert answer.status_code == 422
    page = answer.content.decode()
    for sentence in (
        "Nothing was sent: 7 lines have a problem.",
        "Another line has this email address.",
        "There is no email address on this line.",
        f"Give the person a role: {', '.join(groups.GROUPS)}.",
        "There is no role “sheriff”.",
        "The account ito has this email address.",
        "Write the person&#x27;s name first.",
        "send to this email address",
    ):
        assert sentence in page
    assert not SignInLink.objects.exists()
    assert not ConsentRequest.objects.exists()
    assert lines() == []


def test_an_empty_list_and_one_too_long_are_refused(administrator: Account) -> None:
    assert "The list is empty" in invite_list(administrator, " \n", send=True).content.decode()
    text = "\n".join(f"P{number}, p{number}@example.org, communications" for number in range(101))
    assert "Invite at most 100 at once" in invite_list(administrator, text, send=True).content.decode()
    assert not SignInLink.objects.exists()


def test_two_people_of_one_name_in_a_list_get_two_usernames(administrator: Account) -> None:
    invite_list(administrator, "A B, a@example.org, communications\nA B, b@example.org, communications", send=True)
    assert [link.person["username"] for link in SignInLink.objects.all()] == ["a.b", "a.b2"]
