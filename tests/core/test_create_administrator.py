from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from core.accounts import link_secrets, sign_in_links
from core.models import Account, AccountMail, AuditEntry

pytestmark = pytest.mark.django_db


def create(
    monkeypatch: pytest.MonkeyPatch, password: str, name: str = "first", mail: str = "first@example.org"
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    call_command("create_administrator", name, mail, stdout=io.StringIO())


def test_the_first_administrator_can_sign_in_and_is_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    create(monkeypatch, "a long enough phrase")
    account = Account.objects.get()
    assert account.check_password("a long enough phrase")
    assert [group.name for group in account.groups.all()] == ["administrator"]
    assert account.is_staff
    assert not account.is_superuser
    assert AuditEntry.objects.get().subject == "account first"


def test_a_weak_password_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="too short"):
        create(monkeypatch, "short")
    assert not Account.objects.exists()


def test_a_mail_address_is_stored_as_mail_servers_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """By IDNA 2003, which Django sends by, it would be strasse.example."""
    create(monkeypatch, "a long enough phrase", mail="first@Straße.example")
    assert Account.objects.get().email == "first@xn--strae-oqa.example"
    with pytest.raises(CommandError, match="send to this email address"):
        create(monkeypatch, "a long enough phrase", "second", "fürst@example.org")


def test_a_name_that_exists_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    create(monkeypatch, "a long enough phrase")
    with pytest.raises(CommandError, match="already exists"):
        create(monkeypatch, "a long enough phrase")


def test_a_printed_link_makes_the_account_once_and_replaces_one_that_was_lost() -> None:
    def print_link(mail: str = "ada@example.org") -> str:
        output = io.StringIO()
        call_command("create_administrator", "Ada Okafor", mail, "--link", stdout=output)
        return output.getvalue().rstrip().rpartition("/admin/set-up/")[2].rstrip("/")

    lost, secret = print_link(), print_link()
    assert link_secrets.find_link(lost) is None
    link = link_secrets.find_link(secret)
    assert link is not None
    assert not AccountMail.objects.exists()
    account = sign_in_links.use(link, "a long enough phrase")
    assert [group.name for group in account.groups.all()] == ["administrator"]
    assert account.get_full_name() == "Ada Okafor"
    assert link_secrets.find_link(secret) is None
    assert AuditEntry.objects.filter(action="invited", subject="account ada.okafor").count() == 2
    with pytest.raises(CommandError, match="An account has this email address"):
        print_link("Ada@example.org")
