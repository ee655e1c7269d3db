"""Translations on a tip's page: written by officers or by a machine, kept with their history, and never told apart by the database."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from core.models import Account
from tests.tips.desk import officers
from tests.tips.desk.test_tip_page import column, load, page_of, post
from tips import conversation
from tips.desk import triage
from tips.desk.alike import links
from tips.desk.search import matching, sealed_tips, tip_batches
from tips.desk.search.sealed_tips import Where
from tips.desk.translation import translations
from tips.desk.triage import TransitionError
from tips.models import Note, Tip


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor", first_name="Ana", last_name="Okafor")


@pytest.fixture
def rivas(db: None) -> Account:
    return officers.create_officer("rivas", first_name="Tomás", last_name="Rivas")


def test_an_officers_translation_stands_under_its_text_with_its_history(okafor: Account, rivas: Account) -> None:
    tip = officers.send_opened_tip(okafor, description="Vende droga en la tienda")
    officers.write_as_source(tip, "Viene los lunes", b"1")
    triage.open_tip(tip.pk, okafor)
    assert "<bdi>Ana Okafor</bdi>, today" not in column(load(okafor, tip))
    answer = post(okafor, tip, act="translate:0", **{"translation-0": "He sells drugs <b>in</b> the store"})
    assert answer.status_code == 302
    message = tip.messages.get()
    assert (
        post(rivas, tip, act=f"translate:{message.position}", **{"translation-1": "He comes on Mondays"}).status_code
        == 302
    )
    shown = column(load(okafor, tip))
    assert shown.index("Vende droga") < shown.index("He sells drugs &lt;b&gt;in") < shown.index("Viene los lunes")
    assert shown.index("Viene los lunes") < shown.index("He comes on Mondays")
    assert "Translated by <bdi>Ana Okafor</bdi>, " in shown
    assert "Translated by <bdi>Tomás Rivas</bdi>, " in shown
    assert "msg-note" not in shown
    # A correction begins with what is there, and keeps what was there.
    started = column(post(rivas, tip, act="correct-translation:0").content.decode())
    assert "He sells drugs &lt;b&gt;in&lt;/b&gt; the store</textarea>" in started
    post(rivas, tip, act="translate:0", **{"translation-0": "He deals in the shop"})
    shown = column(load(okafor, tip))
    assert "1 earlier translation" in shown
    assert shown.index("He deals in the shop") < shown.index("He sells drugs") < shown.index("Viene los lunes")
    assert [line[1] for line in officers.read_audit_trail()].count("wrote a note on") == 3
    assert "ranslat" not in str(officers.read_audit_trail())


def test_two_officers_who_translate_at_once_see_both_texts_and_keep_both(okafor: Account, rivas: Account) -> None:
    tip = officers.send_opened_tip(okafor, description="Vende droga en la tienda")
    (shown,) = re.findall(r'name="shown-translation-0" value="(\d+)"', load(okafor, tip))
    post(rivas, tip, act="translate:0", **{"translation-0": "He sells drugs", "shown-translation-0": shown})
    own = {"act": "translate:0", "translation-0": "He deals in the store"}
    refused = post(okafor, tip, **own, **{"shown-translation-0": shown})
    assert refused.status_code == 409
    page = refused.content.decode()
    assert "Tomás Rivas translated this text while you wrote, so yours isn&#x27;t kept yet." in page
    assert "He sells drugs" in page
    assert "He deals in the store</textarea>" in page
    assert len(tip.notes.all()) == 1
    (shown,) = re.findall(r'name="shown-translation-0" value="(\d+)"', page)
    assert post(okafor, tip, **own, **{"shown-translation-0": shown}).status_code == 302
    page = column(load(rivas, tip))
    assert page.index("He deals in the store") < page.index("1 earlier translation") < page.index("He sells drugs")


def test_what_is_typed_in_its_field_is_kept_like_all_else(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    typed = {"translation-0": "Half a translation"}
    shown = column(post(okafor, tip, act="note", note="A note", **typed).content.decode())
    assert "Half a translation</textarea>" in shown
    assert 'class="past translate" open' in shown
    shown = column(post(okafor, tip, act="translate:0", answer="Half an answer", **typed).content.decode())
    assert "Half an answer</textarea>" in shown
    assert "Half a translation</textarea>" not in shown
    refused = post(okafor, tip, act="translate:0", **{"translation-0": "  "})
    assert refused.status_code == 422
    assert "The translation is empty." in column(refused.content.decode())
    # A template put in, and a text begun: neither covers what is typed.
    shown = column(post(okafor, tip, act="correct-translation:0", **typed).content.decode())
    assert "Half a translation</textarea>" in shown
    for forged in (
        "translate:99",
        "translate:-1",
        "translate:x",
        "translate:",
        "translate-by-machine:1",
        "correct-translation:x",
    ):
        assert post(okafor, tip, act=forged, **{"translation-99": "x", "translation-x": "x"}).status_code in (
            200,
            409,
            422,
        )
    assert Note.objects.count() == 2
    assert column(load(okafor, tip)).count("data-sends") == 1


def test_the_database_can_not_tell_a_translation_from_a_note(okafor: Account) -> None:
    tip, other = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor)
    triage.note(tip, okafor, "He comes on Mondays", b"1")
    translations.write(other, okafor, 0, "He comes on Mondays", b"1")
    assert not translations.write(other, okafor, 0, "He comes on Mondays", b"1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT position, length(body), officer_id FROM tips_note ORDER BY tip_id")
        one, two = cursor.fetchall()
    assert one == two
    assert b"Mondays" not in bytes(Note.objects.get(tip=other).body)


def test_a_note_can_not_pose_as_a_translation(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    conversation.add_note(tip, okafor, "\x1e0\x1eperson\x1eHe did nothing")
    assert conversation.read_notes(tip)[0].translates is None
    translations.write(tip, okafor, 0, "\x1e5\x1emachine\x1eText", b"1")
    entry = conversation.read_notes(tip)[1]
    assert (entry.translates, entry.by_machine) == (0, False)


def test_the_source_linked_tips_and_others_see_none(okafor: Account) -> None:
    session = officers.send_tip_and_sign_in("Vende droga")
    tip = Tip.objects.get()
    triage.open_tip(tip.pk, okafor)
    other = officers.send_opened_tip(okafor)
    translations.write(tip, okafor, 0, "He sells drugs", b"1")
    assert "sells" not in str(conversation.read_tip(tip, session.key))
    links.link(tip, [other.pk], okafor)
    assert links.read_shared_notes(okafor, other, [tip]) == []
    assert "sells" not in column(load(okafor, other))
    stranger = officers.create_officer("chief", "Communications")
    assert officers.sign_in(stranger).post(page_of(tip), {"act": "translate:0"}).status_code == 403


def test_a_search_finds_the_words_of_a_translation(okafor: Account, settings: Any) -> None:
    tip = officers.send_opened_tip(okafor, description="Vende droga")
    translations.write(tip, okafor, 0, "He sells drugs", b"1")
    opener = sealed_tips.BatchOpener(settings.AGENCY_PRIVATE_KEYS)
    passages = opener.open_passages(tip_batches.fetch_batch([tip.pk.bytes])[0])
    assert (Where.TRANSLATION, "He sells drugs") in passages
    assert matching.matches(matching.parse_words("sells"), matching.prepare_texts(each.text for each in passages))


@pytest.fixture
def with_translator(tmp_path: Path, settings: Any) -> Path:
    script = tmp_path / "translate.py"
    script.write_text("import sys; print('EN ' + sys.stdin.read().upper() + ' <script>\\u202e')")
    settings.TRANSLATE_COMMAND = [sys.executable, str(script)]
    return script


@pytest.mark.django_db(transaction=True)
def test_a_machines_translation_is_marked_until_a_person_corrects_it(okafor: Account, with_translator: Path) -> None:
    tip = officers.send_opened_tip(okafor, description="Vende droga")
    assert 'value="translate-by-machine:0"' in load(okafor, tip)
    assert post(okafor, tip, act="translate-by-machine:0").status_code == 302
    shown = column(load(okafor, tip))
    assert "EN VENDE DROGA &lt;script&gt;" in shown
    assert "Translated by the translator on this server (" in shown
    assert "Nobody has checked it." in shown
    assert "translate-by-machine" not in shown
    # It never covers a translation that is there.
    with pytest.raises(TransitionError, match="already"):
        translations.write_by_machine(tip, okafor, 0, b"2")
    post(okafor, tip, act="translate:0", **{"translation-0": "He sells drugs"})
    shown = column(load(okafor, tip))
    assert "Nobody has checked it." not in shown
    assert "Translator on this server, " in shown
    assert "EN VENDE DROGA" in shown


@pytest.mark.django_db(transaction=True)
def test_a_failed_translator_keeps_all_that_is_typed(okafor: Account, with_translator: Path) -> None:
    tip = officers.send_opened_tip(okafor)
    with_translator.write_text("raise SystemExit(3)")
    answer = post(okafor, tip, act="translate-by-machine:0", answer="Half an answer")
    assert answer.status_code == 409
    shown = column(answer.content.decode())
    assert "The translator failed. Translate the text yourself" in shown
    assert "Half an answer</textarea>" in shown
    assert not Note.objects.exists()
