"""Headers of every response, checks of posts, and log lines."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest
from django.test import Client

from core.logs import PrivateFormatter

pytestmark = pytest.mark.django_db
PAGES = ["/", "/tips/", "/tips/inbox/", "/tips/safety/", "/privacy/", "/map/", "/stories/", "/admin/login/", "/nope/"]


@pytest.mark.parametrize("page", PAGES)
def test_the_content_security_policy_forbids_inline_code_and_other_hosts(client: Client, page: str) -> None:
    policy = client.get(page).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_privacy_headers(client: Client, page: str) -> None:
    headers = client.get(page).headers
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"].startswith("camera=()")


@pytest.mark.parametrize("page", [page for page in PAGES if "admin" not in page])
def test_a_visitor_gets_no_cookie(client: Client, page: str) -> None:
    answer = client.get(page)
    assert not answer.cookies
    assert "Cookie" not in answer.headers.get("Vary", "")


@pytest.mark.parametrize("page", ["/tips/", "/tips/inbox/", "/tips/inbox/conversation/", "/admin/login/"])
def test_private_pages_are_not_cached(client: Client, page: str) -> None:
    assert client.get(page).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example",
        "null",
        "",
        "testserver",
        "http://testserver.elsewhere.example",
        "http://[",
        "https://testserver",  # the page of another scheme is another origin (RFC 6454)
        "ws://testserver",
        "http://testserver:8000",
        "http://testserver/path",
        "http://user@testserver",
    ],
)
def test_a_post_from_another_site_is_refused_with_a_sentence(client: Client, origin: str) -> None:
    answer = client.post("/tips/inbox/", {"receipt": "abacus"}, headers={"origin": origin})
    assert answer.status_code == 403
    assert "another site" in answer.content.decode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://testserver"},
        {"origin": "http://TestServer:80"},
        {"origin": "http://[::1]:8000", "host": "[::1]:8000"},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_a_post_from_our_own_site_is_accepted(client: Client, settings: Any, headers: dict[str, str]) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "[::1]"]
    assert client.post("/tips/inbox/", {"receipt": "abacus"}, headers=headers).status_code == 422


@pytest.mark.parametrize("host", ["portal.example", "portal.example:8000", "portal.example:8443"])
@pytest.mark.parametrize(("path", "name"), [("/tips/inbox/", "PORTAL_URL"), ("/admin/login/", "STAFF_URL")])
def test_a_post_from_the_configured_address_is_accepted_whatever_the_proxy_makes_of_its_port(
    settings: Any, host: str, path: str, name: str
) -> None:
    settings.ALLOWED_HOSTS = ["portal.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://portal.example:8443"]
    setattr(settings, name, "https://portal.example:8443")
    client = Client(enforce_csrf_checks=True)
    token = client.get(path, headers={"host": host}).cookies.get(settings.CSRF_COOKIE_NAME)
    fields = {"receipt": "abacus", "csrfmiddlewaretoken": token.value if token else ""}
    headers = {"origin": "https://portal.example:8443", "host": host}
    assert client.post(path, fields, headers=headers).status_code in (200, 422)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://portal.example:8443", "other.example"),  # the configured address is no other host's
        ("https://portal.example:9443", "portal.example"),
        ("http://portal.example:8443", "portal.example"),
        ("https://portal.example", "portal.example"),
    ],
)
def test_a_post_from_another_address_of_a_host_is_refused_and_the_page_says_where_to_go(
    client: Client, settings: Any, origin: str, host: str
) -> None:
    settings.ALLOWED_HOSTS, settings.PORTAL_URL = ["portal.example", "other.example"], "https://portal.example:8443"
    answer = client.post("/tips/inbox/", {"receipt": "abacus"}, headers={"origin": origin, "host": host})
    assert answer.status_code == 403
    says_where = "Then open https://portal.example:8443 and send it from there." in answer.content.decode()
    assert says_where is (host == "portal.example")


def test_the_scheme_reported_by_the_proxy_is_used(client: Client, settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for origin, status in (("https://testserver", 422), ("https://testserver:443", 422), ("http://testserver", 403)):
        headers = {"origin": origin, "host": "testserver", "x-forwarded-proto": "https"}
        assert client.post("/tips/inbox/", {"receipt": "abacus"}, headers=headers).status_code == status, origin


def test_the_admin_keeps_djangos_own_check() -> None:
    assert Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "a"}).status_code == 403


def test_log_lines_of_other_libraries_contain_no_request_data() -> None:
    line = formatted("django.request", "Bad thing in %s", ("canary",))
    assert "canary" not in line
    assert "django.request" in line


def test_our_log_lines_are_complete_with_a_trace_without_the_message() -> None:
    try:
        raise ValueError("canary")
    except ValueError:
        line = formatted("tips.views.source_pages", "the store is %s", ("away",), sys.exc_info())
    assert "the store is away" in line
    assert "ValueError" in line
    assert "test_middleware.py" in line
    assert "canary" not in line


def formatted(name: str, text: str, values: tuple[object, ...], trace: object = None) -> str:
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, text, values, trace)  # type: ignore[arg-type]
    return PrivateFormatter().format(record)
