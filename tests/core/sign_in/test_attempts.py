"""Guessing passwords and codes: in turns and at once, from one browser, one address or many, of one account or many."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from core import ephemeral_store
from core.ephemeral_store import StoreDownError
from core.models import Account, AccountMail, AuditEntry, FailedAttempt
from core.sign_in import address_locks, attempts, client_addresses
from core.sign_in.attempts import FAILURES_ALLOWED, Factor, TooManyAttemptsError
from core.sign_in.factor_prompt import PromptForm
from core.sign_in.factors.factor_form import CODE_FIELD, FactorForm
from core.staff import groups, known_browsers
from core.staff.sign_in import AuditedBackend
from tests.core.staff.test_staff import LOGIN, PASSWORD, account, lines, signed_in
from tests.staff_session import next_code

REFUSAL = "Try again in"


@pytest.fixture(autouse=True)
def okafor(db: None) -> Account:
    return account("okafor", groups.OFFICER)


@pytest.fixture
def forward(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that sets this process's clock forward; the store's expiry does not follow it."""
    passed = [0.0]
    real = timezone.now

    def move(seconds: float) -> None:
        passed[0] += seconds
        monkeypatch.setattr(timezone, "now", lambda: real() + dt.timedelta(seconds=passed[0]))

    return move


def at(address: str) -> Client:
    return Client(REMOTE_ADDR=address)


def addresses(first: int = 1) -> Iterator[str]:
    return (f"203.0.113.{number}" for number in range(first, 255))


def post(client: Client, name: str = "okafor", password: str = "wrong") -> str:
    """Post the sign-in form; return the page, or "signed in"."""
    answer = client.post(LOGIN, {"username": name, "password": password})
    return "signed in" if answer.status_code == 302 else answer.content.decode()


def fail(client: Client, name: str = "okafor", times: int = FAILURES_ALLOWED) -> None:
    for _ in range(times):
        assert REFUSAL not in post(client, name)


def fail_everywhere(name: str = "okafor", times: int = FAILURES_ALLOWED, first: int = 1) -> None:
    """Guess once at each of many addresses, so that only the account's count sees it."""
    for address in list(addresses(first))[:times]:
        fail(at(address), name, 1)


def known_browser(name: str = "okafor", address: str = "198.51.100.1") -> Client:
    browser = at(address)
    who = Account.objects.get(username=name)
    response = browser.get(LOGIN)
    known_browsers.remember(response.wsgi_request, response, who)
    browser.cookies[known_browsers.COOKIE] = response.cookies[known_browsers.COOKIE].value
    return browser


# One address


def test_five_failures_at_an_address_lock_it_whatever_names_were_tried() -> None:
    account("lindqvist", groups.OFFICER)
    names = ["okafor", "lindqvist", "nobody", "admin", "okafor"]
    for name in names:
        fail(at("203.0.113.9"), name, 1)
    for name in ("okafor", "lindqvist", "another name"):
        page = post(at("203.0.113.9"), name, PASSWORD)
        assert "Too many sign-ins from your network address failed, so it is locked. Try again in 15 minutes." in page
    assert post(at("203.0.113.10"), "lindqvist", PASSWORD) == "signed in"
    assert len(lines()) == len(names) + 1


def test_a_locked_address_keeps_no_known_browser_out() -> None:
    browser = known_browser(address="203.0.113.9")
    fail(at("203.0.113.9"), "nobody")
    assert REFUSAL in post(at("203.0.113.9"), "okafor", PASSWORD)
    assert post(browser, "okafor", PASSWORD) == "signed in"


def test_right_passwords_do_not_count_at_an_address_and_do_not_forgive_wrong_ones() -> None:
    """A thief with an account of their own must not begin anew with each sign-in."""
    account("thief", groups.OFFICER)
    for _ in range(FAILURES_ALLOWED - 1):
        assert post(at("203.0.113.9"), "thief", PASSWORD) == "signed in"
        fail(at("203.0.113.9"), "okafor", 1)
    assert post(at("203.0.113.9"), "thief", PASSWORD) == "signed in"
    fail(at("203.0.113.9"), "okafor", 1)
    assert "your network address" in post(at("203.0.113.9"), "thief", PASSWORD)


def test_locks_of_an_address_grow_and_an_administrator_ends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    address, seconds = "12ab34cd", []
    for _ in range(8):
        for _ in range(FAILURES_ALLOWED):
            assert address_locks.begin(address) == 0
            address_locks.record_failure(address)
        seconds.append(address_locks.begin(address))
        ephemeral_store.forget(f"sign-in:lock:{address}")
    assert seconds == [minutes * 60 for minutes in (15, 30, 60, 120, 240, 480, 720, 720)]
    ephemeral_store.put(f"sign-in:lock:{address}", b"1", 60)
    assert address_locks.unlock(address)
    assert address_locks.begin(address) == 0
    assert not address_locks.unlock(address)


def test_addresses_are_neither_in_the_store_nor_in_the_database() -> None:
    fail(at("203.0.113.77"), "nobody")
    client = ephemeral_store._client()
    names = [name for name in client.keys("*") if client.type(name) == b"string"]
    stored = b" ".join(names) + b" ".join(client.get(name) or b"" for name in names)
    assert b"sign-in:lock:" in stored
    assert b"203.0.113" not in stored
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_failedattempt::text FROM core_failedattempt")
        assert "203.0.113" not in str(cursor.fetchall())
    assert not AuditEntry.objects.filter(detail__contains="203.0").exists()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:203.0.113.5", "203.0.113.5", True),
        ("203.0.113.5", "203.0.113.6", False),
    ],
)
def test_an_ipv6_network_is_one_address(rf: Any, one: str, other: str, same: bool) -> None:
    hashes = {client_addresses.hash_address(rf.get("/", REMOTE_ADDR=each)) for each in (one, other)}
    assert (len(hashes) == 1) is same


def test_behind_a_proxy_only_the_proxys_own_entry_counts(rf: Any, settings: Any) -> None:
    def hash_behind_proxy(forwarded: str) -> str | None:
        return client_addresses.hash_address(rf.get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded))

    direct = client_addresses.hash_address(rf.get("/", REMOTE_ADDR="203.0.113.5"))
    assert hash_behind_proxy("203.0.113.5") == client_addresses.hash_address(rf.get("/", REMOTE_ADDR="10.0.0.1"))
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert hash_behind_proxy("1.2.3.4, 203.0.113.5") == direct
    assert hash_behind_proxy("") is None
    assert hash_behind_proxy("unknown") is None


def test_the_hash_of_an_address_changes_with_either_half_of_the_key(rf: Any, settings: Any) -> None:
    request = rf.get("/", REMOTE_ADDR="203.0.113.5")
    first = client_addresses.hash_address(request)
    assert client_addresses.hash_address(request) == first
    ephemeral_store.forget(client_addresses.KEY_NAME)
    second = client_addresses.hash_address(request)
    settings.SECRET_KEY = "another"
    assert len({first, second, client_addresses.hash_address(request)}) == 3


# One account from many addresses


def test_an_account_that_is_guessed_from_many_addresses_waits_more_and_more(forward: Callable[[float], None]) -> None:
    fail_everywhere()
    waits = []
    for number in range(9):
        with pytest.raises(TooManyAttemptsError) as refused:
            attempts.begin(None, "okafor", Factor.PASSWORD)
        waits.append(refused.value.seconds)
        forward(waits[-1] - 1)
        assert REFUSAL in post(at(f"198.51.100.{number}"))  # and prolongs nothing
        forward(1)
        fail(at(f"198.51.100.{number}"), times=1)
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900, 900]


def test_nobody_is_locked_out_by_naming_their_account(okafor: Account) -> None:
    browser = known_browser()
    fail_everywhere()
    page = post(at("198.51.100.5"), "okafor", PASSWORD)
    assert "Too many failed attempts for this account. Try again in 15 seconds." in page
    assert post(browser, "okafor", PASSWORD) == "signed in"
    attempts.begin(None, okafor, Factor.PASSKEY).accept()


def test_a_sign_in_resets_the_count_of_its_own_place_alone() -> None:
    browser = known_browser()
    fail_everywhere()
    assert post(browser, "okafor", PASSWORD) == "signed in"
    assert REFUSAL in post(at("198.51.100.5"), "okafor", PASSWORD)


def test_a_right_password_resets_the_count() -> None:
    fail_everywhere(times=FAILURES_ALLOWED - 1)
    assert post(at("198.51.100.5"), "okafor", PASSWORD) == "signed in"
    fail_everywhere(times=FAILURES_ALLOWED, first=100)
    assert REFUSAL in post(at("198.51.100.6"), "okafor", PASSWORD)


def test_failures_are_forgotten_after_a_day_and_their_rows_deleted(forward: Callable[[float], None]) -> None:
    fail_everywhere()
    fail_everywhere("nobody", first=100)
    forward(24 * 60 * 60 + 1)
    assert post(at("198.51.100.5"), "okafor", PASSWORD) == "signed in"
    assert not FailedAttempt.objects.exists()


def test_a_name_counts_however_it_is_written() -> None:
    for address, name in zip(addresses(), ["Okafor", "OKAFOR", " okafor", "\uff4fkafor", "oKAFOR "], strict=False):
        fail(at(address), name, 1)
    assert REFUSAL in post(at("198.51.100.5"), "okafor", PASSWORD)


def test_one_account_does_not_wait_for_another() -> None:
    account("lindqvist", groups.OFFICER)
    fail_everywhere("lindqvist")
    assert post(at("198.51.100.5"), "okafor", PASSWORD) == "signed in"


def test_the_backend_limits_attempts_that_bypass_the_form() -> None:
    for _ in range(FAILURES_ALLOWED):
        assert authenticate(username="okafor", password="wrong") is None
    with pytest.raises(TooManyAttemptsError):
        authenticate(username="okafor", password=PASSWORD)
    assert len(lines()) == FAILURES_ALLOWED


# Known browsers


def test_a_known_browser_is_locked_by_its_own_failures_and_other_known_ones_are_not() -> None:
    browser, other = known_browser(), known_browser()
    fail(browser)
    assert lines()[-1] == ("okafor", "failed to sign in", "", "password, known browser")
    page = post(browser, "okafor", PASSWORD)
    assert "for this account in this browser, so it is locked. Try again in 15 minutes." in page
    assert post(other, "okafor", PASSWORD) == "signed in"
    assert post(at("198.51.100.5"), "okafor", PASSWORD) == "signed in"


def test_failures_of_a_known_browser_lock_no_address() -> None:
    """Officers at one station share an address; their typing errors must not lock it for others."""
    account("lindqvist", groups.OFFICER)
    fail(known_browser(address="203.0.113.9"))
    assert post(at("203.0.113.9"), "lindqvist", PASSWORD) == "signed in"


def test_a_shared_browser_is_known_to_its_accounts_alone() -> None:
    account("lindqvist", groups.OFFICER)
    browser = known_browser()
    fail(browser)
    fail_everywhere("lindqvist")
    assert "Too many failed attempts for this account." in post(browser, "lindqvist", PASSWORD)


def test_a_new_password_makes_all_browsers_new(okafor: Account) -> None:
    browser = known_browser()
    okafor.set_password("another long sentence")
    okafor.save()
    fail_everywhere()
    assert REFUSAL in post(browser, "okafor", "another long sentence")


@pytest.mark.parametrize("value", ["", "x", "W10:x:x", "a" * 5000])
def test_a_made_up_cookie_makes_no_browser_known(value: str) -> None:
    fail_everywhere()
    browser = at("198.51.100.5")
    browser.cookies[known_browsers.COOKIE] = value
    assert REFUSAL in post(browser, "okafor", PASSWORD)


def test_the_cookie_of_release_0_9_makes_a_browser_new_and_breaks_nothing(okafor: Account) -> None:
    browser = at("198.51.100.5")
    browser.cookies[known_browsers.COOKIE] = known_browsers.signing.dumps(
        [[okafor.pk, "proof"], [2, "other"]], salt="known browser", compress=True
    )
    assert post(browser, "okafor", PASSWORD) == "signed in"


# Codes


def guess_code(factor: Factor, okafor: Account) -> None:
    attempts.begin(None, okafor, factor).reject()


@pytest.mark.parametrize("factor", [Factor.APP_CODE, Factor.RECOVERY_CODE])
def test_codes_are_guessed_at_most_twelve_times_an_hour(
    okafor: Account, factor: Factor, forward: Callable[[float], None]
) -> None:
    guesses, passed = 0, 0
    while passed < 60 * 60:
        try:
            guess_code(factor, okafor)
            guesses += 1
        except TooManyAttemptsError as error:
            forward(error.seconds)
            passed += error.seconds
    assert guesses == 12


def test_a_thief_with_the_password_does_not_begin_anew_with_it(okafor: Account) -> None:
    for _ in range(FAILURES_ALLOWED):
        assert authenticate(username="okafor", password=PASSWORD) == okafor
        guess_code(Factor.APP_CODE, okafor)
    with pytest.raises(TooManyAttemptsError):
        attempts.begin(None, okafor, Factor.APP_CODE)
    # The owner who is in need of it uses a recovery code or a passkey.
    attempts.begin(None, okafor, Factor.RECOVERY_CODE).accept()
    attempts.begin(None, okafor, Factor.PASSKEY).accept()


def test_the_owner_is_told_by_mail_once_that_codes_are_guessed(okafor: Account) -> None:
    for _ in range(FAILURES_ALLOWED):
        assert not AccountMail.objects.exists()
        guess_code(Factor.APP_CODE, okafor)
    (row,) = AccountMail.objects.all()
    assert row.account == okafor
    assert "followed by 5 wrong codes" in row.text
    assert mail.outbox == []  # a row first: the mail server being away loses nothing


def test_failures_of_passkeys_are_recorded_and_delay_nothing(okafor: Account) -> None:
    for _ in range(FAILURES_ALLOWED * 3):
        guess_code(Factor.PASSKEY, okafor)
    assert lines()[-1] == ("okafor", "failed to sign in", "", "passkey")
    assert not FailedAttempt.objects.exists()


def test_the_lock_and_the_fresh_factor_page_count_and_say_how_long_to_wait(okafor: Account, rf: Any) -> None:
    request = rf.post("/")
    request.user = okafor

    def errors(**data: str) -> str:
        return str(PromptForm(request, data, asks_password=True).errors)

    for _ in range(FAILURES_ALLOWED):
        assert "This password is wrong." in errors(password="wrong", factor_code="000000")
    assert REFUSAL in errors(password=PASSWORD, factor_code="000000")
    request.META["REMOTE_ADDR"] = "203.0.113.9"
    for _ in range(FAILURES_ALLOWED):
        assert "This code is wrong" in str(FactorForm(request, okafor, {CODE_FIELD: "000000"}).errors)
    request.META["REMOTE_ADDR"] = "203.0.113.10"
    assert REFUSAL in str(FactorForm(request, okafor, {CODE_FIELD: next_code(okafor)}).errors)


# Unknown names


@pytest.mark.parametrize("name", ["okafor", "nobody by that name"])
def test_known_and_unknown_names_get_the_same_pages(name: str) -> None:
    pages = []
    for address in list(addresses())[: FAILURES_ALLOWED + 1]:
        page = post(at(address), name)
        pages.append(page.partition('role="alert">')[2].partition("</p>")[0])
    assert len(set(pages[:-1])) == 1
    assert "Please enter the correct" in pages[0]
    assert pages[-1].startswith("Too many failed attempts for this account. Try again in 15 seconds.")


def test_a_typed_unknown_name_is_stored_nowhere() -> None:
    secret = "Tr0ub4dor&3 typed in the wrong field"
    post(at("203.0.113.1"), secret)
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_failedattempt::text FROM core_failedattempt")
        rows = str(cursor.fetchall())
    assert "Tr0ub4dor" not in rows
    assert "Tr0ub4dor" not in str(lines())


def test_unknown_names_take_the_same_queries_and_one_hash(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for name in ("okafor", "nobody by that name"):
        with django_assert_num_queries(FIRST_ATTEMPT_QUERIES) as captured:
            AuditedBackend().authenticate(None, name, "wrong")
        counts.append(len(captured))
    assert counts[0] == counts[1]


FIRST_ATTEMPT_QUERIES = 13


# At once


@pytest.mark.django_db(transaction=True)
def test_fifty_posts_at_once_get_no_more_than_the_allowed_tries() -> None:
    """From as many addresses, so that the account's count alone limits them."""
    pages = post_at_once([at(address) for address in list(addresses())[:50]], ["okafor"] * 50)
    assert sum(REFUSAL not in page for page in pages) == FAILURES_ALLOWED
    assert FailedAttempt.objects.count() == len(lines()) == FAILURES_ALLOWED


@pytest.mark.django_db(transaction=True)
def test_fifty_posts_at_once_from_one_address_get_no_more_than_the_allowed_tries() -> None:
    pages = post_at_once([at("203.0.113.9") for _ in range(50)], [f"name{number}" for number in range(50)])
    assert sum(REFUSAL not in page for page in pages) == FAILURES_ALLOWED
    assert "15 minutes" in post(at("203.0.113.9"), "okafor", PASSWORD)


def post_at_once(clients: list[Client], names: list[str]) -> list[str]:
    def attempt(client: Client, name: str) -> str:
        try:
            return post(client, name)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=10) as threads:
        return list(threads.map(attempt, clients, names))


# Without the store


@pytest.fixture
def _store_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise StoreDownError

    for name in ("get", "put", "put_once", "forget", "count_up", "count_down", "seconds_left", "list_names"):
        monkeypatch.setattr(ephemeral_store, name, refuse)


@pytest.mark.usefixtures("_store_is_down")
def test_without_the_store_nobody_is_locked_out_and_nobody_guesses_without_limit() -> None:
    assert post(at("203.0.113.9"), "okafor", PASSWORD) == "signed in"
    fail(at("203.0.113.9"))
    assert REFUSAL in post(at("203.0.113.9"), "okafor", PASSWORD)
    assert REFUSAL in post(at("203.0.113.10"), "okafor", PASSWORD)


def test_a_store_that_fails_half_way_loses_no_account_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any) -> None:
        raise StoreDownError

    monkeypatch.setattr(address_locks, "record_failure", refuse)
    monkeypatch.setattr(address_locks, "take_back", refuse)
    fail_everywhere(times=FAILURES_ALLOWED - 1)
    assert post(at("198.51.100.5"), "okafor", PASSWORD) == "signed in"
    fail_everywhere(first=100)
    assert REFUSAL in post(at("198.51.100.6"), "okafor", PASSWORD)


# The administrator's page


LIMITS = "/admin/core/failedattempt/"


@pytest.fixture
def admin() -> Client:
    return signed_in(account("ito", groups.ADMINISTRATOR))


def test_an_administrator_sees_who_must_wait_and_ends_it(admin: Client, okafor: Account) -> None:
    account("judd", groups.SUPERVISOR)
    assert "No account must wait." in admin.get(LIMITS).content.decode()
    assert "must wait" not in admin.get("/admin/").content.decode()
    fail_everywhere()
    fail_everywhere("nobody", first=100)
    page = admin.get(LIMITS).content.decode()
    assert page.count("End the wait<span") == 1
    assert "okafor" in page
    assert "nobody" not in page
    assert "1 account must wait" in admin.get("/admin/").content.decode()
    assert admin.get(f"{LIMITS}accounts/{okafor.pk}/end/").status_code == 302  # a link ends nothing
    assert FailedAttempt.objects.filter(account=okafor).exists()
    page = admin.post(f"{LIMITS}accounts/{okafor.pk}/end/", follow=True).content.decode()
    assert "Okafor can try to sign in now." in page
    assert lines()[-1] == ("ito", "ended the sign-in wait of", "account okafor", "")
    # The account opens tips, so an administrator who guesses and forgives is seen by the supervisors.
    assert "ito ended the sign-in wait of account okafor." in AccountMail.objects.get().text
    assert post(at("198.51.100.5"), "okafor", PASSWORD) == "signed in"
    admin.post(f"{LIMITS}accounts/{okafor.pk}/end/")
    assert lines()[-1][1] == "entered the password"  # nothing was left to end


def test_an_administrator_unlocks_an_address_by_the_code_that_its_user_reads(admin: Client) -> None:
    fail(at("203.0.113.9"), "nobody")
    (code,) = re.findall(r"its code is (\w{6})\.", post(at("203.0.113.9"), "okafor", PASSWORD))
    page = admin.get(LIMITS).content.decode()
    assert "203.0.113.9" not in page
    (address,) = [each for each in re.findall(r"addresses/(\w+)/unlock/", page) if each.upper().startswith(code)]
    assert (
        f"Network address {code} is unlocked."
        in admin.post(f"{LIMITS}addresses/{address}/unlock/", follow=True).content.decode()
    )
    assert lines()[-1] == ("ito", "unlocked", f"network address {code}", "")
    assert post(at("203.0.113.9"), "okafor", PASSWORD) == "signed in"
    assert "was no longer locked" in admin.post(f"{LIMITS}addresses/{address}/unlock/", follow=True).content.decode()


def test_many_guessed_names_show_on_the_desk_though_no_account_must_wait(admin: Client) -> None:
    for number, address in enumerate(list(addresses())[:10]):
        fail(at(address), f"name{number}", 1)
    assert "were entered for 10 usernames" in admin.get("/admin/").content.decode()


@pytest.mark.parametrize("role", [groups.OFFICER, groups.COMMUNICATIONS])
def test_only_those_who_change_accounts_see_and_end_waits(okafor: Account, role: str) -> None:
    fail_everywhere()
    client = signed_in(account("lindqvist", role))
    for answer in (
        client.get(LIMITS),
        client.post(f"{LIMITS}accounts/{okafor.pk}/end/"),
        client.post(f"{LIMITS}addresses/12ab34cd/unlock/"),
    ):
        assert answer.status_code == 403
    assert "must wait" not in client.get("/admin/").content.decode()
    assert FailedAttempt.objects.exists()


@pytest.mark.usefixtures("_store_is_down")
def test_the_page_says_that_the_store_is_down(admin: Client) -> None:
    assert "no network address is locked now" in admin.get(LIMITS).content.decode()
    assert "nothing was changed" in admin.post(f"{LIMITS}addresses/12ab34cd/unlock/", follow=True).content.decode()
