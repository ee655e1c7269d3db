"""Officers and tips for the tests of the staff side."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from core.models import Account, AuditEntry
from core.staff import groups
from tests import staff_session
from tips import conversation, form_tokens, intake, receipts
from tips.desk import outbox, triage
from tips.models import Category, Duty, PendingAct, Tip
from tips.source import inbox_session
from tips.walls import screening_thread


def create_officer(name: str = "okafor", *group_names: str, mail: str | None = None, **columns: Any) -> Account:
    """Create an account of the desk; `mail=""` for one without an address."""
    address = f"{name}@example.org" if mail is None else mail
    account = Account.objects.create_user(name, address, is_staff=True, **columns)
    account.groups.set(Group.objects.filter(name__in=group_names or (groups.OFFICER,)))
    return account


def set_duty(account: Account, *categories: Category, duty: bool = True) -> Account:
    row, _ = Duty.objects.update_or_create(officer=account, defaults={"on_duty": duty})
    row.categories.set(categories)
    return account


def send_tip(description: str = "Two men load boxes from a white van", **report: Any) -> Tip:
    """Send a tip as its source does, and return its row."""
    report.setdefault("category", Category.objects.first())
    token = form_tokens.read(form_tokens.issue())
    intake.accept_tip(intake.Report(description=description, **report), token)
    screening_thread.run_round(rechecks=False)
    return Tip.objects.get(form_hash=token.form_hash)


def send_tip_and_sign_in(description: str = "Two men load boxes from a white van") -> inbox_session.InboxSession:
    """Send a tip, and return its source's inbox session."""
    token = form_tokens.read(form_tokens.issue())
    receipt = intake.accept_tip(intake.Report(category=Category.objects.first(), description=description), token)
    screening_thread.run_round(rechecks=False)
    session = inbox_session.find_session(receipts.stretch_receipt(receipt))
    assert session is not None
    return session


def write_as_source(tip: Tip, text: str, form_id: bytes) -> None:
    conversation.add_from_source(tip, conversation.key_for_officer(tip), text, form_id)
    screening_thread.run_round(rechecks=False)


def send_opened_tip(account: Account, **report: Any) -> Tip:
    """Send a tip that this officer then opens, and return its row."""
    tip = send_tip(**report)
    triage.open_tip(tip.pk, account)
    return Tip.objects.get(pk=tip.pk)


def let_acts_go_out() -> None:
    """Let the acts in the outbox go out as if their 30 seconds were over."""
    PendingAct.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    outbox.release_due()


def read_audit_trail() -> list[tuple[str, str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "subject", "detail"))


def sign_in(account: Account) -> Client:
    client = Client()
    staff_session.sign_in(client, account)
    return client
