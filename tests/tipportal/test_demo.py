"""`manage.py demo`: what a first visitor of `make run` finds, and that it can be run at any time."""

from __future__ import annotations

import io
import json
import tomllib
from contextlib import contextmanager

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import TestCase, override_settings
from django.utils import timezone

from core import audit
from core.models import Account, AuditEntry
from crimemap.models import Block
from file_cleaning import MediaKind
from outreach.content import pictures
from outreach.models import Story
from tests.conftest import ensure_foundations
from tests.crimemap.conftest import _riverton_stands  # noqa: F401  (a fixture)
from tipportal.demo import tips
from tips import conversation, receipts, statistics, vault
from tips.files import attachments
from tips.models import Alert, Attachment, Category, Disposition, Message, Notification, State, Tip

pytestmark = pytest.mark.usefixtures("_riverton_stands", "db")


@contextmanager
def quickly():
    """Simple passwords, and no pictures of stories: each is a process of its own (tests/outreach/demo/test_stories.py)."""
    hashers = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
    with hashers, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "rebuild", lambda _original: None)
        yield


@pytest.fixture(autouse=True)
def _quickly():
    with quickly():
        yield


def run() -> dict:
    out = io.StringIO()
    call_command("demo", "--json", stdout=out)
    return json.loads(out.getvalue())


def everything():
    models = (Account, AuditEntry, Tip, Message, Attachment, Alert, Block, Story)
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


@pytest.fixture(scope="class")
def city(_riverton_stands, django_db_blocker):  # noqa: F811
    with quickly(), django_db_blocker.unblock():
        opened = TestCase._enter_atomics()  # as for a test: what must not be within another transaction may be
        ensure_foundations()
        mail.outbox = []
        yield run() | {"mails": len(mail.outbox)}
        TestCase._rollback_atomics(opened)


class TestWhatIsThere:
    """In one city, loaded once."""

    def test_the_demo_receipt_opens_a_conversation_with_an_answer(self, city):
        receipt = city["receipt"]
        secret = receipts.stretched(receipts.parse(receipt))
        tip = Tip.objects.get(token_hash=secret.token_hash)
        opened = conversation.read(tip, vault.open_key_as_source(tip.key_for_source, secret.seed))
        assert "garage" in opened.report["description"]
        assert [message.author for message in opened.messages] == ["staff", "source", "staff"]

    def test_sources_attach_a_file_of_each_kind(self, city):
        receipt = city["receipt"]
        assert Attachment.objects.filter(state="received").count() == Attachment.objects.count() == 6
        kinds = {attachments.kind_of(row, conversation.key_for_officer(row.tip)) for row in Attachment.objects.all()}
        assert kinds == set(MediaKind)
        tip = Tip.objects.get(token_hash=receipts.stretched(receipts.parse(receipt)).token_hash)
        assert [file.name for file in conversation.read_as_officer(tip).files] == ["Photo 1"]

    def test_each_role_can_sign_in(self, city):
        staff = city["staff"]
        assert [account["role"] for account in staff] == ["officer", "supervisor", "communications", "administrator"]
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

    def test_the_figures_can_be_shown(self, city):
        figures = statistics._count()
        assert figures.median_minutes is not None
        assert 5 <= figures.median_minutes <= 60
        assert figures.answered is not None

    def test_nothing_happened_in_the_future_and_the_trail_is_whole(self, city):
        now = timezone.now()
        assert not AuditEntry.objects.filter(at__gt=now).exists()
        assert not Message.objects.filter(written_at__gt=now).exists()
        assert not Tip.objects.filter(received_at__gt=now).exists()
        times = list(AuditEntry.objects.filter(actor="officer").order_by("id").values_list("at", flat=True))
        assert times == sorted(times)
        assert audit.verify().broken is None

    def test_nobody_is_alerted_of_demo_tips(self, city):
        assert city["mails"] == 0
        assert not Alert.objects.exclude(state="spread").exists()
        assert not Notification.objects.exists()


def test_without_a_media_worker_there_are_no_files(settings, tmp_path):
    settings.MEDIA_PUBLIC_KEYS = tmp_path
    run()
    assert Tip.objects.exists()
    assert not Attachment.objects.exists()


def test_a_second_run_changes_nothing():
    first = run()
    before = everything()
    assert run() == first
    assert everything() == before


@pytest.mark.parametrize("after", [1, 9, 30])
def test_a_run_cut_short_is_finished_by_the_next(monkeypatch, after):
    steps, follow = [], tips._follow

    def cut(step):
        steps.append(step)
        if len(steps) > after:
            raise KeyboardInterrupt
        follow(step)

    monkeypatch.setattr(tips, "_follow", cut)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.setattr(tips, "_follow", follow)
    run()
    script = tomllib.loads(tips.SCRIPT.read_text())["tip"]
    assert Tip.objects.count() == len(script)
    written = [step for tip in script for step in tip.get("then", []) if step["do"] in ("ask", "answer", "source")]
    assert Message.objects.count() == len(written)
    assert set(Tip.objects.values_list("disposition", flat=True)) == {"", *Disposition.values}


def test_a_deleted_demo_tip_is_there_again_after_the_next_run():
    receipt = run()["receipt"]
    secret = receipts.stretched(receipts.parse(receipt))
    count = Tip.objects.count()
    Tip.objects.get(token_hash=secret.token_hash).delete()
    run()
    assert Tip.objects.filter(token_hash=secret.token_hash).exists()
    assert Tip.objects.count() == count


def test_a_new_secret_key_gives_new_passwords_that_work(settings):
    old = run()["staff"][0]["password"]
    settings.SECRET_KEY = "another-secret-key-" * 4
    new = run()["staff"][0]["password"]
    assert new != old
    assert authenticate(username="officer", password=new)


def test_it_refuses_to_run_outside_a_demo(settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="DEMO=1"):
        run()
    assert not Account.objects.exists()
    assert not Tip.objects.exists()
