"""Fixtures of the tips' tests. Models are imported late: this file may be read before Django is set up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from core.models import Account
    from tips.models import Tip
    from tips.source.inbox_session import InboxSession


@pytest.fixture
def officer(db: None) -> Account:
    from core.models import Account

    return Account.objects.create_user("officer", "officer@example.org", first_name="Ana", last_name="Okafor")


@pytest.fixture
def store_of_its_own(settings: Any, tmp_path: Path) -> None:
    """An empty store of sealed files."""
    settings.MEDIA_STORE = tmp_path / "media"
    settings.MEDIA_STORE.mkdir()


@pytest.fixture
def session(db: None) -> InboxSession:
    """The inbox session of a tip that was just sent."""
    from tips import form_tokens, intake, receipts
    from tips.models import Category
    from tips.source import inbox_session
    from tips.walls import screening_thread

    report = intake.Report(category=Category.objects.first(), description="Two men load boxes from a white van")
    receipt = intake.accept_tip(report, form_tokens.read(form_tokens.issue()))
    screening_thread.run_round(rechecks=False)
    session = inbox_session.find_session(receipts.stretch_receipt(receipt))
    assert session is not None
    return session


@pytest.fixture
def tip(session: InboxSession) -> Tip:
    return session.tip
