"""Writes the plain fields of forms without a template: a tip's page has twenty, which took a tenth of its time."""

from __future__ import annotations

from typing import Any

from django.forms.renderers import TemplatesSetting
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_INPUTS = frozenset(f"django/forms/widgets/{name}.html" for name in ("checkbox", "datetime", "hidden", "text"))
_OPTION = "django/forms/widgets/select_option.html"


class FormRenderer(TemplatesSetting):
    """Gives the same as Django's own templates of these widgets; all others have theirs."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        widget = context.get("widget", {})
        match template_name:
            case "django/forms/widgets/textarea.html":
                name, attributes = widget["name"], _write_attributes(widget["attrs"])
                return format_html('<textarea name="{}"{}>\n{}</textarea>', name, attributes, widget["value"] or "")
            case _ if template_name in _INPUTS:
                value = {} if widget["value"] is None else {"value": widget["value"]}
                return format_html(
                    "<input{}>",
                    _write_attributes({"type": widget["type"], "name": widget["name"], **value} | widget["attrs"]),
                )
            case "django/forms/widgets/select.html":
                groups = widget["optgroups"]
                if all(label is None and each["template_name"] == _OPTION for label, (each, *_), _index in groups):
                    options = format_html_join(
                        "", "\n  {}\n", ((_write_option(each),) for _label, (each,), _index in groups)
                    )
                    attributes = _write_attributes(widget["attrs"])
                    return format_html('<select name="{}"{}>{}\n</select>', widget["name"], attributes, options)
        return super().render(template_name, context, request)


def _write_option(option: dict[str, Any]) -> SafeString:
    attributes = _write_attributes(option["attrs"])
    return format_html('<option value="{}"{}>{}</option>', option["value"], attributes, option["label"])


def _write_attributes(attributes: dict[str, Any]) -> SafeString:
    shown = ((name, value) for name, value in attributes.items() if value is not False)
    return format_html_join(
        "",
        "{}",
        (
            (format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value),)
            for name, value in shown
        ),
    )
