"""E-mail alerts: which incidents are new, whose mail is due, and which mails there are to send (crimemap/alerts/delivery.py sends them).

- Incidents appear late and in any order, so what is new is what no earlier edition has: an Edition is written for each
  publication that is looked at, with the ids that are in it and in no edition before. The first edition ever is what was
  known already, and told to nobody. An incident that changes afterwards is in an edition already: it is never new again.
- An alert that is due tells of the editions after `sent_up_to`, as far as they match it in what is published now. `sent_up_to`
  advances in the transaction that writes the Delivery, so that each incident is told once whatever is killed in between.
  All alerts of an address that are due at one time are one mail.
- Rows are the truth: `plan` can run at any time, twice or not at all, and so can the sending.
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
from crimemap.snapshot import published_incidents, reader
from crimemap.snapshot.published_incidents import PublishedIncidents

MAX_INCIDENT_AGE = dt.timedelta(days=60)  # an incident that first appears later after its day is no news
LONGEST_RHYTHM = dt.timedelta(days=31)
FIRST_EDITION = 1
SENDING_HOUR = 7  # o'clock in the agency's zone, when a day's mails begin to go out
UNCONFIRMED_LIFETIME = dt.timedelta(days=2)
SETTLED_LIFETIME = dt.timedelta(days=7)
# Which incidents an address with several alerts was told: for as long as another of its alerts may come to them.
TOLD_LIFETIME = MAX_INCIDENT_AGE + LONGEST_RHYTHM
_BATCH_SIZE = 1000

Rhythm = Subscription.Rhythm
DeliveryState = Delivery.DeliveryState


@dataclass
class AlertPlan:
    """The figures of one run: incidents that are new since the last, alerts that were due, and mails written for them."""

    new_count: int = 0
    due_by_rhythm: Counter[str] = field(default_factory=Counter)
    mail_count: int = 0


# What is new


def read_edition(now: dt.datetime) -> tuple[PublishedIncidents, Edition] | None:
    """Return what is published with its edition, unsaved if the publication is new. None: nothing is published."""
    try:
        published = reader.current()
    except published_incidents.NothingPublishedError:
        return None
    newest = Edition.objects.only("number", "version").last()
    if newest is not None and newest.version == published.version:
        return published, newest
    ids = new_incidents.list_ids_since(published, first_fresh_day(now))
    known = [new_incidents.unpack_ids(packed) for packed in Edition.objects.values_list("public_ids", flat=True)]
    if known:
        ids = np.setdiff1d(ids, np.concatenate(known))
    number = newest.number + 1 if newest else FIRST_EDITION
    return published, Edition(number=number, version=published.version, made_at=now, public_ids=ids.tobytes())


def first_fresh_day(now: dt.datetime) -> dt.date:
    return (timezone.localtime(now) - MAX_INCIDENT_AGE).date()


# Whose turn it is


def period_start(rhythm: str, now: dt.datetime) -> dt.date:
    """Return the day on which the current day, week (from Monday) or month of mails began."""
    day = (timezone.localtime(now).replace(tzinfo=None) - dt.timedelta(hours=SENDING_HOUR)).date()
    if rhythm == Rhythm.WEEKLY:
        return day - dt.timedelta(day.weekday())
    return day.replace(day=1) if rhythm == Rhythm.MONTHLY else day


def due_condition(now: dt.datetime) -> Q:
    """Return the condition for confirmed alerts that have not been looked at in the current day, week or month."""
    turns = (Q(rhythm=rhythm, looked_on__lt=period_start(rhythm, now)) for rhythm in Rhythm.values)
    return Q(*turns, _connector=Q.OR) & Q(confirmed_at__isnull=False)


def plan_mails(now: dt.datetime | None = None, *, dry: bool = False) -> AlertPlan:
    """Save new incidents as an edition, and write a Delivery for each address with something due. `dry`: only count."""
    now = now or timezone.now()
    plan = AlertPlan()
    looked = read_edition(now)
    if looked is None:
        return plan
    published, edition = looked
    if edition._state.adding:
        plan.new_count = 0 if edition.number == FIRST_EDITION else len(edition.public_ids) // 12
        try:
            if not dry:
                with transaction.atomic():
                    edition.save(force_insert=True)
        except IntegrityError:  # another worker looked at the same moment
            return plan_mails(now)
    waiting = list(Subscription.objects.filter(due_condition(now)).only(*_READ_COLUMNS))
    plan.due_by_rhythm.update(each.rhythm for each in waiting)
    parts = _match_alerts(waiting, published, edition, now)
    plan.mail_count = len(parts)
    if not dry:
        _write_deliveries(waiting, parts, edition.number, now)
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
    return AlertCriteria((row.layer, row.code) if row.layer else None, circle, frozenset(row.categories))


def load_new_incidents(
    published: PublishedIncidents, after: int, now: dt.datetime, unwritten: Edition | None = None
) -> NewIncidents:
    """Return the incidents of all editions after `after`, except those of the first. `unwritten`: an edition not saved yet."""
    told = Edition.objects.filter(number__gt=max(after, FIRST_EDITION))
    editions = [(number, bytes(packed)) for number, packed in told.values_list("number", "public_ids")]
    if unwritten is not None and unwritten._state.adding and unwritten.number > FIRST_EDITION:
        editions.append((unwritten.number, bytes(unwritten.public_ids)))
    oldest = told.aggregate(at=Min("made_at"))["at"] or now
    return NewIncidents(published, editions, first_fresh_day(oldest))


def _match_alerts(
    waiting: Iterable[Subscription], published: PublishedIncidents, edition: Edition, now: dt.datetime
) -> dict[bytes, list[tuple[int, int]]]:
    """Return alerts that match new incidents, by address hash: pairs of the alert's key and the edition it was sent up to."""
    waiting = [each for each in waiting if each.sent_up_to < edition.number]
    if not waiting:
        return {}
    new = load_new_incidents(published, min(each.sent_up_to for each in waiting), now, edition)
    answers: dict[tuple[AlertCriteria, int], bool] = {}
    parts: defaultdict[bytes, list[tuple[int, int]]] = defaultdict(list)
    for each in waiting:
        key = read_criteria(each), each.sent_up_to
        if key not in answers:
            answers[key] = len(new.found(*key, edition.number)) > 0
        if answers[key]:
            parts[bytes(each.address_hash)].append((each.pk, each.sent_up_to))
    return dict(parts)


def _write_deliveries(
    waiting: list[Subscription], parts: dict[bytes, list[tuple[int, int]]], up_to: int, now: dt.datetime
) -> None:
    """Advance the alerts and write one Delivery an address, in batches of one transaction each."""
    waiting.sort(key=lambda each: bytes(each.address_hash))
    for batch in _batch_by_address(waiting):
        with transaction.atomic():
            ours = _lock_unchanged(batch)
            made = []
            for address in {bytes(each.address_hash) for each in batch if each.pk in ours}:
                told = [part for part in parts.get(address, ()) if part[0] in ours]
                if told:
                    made.append(
                        Delivery(address_hash=address, parts=told, up_to=up_to, made_at=now, next_attempt_at=now)
                    )
            Delivery.objects.bulk_create(made)
            for rhythm in Rhythm.values:
                Subscription.objects.filter(pk__in=ours, rhythm=rhythm).update(
                    sent_up_to=up_to, looked_on=period_start(rhythm, now)
                )


def _lock_unchanged(batch: list[Subscription]) -> set[int]:
    """Lock a batch and return the keys of alerts that did not change since they were read. The next run takes the others."""
    known = {each.pk: tuple(getattr(each, name) for name in _READ_COLUMNS) for each in batch}
    rows = Subscription.objects.select_for_update().filter(pk__in=known).order_by("pk")
    return {pk for pk, *state in rows.values_list("pk", *_READ_COLUMNS) if known[pk] == tuple(state)}


def _batch_by_address(waiting: list[Subscription]) -> Iterator[list[Subscription]]:
    """Yield batches that keep each address together; `waiting` is sorted by address."""
    batch: list[Subscription] = []
    for each in waiting:
        if len(batch) >= _BATCH_SIZE and each.address_hash != batch[-1].address_hash:
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


# Tidying


def delete_outdated(now: dt.datetime | None = None) -> None:
    """Delete unconfirmed alerts, old settled mails, and editions that no mail can need any more."""
    now = now or timezone.now()
    Subscription.objects.filter(confirmed_at=None, asked_at__lt=now - UNCONFIRMED_LIFETIME).delete()
    settled = Delivery.objects.exclude(state=DeliveryState.WAITING)
    settled.filter(made_at__lt=now - TOLD_LIFETIME).delete()
    settled.exclude(state=DeliveryState.REFUSED).filter(made_at__lt=now - SETTLED_LIFETIME, told=b"").delete()
    newest = Edition.objects.only("number").last()
    old = Edition.objects.filter(made_at__lt=now - MAX_INCIDENT_AGE - LONGEST_RHYTHM)
    if newest is not None and old.exists():
        old.filter(number__lt=newest.number, number__lte=_last_unneeded_edition(newest.number)).delete()


def _last_unneeded_edition(newest: int) -> int:
    """Return the number of the last edition that no alert and no waiting mail still needs."""
    confirmed = Subscription.objects.filter(confirmed_at__isnull=False)
    behind = confirmed.aggregate(number=Min("sent_up_to"))["number"]
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING).values_list("parts", flat=True)
    needed: list[int] = [after for parts in waiting.iterator() for _pk, after in parts]
    return min(newest, *needed, newest if behind is None else behind)


def delete_address(address_hash: bytes) -> None:
    """Delete an address with its alerts, links and mails, once the mail server has refused it several times."""
    with transaction.atomic():
        AlertLink.objects.filter(address_hash=address_hash).delete()
        Delivery.objects.filter(address_hash=address_hash).delete()
        Subscription.objects.filter(address_hash=address_hash).delete()
