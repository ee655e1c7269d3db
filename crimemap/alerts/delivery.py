"""The outbox of incident alerts: send each Delivery, with at most one worker per address.

A mail's text is composed at each try from the incidents published then. So an incident withdrawn in the meantime is left
out, and the queue holds no incidents.
"""

from __future__ import annotations

import datetime as dt

from django.core.mail import EmailMessage
from django.utils import timezone

from core.mail import outbox
from core.mail.outbox import Outbox
from crimemap.alerts import messages, planning
from crimemap.alerts.new_incidents import NewIncidents
from crimemap.models import Delivery, Subscription
from crimemap.snapshot import published_incidents, reader

MAX_REFUSALS = 3  # consecutive mails to an address that the mail server does not know
RETRY_PERIOD = dt.timedelta(days=4)

DeliveryState = Delivery.DeliveryState


def send_due(limit: int = outbox.BATCH_SIZE) -> bool:
    """Send at most `limit` due mails. Return whether more can be sent now."""
    batch = outbox.due_rows(Delivery, limit + 1)
    if not batch:
        return False
    try:
        published = reader.current()
    except published_incidents.NothingPublishedError:
        return False
    now = timezone.now()
    first_editions = [edition for delivery in batch for _pk, edition in delivery.parts]
    news = (
        planning.load_new_incidents(published, min(first_editions), now)
        if first_editions
        else NewIncidents(published, [], now.date())
    )
    return DeliveryOutbox(news).send(batch[:limit]) and len(batch) > limit


class DeliveryOutbox(Outbox[Delivery]):
    """Mails about incidents. Deletes an address after MAX_REFUSALS consecutive mails that the server refused."""

    model = Delivery
    name = "incident alerts"
    serial_field = "address_hash"  # the next mail to an address leaves out the incidents of the one before

    def __init__(self, news: NewIncidents) -> None:
        self.news = news

    def compose(self, row: Delivery) -> EmailMessage | None:
        mail = self.compose_mail(row)
        if mail is None:
            return None
        row.told = mail.sent_ids
        return mail.message

    def compose_mail(self, delivery: Delivery) -> messages.AlertMail | None:
        """Return the mail and the ids of its incidents, or None if there is nothing left to report."""
        if delivery.confirms_id is not None:
            unconfirmed = Subscription.objects.filter(pk=delivery.confirms_id, confirmed_at=None).first()
            return messages.compose_confirmation(unconfirmed, self.news.published) if unconfirmed else None
        keys = [pk for pk, _after in delivery.parts]
        confirmed = Subscription.objects.filter(
            pk__in=keys, address_hash=delivery.address_hash, confirmed_at__isnull=False
        )
        subscriptions = list(confirmed.order_by("pk"))
        return (
            messages.compose_news(delivery, subscriptions, self.news, _read_sent_ids(delivery))
            if subscriptions
            else None
        )

    def is_confirmation(self, row: Delivery) -> bool:
        return row.confirms_id is not None

    def record_sent(self, row: Delivery) -> None:
        confirmed = Subscription.objects.filter(address_hash=row.address_hash, confirmed_at__isnull=False)
        has_several = confirmed[1:].exists()
        self.settle(row, state=DeliveryState.SENT, told=row.told if has_several else b"")
        Delivery.objects.filter(address_hash=row.address_hash, state=DeliveryState.REFUSED).delete()

    def record_needless(self, row: Delivery) -> None:
        self.settle(row, state=DeliveryState.EMPTY)

    def record_refusal(self, row: Delivery) -> None:
        """Give up on the mail; delete the address after MAX_REFUSALS consecutive refusals."""
        if row.confirms_id is not None:
            Delivery.objects.filter(pk=row.pk).delete()
            Subscription.objects.filter(pk=row.confirms_id, confirmed_at=None).delete()
            return
        self.settle(row, state=DeliveryState.REFUSED)
        refused = Delivery.objects.filter(address_hash=row.address_hash, state=DeliveryState.REFUSED)
        if refused.count() >= MAX_REFUSALS:
            planning.delete_address(bytes(row.address_hash))

    def postpone(self, row: Delivery) -> None:
        if row.made_at < self.now() - RETRY_PERIOD:
            self.settle(row, state=DeliveryState.FAILED)
        else:
            super().postpone(row)


def _read_sent_ids(delivery: Delivery) -> bytes:
    """Return the packed public ids of incidents in earlier mails to this address."""
    sent = Delivery.objects.filter(address_hash=delivery.address_hash, state=DeliveryState.SENT).exclude(told=b"")
    return b"".join(bytes(packed) for packed in sent.values_list("told", flat=True))
