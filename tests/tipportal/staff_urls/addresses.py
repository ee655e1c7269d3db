"""Every address of the staff side, from the URL resolver itself, with the ids of rows that exist."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import URLPattern, URLResolver
from django.utils import timezone

from core.models import Account
from outreach.models import Guide, GuideRevision, Story, StoryRevision
from tests.outreach import desk
from tests.tips.desk import officers
from tests.tips.files import sealed_files
from tipportal import public_urls, urls
from tips.desk import file_access, triage
from tips.models import AlertChannel

# In the rows of the world: an answer to someone who is not signed in must not have it.
MARKER = "quillwort"

# Addresses whose id is not of the model that they begin with.
ABOUT_OTHERS: dict[str, type[models.Model]] = {
    "admin/core/failedattempt/accounts/": Account,
    "admin/outreach/channel/of-story/": Story,
}

Patterns = list[URLPattern | URLResolver]


@dataclass(frozen=True, slots=True)
class StaffAddress:
    """A URL pattern: its name, or its path where it has none, and the path with ids filled in."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class World:
    """A row of each kind. `rows` has one of each model of the admin, `values` what the parameters of addresses stand for."""

    rows: dict[type[models.Model], models.Model]
    values: dict[str, Any]

    def list_addresses(self, session_key: str = "") -> list[StaffAddress]:
        """Return each address once; `session_key` is that of the session for which addresses of files are signed."""
        part = file_access.sign_part_address(self.values["tip_id"], 1, 0, session_key)
        values = self.values | {"address": part}
        found = {}
        for path in _list_patterns(staff_patterns()):
            address = _fill(path.pattern, values | self._object_of(path.pattern))
            found.setdefault(address, StaffAddress(path.name or path.pattern, address))
        return sorted(found.values(), key=lambda each: each.path)

    def _object_of(self, pattern: str) -> dict[str, Any]:
        """Return the row that the address is about, by the names that patterns use: mostly that of "admin/APP/MODEL/"."""
        others = (model for prefix, model in ABOUT_OTHERS.items() if pattern.startswith(prefix))
        model = next(others, next((model for model in self.rows if pattern.startswith(_prefix(model))), None))
        if model is None:
            return {}
        row = self.rows[model]
        versions = {
            Story: lambda: StoryRevision.objects.filter(story=row.pk),
            Guide: lambda: GuideRevision.objects.filter(guide=row.pk),
        }
        ids = dict.fromkeys(("object_id", "pk", "id"), row.pk)
        return ids | ({"revision": versions[model]().latest("pk").pk} if model in versions else {})


@dataclass(frozen=True, slots=True)
class _NamedPattern:
    name: str | None
    pattern: str


def staff_patterns() -> Patterns:
    """Return the patterns that only processes for staff have."""
    return [pattern for pattern in urls.urlpatterns if pattern not in [*public_urls.urlpatterns, *urls.both_sides]]


def create_world() -> World:
    """Create the rows. Needs a store of files of its own."""
    author, second = desk.create_account(f"{MARKER}1"), desk.create_account(f"{MARKER}2")
    tip = sealed_files.send_tip(sealed_files.store_upload(b"photo"), description=f"A {MARKER} on the bank")
    sealed_files.finish_photo(tip.attachments.get())
    triage.open_tip(tip.pk, officers.create_officer(f"{MARKER}3"))
    story = desk.create_published_story(author, second, title=f"{MARKER} steps")
    picture = desk.create_ready_picture(alt=MARKER)
    channel = AlertChannel.objects.create(officer=author, kind="webhook", host=f"{MARKER}.example", address=MARKER)
    rows: dict[type[models.Model], models.Model] = {}
    for model in admin.site._registry:
        given = {type(row): row for row in (tip, story, picture, author, channel)}.get(model)
        rows[model] = given or _find_or_create(model)
    file = picture.files.get_queryset().first() if hasattr(picture, "files") else None
    values = {
        "tip_id": tip.pk,
        "view_id": 1,
        "account_id": author.pk,
        "list_id": 1,
        "number": 1,
        "name": "submit",
        "digest": file.digest if file else "0" * 64,
        "form": "webp",
        "secret": "A" * 43,
        "slug": next(row for model, row in rows.items() if model.__name__ == "Source").slug,  # type: ignore[attr-defined]
        "app_label": "tips",
        "url": "r/99/",
        "who": "nobody",
    }
    return World(rows, values)


def _list_patterns(patterns: Patterns, before: str = "") -> Iterator[_NamedPattern]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _list_patterns(pattern.url_patterns, path)
        else:
            yield _NamedPattern(pattern.name, path)


def _fill(pattern: str, values: dict[str, Any]) -> str:
    """Return the path of a pattern. Raises KeyError for a parameter that nobody has thought of: add it to the world."""
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", pattern).replace("^", "").replace("$", "")
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), path)


def _prefix(model: type[models.Model]) -> str:
    return f"admin/{model._meta.app_label}/{model._meta.model_name}/"


def _find_or_create(model: type[models.Model]) -> models.Model:
    """Return a row of the model; a new one has the marker in its texts and the plainest value everywhere else."""
    columns = {}
    for field in model._meta.concrete_fields:
        if field.null or field.blank or field.has_default() or field.generated or field.auto_created:
            continue
        columns[field.name] = _plain_value(field)
    # An account of no role owns the rows that need one.
    same = (
        model._default_manager.filter(username=columns["username"])
        if model is Account
        else model._default_manager.all()
    )
    if (found := same.first()) is not None:
        return found
    row = model(**columns)
    row.save(force_insert=True)
    return row


def _plain_value(field: Any) -> Any:
    if field.is_relation:
        return _find_or_create(field.related_model)
    if field.choices:
        return field.choices[0][0]
    plain: dict[type[models.Field[Any, Any]], Any] = {
        models.BooleanField: False,
        models.DateTimeField: timezone.now(),
        models.DateField: timezone.localdate(),
        models.TimeField: dt.time(8),
        models.FloatField: 1.0,
        models.IntegerField: 100,
        models.JSONField: {"type": "Point", "coordinates": [0, 0]},
        models.BinaryField: b"\x01" * 32,
    }
    # In the order of the fields: an intersection names its streets in order.
    text = f"{MARKER}-{field.creation_counter:06}"[: field.max_length]
    return next((value for kind, value in plain.items() if isinstance(field, kind)), text)
