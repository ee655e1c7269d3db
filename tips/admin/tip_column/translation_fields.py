"""The field under each text of a source in which an officer writes its translation, and its buttons.

A tip's page has one such field for each text: they share a form, and are told apart by the text's position ("translation-3").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from tips.admin.forms import TextField, name_translation
from tips.desk.translation import translator


class TextChoiceForm(forms.Form):
    """`translates` is the position of a text: 0 for the report, else that of a message."""

    translates = forms.IntegerField(min_value=0, max_value=1_000_000)


class TranslationForm(TextChoiceForm):
    """The translation of one text. `shown`: how many translations of it the page showed."""

    text = TextField(
        label=gettext_lazy("Translation"),
        error_messages={"required": gettext_lazy("The translation is empty. Write it first.")},
    )

    shown = forms.IntegerField(min_value=0, required=False)

    def add_prefix(self, field_name: str) -> str:
        name = name_translation(self.data.get("translates", ""))
        return {"text": name, "shown": _name_shown_count(name)}.get(field_name, field_name)


def _name_shown_count(name: str) -> str:
    """Return the name of the hidden field beside a translation's. It begins otherwise, since it is no text that someone typed."""
    return f"shown-{name}"


def add_to_time_line(
    items: Sequence[dict[str, Any]], typed: QueryDict, checked: Mapping[str, forms.Form], sent_field: str | None
) -> None:
    """Give each text of the source in the time line its field, with what is typed in it unless that was just sent."""
    refused = checked.get("translate")
    for item in items:
        if item["kind"] not in ("report", "source"):
            continue
        name = name_translation(item["position"])
        is_refused = refused is not None and refused.add_prefix("text") == name
        text = "" if name == sent_field else typed.get(name, "")
        item["translation_field"] = {
            "name": name,
            "shown_name": _name_shown_count(name),
            "shown": bool(item["translation"]) + len(item["earlier_translations"]),
            "text": text,
            "errors": refused.errors.get("text", []) if refused is not None and is_refused else [],
            "is_open": bool(text.strip()) or is_refused,
            "has_translator": translator.is_set_up(),
        }


def put_in(post: QueryDict, position: str, newest: str) -> QueryDict:
    """Return the post with the present translation of a text in its field, unless something is typed there."""
    name = name_translation(position)
    if post.get(name, "").strip():
        return post
    filled = post.copy()
    filled[name] = newest
    return filled
