"""The pages of “Add a source”: one for each step. Each works alone, without script, and can be left and opened again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from core.models import Account
from crimemap.admin import quirk_names, samples
from crimemap.admin.onboarding import code_table_page, columns_page, roles_form
from crimemap.admin.onboarding.roles_form import RolesForm
from crimemap.admin.onboarding.setup_forms import DiscardForm, FileForm, PublishForm
from crimemap.importing import header, pipeline, profiles
from crimemap.importing.arrival import draft_files, jobs
from crimemap.importing.column_mapping import Sample
from crimemap.importing.profiles import generic
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.models import Source, SourceDraft
from crimemap.offences.code_table import Scope
from crimemap.onboarding import drafts, fixes, outcome, steps
from crimemap.onboarding.drafts import DraftChangedError, FileGoneError, SentFile
from crimemap.onboarding.steps import CODES, COLUMNS, FILE, PUBLISH, REPORT, ROWS

Context = dict[str, Any]


def step_url(draft: SourceDraft, name: str) -> str:
    return reverse(f"admin:crimemap_source_setup_{name}", args=[draft.pk])


def find_draft(number: int) -> SourceDraft:
    """Raises Http404 for a source that is published, or isn't there."""
    draft = SourceDraft.objects.select_related("source", "test_run", "changed_by").filter(pk=number).first()
    if draft is None:
        raise Http404
    return draft


def new_source_response(request: HttpRequest, by: Account, context: Context) -> HttpResponse:
    """Show the first step of a source that doesn't exist yet, or create it from its first file."""
    form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
    if form.is_bound and form.is_valid():
        sent, settings = _read_sent(form)
        if sent:
            data = form.cleaned_data
            try:
                draft = drafts.start(data["name"], data["time_zone"], settings, sent, by)
                _tell_known_profile(request, draft)
                return HttpResponseRedirect(step_url(draft, COLUMNS))
            except jobs.ImportNotPossibleError as error:
                form.add_error(None, str(error))
            except OSError:
                form.add_error(None, _no_space())
    context |= {"form": form, "steps": _preview_steps(), "step": FILE}
    return _page(request, "file", context, has_errors=bool(form.errors))


def step_response(request: HttpRequest, name: str, number: int, by: Account, context: Context) -> HttpResponse:
    """Answer GET or POST on a step of a source that is being set up."""
    draft = find_draft(number)
    listed = steps.list_steps(draft)
    step = next(each for each in listed if each.name == name)
    if not step.is_open:
        blocking = next(each for each in listed if each.missing)
        messages.info(request, blocking.missing)
        return HttpResponseRedirect(step_url(draft, blocking.name))
    context |= {
        "draft": draft,
        "source": draft.source,
        "steps": [(each, step_url(draft, each.name)) for each in listed],
        "step": name,
        "step_number": step.number,
    }
    answers: dict[str, Callable[[HttpRequest, SourceDraft, Account, Context], HttpResponse]] = {
        FILE: _answer_file,
        COLUMNS: _answer_columns,
        ROWS: _answer_rows,
        CODES: _answer_codes,
        REPORT: _answer_report,
        PUBLISH: _answer_publish,
    }
    return _guarded(request, draft, by, context, answers[name])


def discard_response(request: HttpRequest, number: int, by: Account, context: Context) -> HttpResponse:
    """Ask whether a source that was never published shall be deleted, and do it."""
    draft = find_draft(number)
    context |= {"draft": draft, "source": draft.source}
    return _guarded(request, draft, by, context, _answer_discard)


def codes_sheet_response(request: HttpRequest, number: int) -> HttpResponse:
    draft = find_draft(number)
    if draft.test_run is None:
        raise Http404
    return code_table_page.sheet_response(request, _scope(draft), f"codes-{draft.source.slug}")


def _guarded(
    request: HttpRequest,
    draft: SourceDraft,
    by: Account,
    context: Context,
    answer: Callable[[HttpRequest, SourceDraft, Account, Context], HttpResponse],
) -> HttpResponse:
    """Answer, or say that another person was faster, that the file is gone, or that another import is running."""
    try:
        return answer(request, draft, by, context)
    except DraftChangedError as error:
        changed = error.draft
        messages.warning(
            request,
            _("%(person)s changed this source on %(when)s, after you opened the page. Your change isn't saved. Look at it as it is now, then make your change again.")
            % {
                "person": changed.changed_by or _("Another person"),
                "when": date_format(localtime(changed.changed_at), "DATETIME_FORMAT"),
            },
        )  # fmt: skip
    except FileGoneError:
        return HttpResponseRedirect(step_url(draft, FILE))
    except jobs.ImportNotPossibleError as error:
        messages.warning(request, str(error))
    return HttpResponseRedirect(request.get_full_path())


# Steps


def _answer_file(request: HttpRequest, draft: SourceDraft, by: Account, context: Context) -> HttpResponse:
    source, has_file = draft.source, draft_files.find_file(draft.source) is not None
    if request.method == "POST":
        form = FileForm(request.POST, request.FILES, has_file=has_file)
        if form.is_valid():
            fields = {"name": form.cleaned_data["name"], "time_zone": form.cleaned_data["time_zone"]}
            is_kept = not form.cleaned_data.get("sample")
            if is_kept and form.reading_options() == generic.stored_reading_options(source.profile_config):
                with transaction.atomic():
                    drafts.change(draft, _version(request), by, fields)
                return HttpResponseRedirect(step_url(draft, COLUMNS))
            sent, settings = _read_kept(form, source) if is_kept else _read_sent(form)
            if sent:
                if settings["profile"] == profiles.GENERIC and source.profile == profiles.GENERIC:
                    # The columns stay as chosen: most often the second file is a better export of the same kind.
                    settings = {"profile_config": {**source.profile_config, **settings["profile_config"]}}
                try:
                    if is_kept:
                        drafts.read_again(draft, _version(request), by, fields | settings, sent.sample)
                    else:
                        drafts.replace_file(draft, _version(request), by, fields | settings, sent)
                    _tell_known_profile(request, draft)
                    return HttpResponseRedirect(step_url(draft, COLUMNS))
                except OSError:
                    form.add_error(None, _no_space())
    else:
        options = generic.stored_reading_options(source.profile_config)
        initial = {"name": source.name, "time_zone": source.time_zone, **samples.initial_values(options)}
        form = FileForm(initial=initial, has_file=has_file)
    return _page(request, "file", context | {"form": form, "has_file": has_file}, has_errors=bool(form.errors))


def _answer_columns(request: HttpRequest, draft: SourceDraft, by: Account, context: Context) -> HttpResponse:
    source, sample = draft.source, _load_sample(draft)
    if request.POST.get("act") == "by_hand":
        with transaction.atomic():
            options = generic.stored_reading_options(source.profile_config)
            fields = {"profile": profiles.GENERIC, "profile_config": asdict(options)}
            drafts.change(draft, _version(request), by, fields)
        return HttpResponseRedirect(step_url(draft, COLUMNS))
    if source.profile != profiles.GENERIC:
        context["known_profile"] = profiles.get_profile(source.profile)
        return _page(request, "columns", context)
    form = roles_form.start_form(sample, source)
    if request.method == "POST":
        form = RolesForm(request.POST, sample=sample, source=source, guessed=form.guessed)
        if form.is_valid() and "preview" not in request.POST:
            config = form.profile_config(source.profile_config)
            try:
                generic.GenericConfig.parse(config)
            except generic.ConfigError as error:
                form.add_error(None, str(error))
            else:
                fields = {"profile_config": config, "time_zone": form.cleaned_data["time_zone"]}
                with transaction.atomic():
                    drafts.change(draft, _version(request), by, fields)
                return HttpResponseRedirect(step_url(draft, ROWS))
    context |= {"form": form, "sample": sample, "reading": samples.describe_reading(sample)}
    context |= columns_page.preview_context(form, sample, source)
    return _page(request, "columns", context, has_errors=bool(form.errors))


def _answer_rows(request: HttpRequest, draft: SourceDraft, by: Account, context: Context) -> HttpResponse:
    source, sample = draft.source, _load_sample(draft)
    is_generic = source.profile == profiles.GENERIC
    if request.method == "POST" and is_generic and "fix" in request.POST:
        config = fixes.apply_fix(sample, source, request.POST["fix"])
        if config:
            with transaction.atomic():
                drafts.change(draft, _version(request), by, {"profile_config": config})
            messages.success(request, _("Changed. See below what the rows become now."))
        return HttpResponseRedirect(step_url(draft, ROWS))
    if request.method == "POST":
        if draft.test_run is None or not draft.rows_checked:
            drafts.request_test(draft, _version(request), by)
        return HttpResponseRedirect(step_url(draft, CODES))
    profile = pipeline.profile_of(source)
    context |= columns_page.side_by_side(sample, profile, source)
    context["fixes"] = fixes.list_fixes(sample, source) if is_generic else []
    return _page(request, "rows", context)


def _answer_codes(request: HttpRequest, draft: SourceDraft, by: Account, context: Context) -> HttpResponse:
    run = draft.test_run
    if run is None or run.state in jobs.OPEN_STATES or run.state == steps.State.FAILED:
        context |= _run_context(draft)
        return _page(request, "reading", context)

    def check() -> None:
        drafts.change(draft, _version(request), by, {})

    context["sheet_url"] = reverse("admin:crimemap_source_setup_sheet", args=[draft.pk])
    return code_table_page.table_response(
        request, by, _scope(draft), template="admin/crimemap/setup/codes.html", context=context, check=check
    )


def _answer_report(request: HttpRequest, draft: SourceDraft, by: Account, context: Context) -> HttpResponse:
    if request.method == "POST":
        drafts.request_test(draft, _version(request), by)
        return HttpResponseRedirect(step_url(draft, CODES))
    return _page(request, "report", context | _run_context(draft))


def _answer_publish(request: HttpRequest, draft: SourceDraft, by: Account, context: Context) -> HttpResponse:
    source = draft.source
    initial = {"embargo_days": source.embargo_days, "expected_interval": source.expected_interval}
    form = PublishForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        fields = {"embargo_days": data["embargo_days"], "expected_interval": data["expected_interval"]}
        run = drafts.publish(draft, _version(request), by, fields)
        messages.success(
            request,
            _(
                "%(source)s is published. Its first file is being imported. Residents see the incidents when their wait is over."
            )
            % {"source": source},
        )
        return HttpResponseRedirect(reverse("admin:crimemap_importrun_change", args=[run.pk]))
    return _page(request, "publish", context | {"form": form} | _run_context(draft), has_errors=bool(form.errors))


def _answer_discard(request: HttpRequest, draft: SourceDraft, by: Account, context: Context) -> HttpResponse:
    form = DiscardForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        drafts.discard(draft, _version(request), by)
        messages.success(request, _("%(source)s is deleted. Nothing of it was ever public.") % {"source": draft.source})
        return HttpResponseRedirect(reverse("admin:crimemap_source_changelist"))
    return _page(request, "discard", context | {"form": form}, has_errors=bool(form.errors))


# Parts


def _page(request: HttpRequest, name: str, context: Context, *, has_errors: bool = False) -> HttpResponse:
    return TemplateResponse(
        request,
        f"admin/crimemap/setup/{name}.html",
        context | {"has_errors": has_errors},
        status=422 if has_errors else 200,
    )


def _preview_steps() -> list[tuple[steps.Step, str]]:
    return [
        (steps.Step(name, number, str(steps.TITLES[name]), "-", number == 1), "")
        for number, name in enumerate(steps.NAMES, 1)
    ]


def _version(request: HttpRequest) -> int:
    text = request.POST.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _read_sent(form: FileForm) -> tuple[SentFile | None, dict[str, Any]]:
    """Return the file with its first rows, and the profile and settings that fit them; None with an error in the form."""
    file, options = form.cleaned_data["sample"], form.reading_options()
    try:
        sample = samples.read_uploaded(file, options)
    except UnreadableFileError as error:
        form.add_error("pasted" if form.cleaned_data.get("pasted") else "sample", str(error))
        return None, {}
    known = header.find_fitting_profiles(sample.header)
    settings = {"profile": known[0] if known else profiles.GENERIC, "profile_config": asdict(options)}
    return SentFile(file, samples.as_json(sample)), settings


def _read_kept(form: FileForm, source: Source) -> tuple[SentFile | None, dict[str, Any]]:
    """Do the same with the source's file, which is read again in the way that the form says. Raises FileGoneError."""
    path = draft_files.find_file(source)
    if path is None:
        raise FileGoneError
    with draft_files.open_copy(path) as file:
        form.cleaned_data["sample"] = file
        return _read_sent(form)


def _tell_known_profile(request: HttpRequest, draft: SourceDraft) -> None:
    if draft.source.profile != profiles.GENERIC:
        label = profiles.get_profile(draft.source.profile).label
        messages.success(
            request, _("These are the columns of “%(profile)s”, which the portal knows.") % {"profile": label}
        )


def _load_sample(draft: SourceDraft) -> Sample:
    """Raises FileGoneError."""
    sample = samples.parse_posted(draft_files.load_sample(draft.source))
    if sample is None:
        raise FileGoneError
    return sample


def _scope(draft: SourceDraft) -> Scope:
    return Scope(scheme=pipeline.profile_of(draft.source).scheme, test_run=draft.test_run)


def _run_context(draft: SourceDraft) -> Context:
    """Describe the test run: its progress, or its result by what residents would see."""
    run = draft.test_run
    if run is None or run.state in jobs.OPEN_STATES:
        percent = min(100, run.read * 100 // run.rows_total) if run and run.rows_total else None
        return {"run": run, "is_open": True, "percent": percent}
    return {
        "run": run,
        "is_open": False,
        "outcome": outcome.count_outcome(run),
        "quirks": quirk_names.name_all(run.report.get("quirks", {})),
        "cells": quirk_names.name_all(run.report.get("cells", {})),
        "unread": run.report.get("unread", 0),
        "streets": run.report.get("streets", []),
        "undecided": run.report.get("undecided", 0),
        "problems": list(run.problems.all()[:10]),
        "unmapped": run.report.get("unmapped", 0),
    }


def _no_space() -> str:
    return _("The server has no space for this file. Tell the person who runs the server.")
