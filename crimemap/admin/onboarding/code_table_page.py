"""The page on which an administrator classifies many codes at once: a step of a new source, and the page for all others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.models import Account
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.models import Category, Visibility
from crimemap.offences import catalogue, classification, code_sheet, code_table, suggestions
from crimemap.offences.classification import Assignment, LastChange
from crimemap.offences.code_table import CodeTable, Filter, Scope
from crimemap.offences.suggestions import Basis

CODES_PER_PAGE = 100
_MAX_PROBLEMS_SHOWN = 30
_LIST_NAMES = {
    "nibrs": gettext_lazy("FBI (NIBRS)"),
    "chicago": gettext_lazy("Chicago (IUCR)"),
    "los_angeles": gettext_lazy("Los Angeles"),
    "new_york": gettext_lazy("New York"),
    "philadelphia": gettext_lazy("Philadelphia (UCR)"),
    "police_uk": gettext_lazy("England and Wales (police.uk)"),
}


class NothingChosenError(Exception):
    """The form can't be carried out; the message says what is missing."""


class FilterForm(forms.Form):
    """The search, kept in the address."""

    words = forms.CharField(label=gettext_lazy("Search"), required=False, max_length=60)
    show = forms.ChoiceField(
        label=gettext_lazy("Show"),
        choices=[("", gettext_lazy("Not classified yet")), ("all", gettext_lazy("All codes"))],
        required=False,
    )
    list = forms.ChoiceField(
        label=gettext_lazy("Suggestions from"),
        choices=lambda: [(name, _LIST_NAMES.get(name, name)) for name in sorted(catalogue.schemes(), key=_list_order)],
        required=False,
    )

    def chosen(self) -> Filter:
        data = self.cleaned_data if self.is_valid() else {}
        return Filter(words=data.get("words", ""), is_unclassified=data.get("show") != "all")

    def list_name(self) -> str:
        return str(self.cleaned_data.get("list", "")) if self.is_valid() else ""


class AssignmentForm(forms.Form):
    """The category and visibility that the selected codes get."""

    category = forms.ModelChoiceField(
        Category.objects.all(), to_field_name="slug", label=gettext_lazy("Category"), required=False
    )
    visibility = forms.ChoiceField(
        choices=[("", "---------"), *Visibility.choices], label=gettext_lazy("Visibility"), required=False
    )
    why = forms.CharField(label=gettext_lazy("Why show more"), required=False, max_length=200)


def _list_order(name: str) -> tuple[bool, str]:
    return name != suggestions.USUAL_LIST, name


def table_response(
    request: HttpRequest,
    by: Account,
    scope: Scope,
    *,
    template: str,
    context: dict[str, Any],
    check: Callable[[], None] = lambda: None,
) -> HttpResponse:
    """Answer GET or POST on a table of codes. `check` runs in the transaction of each change, and may raise to prevent it."""
    filter_form = FilterForm(request.GET)
    table = code_table.load_table(scope, filter_form.chosen(), filter_form.list_name())
    filter_form = FilterForm({**request.GET.dict(), "list": table.list_name})
    form = AssignmentForm(request.POST if request.method == "POST" else None)
    problem, problems = "", list[code_sheet.SheetProblem]()
    if request.method == "POST":
        try:
            assignments, problems = _read_request(request, table, form)
            if not problems:
                _carry_out(request, assignments, by, form.data.get("why", "").strip(), check)
                return HttpResponseRedirect(request.get_full_path())
        except NothingChosenError as error:
            problem = str(error)
        except classification.LooserVisibilityError as error:
            problem = _("Nothing is saved yet. %(why)s It is about: %(codes)s.") % {
                "why": classification.reason_required_message(),
                "codes": ", ".join(map(str, error.codes[:5])),
            }
            context["asks_why"] = True
        except UnreadableFileError as error:
            problem = str(error)
    pages = Paginator(table.rows, CODES_PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    query = {name: value for name, value in request.GET.items() if name != "page" and value}
    context |= {
        "table": table,
        "last_change": _find_last_change(table),
        "is_undo": request.POST.get("act") == "undo",
        "codes": page,
        "filter_form": filter_form,
        "form": form,
        "selected": set(request.POST.getlist("code")),
        "every": "every" in request.POST,
        "problem": problem,
        "problems": problems[:_MAX_PROBLEMS_SHOWN],
        "more_problems": len(problems) - _MAX_PROBLEMS_SHOWN,
        "query": f"?{urlencode(query)}" if query else "",
        "page_query": urlencode(query),
        "word_queries": [(word, count, urlencode({**query, "words": word})) for word, count in table.frequent_words],
        "list_label": _LIST_NAMES.get(table.list_name, table.list_name),
        "is_filtered": bool(filter_form.chosen().words),
        "categories": {category.slug: category.name for category in Category.objects.all()},
    }
    return TemplateResponse(request, template, context, status=422 if problem or problems else 200)


def sheet_response(request: HttpRequest, scope: Scope, file_name: str) -> HttpResponse:
    """Answer with the codes of the page's filter as CSV."""
    filter_form = FilterForm(request.GET)
    table = code_table.load_table(scope, filter_form.chosen(), filter_form.list_name())
    response = HttpResponse("\ufeff" + code_sheet.write_sheet(table), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}.csv"'
    return response


def _read_request(
    request: HttpRequest, table: CodeTable, form: AssignmentForm
) -> tuple[list[Assignment], list[code_sheet.SheetProblem]]:
    """Return what the posted form wants. Raises NothingChosenError, UnreadableFileError."""
    match request.POST.get("act"):
        case "undo":
            return _take_back(request, table), []
        case "list":
            return code_table.take_suggestions(table, Basis.LIST), []
        case "words":
            return code_table.take_suggestions(table, Basis.WORDS), []
        case "common":
            return code_table.take_suggestions(table, Basis.COMMON), []
        case "sheet":
            return _read_uploaded(request, table)
    form.is_valid()
    category, visibility = form.cleaned_data.get("category"), form.cleaned_data.get("visibility", "")
    is_hold = request.POST.get("act") == "hold"
    ids = _selected_ids(request, table)
    if not ids:
        raise NothingChosenError(_("Select at least one code first."))
    if not is_hold and (category is None or not visibility):
        raise NothingChosenError(_("Choose a category and a visibility for the selected codes."))
    if is_hold:
        category, visibility = None, ""
    return [Assignment(number, category, visibility) for number in ids], []


def _selected_ids(request: HttpRequest, table: CodeTable) -> list[int]:
    if "every" in request.POST:
        return [row.code.pk for row in table.rows]
    chosen = set(request.POST.getlist("code"))
    return [row.code.pk for row in table.all_rows if str(row.code.pk) in chosen]


def _find_last_change(table: CodeTable) -> LastChange | None:
    return classification.find_last_change({row.code.pk for row in table.all_rows})


def _take_back(request: HttpRequest, table: CodeTable) -> list[Assignment]:
    """Return the codes of the change that the page showed as they were before. Raises NothingChosenError if it isn't the last."""
    last = _find_last_change(table)
    if last is None or str(last.number) != request.POST.get("change"):
        raise NothingChosenError(
            _(
                "These codes were changed after you opened the page. Nothing is taken back. Look at the last change below."
            )
        )
    return last.assignments


def _read_uploaded(request: HttpRequest, table: CodeTable) -> tuple[list[Assignment], list[code_sheet.SheetProblem]]:
    file = request.FILES.get("sheet")
    if file is None:
        raise NothingChosenError(_("Choose the file with your codes first."))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(file.name or "").name or "codes.csv")
        with path.open("wb") as copy:
            for chunk in file.chunks():
                copy.write(chunk)
        content = code_sheet.read_sheet(path, table)
    if not content.assignments and not content.problems:
        raise NothingChosenError(_("No line of this file has a category. Fill in the columns category and visibility."))
    return content.assignments, content.problems


def _carry_out(
    request: HttpRequest, assignments: list[Assignment], by: Account, reason: str, check: Callable[[], None]
) -> None:
    with transaction.atomic():
        check()
        count = classification.classify_each(assignments, by, reason)
    if not count:
        messages.info(request, _("These codes are already as you want them. Nothing changed."))
        return
    changed = ngettext("%(count)s code is changed.", "%(count)s codes are changed.", count) % {"count": count}
    messages.success(request, changed)
