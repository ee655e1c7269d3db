"""The source's forms: what may be typed where, and the sentence for each thing that cannot be taken.

Everything arrives here cleaned (core/plain_text.py), so lengths counted here and in the browser agree: code points, with
one for a line end.
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
# A field that people neither see nor reach, and that programs fill in.
HONEYPOT_FIELD = "subject"


def make_length_validator(limit: int) -> Any:
    """A validator whose sentence says by how much a text is too long."""

    def check(text: str) -> None:
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

    return check


def _text(limit: int, rows: int = 1, **options: Any) -> forms.CharField:
    """A text of at most `limit` code points in `rows` lines.

    Also one line is a text area: browsers fill it in again on Back, as nobody's work should be lost, but unlike what is
    typed into an input they never keep it to offer it to the next person at the same device.
    """
    widget = forms.Textarea({"rows": rows, "dir": "auto"})
    return forms.CharField(
        **{"required": False, "widget": widget, "validators": [make_length_validator(limit)], **options}
    )


def _unremembered(limit: int, **options: Any) -> forms.CharField:
    """A line that the browser shall neither keep nor fill in again."""
    widget = forms.TextInput({"autocomplete": "off", **options.pop("attrs")})
    return _text(limit, widget=widget, **options)


def _attachments() -> forms.FileField:
    """For label, hint and what is wrong: the files themselves are read, and sealed, with the post (tips/files/multipart.py)."""
    return forms.FileField(required=False, label=gettext_lazy("Photos, videos, recordings, PDF documents"))


class TipForm(forms.Form):
    """A tip as a source writes it. `report()` gives it as intake takes it.

    `search` is what the source looks for on the map's list of streets; found places are choices of `place_ref`.
    """

    longest = intake.MAX_DESCRIPTION_LENGTH

    category = forms.ChoiceField(
        widget=forms.RadioSelect,
        error_messages={
            "required": gettext_lazy("Choose what it is about. “Something else” is fine."),
            "invalid_choice": gettext_lazy("Choose one of the categories in the list."),
        },
    )
    danger = forms.ChoiceField(
        widget=forms.RadioSelect,
        required=False,
        choices=[
            ("yes", gettext_lazy("Yes")),
            ("no", gettext_lazy("No")),
            ("unknown", gettext_lazy("I do not know")),
        ],
        error_messages={"invalid_choice": gettext_lazy("Choose yes, no or “I do not know”.")},
    )
    description = _text(
        intake.MAX_DESCRIPTION_LENGTH,
        rows=8,
        required=True,
        label=gettext_lazy("Tell us in your own words"),
        help_text=gettext_lazy("Who, what, and how you know. Leave out your own name."),
        error_messages={"required": gettext_lazy("Write what you saw or know. A few words are enough.")},
    )
    attachments = _attachments()
    place = _text(
        MAX_PLACE_LENGTH,
        rows=2,
        label=gettext_lazy("Where did it happen?"),
        help_text=gettext_lazy("For example an address, a shop, “behind the school”."),
    )
    search = _unremembered(100, attrs={"dir": "auto"}, label=gettext_lazy("Find a street or a crossing"))
    place_ref = forms.CharField(required=False, max_length=60)
    incident = forms.CharField(required=False, widget=forms.HiddenInput)
    latitude = forms.FloatField(required=False, min_value=-90, max_value=90, widget=forms.HiddenInput)
    longitude = forms.FloatField(required=False, min_value=-180, max_value=180, widget=forms.HiddenInput)
    when = _text(
        MAX_WHEN_LENGTH,
        label=gettext_lazy("When?"),
        help_text=gettext_lazy("For example “last night about 10” or “most weekends”."),
    )
    date = forms.DateField(
        required=False,
        label=gettext_lazy("Or the day"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("Write the day like 2026-03-31, or leave it empty.")},
    )

    def __init__(
        self, offered: list[Category], data: Mapping[str, str] | None = None, initial: Mapping[str, str] | None = None
    ) -> None:
        # No label suffix, and no required attribute: the browser's own bubbles cannot be translated or read aloud well.
        super().__init__(data, initial=dict(initial or {}), label_suffix="", use_required_attribute=False)
        self.offered = {category.slug: category for category in offered}
        self.answers: dict[str, Question] = {}
        self.sought = ""
        self.found: list[places.Place] = []
        choices = self.fields["category"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [(category.slug, category.name) for category in offered]
        for category in offered:
            for question in category.questions.all():
                name = f"answer_{question.pk}"
                rows = 3 if question.kind == Question.Kind.LONG else 1
                self.fields[name] = _text(
                    intake.MAX_ANSWER_LENGTH, rows=rows, label=question.label, help_text=question.hint
                )
                self.answers[name] = question
        self.order_fields(["category", "danger", "description", "attachments", *self.answers])

    # For the page

    def tiles(self) -> Iterator[tuple[Category, bool]]:
        """The categories, each with whether it is chosen."""
        chosen = self["category"].value()
        return ((category, slug == chosen) for slug, category in self.offered.items())

    def groups(self) -> Iterator[tuple[Category, list[BoundField], bool]]:
        """The follow-up questions of each category, and whether something is answered or wrong there."""
        for category in self.offered.values():
            fields = [self[name] for name, question in self.answers.items() if question.category_id == category.pk]
            if fields:
                yield category, fields, any(field.value() or field.errors for field in fields)

    def search_places(self) -> None:
        """Look up what the source typed into `search`; `found` are the choices then."""
        self.sought = str(self["search"].value() or "").strip()
        self.found = places.search(self.sought)

    def place_choices(self) -> list[places.Place]:
        """What was found, and the place chosen before even if it is not among them."""
        chosen = places.find(str(self["place_ref"].value() or ""))
        return self.found if chosen is None or chosen in self.found else [chosen, *self.found]

    # What was sent

    def clean_place_ref(self) -> str:
        ref: str = self.cleaned_data["place_ref"]
        if ref and places.find(ref) is None:
            raise ValidationError(_("Choose one of the places that were found, or describe it in your own words."))
        return ref

    def clean_incident(self) -> str:
        """One that is gone in the meantime keeps no tip from arriving."""
        public_id: str = self.cleaned_data["incident"]
        return public_id if incident_summary.summarize(public_id) else ""

    def clean_date(self) -> Any:
        date = self.cleaned_data["date"]
        if date and date > timezone.localdate():
            raise ValidationError(_("This day is still to come. Choose today or an earlier day."))
        return date

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.data.get(HONEYPOT_FIELD):
            self.add_error(
                None, _("A field that must stay empty was filled in. We emptied it. Please press Send again.")
            )
        if (data.get("latitude") is None) != (data.get("longitude") is None):
            self.add_error(None, _("The point on the map is not complete. Pick it again, or leave it out."))
        return data

    def report(self) -> intake.Report:
        """The tip. Only after is_valid()."""
        data = self.cleaned_data
        place = places.find(data["place_ref"]) if data["place_ref"] else None
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
        )


class ReceiptForm(forms.Form):
    """The inbox's door. The hidden fields carry a message that was typed while the inbox expired."""

    receipt = _unremembered(
        receipts.MAX_TYPED_LENGTH,
        required=True,
        label=gettext_lazy("Your receipt"),
        help_text=gettext_lazy("Seven words. Capitals, commas and small slips do not matter."),
        # No dir="auto" and nothing that a keyboard would correct, learn or keep.
        attrs={"dir": "ltr", "autocapitalize": "none", "spellcheck": "false", "autocorrect": "off", "class": "code"},
        error_messages={"required": gettext_lazy("Type the seven words of your receipt.")},
    )
    text = forms.CharField(required=False, widget=forms.Textarea({"hidden": True}))
    form_id = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    ticket = forms.CharField(required=False, widget=forms.HiddenInput)
    uploads = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, str] | None = None, initial: Mapping[str, str] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}), label_suffix="", use_required_attribute=False)

    def clean_receipt(self) -> str:
        """The receipt as receipts.stretched wants it."""
        try:
            return receipts.parse_receipt(self.cleaned_data["receipt"])
        except receipts.WordCountError as error:
            raise ValidationError(
                ngettext(
                    "A receipt has %(needed)d words. We read %(found)d word.",
                    "A receipt has %(needed)d words. We read %(found)d words.",
                    error.found,
                )
                % {"needed": receipts.WORD_COUNT, "found": error.found}
            ) from None
        except receipts.UnknownWordError as error:
            sentence = _("“%(word)s” is not a word of our receipts.") % {"word": error.word}
            if error.suggestions:
                sentence += " " + _("Did you mean: %(words)s?") % {"words": ", ".join(error.suggestions)}
            raise ValidationError(sentence) from None


class MessageForm(forms.Form):
    """More from the source, in the inbox. `form_id` makes one message of a form that is sent twice."""

    longest = conversation.MAX_MESSAGE_LENGTH

    text = _text(
        conversation.MAX_MESSAGE_LENGTH,
        rows=5,
        label=gettext_lazy("Add something"),
        help_text=gettext_lazy("An answer, or something new. Leave out your own name."),
        error_messages={"required": gettext_lazy("Write something first. Or attach a file.")},
    )
    attachments = _attachments()
    form_id = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, str] | None = None, *, alone: bool = True) -> None:
        """`alone`: no file comes with the text, so there has to be one."""
        super().__init__(
            data, initial={"form_id": secrets.token_urlsafe(16)}, label_suffix="", use_required_attribute=False
        )
        self.fields["text"].required = alone
