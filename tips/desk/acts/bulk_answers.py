"""One template as the answer to many tips: each conversation apart, in the language of its source where the template has it.

All of them wait in the outbox and are undone together. The answer to a tip that is linked leaves at a time of its own, as answers to an
event do (alike/wave_answers.py): two sources who compare must not learn that we know of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from core.models import Account
from tips import vault
from tips.desk import answer_templates, outbox
from tips.desk.acts import bulk, outgoing
from tips.desk.acts.reversals import Kind
from tips.desk.alike import indexing, languages, link_records, wave_answers
from tips.desk.answer_templates import TemplateFamily
from tips.desk.triage import TransitionError
from tips.models import AnswerTemplate, Tip
from tips.walls import visibility


@dataclass(slots=True)
class PlannedText:
    """A text of the template and the tips that get it. `example` is the text as the first of them reads it."""

    template: AnswerTemplate
    tips: list[Tip] = field(default_factory=list)

    @property
    def language(self) -> str | Promise:
        code = self.template.language.partition("-")[0]
        return languages.NAMES.get(code) or self.template.get_language_display()

    @property
    def example(self) -> str:
        return answer_templates.fill_in(self.template.text, self.tips[0])


@dataclass(slots=True)
class AnswerPlan:
    """The tips that get each text, and the numbers of those that get none, by reason."""

    family: TemplateFamily
    texts: list[PlannedText] = field(default_factory=list)
    left_out: dict[str, list[int]] = field(default_factory=dict)
    linked: set[UUID] = field(default_factory=set)
    other_language: list[int] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(len(text.tips) for text in self.texts)

    @property
    def linked_count(self) -> int:
        return sum(tip.pk in self.linked for text in self.texts for tip in text.tips)

    @property
    def blanks(self) -> list[str]:
        found = [blank for text in self.texts for blank in answer_templates.list_blanks(text.template.text)]
        return list(dict.fromkeys(found))

    @property
    def reasons(self) -> list[tuple[str, list[int]]]:
        return list(self.left_out.items())


def plan(family: TemplateFamily, tips: Sequence[Tip]) -> AnswerPlan:
    """Return who would get which text now. The tips are visible ones; nothing is written."""
    planned = AnswerPlan(family, linked=_find_linked(tips))
    texts: dict[int, PlannedText] = {}
    for tip in tips:
        reason = _explain(family, tip)
        if reason:
            planned.left_out.setdefault(reason, []).append(tip.number)
            continue
        language = _find_language(tip)
        template = family.choose(language)
        texts.setdefault(template.pk, PlannedText(template)).tips.append(tip)
        if language and language != template.language.partition("-")[0]:
            planned.other_language.append(tip.number)
    planned.texts = list(texts.values())
    return planned


def build_act(officer: Account, planned: AnswerPlan, filled: Mapping[str, str], *, ask: bool) -> bulk.Act:
    """Return the act that answers one tip of the plan; `filled` has what the officer wrote for each bracket."""
    templates = {tip.pk: text.template for text in planned.texts for tip in text.tips}
    return partial(_answer, officer, planned, templates, filled, ask)


def _answer(  # noqa: PLR0917
    officer: Account,
    planned: AnswerPlan,
    templates: Mapping[UUID, AnswerTemplate],
    filled: Mapping[str, str],
    ask: bool,
    tip: Tip,
    form_id: bytes,
    batch: UUID,
) -> None:
    template = templates.get(tip.pk)
    if template is None:
        raise TransitionError(_explain(planned.family, tip) or _("It can't get this answer."))
    text = answer_templates.fill_in(template.text, tip)
    for blank, words in filled.items():
        text = text.replace(blank, words)
    due_at = wave_answers.draw_due_time(tip) if tip.pk in planned.linked else None
    outbox.hold_back(tip, officer, Kind.ANSWER, {"text": text, "ask": ask}, form_id, batch=batch, due_at=due_at)


def _explain(family: TemplateFamily, tip: Tip) -> str:
    """Return why a tip gets no answer, "" if it gets one."""
    if family.category_id not in (None, tip.category_id):
        return _("This template is for another category.")
    try:
        outgoing.check(tip, Kind.ANSWER, {"text": "", "ask": False})
    except TransitionError as problem:
        return str(problem)
    except (vault.SealError, vault.KeyMissingError):
        return _("Its keys don't work on this server. Tell an administrator.")
    return ""


def _find_language(tip: Tip) -> str:
    """Return the language of a report as the queue shows it, "" where it shows none."""
    is_shown = not tip.category.is_sensitive and not visibility.is_walled(tip)
    return indexing.index.find_language(tip.pk) if is_shown else ""


def _find_linked(tips: Sequence[Tip]) -> set[UUID]:
    return {tip_id for tip_id, links in link_records.read(tip.pk for tip in tips).items() if links.linked}
