"""Each post of staff leaves a line in the audit trail; those that leave none are listed here with the reason.

Addresses are those of roles.txt. A page's form is posted as a browser would, with its texts changed. Where that is not enough, another
test shows the line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import transaction
from django.template.base import Template
from django.test import Client

from core.models import Account, AuditEntry
from core.staff.audited_admin import AuditedAdmin
from tests import staff_session
from tests.stack import ROOT
from tests.tipportal.staff_urls.addresses import StaffAddress, create_world
from tests.tipportal.staff_urls.page_forms import PageForm, read_forms
from tests.tipportal.staff_urls.test_roles import TABLE

# Addresses that change nothing, or nothing but one's own view of the desk.
CHANGES_NOTHING = {
    "index": "reads only",
    "app_list": "reads only",
    "crimemap_area_import": "keeps a file to look at; replacing the layer is recorded",
    "crimemap_block_import": "keeps a file to look at; replacing the blocks is recorded",
    "crimemap_importrun_change": "shows an import; decisions about it are recorded",
    "crimemap_importrun_state": "reads only",
    "outreach_picture_file": "reads only",
    "core_auditentry_check": "proves the trail, which itself is the record",
    "session_state": "says whether the session is locked",
    "recovery_codes": "ends the page that shows new codes; making them is recorded",
    "new_passkey_options": "gives a challenge; adding the passkey is recorded",
    "outreach_story_paste": "turns pasted text into Markdown and stores nothing",
    "outreach_story_preview": "draws a draft and stores nothing",
    "tips_drafts": "gives half of a key; texts stay in the tab",
    "tips_tip_keys": "turns the letters of one's own keyboard on or off",
    "tips_tip_save_view": "names a filter; what it shows is asked of each reader anew",
    "tips_alerts_view": "chooses messages to oneself about a view; none says what is in it",
    "tips_tip_change_view": "renames a filter or deletes it",
    "own_sessions": "ends sessions of one's own; the list of sessions shows it",
}
# The test that shows the line, and the words of the line in it.
SHOWN_BY = {
    "core_account_invitations": ("tests/core/accounts/test_invitations.py", "withdrew the link of"),
    "core_account_invite": ("tests/core/accounts/test_invitations.py", '"invited"'),
    "core_account_invite_list": ("tests/core/accounts/test_appointments.py", '"invited"'),
    "core_account_requests": ("tests/core/accounts/test_consent.py", '"consented to change"'),
    "core_auditentry_list": ("tests/tipportal/audit_trail/test_seen_lists.py", "seen_lists.OPENED"),
    "core_failedattempt_end": ("tests/core/sign_in/test_attempts.py", '"unlocked"'),
    "crimemap_area_preview": ("tests/crimemap/places/test_layer_upload.py", '"imported a layer"'),
    "crimemap_block_preview": ("tests/crimemap/places/test_layer_upload.py", '"imported a layer"'),
    "crimemap_importrun_add": ("tests/crimemap/importing/test_admin.py", "requested an import"),
    "crimemap_importrun_decide": ("tests/crimemap/importing/test_admin.py", '"released an import"'),
    "crimemap_importrun_undo": ("tests/crimemap/importing/test_import_undo.py", '"took an import back"'),
    "crimemap_source_add": ("tests/crimemap/onboarding/test_setup.py", '"started to add a source"'),
    "crimemap_offencecode_classify": ("tests/crimemap/importing/test_admin.py", '"classified a code"'),
    "crimemap_source_delete": ("tests/crimemap/importing/test_source_deletion.py", "deleted an incident source"),
    "outreach_event_cancel": ("tests/outreach/events/test_events.py", '"canceled event"'),
    "outreach_event_publish": ("tests/outreach/events/test_events.py", '"published event"'),
    "outreach_event_add": ("tests/outreach/events/test_events.py", '"added event"'),
    "outreach_event_change": ("tests/outreach/events/test_events.py", '"changed event"'),
    "outreach_guide_version": ("tests/outreach/stories/test_admin.py", '"changed guide"'),
    "outreach_picture_add": ("tests/outreach/stories/test_admin.py", '"added picture"'),
    "outreach_picture_agency": ("tests/outreach/test_agency_pictures.py", "changes.CHANGED"),
    "outreach_picture_agency_add_crest": ("tests/outreach/test_agency_pictures.py", '"added picture"'),
    "outreach_picture_agency_add_home_picture": ("tests/outreach/test_agency_pictures.py", '"added picture"'),
    "outreach_story_change": ("tests/outreach/stories/test_workflow.py", '"created story"'),
    "outreach_story_step": ("tests/outreach/stories/test_workflow.py", '"published story"'),
    "outreach_story_version": ("tests/outreach/stories/test_admin.py", "version"),
    "outreach_channel_add": ("tests/outreach/events/test_admin.py", '"added channel"'),
    "first_run": ("tests/tipportal/test_first_run.py", "checklist.CONFIRMED"),
    "password_change": ("tests/core/staff/test_staff.py", "test_a_change_of_ones_own_password_is_recorded"),
    "factors_add_app": ("tests/core/sign_in/test_factors.py", "added"),
    "factors_add_passkey": ("tests/core/sign_in/test_factors.py", "added"),
    "tips_alerts_mine": ("tests/tips/officer_alerts/test_channels.py", '"added alert channel"'),
    "tips_alerts_urgent": ("tests/tips/officer_alerts/test_escalation.py", '"acknowledged the alert about"'),
    "tips_caller": ("tests/tips/callers/test_callers.py", "test_the_audit_trail_has_one_line_an_officer_and_day"),
    "tips_duty_mine": ("tests/tips/desk/test_admin.py", '"changed duty"'),
    "tips_duty_handover": ("tests/tips/officer_alerts/test_duty_calendar.py", "handover"),
    "tips_tip_change": ("tests/tips/desk/test_admin.py", '"answered"'),
    "tips_tip_search": ("tests/tips/desk/search/test_record.py", "searched"),
    "tips_second_looks": ("tests/tips/desk/test_workload.py", '"looked again at"'),
    "tips_workload": ("tests/tips/desk/test_workload.py", '"reminded"'),
    "tips_workload_move": ("tests/tips/desk/test_workload.py", '"moved tips"'),
}
# Admin pages that write their lines themselves.
OWN_LINES = {"Account", "AuditEntry", "FailedAttempt", "Tip", "Story", "Guide", "Picture", "Channel", "Event", "ImportRun", "AlertChannel",
             "ReportedValue", "Referral", "Subscription", "AgencySettings"}  # fmt: skip
CHANGED = ("name", "title", "label", "alt", "text", "summary", "reason", "first_name")


def list_posted() -> set[str]:
    """Return the names of the addresses to which a role may post, but those of lists, which act through the others."""
    lines = [line.split() for line in TABLE.read_text().splitlines()[1:]]
    posted = {name for name, *roles in lines if any("P" in role for role in roles)}
    return {name for name in posted if not name.endswith(("_changelist", "_history"))}


def find_form(address: StaffAddress, page: str) -> PageForm | None:
    own = [form for form in read_forms(page) if urlsplit(urljoin(address.path, form.action)).path == address.path]
    return max(own, key=lambda form: len(form.fields), default=None)


def fill(form: PageForm) -> dict[str, Any]:
    """Return what the form would post with its first button, after someone had changed the texts."""
    fields: dict[str, Any] = dict(form.fields)
    for name in form.texts:
        present = fields[name][0] if fields.get(name) else ""
        fields[name] = (present + "x" if name in CHANGED else present) or "x"
    return fields | dict(form.buttons[:1])


def is_generic(name: str, generic: set[str]) -> bool:
    """Return whether the address adds, changes or deletes rows through AuditedAdmin."""
    model, _underscore, act = name.rpartition("_")
    return act in ("add", "change", "delete") and model in generic


def test_pages_that_change_rows_record_that_themselves_or_by_their_base_class() -> None:
    unrecorded = {
        model.__name__
        for model, page in admin.site._registry.items()
        if not isinstance(page, AuditedAdmin) and model.__name__ not in OWN_LINES
    }
    assert unrecorded == set()


def test_each_post_of_staff_is_recorded_or_listed_with_the_reason(
    db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_STORE = tmp_path / "media"
    settings.MEDIA_STORE.mkdir()
    world = create_world()
    root = Account.objects.create_user("root", "root@example.org", is_staff=True, is_superuser=True)
    root.groups.set(Group.objects.all())
    client = staff_session.sign_in(Client(raise_request_exception=False), root)
    session_key, posted = client.cookies["staff"].value, list_posted()
    generic = {
        f"{model._meta.app_label}_{model._meta.model_name}"
        for model, page in admin.site._registry.items()
        if isinstance(page, AuditedAdmin)
    }
    walked, silent, broken = set(), set(), []
    for address in world.list_addresses(session_key):
        if address.name not in posted or address.name in CHANGES_NOTHING or address.name in SHOWN_BY:
            continue
        walked.add(address.name)
        before, count = transaction.savepoint(), AuditEntry.objects.count()
        page = client.get(address.path)
        form = find_form(address, page.content.decode()) if page.status_code == 200 and not page.streaming else None
        with monkeypatch.context() as undrawn:  # the answer is not read, and drawing it takes most of the time
            undrawn.setattr(Template, "render", lambda _self, _context: "")
            answer = client.post(address.path, fill(form) if form else {})
        if answer.status_code >= 500:
            broken.append(address.name)
        if AuditEntry.objects.count() == count and not is_generic(address.name, generic):
            silent.add(address.name)
        transaction.savepoint_rollback(before)
        client.cookies["staff"] = session_key
    assert broken == []
    assert silent == set(), "record these, or list them with the reason"
    assert len(walked) > 40
    assert posted >= set(CHANGES_NOTHING) | set(SHOWN_BY), "these are no longer posted to"
    assert {name: words for name, (file, words) in SHOWN_BY.items() if words not in (ROOT / file).read_text()} == {}
