"""Taking a tip: seal it, write it, alert the officers. All that happens when a tip arrives is in `take`."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils import timezone

from tips import officer_alerts, receipts, vault
from tips.files import attachments
from tips.files.attachments import Upload
from tips.form_tokens import FormToken
from tips.models import AgencyKey, Author, Category, Priority, Tip, rounded_now

MAX_DESCRIPTION_LENGTH = 10_000
MAX_ANSWER_LENGTH = 1_000
# How long the same form still shows its receipt, in case the first answer was lost on the way. Arrival times are stored
# rounded down to five minutes, so this gives between 15 and 20 minutes.
RECEIPT_REPEATED_FOR = dt.timedelta(minutes=20)

_KEY_RETIRED_TRIES = 3


@dataclass(frozen=True, slots=True)
class FollowUpAnswer:
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a source sends first. Only category and description are required; "" and None mean not said."""

    category: Category
    description: str
    danger: str = ""  # "yes", "no", "unknown" or ""
    answers: list[FollowUpAnswer] = field(default_factory=list)
    place: str = ""
    place_ref: str = ""  # of crimemap.places.lookup
    latitude: float | None = None
    longitude: float | None = None
    when: str = ""
    incident: str = ""  # the public id of the one on the map that it is about
    about: str = ""  # the same in words, as crimemap.places.lookup had them when the tip was sent

    @property
    def priority(self) -> Priority:
        return Priority.URGENT if self.danger == "yes" else Priority.NORMAL

    def as_text(self, arrived_at: dt.datetime) -> str:
        """The JSON that is sealed: all but the category, with the exact arrival."""
        return json.dumps(
            {
                "arrived_at": arrived_at.isoformat(timespec="seconds"),
                "description": self.description,
                "danger": self.danger,
                "answers": [{"question": a.question, "answer": a.answer} for a in self.answers],
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
    """This very form was taken before, with so many files. `receipt` is set while it may still be shown."""

    def __init__(self, receipt: str | None, files: int) -> None:
        super().__init__()
        self.receipt = receipt
        self.files = files


def accept_tip(report: Report, token: FormToken, uploads: Sequence[Upload] = ()) -> str:
    """Take a tip with its files and return its receipt: once this returns, all of it is on the disk.

    Raises AlreadyArrivedError for a form that was taken before, receipts.BusyError when too many are in line, and
    vault.KeyMissingError when the node has no agency key. Whatever is raised, nothing was written.

    A form that was taken before is recognised when its row is refused: callers that can be asked again for nothing ask
    refuse_if_arrived first, which spares Argon2id.
    """
    secret = receipts.stretch_receipt(token.receipt)
    for attempt in range(_KEY_RETIRED_TRIES):
        try:
            _write(report, token, secret, uploads)
        except IntegrityError:
            refuse_if_arrived(token.form_hash, token.receipt)
            if attempt == _KEY_RETIRED_TRIES - 1:
                raise
        else:
            break
    return token.receipt


def refuse_if_arrived(form_hash: bytes, receipt: str | None) -> None:
    """Raise AlreadyArrivedError if this form's tip is here, with the receipt unless it is too late to show it again."""
    tips = Tip.objects.filter(form_hash=form_hash)
    received_at = tips.values_list("received_at", flat=True).first()
    if received_at is not None:
        recent = timezone.now() - received_at < RECEIPT_REPEATED_FOR
        files = tips.aggregate(files=Count("attachments", Q(attachments__message=None)))["files"]
        raise AlreadyArrivedError(receipt if recent else None, files)


def _write(report: Report, token: FormToken, secret: vault.SourceSecret, uploads: Sequence[Upload]) -> None:
    key = vault.generate_key()
    tip_id = uuid.uuid4()
    key_id, key_for_agency = vault.seal_key_to_newest(key, settings.AGENCY_PUBLIC_KEYS)
    with transaction.atomic():
        tip = Tip.objects.create(
            id=tip_id,
            category=report.category,
            priority=report.priority,
            received_at=rounded_now(),
            agency_key=AgencyKey(id=key_id),
            key_for_agency=key_for_agency,
            key_for_source=vault.seal_key_to_source(key, secret.seed),
            token_hash=secret.token_hash,
            form_hash=token.form_hash,
            report=vault.seal_text(key, report.as_text(timezone.now()), report_context(tip_id)),
        )
        attachments.add(tip, key, uploads)
        officer_alerts.raise_alert(tip)


def report_context(tip_id: uuid.UUID) -> vault.SealContext:
    return vault.SealContext(tip=tip_id, row=tip_id, kind="report", author=Author.SOURCE, position=0, field="report")
