"""Accept a tip: seal it, write it, alert the officers. All of that is in accept_tip."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core.row_insertion import insert_row
from tips import form_tokens, officer_alerts, receipts, vault
from tips.callers.routes import TipRoute
from tips.files import attachments
from tips.files.attachments import Upload
from tips.form_tokens import FormToken
from tips.models import AgencyKey, Attachment, Category, Priority, Tip, current_hour

MAX_DESCRIPTION_LENGTH = 10_000
MAX_ANSWER_LENGTH = 1_000

_KEY_RETIRED_TRIES = 3


@dataclass(frozen=True, slots=True)
class FollowUpAnswer:
    """A source's answer to a follow-up question of the category, with the question as it read then."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Report:
    """A tip as its source sends it. Only category and description are required; "" and None mean not answered."""

    category: Category
    description: str
    danger: str = ""  # "yes", "no", "unknown" or ""
    answers: list[FollowUpAnswer] = field(default_factory=list)
    place: str = ""
    place_ref: str = ""  # a reference of crimemap.places.lookup
    latitude: float | None = None
    longitude: float | None = None
    when: str = ""
    incident: str = ""  # public id of the incident on the map that the tip is about
    about: str = ""  # that incident in words, as the map described it when the tip was sent
    no_internet: bool = False  # of a tip for a caller: its source can't come back to read an answer

    @property
    def priority(self) -> Priority:
        return Priority.URGENT if self.danger == "yes" else Priority.NORMAL

    def as_text(
        self, arrived_at: dt.datetime, route: TipRoute = TipRoute.WEB, read_out: vault.SourceSecret | None = None
    ) -> str:
        """Return the JSON to seal: the whole report, with the exact time of arrival.

        The category goes by the name that the source chose: the tip's own category is the desk's, and may change. `read_out` is the
        secret of the receipt that an officer reads to the source, which is replaced (tips/source/receipt_change.py).
        """
        from_caller = (
            {"route": route.slug, "no_internet": self.no_internet, "read_out": read_out.token_hash.hex()}
            if read_out
            else {}
        )
        return json.dumps(
            {
                **from_caller,
                "category": self.category.name,
                "arrived_at": arrived_at.isoformat(timespec="seconds"),
                "description": self.description,
                "danger": self.danger,
                "answers": [{"question": answer.question, "answer": answer.answer} for answer in self.answers],
                "place": self.place,
                "place_ref": self.place_ref,
                "latitude": self.latitude,
                "longitude": self.longitude,
                "when": self.when,
                "incident": self.incident,
                "about": self.about,
            },
            ensure_ascii=False,
        )


class AlreadyArrivedError(Exception):
    """This form was accepted before, with `file_count` files.

    `token` is None when it no longer opens, and once the source has seen its receipt (`receipt_seen`).
    """

    def __init__(self, token: FormToken | None, file_count: int, *, receipt_seen: bool) -> None:
        super().__init__()
        self.token = token
        self.file_count = file_count
        self.receipt_seen = receipt_seen


def accept_tip(report: Report, token: FormToken, uploads: Sequence[Upload] = ()) -> str:
    """Seal and store a tip with its files, and return its receipt: once this returns, all of it is on the disk.

    Raises AlreadyArrivedError for a form that was accepted before, receipts.ReceiptQueueFullError when too many sources
    wait, and vault.KeyMissingError when the node has no agency key. Whatever is raised, nothing was written.

    A form that was accepted before is recognized when its row violates a constraint. Call refuse_if_arrived first where
    repeats are likely: it spares Argon2id.
    """
    secret = receipts.stretch_receipt(token.receipt)
    for attempt in range(_KEY_RETIRED_TRIES):
        try:
            _store(report, token, secret, uploads)
        except IntegrityError:
            refuse_if_arrived(token.form_hash, token)
            if attempt == _KEY_RETIRED_TRIES - 1:
                raise
        else:
            break
    return token.receipt


def refuse_if_arrived(form_hash: bytes, token: FormToken | None) -> None:
    """Raise AlreadyArrivedError if this form's tip is stored, with the receipt until the source has seen it.

    Until then a response may have been lost on the way, so the same form shows the receipt as often as it is posted. A form
    whose tip its source has deleted counts as one whose receipt was seen: Back must not send it again.
    """
    # Asked for every tip: the ORM would take four times the CPU of the query.
    with connection.cursor() as cursor:
        cursor.execute("SELECT receipt_seen FROM tips_tip WHERE form_hash = %s", [form_hash])
        row = cursor.fetchone()
    if row is not None:
        (receipt_seen,) = row
        attached = Attachment.objects.filter(tip__form_hash=form_hash, message=None)
        raise AlreadyArrivedError(None if receipt_seen else token, attached.count(), receipt_seen=receipt_seen)
    if form_tokens.is_spent(form_hash):
        raise AlreadyArrivedError(None, 0, receipt_seen=True)


def mark_receipt_seen(**tip: bytes) -> None:
    """Record that the source has seen the receipt of the tip with this `form_hash` or `token_hash`.

    What is stored is a yes or no, without a time.
    """
    Tip.objects.filter(receipt_seen=False, **tip).update(receipt_seen=True)


def _store(report: Report, token: FormToken, secret: vault.SourceSecret, uploads: Sequence[Upload]) -> None:
    key = vault.generate_key()
    tip_id = uuid.uuid4()
    read_out = None if token.route is TipRoute.WEB else secret
    text = report.as_text(timezone.now(), token.route, read_out)
    key_id, key_for_agency = vault.seal_key_to_newest(key, settings.AGENCY_PUBLIC_KEYS)
    with transaction.atomic():
        tip = Tip(
            id=tip_id,
            category=report.category,
            priority=report.priority,
            received_at=current_hour(),
            agency_key=AgencyKey(id=key_id),
            key_for_agency=key_for_agency,
            key_for_source=vault.seal_key_to_source(key, secret.seed),
            token_hash=secret.token_hash,
            form_hash=token.form_hash,
            report=vault.seal_text(key, text, vault.report_context(tip_id)),
        )
        insert_row(tip)
        attachments.add(tip, key, uploads)
        officer_alerts.raise_alert(tip)
