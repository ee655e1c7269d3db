"""Which staff a text names: each sentence of sentences.toml, and the tips of the demo city."""

from __future__ import annotations

import tomllib
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tipportal.demo.tips import ACCOUNTS, SCRIPT_FILE
from tips.walls.name_matching import StaffIndex, StaffNames

CASES: dict[str, Any] = tomllib.loads((Path(__file__).parent / "sentences.toml").read_text(encoding="utf-8"))
IDS = {person["name"]: number for number, person in enumerate(CASES["staff"], 1)}
NAMES = {number: name for name, number in IDS.items()}


def list_staff() -> list[StaffNames]:
    return [
        StaffNames(
            IDS[person["name"]],
            person["first"],
            person["last"],
            tuple(person.get("aliases", ())),
            person.get("badge", ""),
        )
        for person in CASES["staff"]
    ]


@pytest.fixture(scope="module")
def index() -> StaffIndex:
    return StaffIndex(list_staff())


@pytest.mark.parametrize("name", CASES["named"])
def test_a_named_person_is_found(index: StaffIndex, name: str) -> None:
    for sentence in CASES["named"][name]:
        assert {NAMES[account_id] for account_id in index.find_named(sentence)} == {name}, sentence


def test_other_people_and_ordinary_words_are_nobody(index: StaffIndex) -> None:
    for sentence in CASES["nobody"]["sentences"]:
        assert {NAMES[account_id] for account_id in index.find_named(sentence)} == set(), sentence


def test_several_people_are_found_in_one_text(index: StaffIndex) -> None:
    text = "Officer White and Lindholm were there.\nBadge 2207 watched."
    assert {NAMES[account_id] for account_id in index.find_named(text)} == {"white", "lindholm", "smith"}


def test_an_account_without_names_matches_nothing() -> None:
    assert StaffIndex([StaffNames(1, "", "", ("",), "")]).find_named("Officer , . - # badge 0 0000") == set()


def test_a_word_of_a_megabyte_is_compared_without_all_its_forms() -> None:
    index = StaffIndex([StaffNames(1, "Ana", "Okafor")])
    tracemalloc.start()
    try:
        assert index.find_named("w" * 2**20 + " Officer Okafor") == {1}
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()


def test_no_tip_of_the_demo_city_is_walled_by_chance() -> None:
    staff = [StaffNames(number, first, last) for number, (_role, first, last) in enumerate(ACCOUNTS.values())]
    index = StaffIndex([*staff, *list_staff()])
    texts = []
    for tip in tomllib.loads(SCRIPT_FILE.read_text(encoding="utf-8"))["tip"]:
        texts += [tip["description"], *tip.get("answers", {}).values()]
        texts += [step["text"] for step in tip.get("then", []) if step["do"] == "source" and "text" in step]
    assert len(texts) > 20
    assert [text for text in texts if index.find_named(text)] == []
