"""The fields of a tip's page, by the action that checks them. The page is one HTML form: each button sends all that is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.plain_text import clean_typed_text
from tips.conversation import MAX_MESSAGE_LENGTH
from tips.desk import permissions, referrals
from tips.desk.answer_templates import find_blank
from tips.desk.assignees import describe_assignee
from tips.models import Category, Disposition, Tip, Unit

# Some browsers send what is typed to a service that checks its spelling, and keep it on disk to complete or restore it.
_TYPED_HERE = {"dir": "auto", "class": "fld", "data-draft": "", "spellcheck": "false", "autocomplete": "off"}


# The random id of a page's form: one form is one act.
FORM_ID_BYTES = 16


def parse_form_id(text: str) -> bytes | None:
    """Return the id of a form from its hexadecimal digits, None if they are none."""
    try:
        form_id = bytes.fromhex(text)
    except ValueError:
        return None
    return form_id if len(form_id) == FORM_ID_BYTES else None


class TextField(forms.CharField):
    """A text of several lines, cleaned before its length is checked."""

    def __init__(self, rows: int = 3, **options: Any) -> None:
        super().__init__(
            max_length=MAX_MESSAGE_LENGTH, widget=forms.Textarea(attrs=_TYPED_HERE | {"rows": rows}), **options
        )
        # The browser counts line ends twice and would cut silently; the server says by how many characters it is too long.
        self.widget.attrs.pop("maxlength", None)

    def to_python(self, value: Any) -> str:
        return super().to_python(clean_typed_text(value) if isinstance(value, str) else value) or ""


class AmountField(forms.IntegerField):
    """An amount that came of a tip: a whole number, or nothing if it is not known."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=1_000_000_000, required=False, **options)
        # A text field with a number pad: a wheel or an arrow key changes a number field by accident.
        self.widget = forms.TextInput(attrs={"inputmode": "numeric"})


class AnswerForm(forms.Form):
    answer = TextField(
        label=gettext_lazy("Your answer"),
        error_messages={"required": gettext_lazy("Your answer is empty. Write it first.")},
    )
    ask = forms.BooleanField(label=gettext_lazy("Wait for a reply"), required=False)
    sign = forms.BooleanField(label=gettext_lazy("Sign with my name"), required=False)

    def clean_answer(self) -> str:
        text: str = self.cleaned_data["answer"]
        if blank := find_blank(text):
            raise forms.ValidationError(_("Fill in “%(blank)s” or remove it.") % {"blank": blank})
        return text


class NoteForm(forms.Form):
    note = TextField(
        label=gettext_lazy("Note"),
        error_messages={"required": gettext_lazy("Your note is empty. Write it first.")},
    )


class OfficerField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return describe_assignee(obj)


class AssignForm(forms.Form):
    """Offers the accounts that may see the tip (`initial["tip"]`) and its present officer, so that no change is a choice."""

    to = OfficerField(
        queryset=Account.objects.none(),
        label=gettext_lazy("Assigned to"),
        empty_label=gettext_lazy("No one"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Pick an officer or supervisor who may see this tip.")},
    )
    assign_word = TextField(
        1,
        label=gettext_lazy("A word to the next officer"),
        required=False,
        help_text=gettext_lazy("It becomes a note on the tip."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["to"]
        assert isinstance(field, OfficerField)
        present = Account.objects.filter(pk=self.initial.get("to") or 0)
        offered = (permissions.assignable_accounts(self.initial["tip"]) | present.distinct()).order_by("username")
        field.queryset = offered.prefetch_related("groups")  # their names say who is no longer an officer


class CloseForm(forms.Form):
    """The end of a tip (`initial["tip"]`): what came of it, and who agrees where a second person is needed."""

    disposition = forms.ChoiceField(
        choices=[("", gettext_lazy("Pick one")), *Disposition.choices],
        label=gettext_lazy("Disposition"),
        help_text=gettext_lazy("The source reads it in plain words."),
        error_messages={
            "required": gettext_lazy("Pick what came of this tip."),
            "invalid_choice": gettext_lazy("Pick what came of this tip."),
        },
    )
    arrests = AmountField(label=gettext_lazy("Arrests"))
    weapons = AmountField(label=gettext_lazy("Weapons"))
    drugs = AmountField(label=gettext_lazy("Drugs, grams"))
    property_value = AmountField(label=gettext_lazy("Property, dollars"))
    case_number = forms.CharField(
        label=gettext_lazy("Case number"), required=False, max_length=40, widget=forms.TextInput(attrs={"dir": "auto"})
    )
    close_reason = TextField(
        label=gettext_lazy("What you checked, and why it ends here"),
        required=False,
        help_text=gettext_lazy("Only officers can read it."),
    )
    second_person = OfficerField(
        queryset=Account.objects.none(),
        label=gettext_lazy("Who agrees"),
        empty_label=gettext_lazy("Pick one"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Pick an officer or supervisor who may see this tip.")},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields.get("second_person")
        if isinstance(field, OfficerField):
            field.queryset = permissions.assignable_accounts(self.initial["tip"])
            # The list that the page has for its other menus.
            accounts = permissions.list_assignable(self.initial["tip"])
            field.choices = [("", field.empty_label), *((each.pk, describe_assignee(each)) for each in accounts)]


class CorrectForm(CloseForm):
    """The end of a closed tip, corrected: it needs a reason, and nobody to agree."""

    close_reason = TextField(
        label=gettext_lazy("Why you correct it"),
        help_text=gettext_lazy("Only officers can read it."),
        error_messages={"required": gettext_lazy("Write why you correct this closing.")},
    )
    second_person = None  # type: ignore[assignment]  # Django's way to leave out a field


class HoldForm(forms.Form):
    hold_reason = TextField(
        2,
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("It becomes a note on the tip, sealed like all notes."),
        error_messages={"required": gettext_lazy("A legal hold needs a reason. Write who asked for it and why.")},
    )


def list_closing_fields(data: dict[str, Any]) -> dict[str, Any]:
    """Return the checked fields of CloseForm or CorrectForm by the names that the outbox knows."""
    fields = {name: value for name, value in data.items() if name not in ("second_person", "close_reason")}
    second_person = data.get("second_person")
    return fields | {"second_person": second_person.pk if second_person else None, "reason": data["close_reason"]}


class CategoryField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return _("%(category)s (sensitive)") % {"category": obj} if obj.is_sensitive else str(obj)


ALL_OFFICERS = "all"
_REASON_HELP = gettext_lazy("It becomes a note on the tip: the officers who get it read it there.")


class ReferForm(forms.Form):
    """Offers the units that the tip (`initial["tip"]`) is not in."""

    refer_to = forms.ChoiceField(
        label=gettext_lazy("Refer to"),
        error_messages={
            "required": gettext_lazy("Pick the unit that should have this tip."),
            "invalid_choice": gettext_lazy("Pick one of the units in the list."),
        },
    )
    refer_reason = TextField(
        2,
        label=gettext_lazy("Reason for referring"),
        help_text=_REASON_HELP,
        error_messages={"required": gettext_lazy("Write why you refer this tip.")},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        tip = self.initial["tip"]
        field = self.fields["refer_to"]
        assert isinstance(field, forms.ChoiceField)
        units = Unit.objects.exclude(pk=tip.unit_id or 0)
        others = [(str(unit.pk), unit.name) for unit in units]
        field.choices = [("", _("Pick one")), *([(ALL_OFFICERS, _("All officers"))] if tip.unit_id else []), *others]

    def clean_refer_to(self) -> Unit | None:
        chosen: str = self.cleaned_data["refer_to"]
        return None if chosen == ALL_OFFICERS else Unit.objects.get(pk=chosen)


class CategoryForm(forms.Form):
    """Offers the categories of the public form, sensitive ones, and the present one of the tip (`initial["tip"]`)."""

    category = CategoryField(
        queryset=Category.objects.none(),
        label=gettext_lazy("Category"),
        empty_label=None,
        error_messages={
            "required": gettext_lazy("Pick one of the categories in the list."),
            "invalid_choice": gettext_lazy("Pick one of the categories in the list."),
        },
    )
    category_reason = TextField(
        2,
        label=gettext_lazy("Reason for the change"),
        required=False,
        help_text=gettext_lazy("Needed if other people will see the tip. It becomes a note on the tip."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["category"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Category.objects.filter(
            Q(active=True) | Q(is_sensitive=True) | Q(pk=self.initial["tip"].category_id)
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        category = cleaned.get("category")
        if category and not cleaned.get("category_reason") and referrals.changes_readers(self.initial["tip"], category):
            self.add_error("category_reason", referrals.explain_missing_reason(category))
        return cleaned


class LinkForm(forms.Form):
    """The tips to link: `link_to` is the id of one, or "alike" for all like this one; else `link_number` names it.

    Cleaned, `others` are ids; none for "alike" and for a number.
    """

    ALIKE = "alike"

    link_to = forms.CharField(required=False)
    link_number = forms.IntegerField(
        required=False,
        min_value=1,
        label=gettext_lazy("Number of the other tip"),
        widget=forms.TextInput(attrs={"class": "fld", "inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"invalid": gettext_lazy("Type the number of the other tip, in digits.")},
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["others"] = []
        chosen = cleaned.get("link_to", "")
        if chosen and chosen != self.ALIKE:
            try:
                cleaned["others"] = [UUID(chosen)]
            except ValueError:
                self.add_error("link_number", _("Part of what you sent got lost on the way. Choose the tip again."))
        if chosen:
            cleaned["link_number"] = None
        elif not cleaned.get("link_number") and "link_number" not in self.errors:
            self.add_error("link_number", _("Type the number of the other tip."))
        return cleaned


FORMS: dict[str, type[forms.Form]] = {
    "answer": AnswerForm,
    "note": NoteForm,
    "assign": AssignForm,
    "close": CloseForm,
    "correct": CorrectForm,
    "hold": HoldForm,
    "release": HoldForm,
    "refer": ReferForm,
    "category": CategoryForm,
    "link": LinkForm,
}
# The fields whose text is kept until it is sent, by the action that sends it.
_TEXT_FIELDS = {
    "answer": "answer",
    "answer-next": "answer",
    "answer-as-note": "answer",
    "answer-linked": "answer",
    "answer-closed": "answer",
    "answer-reopen": "answer",
    "note": "note",
    "assign": "assign_word",
    "refer": "refer_reason",
    "category": "category_reason",
    "close": "close_reason",
    "correct": "close_reason",
    "hold": "hold_reason",
    "release": "hold_reason",
    "priority": "priority_reason",
    "snooze": "snooze_why",
}
_CLOSING_FIELDS = ("disposition", "arrests", "weapons", "drugs", "property_value", "case_number", "second_person")


def list_forms(
    tip: Tip, post: QueryDict, checked: Mapping[str, forms.Form], sent: str, recorded: Mapping[str, Any]
) -> dict[str, forms.Form]:
    """Return the page's forms by action: the `checked` ones, and the others with the texts and choices of this post.

    The text of the action `sent` is left out. `recorded` are the fields of a closed tip's ending, shown where nothing was posted.

    The assignee of an unchecked form is the present one: that of an older page would look like the tip's.
    """
    kept = [field for field in _TEXT_FIELDS.values() if field != _TEXT_FIELDS.get(sent)]
    typed = {field: post.get(field, "") for field in (*kept, "refer_to", *_CLOSING_FIELDS)}
    if not any(field in post for field in _CLOSING_FIELDS):
        typed |= {field: recorded.get(field, "") for field in _CLOSING_FIELDS}
    initial = {
        **typed,
        "ask": "ask" in post,
        "sign": "sign" in post,
        "to": tip.assigned_to_id,
        "category": tip.category_id,
        "tip": tip,
    }
    shown = {("answer" if name.startswith("answer-") else name): form for name, form in checked.items()}
    return {name: shown.get(name) or form(initial=initial, auto_id=f"{name}-%s") for name, form in FORMS.items()}


_TRANSLATION = "translation-"


def name_translation(position: object) -> str:
    """Return the name of the field in which an officer translates the text at this position."""
    return f"{_TRANSLATION}{position}"


def name_text_field(action: str, choice: str | None) -> str | None:
    """Return the name of the field whose text an act sends, None if it sends none."""
    return name_translation(choice) if action == "translate" else _TEXT_FIELDS.get(action)


def has_unsent_text(post: QueryDict, sent_field: str | None) -> bool:
    """Return whether a post holds a text besides that of the field that was sent."""
    names = {*_TEXT_FIELDS.values(), *(name for name in post if name.startswith(_TRANSLATION))}
    return any(post.get(name, "").strip() for name in names if name != sent_field)
