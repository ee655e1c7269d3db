"""Changes of the agency's settings: stored as a new edition, and written to the audit trail with old and new value."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from core import audit
from core.advisory_locks import lock_until_commit
from core.agency import current_settings, pictures
from core.agency.settings_form import Changes, SettingsForm
from core.models import Account, AgencySettings

SUBJECT = "agency settings"
CHANGED = "changed agency settings"
_LOCK = b"agency"
_DETAIL_CHARACTERS = 480  # of the 500 of a line


def read_stored() -> dict[str, Any]:
    """Return the values of the newest edition by name."""
    newest = AgencySettings.objects.values_list("stored", flat=True).last()
    return newest or {}


def lock_changes() -> None:
    """Let no other transaction change or ask about the settings until the caller's ends."""
    lock_until_commit(_LOCK)


def validate(wanted: dict[str, Any]) -> None:
    """Check values once more, all together. Raises ValidationError."""
    form = SettingsForm({}, dict(SettingsForm(wanted).initial))
    if not all(current_settings.is_digest(wanted[name]) for name in pictures.NAMES if name in wanted):
        raise ValidationError(_("This picture is unknown."))
    if not form.is_valid():
        raise ValidationError([sentence for sentences in form.errors.values() for sentence in sentences])


def store(by: Account, changes: Changes) -> None:
    """Add an edition with the new values. Raises ValidationError, also if an old value is no longer the stored one."""
    with transaction.atomic():
        lock_changes()
        before = read_stored()
        if any(before.get(name) != old for name, (old, _new) in changes.items()):
            raise ValidationError(_("These settings were changed meanwhile. Look at them again."))
        after = before | {name: new for name, (_old, new) in changes.items()}
        after = {name: value for name, value in after.items() if value is not None}
        validate(after)
        AgencySettings.objects.create(stored=after)
        for name, (old, new) in changes.items():
            for detail in _describe_in_lines(name, old, new):
                audit.record(by, CHANGED, SUBJECT, detail)
        transaction.on_commit(current_settings.refresh)


def describe(changes: Changes) -> list[str]:
    """Return a sentence for each change."""
    labels = {name: field.label for name, field in SettingsForm({}).fields.items()} | pictures.NAMES
    return [
        _("%(setting)s: change “%(old)s” to “%(new)s”.")
        % {"setting": labels[name], "old": show_value(name, old), "new": show_value(name, new)}
        for name, (old, new) in changes.items()
        if name in labels
    ]


def summarize(changes: Changes) -> str:
    """Return the changes for one line of the audit trail."""
    return "; ".join(f"{name}: {_write(old)} -> {_write(new)}" for name, (old, new) in changes.items())


def show_value(name: str, value: Any) -> str:
    """Return a value as pages show it; for None the environment's, or "nothing"."""
    if value is None:
        value = _find_default(name)
    elif name in pictures.NAMES:
        return _("picture %(digest)s") % {"digest": pictures.shorten(value)}
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(value) or _("nothing")
    return str(value) if value else _("nothing")


def _find_default(name: str) -> Any:
    defaults = current_settings.combine({})
    if name == "tip_max_megabytes":
        return settings.TIP_MAX_BYTES // current_settings.MEGABYTE
    if name == "crisis_lines":
        return list(defaults.crisis_lines)
    if name.endswith("_color") or name == pictures.CREST:
        return _("the portal's own")
    return getattr(defaults, name)


def _write(value: Any) -> str:
    if value is None:
        return "-"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _describe_in_lines(name: str, before: Any, after: Any) -> Iterator[str]:
    """Yield the change on one line of the trail, or on as many as hold both values whole."""
    detail = f"{name}: {_write(before)} -> {_write(after)}"
    if len(detail) <= _DETAIL_CHARACTERS:
        yield detail
        return
    for word, value in (("before", before), ("after", after)):
        parts = textwrap.wrap(_write(value), _DETAIL_CHARACTERS - 40)
        for number, part in enumerate(parts, 1):
            yield f"{name}, {word} ({number} of {len(parts)}): {part}"
