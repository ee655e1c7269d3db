"""The demo city's people and tips: four staff accounts, and tips that went the way every tip goes.

Everything is written by the modules that write it for real, each step at its own time of a made-up month. Running it again
changes nothing; running it after it was cut short finishes it. Two lines of the audit trail say what is done.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import tomllib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from core import audit
from core.demo_clock import clock_at
from core.models import Account, AuditEntry
from core.staff import groups
from crimemap import places
from tipportal.demo import attachments
from tips import conversation, form_tokens, intake, receipts, vault
from tips.desk import triage
from tips.files.attachments import Upload
from tips.files.uploads import Incoming
from tips.models import Alert, Author, Category, Disposition, Duty, State, Tip

# Fixed, so that it can stand in documents and tests: it opens nothing but a made-up tip.
RECEIPT = "lantern harbor copper quiet pebble garden willow"
SCRIPT = Path(__file__).parent / "tips.toml"
NAMES = {
    groups.OFFICER: ("Amara", "Lindholm"),
    groups.SUPERVISOR: ("Tomas", "Okoye"),
    groups.COMMUNICATIONS: ("Priya", "Marsh"),
    groups.ADMINISTRATOR: ("Jonah", "Vance"),
}
ACTOR = "demo"  # no account has this name
ACCOUNTS_MADE, TIPS_MADE = "made the demo accounts", "made the demo tips"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a tip; `number` makes its form id."""

    tip: str
    number: int
    at: dt.datetime
    do: str
    details: dict[str, Any]

    @property
    def form_id(self) -> bytes:
        return hashlib.sha256(f"Riverton {self.tip} {self.number}".encode()).digest()[: form_tokens.ID_BYTES]


def password(role: str) -> str:
    """Four words that follow from this portal's secret key: the same at every start, and written nowhere."""
    digest = hmac.digest(settings.SECRET_KEY.encode(), f"demo account {role}".encode(), "sha256")
    words = receipts.words()
    return "-".join(words[int.from_bytes(digest[i : i + 8], "big") % len(words)] for i in range(0, 32, 8))


def make_accounts() -> None:
    """One account a role, with the password of `password`; again only when the secret key was replaced."""
    passwords = {role: password(role) for role in NAMES}
    mark = hashlib.sha256(repr(passwords).encode()).hexdigest()[:8]
    if _done(ACCOUNTS_MADE, mark):
        return
    with transaction.atomic():
        for role, (first, last) in NAMES.items():
            account, _ = Account.objects.get_or_create(
                username=role,
                defaults={"first_name": first, "last_name": last, "email": f"{role}@example.org", "is_staff": True},
            )
            account.set_password(passwords[role])
            account.save(update_fields=["password"])
            account.groups.set([Group.objects.get(name=role)])
        # On duty for everything: no category chosen.
        Duty.objects.get_or_create(officer=Account.objects.get(username=groups.OFFICER), defaults={"on_duty": True})
        Duty.objects.get_or_create(officer=Account.objects.get(username=groups.SUPERVISOR))
        audit.record(ACTOR, ACCOUNTS_MADE, detail=mark)


def make_tips() -> None:
    """The tips of the script; afterwards only the one of the demo receipt, should its source have deleted it."""
    script = {tip["name"]: tip for tip in tomllib.loads(SCRIPT.read_text(encoding="utf-8"))["tip"]}
    if _done(TIPS_MADE):
        script = {name: tip for name, tip in script.items() if tip.get("demo_receipt") and not _arrived(name)}
    if not script:
        return
    for step in sorted(_steps(script), key=lambda step: step.at):
        with clock_at(step.at):
            _take(step) if step.do == "send" else _follow(step)
    audit.record(ACTOR, TIPS_MADE)


def _done(action: str, mark: str = "") -> bool:
    last = AuditEntry.objects.filter(actor=ACTOR, action=action).order_by("-at").first()
    return last is not None and last.detail == mark


def _steps(script: dict[str, dict[str, Any]]) -> Iterator[Step]:
    now = timezone.now()
    for name, tip in script.items():
        arrived = now - _duration(tip["age"])
        yield Step(name, 0, arrived, "send", tip)
        for number, details in enumerate(tip.get("then", []), 1):
            yield Step(name, number, arrived + _duration(details["after"]), details["do"], details)


def _duration(text: str) -> dt.timedelta:
    """ "1d 2h 10m" """
    units = {"d": "days", "h": "hours", "m": "minutes"}
    return dt.timedelta(**{units[unit]: int(number) for number, unit in re.findall(r"(\d+)([dhm])", text)})


def _token_id(name: str) -> bytes:
    return hashlib.sha256(f"Riverton {name}".encode()).digest()[: form_tokens.ID_BYTES]


def _arrived(name: str) -> bool:
    return Tip.objects.filter(form_hash=form_tokens.hash_of(_token_id(name))).exists()


def _take(step: Step) -> None:
    """Send the tip as the form would, unless an earlier run did."""
    if _arrived(step.tip):
        return
    tip = step.details
    words = receipts.words()
    positions = tuple(words.index(word) for word in RECEIPT.split()) if tip.get("demo_receipt") else receipts.draw()
    place = places.search(tip["find"])[0] if "find" in tip else None
    report = intake.Report(
        category=Category.objects.get(slug=tip["category"]),
        description=tip["description"].strip(),
        danger=tip.get("danger", ""),
        answers=[intake.Answer(question, answer) for question, answer in tip.get("answers", {}).items()],
        place=place.name if place else tip.get("place", ""),
        place_ref=place.ref if place else "",
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        when=tip.get("when", ""),
    )
    token = form_tokens.FormToken(_token_id(step.tip), int(step.at.timestamp()), positions)
    files = _files(tip)
    _quietly(lambda: intake.take(report, token, files))


def _files(details: dict[str, Any]) -> list[Upload]:
    """The files of a step, sealed as they arrive. None where no media worker was ever started: nobody would clean them."""
    if not vault.key_files(settings.MEDIA_PUBLIC_KEYS, "pub"):
        return []
    files = []
    for name in details.get("files", []):
        incoming = Incoming(uuid.uuid4(), vault.random_key(), settings.TIP_MAX_BYTES)
        incoming.write(attachments.FILES[name]())
        files.append(incoming.finish())
    return files


def _follow(step: Step) -> None:
    """What an officer or the source did next. Each is nothing the second time."""
    tip = Tip.objects.get(form_hash=form_tokens.hash_of(_token_id(step.tip)))
    officer = Account.objects.get(username=groups.OFFICER)
    text = step.details.get("text", "").strip()
    match step.do:
        case "open":
            if tip.state == State.NEW or tip.messages.filter(author=Author.SOURCE, read=False).exists():
                triage.open_tip(tip.pk, officer)
        case "assign":
            triage.assign(tip, officer, officer)
        case "ask" | "answer":
            triage.answer(tip, officer, text, step.form_id, ask=step.do == "ask")
        case "note":
            triage.note(tip, officer, text, step.form_id)
        case "source":
            key = conversation.key_for_officer(tip)
            files = _files(step.details)
            _quietly(lambda: conversation.add_from_source(tip, key, text, step.form_id, files))
        case "close":
            triage.close(tip, officer, Disposition(step.details["disposition"]))
        case unknown:
            raise ValueError(f"{step.tip}: nothing is called {unknown!r}")


def _quietly(write: Callable[[], object]) -> None:
    """Write without telling officers: a month of old alerts would only be in the way of the first real one."""
    with transaction.atomic():
        known = set(Alert.objects.values_list("pk", flat=True))
        write()
        Alert.objects.exclude(pk__in=known).update(state=Alert.AlertState.SPREAD)
