"""The plain fields that are written without a template are those of Django's templates, to the byte."""

import pytest
from django import forms
from django.forms.renderers import TemplatesSetting

from core.web.form_renderer import FormRenderer

HOSTILE = "<script>\"'&amp; {{ 7 }}"


@pytest.mark.parametrize("value", [None, "", "0", 7, "two\nlines", HOSTILE])
@pytest.mark.parametrize(
    "widget",
    [
        forms.Textarea({"rows": 2, "required": True, "disabled": False, "data-words": HOSTILE}),
        forms.TextInput({"inputmode": "numeric", "maxlength": 40, "autofocus": True}),
        forms.HiddenInput({"id": None}),
        forms.DateTimeInput({"type": "datetime-local"}),
        forms.CheckboxInput({"class": HOSTILE}),
        forms.Select({"required": True}, [("", HOSTILE), ("0", "None"), (7, "Seven"), (HOSTILE, "Hostile")]),
        forms.Select({}, [("", "All"), (HOSTILE, [("0", "In a group"), (7, "With others")])]),
        forms.Select(),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_field_is_written_as_djangos_template_writes_it(widget: forms.Widget, value: object) -> None:
    ours, theirs = (
        widget.render(f"name {HOSTILE}", value, {"id": f"id-{HOSTILE}"}, renderer)
        for renderer in (FormRenderer(), TemplatesSetting())
    )
    assert ours == theirs
