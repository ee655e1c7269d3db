"""Limits guesses of passwords, codes and recovery codes, on the sign-in page and wherever a signed-in account is asked again.

Guesses are counted in three places, so that naming an account locks nobody out of it:

| place | what it counts | after 5 failures |
|---|---|---|
| known browser | one account's failures in one browser that has signed in before | this browser is locked for it for 15 minutes, then longer |
| new browsers | one account's failures in all other browsers together | they wait 15 seconds, then longer |
| address | failures of new browsers at one address, of any names | the address is locked for new browsers for 15 minutes, then longer |

A passkey cannot be guessed, so it is never refused. Each kind of factor has its own count: a thief who has the password must not
begin anew with every code. An attempt counts as failed from before its factor is looked at until it proves right: attempts at the
same time get no more tries than attempts in turns.

The first two counts are in the database and outlast a restart; the addresses are in memory alone (core/sign_in/address_locks.py).
Names that no account has are counted as accounts are, and take the same time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import hashlib
import logging
import math
import unicodedata
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.advisory_locks import lock_until_commit
from core.ephemeral_store import StoreDownError
from core.models import Account, FailedAttempt
from core.sign_in import address_locks
from core.sign_in.client_addresses import hash_address
from core.staff import account_mails, known_browsers

log = logging.getLogger(__name__)

REFUSED = "failed to sign in"
KNOWN_BROWSER = "known browser"  # in an audit entry's detail
FAILURES_ALLOWED = 5
# Failures are consecutive: a right answer resets them, and a day does.
FORGOTTEN_AFTER = dt.timedelta(hours=24)


class Factor(enum.StrEnum):
    """The kinds of answers that an attempt can give, in the words of the audit trail."""

    PASSWORD = "password"  # noqa: S105
    APP_CODE = "app code"
    RECOVERY_CODE = "recovery code"
    PASSKEY = "passkey"


@dataclass(frozen=True, slots=True)
class Waits:
    """The waits that follow the fifth failure and each later one: `first` seconds, each twice the one before, up to `longest`."""

    first: int
    longest: int

    def seconds_after(self, failures: int) -> int:
        return (
            min(self.first * 2 ** min(failures - FAILURES_ALLOWED, 20), self.longest)
            if failures >= FAILURES_ALLOWED
            else 0
        )


IN_KNOWN_BROWSER = Waits(first=15 * 60, longest=12 * 60 * 60)
IN_NEW_BROWSERS = Waits(first=15, longest=15 * 60)
# At most 12 guesses of a code an hour and 36 a day. Of a million codes 3 are right at a time: a chance of 1 in 9,000 a day.
CODES_IN_NEW_BROWSERS = Waits(first=15, longest=60 * 60)


class TooManyAttemptsError(Exception):
    """The attempt was not looked at; the next may be after `seconds`."""

    def __init__(self, seconds: int, *, is_known_browser: bool = False, address: str = "") -> None:
        super().__init__(f"{seconds} s")
        self.seconds = seconds
        self.is_known_browser = is_known_browser
        self.address = address  # hash of the address if that is what is locked


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that counts as failed until `accept`. Call `accept` or `reject` once the factor has been checked."""

    name: str
    account: Account | None
    factor: Factor
    browser: str
    row: FailedAttempt | None
    address: str | None

    def accept(self) -> None:
        """Forget this attempt and the failures of this account, factor and place before it."""
        if self.row:
            _failures(self.account, self.row.unknown_name, self.browser, self.factor).delete()
        if self.address:
            with contextlib.suppress(StoreDownError):
                address_locks.take_back(self.address)

    def reject(self) -> None:
        """Record the failure in the audit trail; mail the owner when codes are guessed by someone who has the password."""
        audit.record(self.name, REFUSED, detail=f"{self.factor}, {KNOWN_BROWSER}" if self.browser else self.factor)
        if self.address:
            with contextlib.suppress(StoreDownError):
                address_locks.record_failure(self.address)
        if self.row is None or self.account is None or self.factor is Factor.PASSWORD:
            return
        if _failures(self.account, "", self.browser, self.factor).count() == FAILURES_ALLOWED:
            _mail_owner(self.account)


def begin(request: HttpRequest | None, claimed: Account | str, factor: Factor) -> Attempt:
    """Count an attempt for the claimed account or typed name. Raises TooManyAttemptsError if it must not be looked at.

    A refused attempt counts for nothing, so it prolongs no wait.
    """
    account = _find_account(claimed) if isinstance(claimed, str) else claimed
    unknown_name = _hash_name(claimed) if account is None and isinstance(claimed, str) else ""
    browser = known_browsers.find_id(request, account) if request and account else ""
    name = account.get_username() if account else f"unknown name {audit.fingerprint(str(claimed))}"
    if factor is Factor.PASSKEY:
        return Attempt(name, account, factor, browser, row=None, address=None)
    address = None if browser else _count_address(request)
    try:
        row = _count(account, unknown_name, browser, factor)
    except TooManyAttemptsError:
        if address:
            with contextlib.suppress(StoreDownError):
                address_locks.take_back(address)
        raise
    return Attempt(name, account, factor, browser, row, address)


def _count(account: Account | None, unknown_name: str, browser: str, factor: Factor) -> FailedAttempt:
    """Add a row for the attempt, one at a time for each account or name. Raises TooManyAttemptsError."""
    now = timezone.now()
    with transaction.atomic():
        lock_until_commit(_lock_name(account, unknown_name))
        FailedAttempt.objects.filter(at__lt=now - FORGOTTEN_AFTER).delete()
        failures = _failures(account, unknown_name, browser, factor)
        if (latest := failures.order_by("-at").first()) is not None:
            wait = _choose_waits(browser, factor).seconds_after(failures.count())
            if (left := math.ceil(wait - (now - latest.at).total_seconds())) > 0:
                raise TooManyAttemptsError(left, is_known_browser=bool(browser))
        return FailedAttempt.objects.create(
            account=account, unknown_name=unknown_name, browser=browser, factor=factor, at=now
        )


@dataclass(frozen=True, slots=True)
class AccountWait:
    """The time that an account must wait for one factor, in one of its known browsers or in all new ones."""

    account: Account
    factor: str
    is_known_browser: bool
    failures: int
    seconds: int


def list_waits() -> list[AccountWait]:
    """Return the accounts that must wait now, the longest wait first."""
    now = timezone.now()
    counts = (
        FailedAttempt.objects.filter(account__isnull=False, at__gt=now - FORGOTTEN_AFTER)
        .values("account", "browser", "factor")
        .annotate(failures=Count("id"), latest=Max("at"))
        .filter(failures__gte=FAILURES_ALLOWED)
    )
    accounts = Account.objects.in_bulk([count["account"] for count in counts])
    waits = []
    for count in counts:
        wait = _choose_waits(count["browser"], Factor(count["factor"])).seconds_after(count["failures"])
        if (left := math.ceil(wait - (now - count["latest"]).total_seconds())) > 0:
            waits.append(
                AccountWait(
                    accounts[count["account"]], count["factor"], bool(count["browser"]), count["failures"], left
                )
            )
    return sorted(waits, key=lambda wait: (-wait.seconds, wait.account.get_username()))


def end_waits(account: Account) -> bool:
    """Forget all failures of an account; return whether there were any."""
    deleted, _rows = FailedAttempt.objects.filter(account=account).delete()
    return deleted > 0


def count_guessed_names() -> int:
    """Return for how many accounts and unknown names an attempt in a new browser has failed in a day: many mean an attack."""
    failed = FailedAttempt.objects.filter(browser="", at__gt=timezone.now() - FORGOTTEN_AFTER)
    return failed.values("account", "unknown_name").distinct().count()


def _choose_waits(browser: str, factor: Factor) -> Waits:
    if browser:
        return IN_KNOWN_BROWSER
    return IN_NEW_BROWSERS if factor is Factor.PASSWORD else CODES_IN_NEW_BROWSERS


def _failures(account: Account | None, unknown_name: str, browser: str, factor: Factor) -> QuerySet[FailedAttempt]:
    return FailedAttempt.objects.filter(account=account, unknown_name=unknown_name, browser=browser, factor=factor)


def _count_address(request: HttpRequest | None) -> str | None:
    """Count an attempt at the request's address and return its hash; None if it cannot be counted.

    Raises TooManyAttemptsError if the address is locked.
    """
    if request is None:
        return None
    try:
        address = hash_address(request)
        seconds = address_locks.begin(address) if address else 0
    except StoreDownError:
        log.error("the memory-only store does not answer: sign-ins are limited by account, not by address")
        return None
    if address and seconds:
        raise TooManyAttemptsError(seconds, address=address)
    return address


def _mail_owner(account: Account) -> None:
    text = _(
        "Your password was entered on the staff sign-in page, followed by %(count)d wrong codes. If that wasn't you,"
        " another person knows your password: change it now, and tell an administrator. The codes kept them out."
    ) % {"count": FAILURES_ALLOWED}
    account_mails.mail_accounts_of([account], _("Wrong codes were entered for your account"), text)


def _find_account(name: str) -> Account | None:
    try:
        return Account.objects.get_by_natural_key(name)
    except Account.DoesNotExist:
        return None


def _hash_name(name: str) -> str:
    """Return a keyed hash of a typed name that no account has: people type passwords there, so it is not kept."""
    folded = unicodedata.normalize("NFKC", name).strip().lower()
    key = settings.SECRET_KEY.encode()[:64]
    return hashlib.blake2b(folded.encode(errors="replace"), key=key, digest_size=4, person=b"unknown name").hexdigest()


def _lock_name(account: Account | None, unknown_name: str) -> bytes:
    subject = f"account {account.pk}" if account else f"name {unknown_name}"
    return hashlib.blake2b(subject.encode(), digest_size=7, person=b"attempts").digest()
