"""`manage.py demo`: the content of the demo city, and that the command can run at any time."""

from __future__ import annotations

import io
import itertools
import json
import tomllib
from contextlib import contextmanager

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import TestCase
from django.utils import timezone

import outreach.demo.events
import outreach.demo.stories
from core import audit
from core.models import Account, AuditEntry
from crimemap.models import Block
from file_cleaning import MediaKind
from outreach.content import pictures
from outreach.models import Story
from tests.crimemap.conftest import _riverton_stands  # noqa: F401  (a fixture)
from tipportal.demo import tips
from tips import conversation, receipts, statistics, vault
from tips.files import attachments
from tips.models import Alert, Attachment, Category, Disposition, Message, Notification, State, Tip

pytestmark = pytest.mark.usefixtures("_riverton_stands", "db")


@contextmanager
def fast_demo():
    """Rebuild no pictures of stories, each of which starts a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "rebuild_picture", lambda _original: None)
        yield


@pytest.fixture(autouse=True)
def _quickly():
    with fast_demo():
        yield


@pytest.fixture
def tips_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load neither stories, whose pictures are drawn, nor events: half of the time, and nothing to these tests."""
    monkeypatch.setattr(outreach.demo.stories, "load", lambda: None)
    monkeypatch.setattr(outreach.demo.events, "load", lambda: None)


def run_demo() -> dict:
    out = io.StringIO()
    call_command("demo", "--json", stdout=out)
    return json.loads(out.getvalue())


def all_rows():
    models = (Account, AuditEntry, Tip, Message, Attachment, Alert, Block, Story)
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


@pytest.fixture(scope="class")
def city(_riverton_stands, django_db_blocker):  # noqa: F811
    with fast_demo(), django_db_blocker.unblock():
        opened = (
            TestCase._enter_atomics()
        )  # as for a test, which allows code that must not run within another transaction
        mail.outbox = []
        yield run_demo() | {"mails": len(mail.outbox)}
        TestCase._rollback_atomics(opened)


class TestCity:
    """Tests of one city, loaded once. What a test changes is rolled back after it."""

    def test_the_demo_receipt_opens_a_conversation_with_an_answer(self, city):
        receipt = city["receipt"]
        secret = receipts.stretch_receipt(receipts.parse_receipt(receipt))
        tip = Tip.objects.get(token_hash=secret.token_hash)
        opened = conversation.read_tip(tip, vault.open_key_as_source(tip.key_for_source, secret.seed))
        assert "garage" in opened.report["description"]
        assert [message.author for message in opened.messages] == ["staff", "source", "staff"]

    def test_sources_attach_a_file_of_each_kind(self, city):
        receipt = city["receipt"]
        assert Attachment.objects.filter(state="received").count() == Attachment.objects.count() == 6
        kinds = {
            attachments.read_label(row, conversation.key_for_officer(row.tip))[0] for row in Attachment.objects.all()
        }
        assert kinds == set(MediaKind)
        tip = Tip.objects.get(token_hash=receipts.stretch_receipt(receipts.parse_receipt(receipt)).token_hash)
        assert [file.name for file in conversation.read_tip_as_officer(tip).files] == ["Photo 1"]

    def test_each_role_can_sign_in(self, city):
        staff = city["staff"]
        assert [(account["user"], account["role"]) for account in staff] == [
            *((role, role) for role in ("officer", "supervisor", "communications", "administrator")),
            ("supervisor2", "supervisor"),
        ]
        for account in staff:
            assert len(account["password"]) >= 14
            signed_in = authenticate(username=account["user"], password=account["password"])
            assert signed_in.is_staff
            assert not signed_in.is_superuser
            assert [group.name for group in signed_in.groups.all()] == [account["role"]]

    def test_there_is_a_tip_of_every_category_state_and_disposition(self, city):
        assert set(Tip.objects.values_list("category__slug", flat=True)) == set(
            Category.objects.values_list("slug", flat=True)
        )
        assert set(Tip.objects.values_list("state", flat=True)) == set(State.values)
        assert set(Tip.objects.values_list("disposition", flat=True)) == {"", *Disposition.values}
        assert Tip.objects.count() >= 14

    def test_there_are_enough_tips_for_public_figures(self, city):
        figures = statistics._count_tips()
        assert figures.median_minutes is not None
        assert 5 <= figures.median_minutes <= 60
        assert figures.answered is not None

    def test_nothing_is_in_the_future_and_the_audit_trail_is_complete(self, city):
        now = timezone.now()
        assert not AuditEntry.objects.filter(at__gt=now).exists()
        assert not Message.objects.filter(written_at__gt=now).exists()
        assert not Tip.objects.filter(received_at__gt=now).exists()
        times = list(AuditEntry.objects.filter(actor="officer").order_by("id").values_list("at", flat=True))
        assert times == sorted(times)
        assert audit.verify().broken is None

    def test_demo_tips_raise_no_alert(self, city):
        assert city["mails"] == 0
        assert not Alert.objects.exclude(state="spread").exists()
        assert not Notification.objects.exists()

    def test_a_second_run_changes_nothing(self, city):
        before = all_rows()
        again = run_demo()
        assert [each["password"] for each in again["staff"]] == [each["password"] for each in city["staff"]]
        assert again["receipt"] == city["receipt"]
        assert all_rows() == before

    def test_the_next_run_restores_a_deleted_tip(self, city):
        secret = receipts.stretch_receipt(receipts.parse_receipt(city["receipt"]))
        count = Tip.objects.count()
        Tip.objects.get(token_hash=secret.token_hash).delete()
        run_demo()
        assert Tip.objects.filter(token_hash=secret.token_hash).exists()
        assert Tip.objects.count() == count

    def test_a_new_secret_key_gives_new_passwords_that_work(self, city, settings):
        settings.SECRET_KEY = "another-secret-key-" * 4
        new = run_demo()["staff"][0]["password"]
        assert new != city["staff"][0]["password"]
        assert authenticate(username="officer", password=new)


@pytest.mark.usefixtures("tips_alone")
def test_without_a_media_worker_there_are_no_files(settings, tmp_path):
    settings.MEDIA_PUBLIC_KEYS = tmp_path
    run_demo()
    assert Tip.objects.exists()
    assert not Attachment.objects.exists()


@pytest.mark.usefixtures("tips_alone")
def test_the_next_run_finishes_interrupted_ones(monkeypatch):
    play_follow_up = tips._play_follow_up
    for steps_of_run in (1, 9, 30):
        steps = itertools.count()

        def interrupt(step, steps=steps, last=steps_of_run):
            if next(steps) == last:
                raise KeyboardInterrupt
            play_follow_up(step)

        monkeypatch.setattr(tips, "_play_follow_up", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_demo()
    monkeypatch.setattr(tips, "_play_follow_up", play_follow_up)
    run_demo()
    script = tomllib.loads(tips.SCRIPT_FILE.read_text())["tip"]
    assert Tip.objects.count() == len(script)
    written = [step for tip in script for step in tip.get("then", []) if step["do"] in ("ask", "answer", "source")]
    assert Message.objects.count() == len(written)
    assert set(Tip.objects.values_list("disposition", flat=True)) == {"", *Disposition.values}


def test_refuses_to_run_outside_a_demo(settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="DEMO=1"):
        run_demo()
    assert not Account.objects.exists()
    assert not Tip.objects.exists()
