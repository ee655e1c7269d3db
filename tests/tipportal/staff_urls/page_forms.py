"""Read the forms of a page, to post them as a browser would."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class PageForm:
    """A form with method POST: where it goes, what each field holds, and its buttons with a name, in order."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)  # names of fields for free text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._form: PageForm | None = None
        self._select = ""
        self._first_option = self._chosen_option = None  # type: str | None
        self._textarea = ""
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self._form = PageForm(given.get("action", ""))
            self.forms.append(self._form)
        form, name = self._form, given.get("name", "")
        if form is None:
            return
        match tag:
            case "input" if name:
                self._add_input(form, name, given)
            case "button" if name and given.get("type", "submit") == "submit" and "disabled" not in given:
                form.buttons.append((name, given.get("value", "")))
            case "textarea":
                self._textarea, self._text = name, ""
            case "select":
                self._select, self._first_option, self._chosen_option = name, None, None
            case "option" if self._select:
                value = given.get("value", "")
                if "selected" in given:
                    self._chosen_option = value
                if value and self._first_option is None:
                    self._first_option = value

    def _add_input(self, form: PageForm, name: str, given: dict[str, str]) -> None:
        kind, value = given.get("type", "text"), given.get("value", "")
        if kind == "submit":
            form.buttons.append((name, value))
        elif kind in ("checkbox", "radio"):
            if "checked" in given:
                form.fields.setdefault(name, []).append(value or "on")
            elif kind == "radio":
                form.fields.setdefault(name, [])
        elif kind != "file":
            form.fields.setdefault(name, []).append(value)
            if kind == "text":
                form.texts.append(name)

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif self._form is None:
            return
        elif tag == "textarea" and self._textarea:
            self._form.fields.setdefault(self._textarea, []).append(self._text.removeprefix("\n"))
            self._form.texts.append(self._textarea)
            self._textarea = ""
        elif tag == "select" and self._select:
            chosen = self._chosen_option if self._chosen_option is not None else self._first_option
            if chosen is not None:
                self._form.fields.setdefault(self._select, []).append(chosen)
            self._select = ""


def read_forms(page: str) -> list[PageForm]:
    """Return the page's forms with method POST, in order."""
    reader = _Reader()
    reader.feed(page)
    return reader.forms
