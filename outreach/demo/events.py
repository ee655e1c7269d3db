"""The demo city's events, planned relative to the day it is loaded, and a channel that is not in use."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.models import Account
from core.staff import groups
from crimemap import places
from outreach.channels import transport
from outreach.events import actions
from outreach.models import Channel, Event

# `days` from now, at `hour` o'clock, lasting `minutes`; `find` is the search text for its place on the map
EVENTS: list[dict[str, Any]] = [
    {
        "slug": "coffee-with-an-officer",
        "title": "Coffee with an officer",
        "days": 9, "hour": 10, "minutes": 120,
        "place": "Old Town library, reading room", "find": "Old Town",
        "body": "Two officers from your district, a pot of coffee and no agenda. Ask anything you like. "
        "Nobody writes down who came.\n\n- There are no steps at the door.\n- Children are welcome.\n- We speak Spanish.",
    },
    {
        "slug": "bicycle-marking",
        "title": "Free bike engraving",
        "days": 16, "hour": 14, "minutes": 180,
        "place": "Mill Street steps", "find": "Mill Street",
        "body": "We engrave a number into the frame. It takes **ten minutes**. Bring your bike and, if you have it, "
        "the receipt. [How engraving helps](/stories/marked-bicycles/).",
    },
    {
        "slug": "neighborhood-watch-evening",
        "title": "Starting a neighborhood watch",
        "days": 23, "hour": 19, "minutes": 90,
        "place": "City Hall, room 2", "find": "Arden Street",
        "body": "How a neighborhood watch works, what it can do, and what to leave to the police. We'll also show you the crime map.",
    },
]  # fmt: skip


@transaction.atomic
def load() -> None:
    """Create and publish the events that are missing, as the demo's communications account."""
    by = Account.objects.get(username=groups.COMMUNICATIONS)
    known = set(Event.objects.values_list("slug", flat=True))
    for script in EVENTS:
        if script["slug"] not in known:
            actions.publish_event(actions.create_event(_event_columns(script), by).pk, by)
    address = "jsons://newsroom.riverton.example/portal"
    Channel.objects.get_or_create(
        name="Newsroom (demo, not in use)",
        defaults={
            "address": address, "kind": transport.detect_kind(address), "host": transport.visible_host(address), "enabled": False,
        },
    )  # fmt: skip


def _event_columns(script: dict[str, Any]) -> dict[str, Any]:
    day = timezone.localdate() + dt.timedelta(days=script["days"])
    starts = timezone.make_aware(dt.datetime.combine(day, dt.time(script["hour"])))
    place = next(iter(places.search_places(script["find"], 1)), None)
    return {
        **{name: script[name] for name in ("slug", "title", "body", "place")},
        "starts_at": starts,
        "ends_at": starts + dt.timedelta(minutes=script["minutes"]),
        "place_ref": place.ref if place else "",
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
    }
