"""The forms of a tip's page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from core.plain_text import clean_typed_text
from tips.conversation import MAX_MESSAGE_LENGTH
from tips.desk import permissions
from tips.models import Disposition


class TextField(forms.CharField):
    """A text of several lines, cleaned before its length is checked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=MAX_MESSAGE_LENGTH, widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}), **options
        )
        # The browser counts line ends twice and would cut silently; the server says by how many characters it is too long.
        self.widget.attrs.pop("maxlength", None)

    def to_python(self, value: Any) -> str:
        return super().to_python(clean_typed_text(value) if isinstance(value, str) else value) or ""


class AnswerForm(forms.Form):
    text = TextField(
        label=_("Your answer"),
        help_text=_("The source reads it with their receipt. They do not see your name."),
        error_messages={"required": _("Write what the source should read.")},
    )
    ask = forms.BooleanField(label=_("This is a question: wait for the source"), required=False)


class NoteForm(forms.Form):
    text = TextField(
        label=_("New note"),
        help_text=_("For officers only. Neither the source nor the public server can read it."),
        error_messages={"required": _("Write the note.")},
    )


class OfficerField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return obj.get_full_name() or str(obj.get_username())


class AssignForm(forms.Form):
    to = OfficerField(
        queryset=get_user_model()._default_manager.none(),
        label=_("Assigned to"),
        empty_label=_("Nobody"),
        required=False,
        error_messages={"invalid_choice": _("Choose an active officer or supervisor.")},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["to"]
        assert isinstance(field, OfficerField)
        field.queryset = permissions.desk_accounts().order_by("username")


class CloseForm(forms.Form):
    disposition = forms.ChoiceField(
        choices=[("", _("Choose one")), *Disposition.choices],
        label=_("Disposition"),
        help_text=_("The source reads it in plain words."),
        error_messages={"required": _("Choose what came of this tip.")},
    )
