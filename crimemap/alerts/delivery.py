"""The outbox of incident alerts: sends each Delivery, one worker an address.

A mail is written at each try from what is published then: an incident that was withdrawn meanwhile is left out, and no
incident lies in the queue.
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

MAX_REFUSALS = 3  # mails in a row to an address that the mail server does not know
RETRY_PERIOD = dt.timedelta(days=4)

DeliveryState = Delivery.DeliveryState


def send_due(limit: int = outbox.BATCH_SIZE) -> bool:
    """Send mails that are due, at most `limit`. Return whether more of them can be sent now."""
    batch = outbox.due_rows(Delivery, limit + 1)
    if not batch:
        return False
    try:
        published = reader.current()
    except published_incidents.NothingPublishedError:
        return False
    now = timezone.now()
    told_after = [edition for delivery in batch for _pk, edition in delivery.parts]
    news = (
        planning.load_new_incidents(published, min(told_after), now)
        if told_after
        else NewIncidents(published, [], now.date())
    )
    return DeliveryOutbox(news).send(batch[:limit]) and len(batch) > limit


class DeliveryOutbox(Outbox[Delivery]):
    """Mails about incidents. An address that several mails in a row did not reach is deleted."""

    model = Delivery
    name = "incident alerts"
    serial_field = "address_hash"  # what one mail tells, the next one to the address leaves out

    def __init__(self, news: NewIncidents) -> None:
        self.news = news

    def compose(self, row: Delivery) -> EmailMessage | None:
        mail = self.compose_mail(row)
        if mail is None:
            return None
        row.told = mail.told
        return mail.message

    def compose_mail(self, delivery: Delivery) -> messages.AlertMail | None:
        """Return the mail with the incidents it tells, or None if there is nothing left to say."""
        if delivery.confirms_id is not None:
            unconfirmed = Subscription.objects.filter(pk=delivery.confirms_id, confirmed_at=None).first()
            return messages.compose_confirmation(unconfirmed, self.news.published) if unconfirmed else None
        numbers = [pk for pk, _after in delivery.parts]
        confirmed = Subscription.objects.filter(
            pk__in=numbers, address_hash=delivery.address_hash, confirmed_at__isnull=False
        )
        subscriptions = list(confirmed.order_by("pk"))
        return (
            messages.compose_news(delivery, subscriptions, self.news, _told_before(delivery)) if subscriptions else None
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
        """Give up on the mail, and after some of them in a row on the address."""
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


def _told_before(delivery: Delivery) -> bytes:
    """Return the packed public ids of incidents that mails to this address told already."""
    sent = Delivery.objects.filter(address_hash=delivery.address_hash, state=DeliveryState.SENT).exclude(told=b"")
    return b"".join(bytes(told) for told in sent.values_list("told", flat=True))
