"""A row of the queue holds texts of strangers, and is written without a template: each part is escaped by itself."""

import uuid

from tips.desk.queue.rows import Row
from tips.desk.queue.targets import Due
from tips.desk.search.matching import ExcerptPiece
from tips.templatetags.queue_rows import write_row

HOSTILE = "</bdi><script>\"'&amp;"
ESCAPED = "&lt;/bdi&gt;&lt;script&gt;&quot;&#x27;&amp;amp;"


def make_row(**changes: object) -> Row:
    texts = dict.fromkeys(
        ("address", "line", "chip", "chip_class", "state", "place", "files", "language", "line_language", "unit"),
        HOSTILE,
    )
    values = texts | {
        "pk": uuid.uuid4(),
        "number": 28,
        "assignee": HOSTILE,
        "alike": HOSTILE,
        "has_line": True,
        "is_unseen": True,
        "needs_you": True,
        "is_urgent": True,
        "due": Due(HOSTILE, HOSTILE, 70, is_late=True, hint=HOSTILE),
    }
    return Row(**(values | changes))  # type: ignore[arg-type]


def test_every_text_of_a_row_is_escaped() -> None:
    parts = write_row(make_row(), is_open=True, may_act=True, where=HOSTILE)
    assert parts.count(ESCAPED) == 15
    assert "<script" not in parts
    stated = write_row(make_row(chip=""), is_open=True, may_act=True)
    assert f"<span>{ESCAPED}</span>" in stated


def test_only_the_matches_of_a_passage_are_marked() -> None:
    pieces = [ExcerptPiece(HOSTILE, is_match=False), ExcerptPiece(HOSTILE, is_match=True)]
    shown = write_row(make_row(line="not shown"), is_open=False, may_act=False, pieces=pieces)
    assert f">{ESCAPED}<mark>{ESCAPED}</mark></bdi>" in shown
    assert "not shown" not in shown
    assert "<script" not in shown


def test_a_row_says_what_an_officer_can_do_with_it() -> None:
    row = make_row()
    assert f'name="tips" value="{row.pk}"' in write_row(row, is_open=False, may_act=True)
    looked_at = write_row(row, is_open=True, may_act=False)
    assert "<input" not in looked_at
    assert 'aria-current="true"' in looked_at
    assert 'aria-current="true"' not in write_row(row, is_open=False, may_act=False)


def test_a_line_of_our_own_is_not_said_to_be_in_the_sources_language() -> None:
    own = write_row(make_row(has_line=False, line_language="es"), is_open=False, may_act=False)
    assert "lang=" not in own
    assert "translate=" not in own
