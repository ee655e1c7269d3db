"""One template as the answer to the chosen tips: which text each gets, what is blank, and who is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.translation import gettext as _

from core.models import Account
from core.plain_text import clean_typed_text
from tips.desk import answer_templates
from tips.desk.acts import bulk, bulk_answers
from tips.desk.acts.bulk_answers import AnswerPlan
from tips.desk.answer_templates import TemplateFamily
from tips.models import Tip

SHOW, SEND = "answer", "answer-send"
ACTS = (SHOW, SEND)
BLANK_PREFIX = "blank-"
_MAX_BLANK_LENGTH = 500


@dataclass(slots=True)
class Blank:
    """A placeholder that the officer fills in once for all tips. `name` is of its field."""

    name: str
    words: str
    value: str
    is_missing: bool


@dataclass(slots=True)
class ChosenAnswer:
    """The templates on offer, and the chosen one with its plan; no plan without a template."""

    families: list[TemplateFamily]
    plan: AnswerPlan | None
    blanks: list[Blank] = field(default_factory=list)
    ask: bool = False

    @property
    def problems(self) -> list[str]:
        """Return why nothing can be sent yet."""
        if self.plan is None:
            return [_("There is no template for these tips. Supervisors write them under “Answer templates”.")]
        if not self.plan.count:
            return [_("None of the chosen tips can get this answer.")]
        return [
            _("Fill in “%(blank)s”: it stands in the template.") % {"blank": blank.words}
            for blank in self.blanks
            if blank.is_missing
        ]

    def build_act(self, officer: Account) -> bulk.Act:
        assert self.plan is not None
        filled = {blank.words: blank.value for blank in self.blanks}
        return bulk_answers.build_act(officer, self.plan, filled, ask=self.ask)


def read_answer(post: QueryDict, tips: Sequence[Tip]) -> ChosenAnswer:
    """Return the answer that the page asks for: the first template until one is chosen."""
    families = answer_templates.list_families(tips)
    chosen = post.get("template", "")
    family = next((each for each in families if each.key == chosen), families[0] if families else None)
    plan = bulk_answers.plan(family, tips) if family else None
    blanks = [_read_blank(post, number, words) for number, words in enumerate(plan.blanks if plan else [])]
    return ChosenAnswer(families, plan, blanks, ask="ask" in post)


def _read_blank(post: QueryDict, number: int, words: str) -> Blank:
    name = f"{BLANK_PREFIX}{number}"
    value = clean_typed_text(post.get(name, "")).strip()[:_MAX_BLANK_LENGTH]
    return Blank(name, words, value, is_missing=not value or bool(answer_templates.find_blank(value)))
