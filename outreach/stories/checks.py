"""Checks before a story is published: questions that people answer, and problems that the program finds.

The questions are answered when a story goes to review, and again by the person who approves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from outreach.content import links, markdown, pictures
from outreach.models import Picture, StoryContent


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """One answer to choose. `refusal` is empty, or says what to do if the answer forbids publication."""

    key: str
    label: str | Promise
    refusal: str | Promise = ""


@dataclass(frozen=True, slots=True)
class CheckQuestion:
    key: str
    text: str | Promise
    help: str | Promise
    answers: tuple[CheckAnswer, ...]


QUESTIONS = (
    CheckQuestion(
        "consent",
        gettext_lazy("Could someone be recognized in the text or a picture?"),
        gettext_lazy("Think of victims, witnesses, bystanders, suspects and officers out of uniform. Check faces, license plates, house fronts and names."),
        (
            CheckAnswer("nobody", gettext_lazy("No, no one")),
            CheckAnswer("agreed", gettext_lazy("Yes, and each of them agreed in writing")),
            CheckAnswer(
                "without",
                gettext_lazy("Yes, and at least one did not agree"),
                gettext_lazy("Take out what shows who they are, or ask them first."),
            ),
        ),
    ),
    CheckQuestion(
        "source",
        gettext_lazy("Could anything in it show who sent a tip?"),
        gettext_lazy("Look for a tip's own words, facts only one person knows, an exact time or place, and how many minutes it took. Ask yourself what a suspect would think."),
        (
            CheckAnswer("nothing", gettext_lazy("No, nothing")),
            CheckAnswer(
                "something",
                gettext_lazy("Yes, something could"),
                gettext_lazy("Take it out or make it less exact: an area instead of a corner, “the same day” instead of an hour."),
            ),
        ),
    ),
    CheckQuestion(
        "case",
        gettext_lazy("Is any case in it still open?"),
        gettext_lazy("An investigation, a trial or an appeal. If you don't know, ask the investigator."),
        (
            CheckAnswer("closed", gettext_lazy("No, every case is closed, or there is no case")),
            CheckAnswer("open", gettext_lazy("Yes"), gettext_lazy("Wait until the case is closed. Your draft stays here.")),
        ),
    ),
)  # fmt: skip


def find_answer_errors(answers: Mapping[str, str]) -> dict[str, str]:
    """Return a sentence for each question that has no answer, or one that forbids publication, by the question's key."""
    errors = {}
    for question in QUESTIONS:
        answer = next((each for each in question.answers if each.key == answers.get(question.key)), None)
        if answer is None:
            errors[question.key] = _("Answer this question.")
        elif answer.refusal:
            errors[question.key] = str(answer.refusal)
    return errors


def find_problems(story: StoryContent) -> list[str]:
    """Return a sentence for each fault that keeps a story from being published."""
    try:
        references = markdown.find_references(story.body)
    except markdown.TextTooComplexError as error:
        return [str(error)]
    sentences = [] if story.body.strip() else [_("The story has no text yet. Write one.")]
    if not story.summary.strip():
        sentences.append(_("The story has no summary yet. Write one."))
    sentences += [
        _("The picture at %(address)s is on another site and won't show. Add it under Pictures.") % {"address": address}
        for address in references.foreign
    ]
    picture_ids = dict.fromkeys([*references.pictures, *([story.lead_id] if story.lead_id else [])])
    known = Picture.objects.in_bulk(picture_ids)
    sentences += [problem for number in picture_ids if (problem := _picture_problem(number, known.get(number)))]
    return sentences + links.find_broken_links(references.links)


def _picture_problem(number: int, picture: Picture | None) -> str:
    """Return why the picture cannot be shown, or an empty string. Its alt text needs no check: the database has one."""
    if picture is None:
        return _("Picture %(number)s doesn't exist. Take it out or fix its number.") % {"number": number}
    if picture.state == Picture.PictureState.REFUSED:
        sentence = _("We couldn't use picture %(number)s. Take it out or add another.") % {"number": number}
        return f"{sentence} {pictures.refusal_sentence(picture.reason)}"
    if picture.state == Picture.PictureState.WAITING:
        return _("Picture %(number)s is still processing. Try again in a moment.") % {"number": number}
    return ""


# No faults, but passages an editor should look at before answering: clock times, minutes, dates, house numbers, case numbers.
_REVEALING = re.compile(
    r"\b\d{1,2}:\d{2}(?:\s?[ap]\.?m\b\.?)?"
    r"|\b\d{1,2}\s?[ap]\.?m\b\.?"
    r"|\b(?:\d+|a few|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\s+(?:minutes?|seconds?)\b"
    r"|\b\d{1,5}\s+(?:[NSEW]\.?\s+)?(?:[A-Z][a-z]+\s+){1,3}(?:Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Way|Court|Ct|Place|Pl)\b"
    r"|\b(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)(?:\.|[a-z]+)?\s\d{1,2}(?:st|nd|rd|th)?\b"
    r"|\b(?:[Cc]ase|[Ii]ncident|[Rr]eport)\s+(?:(?:number|no\.?|#)\s*\S+|[A-Z]{0,3}-?\d{2}[\w-]*)"
)


def find_revealing_passages(texts: Iterable[str]) -> list[str]:
    """Return up to ten passages, word for word, that may say too much about time or place."""
    passages = [match[0].strip() for text in texts for match in _REVEALING.finditer(text[: markdown.MAX_CHARACTERS])]
    return list(dict.fromkeys(passages))[:10]
