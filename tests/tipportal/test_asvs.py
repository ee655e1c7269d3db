"""docs/asvs.md: the table is whole, its tests exist, and the passwords it describes."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest
from django.conf import global_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from core.models import Account
from tests.stack import ROOT

TABLE = (ROOT / "docs/asvs.md").read_text()
# Requirements of each section of ASVS 5.0.0: all of levels 1 and 2. Those of level 3 come last in their sections, but for V6 to V8.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4, "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 8, "6.4": 6, "6.5": 8, "6.6": 4, "6.7": 2, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2, "8.1": 4, "8.2": 4, "8.3": 3, "8.4": 2,
    "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4,
    "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
ROW = re.compile(
    r"^\| (\d+\.\d\.\d+) \| [^|]+ \| (met|partly|not met|not applicable) \| [^|]+ \| [^|]+ \|$", re.MULTILINE
)


def test_each_requirement_of_level_two_has_one_row() -> None:
    wanted = [f"{section}.{number}" for section, count in SECTIONS.items() for number in range(1, count + 1)]
    assert [number for number, _status in ROW.findall(TABLE)] == wanted


def test_the_tests_that_the_table_names_exist() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TABLE))
    assert len(named) > 150
    assert not {f"{file}::{name}" for file, name in named if f"def {name}(" not in (ROOT / file).read_text()}


@pytest.mark.parametrize(
    ("password", "is_accepted"),
    [
        ("elevenchars", False),
        ("twelve chars", True),
        ("ALLCAPITALS!", True),
        ("ключ от дома", True),
        ("okafor-okafor", False),
        ("q1w2e3r4t5y6", False),
        ("RivertonPolice2026!", False),
        ("Welcome.Riverton.99", False),
        ("riverton lantern copper quiet", True),
        ("полиция и ключ от дома", True),
        ("x1" * 64, True),
    ],
)
def test_passwords_need_twelve_characters_and_are_no_common_or_own_words(password: str, is_accepted: bool) -> None:
    try:
        validate_password(password, Account(username="okafor-okafor"))
    except ValidationError:
        assert not is_accepted
    else:
        assert is_accepted


def test_the_password_field_is_masked_and_takes_pasted_text(db: None) -> None:
    page = Client().get("/admin/login/").content.decode()
    (field,) = re.findall(r'<input[^>]*name="password"[^>]*>', page)
    assert 'type="password"' in field
    assert 'autocomplete="current-password"' in field
    assert "maxlength" not in field


def test_a_password_is_compared_as_it_was_typed() -> None:
    account: Any = Account(username="okafor")
    typed = " Sixty-four characters and a space at each end, and then some more "
    account.set_password(typed)
    assert account.check_password(typed)
    assert not any(account.check_password(other) for other in (typed.strip(), typed.lower(), typed[:64]))


def test_trace_and_unknown_methods_are_refused(db: None) -> None:
    client = Client()
    for address in ("/", "/tips/", "/map/", "/admin/login/", "/static/css/common.css"):
        for method in ("TRACE", "CONNECT", "FROBNICATE"):
            assert client.generic(method, address).status_code == 405, (method, address)


def test_a_folder_is_not_listed(db: None) -> None:
    assert {
        Client().get(folder).status_code for folder in ("/static/", "/static/css/", "/map/downloads//", "/media/")
    } == {404}


@pytest.mark.parametrize(("https", "prefix"), [("1", "__Host-"), ("0", "")])
def test_cookies_have_the_prefix_of_their_host_under_https(
    monkeypatch: pytest.MonkeyPatch, https: str, prefix: str
) -> None:
    monkeypatch.setenv("HTTPS", https)
    monkeypatch.setenv("DEMO", "0")
    found = runpy.run_path(str(ROOT / "tipportal/settings.py"))
    assert {found["SESSION_COOKIE_NAME"], found["CSRF_COOKIE_NAME"]} == {f"{prefix}staff", f"{prefix}csrf"}
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is bool(prefix)


def test_passwords_are_hashed_by_djangos_first_choice_with_as_many_rounds_as_owasp_asks_for() -> None:
    own = runpy.run_path(str(ROOT / "tipportal/settings.py"))
    assert "PASSWORD_HASHERS" not in own
    assert global_settings.PASSWORD_HASHERS[0].endswith(".PBKDF2PasswordHasher")
    assert PBKDF2PasswordHasher.iterations >= 600_000
