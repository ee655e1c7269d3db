"""Answers of an installation: what a file may say, and what is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tipportal.deploy.setup import sample_answers
from tipportal.deploy.processes import VARIABLES
from tipportal.deploy.setup import answers
from tipportal.deploy.setup.answers import AnswersError


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """The answers of a file."""
    file = tmp_path / "portal.env"
    file.write_text(sample_answers.TEXT)
    return answers.read_file(file)


def test_the_shipped_example_asks_for_all_that_must_be_answered(given: dict[str, str]) -> None:
    given = answers.complete(given)
    assert {question.name for question in answers.QUESTIONS} <= set(given)
    assert set(given) <= {*VARIABLES, *(question.name for question in answers.QUESTIONS)}
    assert "PUBLICATION_RULES" not in given  # the shipped rule is the default
    assert not [name for name in given if "PASSWORD" in name]


def test_a_file_that_cant_be_used_is_refused_with_a_sentence_for_each_line(tmp_path: Path) -> None:
    file = tmp_path / "portal.env"
    file.write_text(
        "AGENCY_NAME\nCITY_NAME=A\nCITY_NAME=B\nAGENCY_PRIVATE_KEYS=/tmp\nDEMO=1\nCONTACT=a\x07b\n\n# CITY\n"
    )
    with pytest.raises(AnswersError) as refused:
        answers.read_file(file)
    assert len(refused.value.problems) == 5
    for number, words in enumerate(
        ("NAME=value", "a second time", "AGENCY_PRIVATE_KEYS, which", "DEMO, which", "can't be seen")
    ):
        assert words in refused.value.problems[number]


def test_answers_that_cant_be_used_are_named_all_at_once(given: dict[str, str]) -> None:
    wrong = {
        "EMERGENCY_NUMBER": "call us",
        "CRISIS_LINES": "988",
        "LEAVE_URL": "http://weather.example",
        "TIME_ZONE": "Chicago",
        "PUBLIC_HOSTS": "https://tips.example.org",
        "STAFF_NETWORKS": "10.0.0.1/8",
        "PUBLIC_CERTIFICATE": "certs/",
        "EMAIL_URL": "mail.example.org",
        "DEFAULT_FROM_EMAIL": "portal",
        "PUBLICATION_RULES": "rules.toml",
        "ADMINISTRATOR_NAME": "",
    }
    with pytest.raises(AnswersError) as refused:
        answers.complete({**given, **wrong})
    assert sorted(problem.split(" isn't")[0].split(":")[0] for problem in refused.value.problems) == sorted(wrong)
    (same_host,) = answers.find_problems({**given, "STAFF_HOSTS": given["PUBLIC_HOSTS"]})
    assert "a host name of their own" in same_host
    # None is an answer to the question for crisis lines alone.
    assert answers.complete({**given, "CRISIS_LINES": "", "EMERGENCY_NUMBER": ""})["CRISIS_LINES"] == ""
    assert answers.complete({**given, "EMERGENCY_NUMBER": ""})["EMERGENCY_NUMBER"] == "911"


def test_what_is_missing_is_asked_for_until_it_can_be_used(
    given: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    del given["TIME_ZONE"], given["ADMINISTRATOR_MAIL"], given["EMERGENCY_NUMBER"]
    typed = iter(("", "nowhere", "America/New York", "Europe/Berlin", "", "ada@example.org"))
    asked: list[str] = []

    def read(prompt: str) -> str:
        asked.append(prompt)
        return next(typed)

    found = answers.complete(answers.ask(given, read))
    assert (found["EMERGENCY_NUMBER"], found["TIME_ZONE"], found["ADMINISTRATOR_MAIL"]) == (
        "911",
        "Europe/Berlin",
        "ada@example.org",
    )
    assert asked[0].startswith("1/3  ")
    assert asked[0].endswith("[911]: ")
    assert capsys.readouterr().out.splitlines()[2:] == [
        "Write a time zone such as America/New_York, America/Chicago, America/Denver or America/Los_Angeles. The command"
        " “timedatectl list-timezones” prints all.",
        "Write America/New_York.",
        "Write an answer.",
    ]
