"""Plan the mails of e-mail alerts: find new incidents and due alerts, and write a Delivery for each mail.

crimemap/alerts/delivery.py sends them.

- Incidents appear late and in any order. An incident is new if no earlier edition has it: an Edition is written for each
  publication that is processed, with the ids that no edition before has. The first edition holds the incidents known when
  alerts began; no mail reports it. An incident that changes later is in an edition already and is never new again.
- A due alert reports the incidents of editions after `sent_up_to` that are still published and match it now. `sent_up_to`
  advances in the transaction that writes the Delivery, so each incident is reported once, even if a process is killed.
  Alerts of one address that are due at the same time share one mail.
- The database rows are the truth: planning and sending may each run at any time, twice or not at all.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import Min, Q
from django.utils import timezone

from crimemap.alerts import new_incidents
from crimemap.alerts.new_incidents import AlertCriteria, NewIncidents
from crimemap.models import AlertLink, Delivery, Edition, Subscription
from crimemap.places import former_codes
from crimemap.snapshot import published_incidents, reader
from crimemap.snapshot.published_incidents import PublishedIncidents

MAX_INCIDENT_AGE = dt.timedelta(days=60)  # an incident that is first published later than this is not reported
LONGEST_RHYTHM = dt.timedelta(days=31)
FIRST_EDITION = 1
SENDING_HOUR = 7  # hour of the day in the agency's time zone at which the day's mails start
UNCONFIRMED_LIFETIME = dt.timedelta(days=2)
SETTLED_LIFETIME = dt.timedelta(days=7)
# How long we store which incidents an address with several alerts has received: until no other alert of it can report them.
SENT_IDS_LIFETIME = MAX_INCIDENT_AGE + LONGEST_RHYTHM
_BATCH_SIZE = 1000

Rhythm = Subscription.Rhythm
DeliveryState = Delivery.DeliveryState


@dataclass
class AlertPlan:
    """The figures of one run: incidents new since the run before, alerts that were due, and mails written."""

    new_count: int = 0
    due_by_rhythm: Counter[str] = field(default_factory=Counter)
    mail_count: int = 0


# New incidents


def read_edition(now: dt.datetime) -> tuple[PublishedIncidents, Edition] | None:
    """Return the published incidents and their edition, unsaved if it is new, or None if nothing is published."""
    try:
        published = reader.current()
    except published_incidents.NothingPublishedError:
        return None
    newest = Edition.objects.only("number", "version").last()
    if newest is not None and newest.version == published.version:
        return published, newest
    ids = new_incidents.list_ids_since(published, find_first_news_day(now))
    earlier_ids = [new_incidents.unpack_ids(packed) for packed in Edition.objects.values_list("public_ids", flat=True)]
    if earlier_ids:
        ids = np.setdiff1d(ids, np.concatenate(earlier_ids))
    number = newest.number + 1 if newest else FIRST_EDITION
    return published, Edition(number=number, version=published.version, made_at=now, public_ids=ids.tobytes())


def find_first_news_day(now: dt.datetime) -> dt.date:
    """Return the earliest day whose incidents may still be reported."""
    return (timezone.localtime(now) - MAX_INCIDENT_AGE).date()


# Due alerts


def find_period_start(rhythm: str, now: dt.datetime) -> dt.date:
    """Return the first day of the current sending period: a day, a week from Monday or a month, from SENDING_HOUR on."""
    day = (timezone.localtime(now).replace(tzinfo=None) - dt.timedelta(hours=SENDING_HOUR)).date()
    if rhythm == Rhythm.WEEKLY:
        return day - dt.timedelta(day.weekday())
    return day.replace(day=1) if rhythm == Rhythm.MONTHLY else day


def build_due_condition(now: dt.datetime) -> Q:
    """Return the condition for confirmed alerts that were not processed in their current day, week or month."""
    due_by_rhythm = (Q(rhythm=rhythm, looked_on__lt=find_period_start(rhythm, now)) for rhythm in Rhythm.values)
    return Q(*due_by_rhythm, _connector=Q.OR) & Q(confirmed_at__isnull=False)


def plan_mails(now: dt.datetime | None = None, *, dry_run: bool = False) -> AlertPlan:
    """Save new incidents as an edition, and write a Delivery for each address with a matching due alert.

    `dry_run`: only count.
    """
    now = now or timezone.now()
    plan = AlertPlan()
    found = read_edition(now)
    if found is None:
        return plan
    published, edition = found
    if edition._state.adding:
        plan.new_count = 0 if edition.number == FIRST_EDITION else len(edition.public_ids) // 12
        try:
            if not dry_run:
                with transaction.atomic():
                    edition.save(force_insert=True)
        except IntegrityError:  # another worker saved this edition at the same moment
            return plan_mails(now)
    due_alerts = list(Subscription.objects.filter(build_due_condition(now)).only(*_READ_COLUMNS))
    plan.due_by_rhythm.update(each.rhythm for each in due_alerts)
    parts = match_due_alerts(due_alerts, published, edition, now)
    plan.mail_count = len(parts)
    if not dry_run:
        _write_deliveries(due_alerts, parts, edition.number, now)
    return plan


_READ_COLUMNS = (
    "address_hash", "layer", "code", "latitude", "longitude", "radius", "categories", "rhythm", "sent_up_to", "looked_on",
)  # fmt: skip


def read_criteria(subscription: Subscription) -> AlertCriteria:
    """Return the criteria of a stored alert."""
    row = subscription
    circle = None
    if row.latitude is not None and row.longitude is not None and row.radius is not None:
        circle = row.latitude, row.longitude, float(row.radius)
    area = (row.layer, former_codes.current_code(row.layer, row.code)) if row.layer else None
    return AlertCriteria(area, circle, frozenset(row.categories))


def load_new_incidents(
    published: PublishedIncidents, after: int, now: dt.datetime, unsaved: Edition | None = None
) -> NewIncidents:
    """Return the incidents of all editions after `after` except the first one. `unsaved`: a newer edition, not stored yet."""
    later = Edition.objects.filter(number__gt=max(after, FIRST_EDITION))
    editions = [(number, bytes(packed)) for number, packed in later.values_list("number", "public_ids")]
    if unsaved is not None and unsaved._state.adding and unsaved.number > FIRST_EDITION:
        editions.append((unsaved.number, bytes(unsaved.public_ids)))
    oldest = later.aggregate(made_at=Min("made_at"))["made_at"] or now
    return NewIncidents(published, editions, find_first_news_day(oldest))


def match_due_alerts(
    due_alerts: Iterable[Subscription], published: PublishedIncidents, edition: Edition, now: dt.datetime
) -> dict[bytes, list[tuple[int, int]]]:
    """Return alerts that match new incidents, by address hash: pairs of the alert's key and the edition it was sent up to."""
    behind = [each for each in due_alerts if each.sent_up_to < edition.number]
    if not behind:
        return {}
    news = load_new_incidents(published, min(each.sent_up_to for each in behind), now, edition)
    has_matches: dict[tuple[AlertCriteria, int], bool] = {}
    parts: defaultdict[bytes, list[tuple[int, int]]] = defaultdict(list)
    for each in behind:
        key = read_criteria(each), each.sent_up_to
        if key not in has_matches:
            has_matches[key] = len(news.find_matches(*key, edition.number)) > 0
        if has_matches[key]:
            parts[bytes(each.address_hash)].append((each.pk, each.sent_up_to))
    return dict(parts)


def _write_deliveries(
    due_alerts: list[Subscription], parts: dict[bytes, list[tuple[int, int]]], up_to: int, now: dt.datetime
) -> None:
    """Advance the due alerts and write one Delivery per address, in batches of one transaction each."""
    due_alerts.sort(key=lambda each: bytes(each.address_hash))
    for batch in _batch_by_address(due_alerts):
        with transaction.atomic():
            locked = _lock_unchanged(batch)
            deliveries = []
            for address in {bytes(each.address_hash) for each in batch if each.pk in locked}:
                locked_parts = [part for part in parts.get(address, ()) if part[0] in locked]
                if locked_parts:
                    deliveries.append(
                        Delivery(
                            address_hash=address, parts=locked_parts, up_to=up_to, made_at=now, next_attempt_at=now
                        )
                    )
            Delivery.objects.bulk_create(deliveries)
            for rhythm in Rhythm.values:
                Subscription.objects.filter(pk__in=locked, rhythm=rhythm).update(
                    sent_up_to=up_to, looked_on=find_period_start(rhythm, now)
                )


def _lock_unchanged(batch: list[Subscription]) -> set[int]:
    """Lock a batch and return the keys of alerts that are unchanged since they were read; the next run handles the others."""
    state_as_read = {each.pk: tuple(getattr(each, name) for name in _READ_COLUMNS) for each in batch}
    rows = Subscription.objects.select_for_update().filter(pk__in=state_as_read).order_by("pk")
    return {pk for pk, *state in rows.values_list("pk", *_READ_COLUMNS) if state_as_read[pk] == tuple(state)}


def _batch_by_address(alerts: list[Subscription]) -> Iterator[list[Subscription]]:
    """Yield batches of `alerts`, which are sorted by address; all alerts of one address are in the same batch."""
    batch: list[Subscription] = []
    for each in alerts:
        if len(batch) >= _BATCH_SIZE and each.address_hash != batch[-1].address_hash:
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


# Deletion


def delete_outdated(now: dt.datetime | None = None) -> None:
    """Delete outdated unconfirmed alerts, old settled mails, and editions that no mail can need anymore."""
    now = now or timezone.now()
    Subscription.objects.filter(confirmed_at=None, asked_at__lt=now - UNCONFIRMED_LIFETIME).delete()
    settled = Delivery.objects.exclude(state=DeliveryState.WAITING)
    settled.filter(made_at__lt=now - SENT_IDS_LIFETIME).delete()
    settled.exclude(state=DeliveryState.REFUSED).filter(made_at__lt=now - SETTLED_LIFETIME, told=b"").delete()
    newest = Edition.objects.only("number").last()
    old = Edition.objects.filter(made_at__lt=now - MAX_INCIDENT_AGE - LONGEST_RHYTHM)
    if newest is not None and old.exists():
        old.filter(number__lt=newest.number, number__lte=_last_unneeded_edition(newest.number)).delete()


def _last_unneeded_edition(newest: int) -> int:
    """Return the number of the newest edition that neither an alert nor a waiting mail needs."""
    confirmed = Subscription.objects.filter(confirmed_at__isnull=False)
    behind = confirmed.aggregate(number=Min("sent_up_to"))["number"]
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING).values_list("parts", flat=True)
    needed: list[int] = [after for parts in waiting.iterator() for _pk, after in parts]
    return min(newest, *needed, newest if behind is None else behind)


def delete_address(address_hash: bytes) -> None:
    """Delete an address with its alerts, links and mails."""
    with transaction.atomic():
        AlertLink.objects.filter(address_hash=address_hash).delete()
        Delivery.objects.filter(address_hash=address_hash).delete()
        Subscription.objects.filter(address_hash=address_hash).delete()
