"""The forms of stories and pictures at the desk."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crimemap import places
from outreach.admin.datetime_field import LocalDateTimeField
from outreach.content import markdown
from outreach.models import HowSoon, Picture, Story, StoryCategory, StoryContent, Tag
from outreach.stories import checks
from outreach.stories.texts import FIELDS, StoryValues

_LAYER_NAMES = {"district": gettext_lazy("Districts"), "neighbourhood": gettext_lazy("Neighborhoods")}
# Names of other pages below /stories/
RESERVED_SLUGS = ("search", "archive", "tag", "area", "media", "card", "preview", "feed")
_MAX_LEAD_CHOICES = 60  # the newest pictures are offered


def area_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the areas of the map as grouped choices: (name of the layer, [("district:3", name)])."""
    choices_by_layer = {
        layer: [(f"{layer}:{area.code}", area.name) for area in places.area_outlines(layer)] for layer in _LAYER_NAMES
    }
    return [(str(_LAYER_NAMES[layer]), choices) for layer, choices in choices_by_layer.items() if choices]


def _text_field(name: str, rows: int = 0, **options: Any) -> forms.CharField:
    """Return a form field with the label, help and length of StoryContent's field of this name."""
    field: Any = StoryContent._meta.get_field(name)
    widget = forms.Textarea(attrs={"rows": rows}) if rows else forms.TextInput()
    label, help_text = str(field.verbose_name).capitalize(), str(field.help_text)
    return forms.CharField(label=label, help_text=help_text, max_length=field.max_length, widget=widget, **options)


def _count_field(label: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=1_000_000)


class StoryForm(forms.Form):
    """The text of a story. `version` is the version that the editor opened; 0 for a new story."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    caret = forms.IntegerField(widget=forms.HiddenInput, min_value=0, required=False)
    title = _text_field("title")
    summary = _text_field("summary", rows=3, required=False)
    body = forms.CharField(
        label=gettext_lazy("Text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 18, "data-markdown": ""}),
        help_text=gettext_lazy(
            "You can use **bold**, ## Heading, [link](/map/), - list and > quote. Leave a blank line between paragraphs. You can paste from a word processor."
        ),
    )
    category = forms.ChoiceField(
        label=gettext_lazy("Category"), choices=StoryCategory.choices, initial=StoryCategory.OTHER
    )
    what_happened = _text_field("what_happened", required=False)
    how_soon = forms.ChoiceField(label=gettext_lazy("How soon after the tip"), choices=HowSoon.choices, required=False)
    arrests = _count_field(gettext_lazy("Arrests"))
    weapons = _count_field(gettext_lazy("Weapons off the street"))
    property_returned = _count_field(gettext_lazy("Items returned"))
    property_words = _text_field("property_words", required=False)
    quote = _text_field("quote", rows=2, required=False)
    quote_by = _text_field("quote_by", required=False)
    you_said = _text_field("you_said", rows=2, required=False)
    we_did = _text_field("we_did", rows=2, required=False)
    lead = forms.ModelChoiceField(
        Picture.objects.none(), label=gettext_lazy("Lead picture"), required=False, empty_label=gettext_lazy("None")
    )
    tags = forms.ModelMultipleChoiceField(
        Tag.objects.all(), label=gettext_lazy("Tags"), required=False, widget=forms.CheckboxSelectMultiple
    )
    areas = forms.MultipleChoiceField(
        label=gettext_lazy("Areas"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Choose the largest area that fits the story. Stories never give an exact place."),
    )
    slug = forms.SlugField(
        label=gettext_lazy("Address"),
        required=False,
        max_length=50,
        help_text=gettext_lazy(
            "The last part of its address. Left empty, it is made of the title. Stays once published."
        ),
    )

    def __init__(self, *args: Any, story: Story | None = None, fixed_slug: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.story = story
        self.fields["slug"].disabled = fixed_slug
        lead: Any = self.fields["lead"]
        newest = Picture.objects.exclude(state=Picture.PictureState.REFUSED).values_list("pk", flat=True)[
            :_MAX_LEAD_CHOICES
        ]
        lead.queryset = Picture.objects.filter(Q(pk__in=list(newest)) | Q(pk=(story.lead_id if story else None) or 0))
        areas: Any = self.fields["areas"]
        areas.choices = area_choices()

    def clean_body(self) -> str:
        body: str = self.cleaned_data["body"]
        try:
            markdown.find_references(body)
        except markdown.TextTooComplexError as error:
            raise ValidationError(str(error)) from None
        return body

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"] or slugify(self.cleaned_data.get("title", ""))[:45].strip("-")
        others = Story.objects.exclude(pk=self.story.pk if self.story else 0)
        if not slug:
            # The title is in a script without ASCII letters. If it is missing, its own error is enough.
            if self.cleaned_data.get("title"):
                raise ValidationError(_("Enter an address with only letters a to z, digits and hyphens."))
            return slug
        if self.cleaned_data["slug"]:
            if slug in RESERVED_SLUGS or others.filter(slug=slug).exists():
                raise ValidationError(_("Another page uses this address. Choose a different one."))
            return slug
        number, free_slug = 1, slug
        while free_slug in RESERVED_SLUGS or others.filter(slug=free_slug).exists():
            number += 1
            free_slug = f"{slug}-{number}"
        return free_slug

    def values(self) -> StoryValues:
        """Return the story's values as outreach/stories/texts.py writes them."""
        data = self.cleaned_data
        areas = [list(area.split(":", 1)) for area in data["areas"]]
        special = {"areas": areas, "lead_id": data["lead"].pk if data["lead"] else None}
        return {name: data.get(name) for name in FIELDS} | special | {"tags": sorted(tag.pk for tag in data["tags"])}


def initial_values(values: StoryValues) -> dict[str, Any]:
    """Return the initial values of a StoryForm for a story's values."""
    areas = [":".join(area) for area in values.get("areas") or []]
    return {**values, "areas": areas, "lead": values.get("lead_id"), "tags": values.get("tags", [])}


class PictureFileForm(forms.Form):
    sent = forms.FileField(
        label=gettext_lazy("Picture"),
        help_text=gettext_lazy("JPEG, PNG, WebP or HEIC, up to 25 MB. We remove the place and time it was taken."),
        error_messages={
            "required": gettext_lazy("Choose a picture."),
            "empty": gettext_lazy("This file is empty. Check that it opens on your computer, then choose it again."),
        },
        widget=forms.FileInput(attrs={"accept": "image/*"}),
    )


class PictureForm(PictureFileForm):
    alt = forms.CharField(
        label=gettext_lazy("What it shows"),
        max_length=200,
        help_text=gettext_lazy("One plain sentence, for people who can't see it."),
        error_messages={"required": gettext_lazy("Say what the picture shows.")},
    )
    credit = forms.CharField(
        label=gettext_lazy("Credit"),
        max_length=100,
        help_text=gettext_lazy("Who took or drew the picture."),
        error_messages={"required": gettext_lazy("Say who took or drew it.")},
    )


class CommentForm(forms.Form):
    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "form": "page-form"}),
        error_messages={"required": gettext_lazy("Write a comment.")},
    )


# Forms of the steps


class ChecksForm(forms.Form):
    """The publishing checks, with no answer preselected."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in checks.QUESTIONS:
            self.fields[question.key] = forms.ChoiceField(
                label=str(question.text),
                help_text=str(question.help),
                choices=[(answer.key, answer.label) for answer in question.answers],
                widget=forms.RadioSelect,
                required=False,
            )


def _note_field(label: Any, help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text=help_text
    )


class StoryReasonForm(forms.Form):
    note = _note_field(gettext_lazy("Reason"), gettext_lazy("Only staff can read it."))


class CorrectionForm(forms.Form):
    note = _note_field(gettext_lazy("Correction"), gettext_lazy("Residents read this below the story, with the date."))


class TimeForm(forms.Form):
    at = LocalDateTimeField(
        label=gettext_lazy("Day and time"),
        required=False,
        day_label=gettext_lazy("Day"),
        time_label=gettext_lazy("Time"),
    )


class CorrectionTimeForm(CorrectionForm, TimeForm):
    """Correction and time, for a story that residents have read."""
