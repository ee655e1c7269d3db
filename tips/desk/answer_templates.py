"""Puts answer templates into an officer's answer: those of the tip's category first, each with its placeholders filled in.

What only the officer knows stands in square brackets, [time of the call]. An answer that still has such a bracket of a template
is not sent (tips/admin/forms.py asks `find_blank`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _

from tips.models import AnswerTemplate, Tip

_BLANK = re.compile(r"\[[^\[\]\n]{1,80}\]")


@dataclass(frozen=True, slots=True)
class OfferedTemplate:
    """A template for one tip: its text is filled in."""

    pk: int
    title: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class TemplateGroup:
    """The templates of the tip's category, or those for all tips."""

    title: str
    templates: list[OfferedTemplate] = field(default_factory=list)


def list_groups(tip: Tip) -> list[TemplateGroup]:
    """Return the templates that are offered for a tip, those of its category first."""
    own, general = TemplateGroup(str(tip.category)), TemplateGroup(_("All categories"))
    for template in AnswerTemplate.objects.filter(Q(category=tip.category_id) | Q(category=None)):
        group = general if template.category_id is None else own
        group.templates.append(
            OfferedTemplate(template.pk, template.title, template.language, fill_in(template.text, tip))
        )
    return [group for group in (own, general) if group.templates]


@dataclass(frozen=True, slots=True)
class TemplateFamily:
    """The same template in one or more languages: they share title and category (None: all), and `variants` has each by language."""

    title: str
    category_id: int | None
    variants: dict[str, AnswerTemplate]

    @property
    def key(self) -> str:
        return str(min(template.pk for template in self.variants.values()))

    def choose(self, language: str) -> AnswerTemplate:
        """Return the text for a source who writes in this language ("" if that isn't known), else the one in the portal's."""
        present = settings.LANGUAGE_CODE.partition("-")[0]
        first = next(iter(self.variants.values()))
        return self.variants.get(language) or self.variants.get(present) or first


def list_families(tips: Iterable[Tip]) -> list[TemplateFamily]:
    """Return the templates for all tips, and those of the categories of these tips."""
    categories = {tip.category_id for tip in tips}
    families: dict[tuple[str, int | None], TemplateFamily] = {}
    for template in AnswerTemplate.objects.filter(Q(category__in=categories) | Q(category=None)):
        place = (template.title, template.category_id)
        family = families.setdefault(place, TemplateFamily(template.title, template.category_id, {}))
        family.variants.setdefault(template.language.partition("-")[0], template)
    return list(families.values())


def list_blanks(text: str) -> list[str]:
    """Return the brackets of a template that an officer fills in, in their order, each once."""
    return list(dict.fromkeys(_BLANK.findall(text)))


def fill_in(text: str, tip: Tip) -> str:
    """Return a template's text with the tip's number and category. Other braces stay as they are."""
    return text.replace("{number}", str(tip.number)).replace("{category}", str(tip.category)).replace("\r\n", "\n")


def put_in(post: QueryDict, tip: Tip) -> QueryDict:
    """Return the post with the chosen template below the answer, for pages without script; the post itself without one."""
    chosen = post.get("template", "")
    found = AnswerTemplate.objects.filter(Q(category=tip.category_id) | Q(category=None))
    template = found.filter(pk=int(chosen)).first() if chosen.isascii() and chosen.isdecimal() else None
    if template is None:
        return post
    filled = post.copy()
    filled["answer"] = "\n\n".join(
        part for part in (post.get("answer", "").rstrip(), fill_in(template.text, tip)) if part
    )
    return filled


def find_blank(text: str) -> str:
    """Return the first bracket of a template that is not filled in, or ""."""
    blank = _BLANK.search(text)
    if blank is None:
        return ""
    is_of_template = AnswerTemplate.objects.filter(text__contains=blank[0]).exists()
    return blank[0] if is_of_template else ""
