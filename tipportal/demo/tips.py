"""Load the demo city's staff accounts and its tips.

The same modules as in production write everything, each step at its own time in a fictional month. A second run changes
nothing; a run after an interrupted one finishes it. Two entries of the audit trail record what has been loaded.
"""

from __future__ import annotations

import base64
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
from core.agency import current_settings
from core.demo_clock import freeze_clock
from core.models import Account, AuditEntry
from core.sign_in.factors import app_codes
from core.staff import groups
from crimemap import places
from tipportal.demo import attachments
from tips import conversation, form_tokens, intake, receipts, vault
from tips.desk import triage
from tips.desk.alike import links
from tips.files.attachments import Upload
from tips.files.incoming_upload import IncomingUpload
from tips.models import Alert, AnswerTemplate, Author, Category, Disposition, Duty, State, Tip, Unit
from tips.walls import screening

# Fixed, so that documents and tests can quote it; it opens nothing but a fictional tip.
RECEIPT = "lantern harbor copper quiet pebble garden willow"
SCRIPT_FILE = Path(__file__).parent / "tips.toml"
# By username: role, first and last name. The second supervisor consents to what the first one asks for.
ACCOUNTS = {
    groups.OFFICER: (groups.OFFICER, "Amara", "Lindholm"),
    groups.SUPERVISOR: (groups.SUPERVISOR, "Tomas", "Okoye"),
    groups.COMMUNICATIONS: (groups.COMMUNICATIONS, "Priya", "Marsh"),
    groups.ADMINISTRATOR: (groups.ADMINISTRATOR, "Jonah", "Vance"),
    "supervisor2": (groups.SUPERVISOR, "Ingrid", "Castellanos"),
}
ACTOR = "demo"  # no account has this name
ACCOUNTS_MADE, TIPS_MADE = "made the demo accounts", "made the demo tips"


# Title, language and text.
ANSWER_TEMPLATES = (
    ("Thank you, we're on it", "en", "Thank you for writing. We're on it. If anything changes, write to us here."),
    ("One question", "en", "Thank you for writing. One question helps us most: [question]"),
    (
        "Please stay away from it",
        "en",
        "Thank you for writing. Please stay away from it, and don't talk about it with anyone.",
    ),
    ("Gracias, estamos en ello", "es", "Gracias por escribir. Estamos en ello. Si algo cambia, escríbanos aquí."),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One event in the life of a tip. `action` is a word of the script; `number` makes the form id."""

    tip: str
    number: int
    happens_at: dt.datetime
    action: str
    details: dict[str, Any]

    @property
    def form_id(self) -> bytes:
        return hashlib.sha256(f"Riverton {self.tip} {self.number}".encode()).digest()[: form_tokens.ID_BYTES]


def derive_password(user: str) -> str:
    """Derive a password of four words from the secret key: the same at every start, and stored nowhere."""
    digest = hmac.digest(settings.SECRET_KEY.encode(), f"demo account {user}".encode(), "sha256")
    words = receipts.load_words()
    return "-".join(words[int.from_bytes(digest[i : i + 8], "big") % len(words)] for i in range(0, 32, 8))


def derive_app_secret(user: str) -> str:
    """Derive the secret of a demo account's authenticator app, in base 32, in the same way."""
    digest = hmac.digest(settings.SECRET_KEY.encode(), f"demo authenticator app {user}".encode(), "sha256")
    return base64.b32encode(digest[:20]).decode()


def make_accounts() -> None:
    """Make the accounts with their second factors, or give new ones if the secret key has been replaced."""
    passwords = {user: derive_password(user) for user in ACCOUNTS}
    secrets = {user: derive_app_secret(user) for user in ACCOUNTS}
    fingerprint = hashlib.sha256(repr((passwords, secrets)).encode()).hexdigest()[:8]
    if _is_recorded(ACCOUNTS_MADE, fingerprint):
        return
    with transaction.atomic():
        for user, (role, first, last) in ACCOUNTS.items():
            account, _ = Account.objects.get_or_create(
                username=user,
                defaults={"first_name": first, "last_name": last, "email": f"{user}@example.org", "is_staff": True},
            )
            account.set_password(passwords[user])
            account.save(update_fields=["password"])
            account.groups.set([Group.objects.get(name=role)])
            app_codes.add(account, secrets[user])
        # On duty for all categories, since none is chosen.
        Duty.objects.get_or_create(officer=Account.objects.get(username=groups.OFFICER), defaults={"on_duty": True})
        for supervisor in Account.objects.filter(groups__name=groups.SUPERVISOR, username__in=ACCOUNTS):
            Duty.objects.get_or_create(officer=supervisor)
        audit.record(ACTOR, ACCOUNTS_MADE, detail=fingerprint)


def make_tips() -> None:
    """Play the script; in later runs only the tip of the demo receipt, if its source has deleted it."""
    script = {tip["name"]: tip for tip in tomllib.loads(SCRIPT_FILE.read_text(encoding="utf-8"))["tip"]}
    if _is_recorded(TIPS_MADE):
        script = {name: tip for name, tip in script.items() if tip.get("demo_receipt") and not _was_sent(name)}
    if not script:
        return
    _share_categories_out()
    _write_answer_templates()
    for step in sorted(_read_steps(script), key=lambda step: step.happens_at):
        with freeze_clock(step.happens_at):
            _send_tip(step) if step.action == "send" else _play_follow_up(step)
    audit.record(ACTOR, TIPS_MADE)


def _write_answer_templates() -> None:
    """Keep a few answers ready, with a placeholder and a blank to fill in."""
    for order, (title, language, text) in enumerate(ANSWER_TEMPLATES):
        AnswerTemplate.objects.get_or_create(title=title, defaults={"language": language, "text": text, "order": order})


def _share_categories_out() -> None:
    """Make a unit, and offer the sensitive categories with the people who see their tips; only before the first tips."""
    if _is_recorded(TIPS_MADE):
        return
    officer, supervisor = (Account.objects.get(username=role) for role in (groups.OFFICER, groups.SUPERVISOR))
    unit, _ = Unit.objects.get_or_create(name="Narcotics")
    unit.members.set([officer, supervisor])
    Category.objects.filter(slug="drugs").update(unit=unit)
    for category in Category.objects.filter(is_sensitive=True):
        category.readers.set([officer, supervisor] if category.slug == "hate" else [supervisor])
        category.active = True
        category.save(update_fields=["active"])


def _is_recorded(action: str, fingerprint: str = "") -> bool:
    last = AuditEntry.objects.filter(actor=ACTOR, action=action).order_by("-at").first()
    return last is not None and last.detail == fingerprint


def _read_steps(script: dict[str, dict[str, Any]]) -> Iterator[Step]:
    now = timezone.now()
    for name, tip in script.items():
        sent_at = now - _parse_duration(tip["age"])
        yield Step(name, 0, sent_at, "send", tip)
        for number, details in enumerate(tip.get("then", []), 1):
            yield Step(name, number, sent_at + _parse_duration(details["after"]), details["do"], details)


def _parse_duration(text: str) -> dt.timedelta:
    """Parse days, hours and minutes, as in "1d 2h 10m"."""
    units = {"d": "days", "h": "hours", "m": "minutes"}
    return dt.timedelta(**{units[unit]: int(number) for number, unit in re.findall(r"(\d+)([dhm])", text)})


def _derive_token_id(name: str) -> bytes:
    return hashlib.sha256(f"Riverton {name}".encode()).digest()[: form_tokens.ID_BYTES]


def _was_sent(name: str) -> bool:
    return Tip.objects.filter(form_hash=form_tokens.hash_token_id(_derive_token_id(name))).exists()


def _find_tip(name: str) -> Tip:
    return Tip.objects.get(form_hash=form_tokens.hash_token_id(_derive_token_id(name)))


def _send_tip(step: Step) -> None:
    """Send the tip as the form does, unless an earlier run has."""
    if _was_sent(step.tip):
        return
    tip = step.details
    words = receipts.load_words()
    positions = (
        tuple(words.index(word) for word in RECEIPT.split()) if tip.get("demo_receipt") else receipts.draw_positions()
    )
    place = places.search_places(tip["find"])[0] if "find" in tip else None
    report = intake.Report(
        category=Category.objects.get(slug=tip["category"]),
        description=tip["description"].strip(),
        danger=tip.get("danger", ""),
        answers=[intake.FollowUpAnswer(question, answer) for question, answer in tip.get("answers", {}).items()],
        place=place.name if place else tip.get("place", ""),
        place_ref=place.ref if place else "",
        latitude=place.latitude if place else None,
        longitude=place.longitude if place else None,
        when=tip.get("when", ""),
    )
    token = form_tokens.FormToken(_derive_token_id(step.tip), int(step.happens_at.timestamp()), positions)
    files = _seal_files(tip)
    _without_alerts(lambda: intake.accept_tip(report, token, files))


def _seal_files(details: dict[str, Any]) -> list[Upload]:
    """Seal the files of a step. Returns none if no media worker has ever run, since nothing would rebuild them."""
    if not vault.key_files(settings.MEDIA_PUBLIC_KEYS, "pub"):
        return []
    files = []
    for name in details.get("files", []):
        incoming = IncomingUpload(uuid.uuid4(), vault.generate_key(), current_settings.current().tip_max_bytes)
        incoming.write(attachments.FILES[name]())
        files.append(incoming.finish())
    return files


def _compare(tip: Tip) -> None:
    """Have the tip compared with the names of staff. Where the portal runs already, a thread of it may be at it: wait for that."""
    while tip.arrivals.filter(is_recheck=False).exists():
        screening.screen([tip.pk])
        with transaction.atomic():
            Tip.objects.select_for_update(no_key=True).only("pk").get(pk=tip.pk)


def _play_follow_up(step: Step) -> None:
    """Play what an officer or the source did next. A repeated step changes nothing."""
    tip = _find_tip(step.tip)
    others = [_find_tip(name) for name in step.details.get("with", [])]
    for each in (tip, *others):
        _compare(each)
    officer = Account.objects.get(username=step.details.get("by", groups.OFFICER))
    text = step.details.get("text", "").strip()
    match step.action:
        case "open":
            if tip.state == State.NEW or tip.messages.filter(author=Author.SOURCE, read=False).exists():
                triage.open_tip(tip.pk, officer)
        case "assign":
            triage.assign(tip, officer, officer)
        case "ask" | "answer":
            triage.answer(tip, officer, text, step.form_id, ask=step.action == "ask")
        case "note":
            triage.note(tip, officer, text, step.form_id)
        case "source":
            key = conversation.key_for_officer(tip)
            files = _seal_files(step.details)
            _without_alerts(lambda: conversation.add_from_source(tip, key, text, step.form_id, files))
        case "link":
            links.link(tip, [other.pk for other in others], officer)
        case "close":
            triage.close(tip, officer, Disposition(step.details["disposition"]))
        case unknown:
            raise ValueError(f"{step.tip}: nothing is called {unknown!r}")


def _without_alerts(write: Callable[[], object]) -> None:
    """Write without alerting officers: a month of old alerts would bury the first real one."""
    with transaction.atomic():
        alerts_before = set(Alert.objects.values_list("pk", flat=True))
        write()
        Alert.objects.exclude(pk__in=alerts_before).update(state=Alert.AlertState.SPREAD)
