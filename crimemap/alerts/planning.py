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
from crimemap.alerts.new_incidents import News, Wanted
from crimemap.models import AlertLink, Delivery, Edition, Subscription
from crimemap.snapshot import published_incidents, reader
from crimemap.snapshot.published_incidents import PublishedIncidents

FRESH = dt.timedelta(days=60)  # an incident that first appears later after its day is no news
LONGEST_RHYTHM = dt.timedelta(days=31)
FIRST_EDITION = 1
HOUR = 7  # o'clock in the agency's zone, when a day's mails begin to go out
UNCONFIRMED_KEPT = dt.timedelta(days=2)
SETTLED_KEPT = dt.timedelta(days=7)
# Which incidents an address with several alerts was told: for as long as another of its alerts may come to them.
TOLD_KEPT = FRESH + LONGEST_RHYTHM
_AT_ONCE = 1000

Rhythm = Subscription.Rhythm
DeliveryState = Delivery.DeliveryState


@dataclass
class Plan:
    """What a run found: how many incidents are new since the last, alerts by rhythm that were due, and mails made of them."""

    new: int = 0
    due: Counter[str] = field(default_factory=Counter)
    mails: int = 0


# What is new


def look(now: dt.datetime) -> tuple[PublishedIncidents, Edition] | None:
    """What is published and its edition, which is not written yet if the publication is new. None: nothing is published."""
    try:
        published = reader.current()
    except published_incidents.NothingPublishedError:
        return None
    newest = Edition.objects.only("number", "version").last()
    if newest is not None and newest.version == published.version:
        return published, newest
    ids = new_incidents.since_day(published, first_fresh_day(now))
    known = [new_incidents.unpacked(packed) for packed in Edition.objects.values_list("public_ids", flat=True)]
    if known:
        ids = np.setdiff1d(ids, np.concatenate(known))
    number = newest.number + 1 if newest else FIRST_EDITION
    return published, Edition(number=number, version=published.version, made_at=now, public_ids=ids.tobytes())


def first_fresh_day(now: dt.datetime) -> dt.date:
    return (timezone.localtime(now) - FRESH).date()


# Whose turn it is


def began(rhythm: str, now: dt.datetime) -> dt.date:
    """The day on which the running day, week (from Monday) or month of mails began."""
    day = (timezone.localtime(now).replace(tzinfo=None) - dt.timedelta(hours=HOUR)).date()
    if rhythm == Rhythm.WEEKLY:
        return day - dt.timedelta(day.weekday())
    return day.replace(day=1) if rhythm == Rhythm.MONTHLY else day


def due(now: dt.datetime) -> Q:
    """Confirmed alerts whose day, week or month has begun and was not looked at."""
    turns = (Q(rhythm=rhythm, looked_on__lt=began(rhythm, now)) for rhythm in Rhythm.values)
    return Q(*turns, _connector=Q.OR) & Q(confirmed_at__isnull=False)


def plan(now: dt.datetime | None = None, *, dry: bool = False) -> Plan:
    """Write down what is new and a Delivery for each address with something due. `dry`: only tell what that would be."""
    now = now or timezone.now()
    result = Plan()
    looked = look(now)
    if looked is None:
        return result
    published, edition = looked
    if edition._state.adding:
        result.new = 0 if edition.number == FIRST_EDITION else len(edition.public_ids) // 12
        try:
            if not dry:
                with transaction.atomic():
                    edition.save(force_insert=True)
        except IntegrityError:  # another worker looked at the same moment
            return plan(now)
    waiting = list(Subscription.objects.filter(due(now)).only(*_READ))
    result.due.update(each.rhythm for each in waiting)
    parts = _with_something(waiting, published, edition, now)
    result.mails = len(parts)
    if not dry:
        _write(waiting, parts, edition.number, now)
    return result


_READ = (
    "address_hash", "layer", "code", "latitude", "longitude", "radius", "categories", "rhythm", "sent_up_to", "looked_on",
)  # fmt: skip


def wanted(subscription: Subscription) -> Wanted:
    """What it asks for, as crimemap.alerts.new_incidents knows it."""
    row = subscription
    circle = None
    if row.latitude is not None and row.longitude is not None and row.radius is not None:
        circle = row.latitude, row.longitude, float(row.radius)
    return Wanted((row.layer, row.code) if row.layer else None, circle, frozenset(row.categories))


def news_since(published: PublishedIncidents, after: int, now: dt.datetime, unwritten: Edition | None = None) -> News:
    """The incidents of all editions after one, but not of the first."""
    told = Edition.objects.filter(number__gt=max(after, FIRST_EDITION))
    editions = [(number, bytes(packed)) for number, packed in told.values_list("number", "public_ids")]
    if unwritten is not None and unwritten._state.adding and unwritten.number > FIRST_EDITION:
        editions.append((unwritten.number, bytes(unwritten.public_ids)))
    oldest = told.aggregate(at=Min("made_at"))["at"] or now
    return News(published, editions, first_fresh_day(oldest))


def _with_something(
    waiting: Iterable[Subscription], published: PublishedIncidents, edition: Edition, now: dt.datetime
) -> dict[bytes, list[tuple[int, int]]]:
    """By address hash, the alerts that have something to tell, each with the edition after which it tells."""
    waiting = [each for each in waiting if each.sent_up_to < edition.number]
    if not waiting:
        return {}
    new = news_since(published, min(each.sent_up_to for each in waiting), now, edition)
    answers: dict[tuple[Wanted, int], bool] = {}
    parts: defaultdict[bytes, list[tuple[int, int]]] = defaultdict(list)
    for each in waiting:
        key = wanted(each), each.sent_up_to
        if key not in answers:
            answers[key] = len(new.found(*key, edition.number)) > 0
        if answers[key]:
            parts[bytes(each.address_hash)].append((each.pk, each.sent_up_to))
    return dict(parts)


def _write(
    waiting: list[Subscription], parts: dict[bytes, list[tuple[int, int]]], up_to: int, now: dt.datetime
) -> None:
    """Advance the alerts and write the mails, those of an address together; a batch in a transaction."""
    waiting.sort(key=lambda each: bytes(each.address_hash))
    for batch in _by_address(waiting):
        with transaction.atomic():
            ours = _unchanged(batch)
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
                    sent_up_to=up_to, looked_on=began(rhythm, now)
                )


def _unchanged(batch: list[Subscription]) -> set[int]:
    """Those that nobody left or changed and no other worker looked at meanwhile, locked. The others' turn comes again."""
    known = {each.pk: tuple(getattr(each, name) for name in _READ) for each in batch}
    rows = Subscription.objects.select_for_update().filter(pk__in=known).order_by("pk")
    return {pk for pk, *state in rows.values_list("pk", *_READ) if known[pk] == tuple(state)}


def _by_address(waiting: list[Subscription]) -> Iterator[list[Subscription]]:
    """Batches that part no address; `waiting` is sorted by it."""
    batch: list[Subscription] = []
    for each in waiting:
        if len(batch) >= _AT_ONCE and each.address_hash != batch[-1].address_hash:
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


# Tidying


def tidy(now: dt.datetime | None = None) -> None:
    """Delete what nobody confirmed, mails that are settled, and editions whose incidents can be in no mail any more."""
    now = now or timezone.now()
    Subscription.objects.filter(confirmed_at=None, asked_at__lt=now - UNCONFIRMED_KEPT).delete()
    settled = Delivery.objects.exclude(state=DeliveryState.WAITING)
    settled.filter(made_at__lt=now - TOLD_KEPT).delete()
    settled.exclude(state=DeliveryState.REFUSED).filter(made_at__lt=now - SETTLED_KEPT, told=b"").delete()
    newest = Edition.objects.only("number").last()
    old = Edition.objects.filter(made_at__lt=now - FRESH - LONGEST_RHYTHM)
    if newest is not None and old.exists():
        old.filter(number__lt=newest.number, number__lte=_told_everybody(newest.number)).delete()


def _told_everybody(newest: int) -> int:
    """The last edition that no alert and no waiting mail needs: who was not reached for long is told all the same."""
    confirmed = Subscription.objects.filter(confirmed_at__isnull=False)
    behind = confirmed.aggregate(number=Min("sent_up_to"))["number"]
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING).values_list("parts", flat=True)
    needed: list[int] = [after for parts in waiting.iterator() for _pk, after in parts]
    return min(newest, *needed, newest if behind is None else behind)


def forget(address_hash: bytes) -> None:
    """Delete an address with all that hangs on it: the mail server says again and again that there is none."""
    with transaction.atomic():
        AlertLink.objects.filter(address_hash=address_hash).delete()
        Delivery.objects.filter(address_hash=address_hash).delete()
        Subscription.objects.filter(address_hash=address_hash).delete()
