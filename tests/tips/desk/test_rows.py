"""The chips and marks of a row of the queue beside its line, and the filters that go with them."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.http import QueryDict
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import Account
from tests.tips.desk import officers
from tips.desk import queue, triage
from tips.desk.alike import indexing, languages
from tips.desk.queue.rows import Row
from tips.models import Attachment, Category, Tip, TipReading

pytestmark = pytest.mark.django_db


@pytest.fixture
def okafor() -> Account:
    return officers.create_officer("okafor", first_name="Ana", last_name="Okafor")


def load_rows(account: Account, query: str = "") -> list[Row]:
    return [row for group in queue.load(account, QueryDict(query)).groups for row in group.rows]


def load_page(account: Account) -> str:
    return str(officers.sign_in(account).get("/admin/tips/tip/").content.decode())


def row_of(account: Account, tip: Tip) -> Row:
    return next(row for row in load_rows(account) if row.pk == tip.pk)


def test_a_row_is_bold_until_this_officer_has_opened_it(okafor: Account) -> None:
    ito = officers.create_officer("ito")
    tip = officers.send_tip()
    assert (row_of(okafor, tip).is_unseen, row_of(ito, tip).is_unseen) == (True, True)
    triage.open_tip(tip.pk, okafor)
    assert (row_of(okafor, tip).is_unseen, row_of(ito, tip).is_unseen) == (False, True)
    triage.open_tip(tip.pk, ito)
    officers.write_as_source(tip, "More", b"1")
    triage.open_tip(tip.pk, ito)
    assert (row_of(okafor, tip).is_unseen, row_of(ito, tip).is_unseen) == (True, False)
    TipReading.objects.all().delete()  # as a tip that was opened before readings were kept
    assert (row_of(okafor, tip).is_unseen, row_of(ito, tip).is_unseen) == (False, False)


def test_a_foreign_language_is_named_and_found_but_of_no_tip_that_shows_no_line(okafor: Account) -> None:
    category = Category.objects.create(slug="bias", name="Bias", is_sensitive=True)
    category.readers.add(okafor)
    spanish = officers.send_tip("Unos muchachos traen armas en el parque")
    officers.send_tip("Two men load boxes from a white van")
    hidden = officers.send_tip("El vecino toma dinero en la calle", category=category)
    indexing.read_tips([tip.pk for tip in Tip.objects.all()])
    assert [row.language for row in sorted(load_rows(okafor), key=lambda row: row.pk != spanish.pk)] == ["Spanish", ""]
    assert '<bdi dir="auto" lang="es" translate="no">' in load_page(okafor)
    for wanted in ("es", "other"):
        assert [row.pk for row in load_rows(okafor, f"language={wanted}")] == [spanish.pk]
        assert load_rows(okafor, f"view=sensitive&language={wanted}") == []
    assert [row.language for row in load_rows(okafor, "view=sensitive")] == [""]
    assert load_rows(okafor, "language=vi") == []
    assert len(load_rows(okafor, "language=nonsense")) == 2
    assert indexing.index.find_language(hidden.pk) == "es"


def test_files_filter_the_queue_and_late_urgent_tips_are_counted_beside_their_view(okafor: Account) -> None:
    tip, urgent = officers.send_tip(), officers.send_tip(danger="yes")
    Attachment.objects.create(
        tip=tip, position=1, label=b"x", agency_key=tip.agency_key, key_for_agency=b"x", file=uuid.uuid4(),
        worker_key="w", key_for_worker=b"x",
    )  # fmt: skip
    assert [row.pk for row in load_rows(okafor, "files=yes")] == [tip.pk]
    assert [row.pk for row in load_rows(okafor, "files=no")] == [urgent.pk]
    assert queue.load(okafor, QueryDict("files=yes")).filters == ["Files: Only with files"]
    assert "1 late" not in load_page(okafor)
    with freeze_clock(timezone.now() + dt.timedelta(hours=2)):
        assert "1 late" in load_page(okafor)
        late = {view.title: view.late for view in queue.load(okafor, QueryDict()).views if view.late}
    assert late == {"Urgent": "1 late"}


TEXTS = {
    "en": "Someone sells vapes behind the skate park, the kids are maybe twelve",
    "es": "Venden fentanilo en la lavandería de la calle Mill, casi siempre de noche",
    "vi": "Có hai người đàn ông đang bốc hàng",
    "ht": "De mesye ap chaje bwat nan yon kamyon blan",
    "pt": "Dois homens carregam caixas de uma van branca",
    "tl": "May dalawang lalaki na nagkakarga ng mga kahon",
    "uk": "Двоє чоловіків вантажать коробки на вулиці",
    "ru": "Двое мужчин грузят коробки",
    "fa": "دو مرد جعبه‌ها را پر می‌کنند",
    "ar": "رجلان يحملان صناديق",
    "ja": "二人の男が箱を積んでいる",
    "zh": "有两个男人在搬箱子",
    "": "white Ford F-150 7ABC123 \u202e\u200b 🔫",
}


def test_languages_are_guessed_from_a_sentence_and_not_from_less() -> None:
    assert {languages.guess(text) for text in TEXTS.values()} == set(TEXTS)
    assert [languages.guess(text) for text in TEXTS.values()] == list(TEXTS)
    assert languages.guess("a" * 1_000_000) == ""
