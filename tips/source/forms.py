"""The source's forms: the limits of each field, and the sentence for each error.

All text arrives here cleaned (core/plain_text.py), so lengths counted here and in the browser agree: code points, with one
for a line end.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crimemap import incident_summary, places
from tips import conversation, intake, receipts
from tips.models import Category, Question

MAX_PLACE_LENGTH = 500
MAX_WHEN_LENGTH = 200
# A field that people neither see nor reach, and that spam programs fill in.
HONEYPOT_FIELD = "subject"


def make_length_validator(limit: int) -> Any:
    """Return a validator whose sentence says by how many characters a text is too long."""

    def validate(text: str) -> None:
        over = len(text) - limit
        if over > 0:
            raise ValidationError(
                ngettext(
                    "This is %(over)d character too long. The limit is %(limit)d. Your text is still here.",
                    "This is %(over)d characters too long. The limit is %(limit)d. Your text is still here.",
                    over,
                )
                % {"over": over, "limit": limit}
            )

    return validate


def _text_field(limit: int, rows: int = 1, **options: Any) -> forms.CharField:
    """Return a field for a text of at most `limit` code points, `rows` lines high.

    Even a single line is a text area: browsers fill it in again on Back, so that no text is lost, but unlike the content of
    an input they never store it and offer it to the next person at the same device.
    """
    widget = forms.Textarea({"rows": rows, "dir": "auto", "data-limit": limit})
    return forms.CharField(
        **{"required": False, "widget": widget, "validators": [make_length_validator(limit)], **options}
    )


def _unstored_line(limit: int, **options: Any) -> forms.CharField:
    """Return a one-line field that the browser must neither store nor fill in again."""
    widget = forms.TextInput({"autocomplete": "off", **options.pop("attrs")})
    return _text_field(limit, widget=widget, **options)


def _attachments_field() -> forms.FileField:
    """Return a field for label, hint and errors; the files are sealed while the post is read (tips/files/multipart.py)."""
    return forms.FileField(required=False, label=gettext_lazy("Photos, videos, sound recordings or PDFs"))


class TipForm(forms.Form):
    """A tip as a source writes it; report() returns it for intake.

    `search` is a query to the map's list of streets; the places found are the choices of `place_ref`.
    """

    max_length = intake.MAX_DESCRIPTION_LENGTH
    max_answer_length = intake.MAX_ANSWER_LENGTH

    category = forms.ChoiceField(
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose what your tip is about. “Something else” is fine."),
            "invalid_choice": gettext_lazy("Choose one of the topics in the list."),
        },
    )
    danger = forms.ChoiceField(
        widget=forms.RadioSelect,
        required=False,
        choices=[
            ("yes", gettext_lazy("Yes")),
            ("no", gettext_lazy("No")),
            ("unknown", gettext_lazy("I don't know")),
        ],
        error_messages={"invalid_choice": gettext_lazy("Choose “Yes”, “No” or “I don't know”.")},
    )
    description = _text_field(
        intake.MAX_DESCRIPTION_LENGTH,
        rows=8,
        required=True,
        label=gettext_lazy("Tell us in your own words"),
        help_text=gettext_lazy("Who, what, and how you know. Leave out your own name."),
        error_messages={"required": gettext_lazy("Write what you saw or know. A few words are enough.")},
    )
    attachments = _attachments_field()
    place = _text_field(
        MAX_PLACE_LENGTH,
        rows=2,
        label=gettext_lazy("Where did it happen?"),
        help_text=gettext_lazy("For example, an address, a store, or “behind the school”."),
    )
    search = _unstored_line(100, attrs={"dir": "auto"}, label=gettext_lazy("Find a street or intersection"))
    place_ref = forms.CharField(required=False, max_length=60)
    incident = forms.CharField(required=False, widget=forms.HiddenInput)
    latitude = forms.FloatField(required=False, min_value=-90, max_value=90, widget=forms.HiddenInput)
    longitude = forms.FloatField(required=False, min_value=-180, max_value=180, widget=forms.HiddenInput)
    when = _text_field(
        MAX_WHEN_LENGTH,
        label=gettext_lazy("When?"),
        help_text=gettext_lazy("For example, “last night about 10” or “most weekends”."),
    )
    date = forms.DateField(
        required=False,
        label=gettext_lazy("Date"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "invalid": gettext_lazy("We couldn't read this date. Write it like 2026-03-31, or leave it empty.")
        },
    )

    # Only on the form that an officer fills in for a caller.
    no_internet = forms.BooleanField(required=False)

    def __init__(
        self, offered: list[Category], data: Mapping[str, str] | None = None, initial: Mapping[str, str] | None = None
    ) -> None:
        # No label suffix, and no required attribute: the browser's own bubbles cannot be translated or read aloud well.
        super().__init__(data, initial=dict(initial or {}), label_suffix="", use_required_attribute=False)
        self.offered = {category.slug: category for category in offered}
        self.answers: dict[str, Question] = {}
        self.search_text = ""
        self.found_places: list[places.Place] = []
        choices = self.fields["category"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [(category.slug, category.name) for category in offered]
        for category in offered:
            for question in category.questions.all():
                name = f"answer_{question.pk}"
                # Of a post only what was answered needs a field; groups() adds the others if the form is shown again.
                if data is None or data.get(name):
                    self._add_question(name, question)
        self.order_fields(["danger", "category", "description", "attachments", *self.answers])

    def _add_question(self, name: str, question: Question) -> None:
        rows = 3 if question.kind == Question.Kind.LONG else 1
        self.fields[name] = _text_field(
            intake.MAX_ANSWER_LENGTH, rows=rows, label=question.label, help_text=question.hint
        )
        self.answers[name] = question

    # For the page

    def tiles(self) -> Iterator[tuple[Category, bool]]:
        """Yield the categories, each with whether it is chosen."""
        chosen = self["category"].value()
        return ((category, slug == chosen) for slug, category in self.offered.items())

    def groups(self) -> Iterator[tuple[Category, list[BoundField], bool]]:
        """Yield each category with its follow-up questions, and whether one of them has an answer or an error."""
        for category in self.offered.values():
            fields = []
            for question in category.questions.all():
                name = f"answer_{question.pk}"
                if name not in self.answers:
                    self._add_question(name, question)
                fields.append(self[name])
            if fields:
                yield category, fields, any(field.value() or field.errors for field in fields)

    def search_places(self) -> None:
        """Look up the text in `search`; `found_places` are the choices then."""
        self.search_text = str(self["search"].value() or "").strip()
        self.found_places = places.search_places(self.search_text)

    def place_choices(self) -> list[places.Place]:
        """Return the places found, and the place chosen before even if it is not among them."""
        chosen = places.find_place(str(self["place_ref"].value() or ""))
        return self.found_places if chosen is None or chosen in self.found_places else [chosen, *self.found_places]

    # For the post

    def clean_place_ref(self) -> str:
        ref: str = self.cleaned_data["place_ref"]
        if ref and places.find_place(ref) is None:
            raise ValidationError(
                _("We don't know this place. Choose one from the list, or describe it in your own words.")
            )
        return ref

    def clean_incident(self) -> str:
        """Drop an incident that is no longer on the map: it must not keep the tip from arriving."""
        public_id: str = self.cleaned_data["incident"]
        return public_id if incident_summary.summarize(public_id) else ""

    def clean_date(self) -> Any:
        date = self.cleaned_data["date"]
        if date and date > timezone.localdate():
            raise ValidationError(_("That date is in the future. Choose today or an earlier day."))
        return date

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.data.get(HONEYPOT_FIELD):
            self.add_error(None, _("A hidden field was filled in. We emptied it. Press Send again."))
        if (data.get("latitude") is None) != (data.get("longitude") is None):
            self.add_error(None, _("We couldn't read the map point. Pick it again or leave it out."))
        return data

    def report(self) -> intake.Report:
        """Return the tip for intake. Call only after is_valid()."""
        data = self.cleaned_data
        place = places.find_place(data["place_ref"]) if data["place_ref"] else None
        latitude, longitude = data["latitude"], data["longitude"]
        if latitude is None and place is not None:
            latitude, longitude = place.latitude, place.longitude
        date = date_format(data["date"], "DATE_FORMAT") if data["date"] else ""
        return intake.Report(
            category=self.offered[data["category"]],
            description=data["description"],
            danger=data["danger"],
            answers=[
                intake.FollowUpAnswer(question.label, data[name])
                for name, question in self.answers.items()
                if data[name]
            ],
            place=data["place"] or (place.name if place else ""),
            place_ref=data["place_ref"],
            latitude=latitude,
            longitude=longitude,
            when=", ".join(part for part in (date, data["when"]) if part),
            incident=data["incident"],
            about=incident_summary.summarize(data["incident"]),
            no_internet=data["no_internet"],
        )


class ReceiptForm(forms.Form):
    """The receipt that opens the inbox. Hidden fields carry a message that was typed while the session expired."""

    receipt = _text_field(
        receipts.MAX_TYPED_LENGTH,
        required=True,
        label=gettext_lazy("Your receipt"),
        help_text=gettext_lazy(
            "Type the seven words. Capitals and commas do not matter. If a word looks wrong, we suggest the right one."
        ),
        # Two lines, so that all words are seen. No dir="auto", and the keyboard must not correct, learn or store the words.
        widget=forms.Textarea(
            {
                "rows": 2,
                "dir": "ltr",
                "autocomplete": "off",
                "autocapitalize": "none",
                "autocorrect": "off",
                "spellcheck": "false",
                "class": "code",
            }
        ),
        error_messages={"required": gettext_lazy("Type the seven words of your receipt.")},
    )
    text = forms.CharField(required=False, widget=forms.Textarea({"hidden": True}))
    form_id = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    ticket = forms.CharField(required=False, widget=forms.HiddenInput)
    uploads = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, str] | None = None, initial: Mapping[str, str] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}), label_suffix="", use_required_attribute=False)

    def clean_receipt(self) -> str:
        """Return the receipt in the form that receipts.stretch_receipt needs."""
        try:
            return receipts.parse_receipt(self.cleaned_data["receipt"])
        except receipts.WordCountError as error:
            raise ValidationError(
                ngettext(
                    "A receipt has %(needed)d words. We read %(found)d word.",
                    "A receipt has %(needed)d words. We read %(found)d words.",
                    error.word_count,
                )
                % {"needed": receipts.WORD_COUNT, "found": error.word_count}
            ) from None
        except receipts.UnknownWordsError as error:
            raise ValidationError([_describe_slip(*slip) for slip in error.suggestions.items()]) from None


def _describe_slip(word: str, suggestions: list[str]) -> str:
    sentence = _("“%(word)s” isn't one of our receipt words.") % {"word": word}
    if not suggestions:
        return sentence
    return f"{sentence} {_('Did you mean: %(words)s?') % {'words': ', '.join(suggestions)}}"


class MessageForm(forms.Form):
    """A further message of the source, in the inbox. `form_id` makes one message of a form that is sent twice."""

    max_length = conversation.MAX_MESSAGE_LENGTH

    text = _text_field(
        conversation.MAX_MESSAGE_LENGTH,
        rows=5,
        label=gettext_lazy("Add to your tip or reply"),
        help_text=gettext_lazy("Answer us, or tell us something new. Leave out your own name."),
        error_messages={"required": gettext_lazy("Write a message or attach a file first.")},
    )
    attachments = _attachments_field()
    form_id = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, str] | None = None, *, is_text_required: bool = True) -> None:
        """Build the form; `is_text_required` is False when files come with the message."""
        super().__init__(
            data, initial={"form_id": secrets.token_urlsafe(16)}, label_suffix="", use_required_attribute=False
        )
        self.fields["text"].required = is_text_required
