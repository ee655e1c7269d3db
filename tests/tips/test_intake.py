"""Intake: accepting, refusing and repeating a tip."""

from __future__ import annotations

import datetime as dt
import importlib
import threading
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from core import audit
from tips import conversation, form_tokens, intake, receipts, vault
from tips.models import AgencyKey, Alert, Category, Priority, State, Tip
from tips.source import inbox_session

CANARY = "canary sentence two men with boxes"


@pytest.fixture
def report(db: None) -> intake.Report:
    return intake.Report(
        category=Category.objects.first(), description=CANARY, place="Mill Street", latitude=12.5, when="at night"
    )


@pytest.fixture
def token() -> form_tokens.FormToken:
    return form_tokens.read(form_tokens.issue())


def test_the_receipt_opens_the_report(report: intake.Report, token: form_tokens.FormToken) -> None:
    receipt = intake.accept_tip(report, token)
    secret = inbox_session.authenticate_source(receipts.parse_receipt(receipt))
    session = inbox_session.find_session(secret)
    opened = session.read()
    assert opened.report["description"] == CANARY
    assert opened.report["place"] == "Mill Street"
    assert abs(opened.arrived_at - timezone.now()) < dt.timedelta(seconds=10)


def test_the_agencys_key_opens_the_report(report: intake.Report, token: form_tokens.FormToken) -> None:
    intake.accept_tip(report, token)
    tip = Tip.objects.get()
    assert conversation.read_tip_as_officer(tip).report["description"] == CANARY


def test_another_receipt_opens_nothing(report: intake.Report, token: form_tokens.FormToken) -> None:
    intake.accept_tip(report, token)
    assert inbox_session.authenticate_source(receipts.spell_receipt(receipts.draw_positions())) is None


def test_no_report_is_stored_in_clear(report: intake.Report, token: form_tokens.FormToken) -> None:
    intake.accept_tip(report, token)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(t)::text FROM tips_tip t")
        stored = cursor.fetchone()[0]
    for secret in (CANARY, CANARY.encode().hex(), "Mill Street", "at night", "12.5", token.receipt.split()[0]):
        assert secret not in stored


def test_only_the_hour_of_arrival_is_stored(report: intake.Report, token: form_tokens.FormToken) -> None:
    intake.accept_tip(report, token)
    received_at = Tip.objects.get().received_at
    assert (received_at.minute, received_at.second, received_at.microsecond) == (0, 0, 0)
    assert dt.timedelta(0) <= timezone.now() - received_at < dt.timedelta(hours=1, seconds=10)
    assert Alert.objects.get().raised_at == received_at


def test_times_stored_before_are_rounded_to_the_hour(
    report: intake.Report, token: form_tokens.FormToken, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"  # half an hour off the others
    intake.accept_tip(report, token)
    closed = {"state": State.CLOSED, "disposition": "useful", "opened_after": dt.timedelta(minutes=5)}
    Tip.objects.update(received_at="2026-11-02T18:55:00Z", closed_at="2026-11-02T19:25:00Z", **closed)
    migration = importlib.import_module("tips.migrations.0003_round_times_to_the_hour")
    with connection.schema_editor() as editor:
        migration.round_stored_times(None, editor)
    tip = Tip.objects.get()
    assert (tip.received_at.isoformat(), tip.closed_at and tip.closed_at.isoformat()) == (
        "2026-11-02T18:30:00+00:00",
        "2026-11-02T18:30:00+00:00",
    )


def test_danger_makes_a_tip_urgent(report: intake.Report, token: form_tokens.FormToken) -> None:
    intake.accept_tip(intake.Report(category=report.category, description="x", danger="yes"), token)
    assert Tip.objects.get().priority == Priority.URGENT
    assert Alert.objects.get().urgent


def test_a_repeated_form_gives_the_same_tip_and_receipt(report: intake.Report, token: form_tokens.FormToken) -> None:
    receipt = intake.accept_tip(report, token)
    with pytest.raises(intake.AlreadyArrivedError) as caught:
        intake.accept_tip(report, token)
    assert caught.value.token is not None
    assert caught.value.token.receipt == receipt
    assert Tip.objects.count() == Alert.objects.count() == 1


def test_the_receipt_is_shown_only_once(report: intake.Report, token: form_tokens.FormToken) -> None:
    intake.accept_tip(report, token)
    intake.accept_tip(report, other := form_tokens.read(form_tokens.issue()))
    intake.mark_receipt_seen(form_hash=token.form_hash)
    for form, shown in ((token, None), (other, other)):
        with pytest.raises(intake.AlreadyArrivedError) as caught:
            intake.accept_tip(report, form)
        assert (caught.value.token, caught.value.receipt_seen) == (shown, shown is None)
    assert Tip.objects.count() == 2


def test_a_tips_number_says_nothing_of_when_it_came(report: intake.Report) -> None:
    for _ in range(12):
        intake.accept_tip(report, form_tokens.read(form_tokens.issue()))
    numbers = list(Tip.objects.order_by("pk").values_list("number", flat=True))
    assert all(100_000 <= number < 1_000_000 for number in numbers)
    assert max(numbers) - min(numbers) > 50_000  # by chance less in one of 10**13 runs


def test_a_number_is_never_given_twice_even_if_its_tip_is_erased(report: intake.Report) -> None:
    intake.accept_tip(report, form_tokens.read(form_tokens.issue()))
    Tip.objects.update(number=100_000)
    audit.record("okafor", "opened", "tip 100001")
    with connection.cursor() as cursor:
        cursor.execute("SELECT tip_number_draw(3) FROM generate_series(1, 20)")
        drawn = {number for (number,) in cursor.fetchall()}
    assert 100_002 in drawn
    assert not drawn & {100_000, 100_001}


@pytest.mark.django_db(transaction=True)
def test_concurrent_posts_of_a_form_create_one_tip(report: intake.Report, token: form_tokens.FormToken) -> None:
    outcomes = together(8, lambda: taken(report, token))
    assert set(outcomes) == {token.receipt}
    assert Tip.objects.count() == Alert.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_sixteen_concurrent_tips_are_all_accepted(report: intake.Report) -> None:
    outcomes = together(16, lambda: intake.accept_tip(report, form_tokens.read(form_tokens.issue())))
    assert len({outcome for outcome in outcomes if isinstance(outcome, str)}) == 16
    assert Tip.objects.count() == 16


def test_a_tip_sealed_to_a_retired_key_is_sealed_again(
    report: intake.Report, token: form_tokens.FormToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, gone = vault.seal_key_to_newest, iter(["retired", "retired"])

    def stale(key: bytes, folder: Any) -> tuple[str, bytes]:
        key_id, sealed = real(key, folder)
        return next(gone, key_id), sealed

    monkeypatch.setattr(vault, "seal_key_to_newest", stale)
    with connection.cursor() as cursor:  # as in production, where the check is at commit
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert intake.accept_tip(report, token) == token.receipt
    assert AgencyKey.objects.filter(pk=Tip.objects.get().agency_key_id).exists()


def test_without_an_agency_key_nothing_is_written(
    report: intake.Report, token: form_tokens.FormToken, settings: Any, tmp_path: Any
) -> None:
    settings.AGENCY_PUBLIC_KEYS = tmp_path
    with pytest.raises(vault.KeyMissingError):
        intake.accept_tip(report, token)
    assert not Tip.objects.exists()


def test_a_full_queue_stores_nothing(
    report: intake.Report, token: form_tokens.FormToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(receipt: str) -> None:
        raise receipts.ReceiptQueueFullError

    monkeypatch.setattr(receipts, "stretch_receipt", full)
    with pytest.raises(receipts.ReceiptQueueFullError):
        intake.accept_tip(report, token)
    assert not Tip.objects.exists()


def taken(report: intake.Report, token: form_tokens.FormToken) -> str | None:
    try:
        return intake.accept_tip(report, token)
    except intake.AlreadyArrivedError as arrived:
        return arrived.token and arrived.token.receipt


def together(count: int, act: Any) -> list[Any]:
    """Run `act` in `count` threads that start at the same moment, each with its own database connection."""
    barrier, outcomes = threading.Barrier(count), []

    def run() -> None:
        barrier.wait(20)
        try:
            outcomes.append(act())
        except Exception as error:
            outcomes.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def test_the_public_node_needs_no_private_key(
    report: intake.Report, token: form_tokens.FormToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "AGENCY_PRIVATE_KEYS", None)
    assert intake.accept_tip(report, token)
    tip = Tip.objects.get()
    with pytest.raises(vault.KeyMissingError):
        conversation.key_for_officer(tip)
