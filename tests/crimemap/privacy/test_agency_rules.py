"""The agency's own rules: a file that may be stricter, and looser only with name, date and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from crimemap.privacy import agency_rules
from crimemap.privacy.agency_rules import AgencyRules, AgencyRulesError, parse_agency_rules


def test_the_shipped_file_equals_the_defaults() -> None:
    assert agency_rules.load_agency_rules(agency_rules.DEFAULT_FILE) == AgencyRules() == parse_agency_rules("")


def test_an_agency_may_be_stricter() -> None:
    rules = parse_agency_rules("""
        embargo_days = 14
        totals_from = 10
        least_radius = 400
        area_layers = ["district"]
        totals_layer = "neighbourhood"
        outcome = false
        description = false
        [visibility]
        burglary = "area"
        assault = "hidden"
    """)
    assert rules == AgencyRules(
        14, 10, 400, ("district",), "neighbourhood", False, False, {"burglary": "area", "assault": "hidden"}
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("embargo_days = 3", "embargo_days is looser"),
        ("embargo_days = 0", "at least 1"),
        ("embargo_days = true", "whole number"),
        ("totals_from = 3", "at least 5"),
        ("least_radius = 100", "at least 150"),
        ('area_layers = ["district", "beat"]', "area_layers is looser"),
        ('area_layers = ["street"]', "layers"),
        ('totals_layer = "street"', "layers"),
        ('outcome = "no"', "true or false"),
        ('[visibility]\nburglary = "block"', '"area" or "hidden"'),
        ('[visibility]\nburglary = "shown"', '"area" or "hidden"'),
        ("embargo = 9", "embargo is unknown"),
        ('embargo_days = 3\n[looser]\nembargo_days = {by = "Lt. Okafor"}', "by whom"),
        ('[looser]\ntotals_from = {by = "a", on = 2026-01-01, why = "b"}', "may name"),
    ],
)
def test_invalid_rules_are_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(AgencyRulesError, match=words):
        parse_agency_rules(text)


def test_a_looser_rule_records_who_when_and_why() -> None:
    rules = parse_agency_rules("""
        embargo_days = 2
        [looser]
        embargo_days = {by = "Lt. Okafor", on = 2026-03-02, why = "Council resolution 26-118"}
    """)
    assert rules.embargo_days == 2
    assert rules.looser == {"embargo_days": "Lt. Okafor, 2026-03-02: Council resolution 26-118"}


@pytest.mark.parametrize("content", [b"embargo_days = ", b"\xff\xfe", b"embargo_days = 2"])
def test_the_error_names_an_invalid_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ours.toml"
    path.write_bytes(content)
    with pytest.raises(AgencyRulesError, match=r"ours\.toml"):
        agency_rules.load_agency_rules(path)


def test_the_error_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AgencyRulesError, match=r"none\.toml cannot be read"):
        agency_rules.load_agency_rules(tmp_path / "none.toml")
