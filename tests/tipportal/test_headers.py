"""Headers of every kind of address, as the MDN HTTP Observatory judges them (its tests by name, 2026)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.test import Client

from tests.crimemap import published_city

# One address of each kind: pages, parts of pages, data, files, redirects, refusals.
KINDS = (
    "/", "/tips/", "/tips/inbox/", "/tips/inbox/conversation/", "/map/", "/map/data/bubbles.json", "/map/data/list.html", "/map/embed/",
    "/map/download.csv", "/map/feed/all.atom", "/near/", "/api/", "/api/v1/areas", "/api/v1/nothing", "/stories/", "/stories/feed.atom",
    "/events/calendar.ics", "/poster.pdf", "/sitemap.xml", "/robots.txt", "/static/css/common.css", "/stories", "/nope/",
    "/stories/?page=x", "/admin/", "/admin/login/", "/admin/nope/",
)  # fmt: skip
PRIVATE = ("same-origin", "strict-origin", "no-referrer")
STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"


def test_every_kind_of_answer_has_the_headers_of_a_safe_site(db: None, settings: Any, tmp_path: Path) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 63_072_000, True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path)
    client = Client(raise_request_exception=False)
    faults, statuses, cookies = [], set(), set()
    for address in KINDS:
        answer = client.get(address, secure=True)
        statuses.add(answer.status_code)
        cookies |= set(answer.cookies)
        faults += [f"{address} ({answer.status_code}): {fault}" for fault in find_faults(address, answer)]
    assert not faults
    assert {200, 301, 302, 404} <= statuses
    assert cookies == {settings.CSRF_COOKIE_NAME}


def find_faults(address: str, answer: Any) -> Iterator[str]:
    headers = answer.headers
    kind = headers.get("Content-Type", "")
    if answer.status_code == 200 and (not kind or (kind.startswith("text/") and "charset=utf-8" not in kind.lower())):
        yield "content-type"
    if headers.get("Strict-Transport-Security") != STRICT_TRANSPORT:
        yield "strict-transport-security"
    if headers.get("X-Content-Type-Options") != "nosniff":
        yield "x-content-type-options"
    if headers.get("Referrer-Policy") not in PRIVATE:
        yield "referrer-policy"
    if headers.get("Cross-Origin-Opener-Policy") != "same-origin":
        yield "cross-origin-opener-policy"
    is_for_others = address.startswith(("/api/", "/map/download", "/map/feed/", "/stories/feed", "/events/calendar"))
    if not is_for_others and "Access-Control-Allow-Origin" in headers:
        yield "cross-origin-resource-sharing"
    is_frame = address == "/map/embed/"
    if headers.get("Cross-Origin-Resource-Policy") != "same-origin" and not is_for_others and not is_frame:
        yield "cross-origin-resource-policy"
    for cookie in answer.cookies.values():
        if not (cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/"):
            yield f"cookie {cookie.key}"
    if not address.startswith("/static/"):
        yield from find_weak_rules(address, headers.get("Content-Security-Policy", ""))


def find_weak_rules(address: str, policy: str) -> Iterator[str]:
    rules = {name: set(values) for name, *values in (rule.split() for rule in policy.split(";") if rule.strip())}
    for name in ("default-src", "base-uri"):
        if rules.get(name) != {"'none'"}:
            yield f"content-security-policy: {name}"
    for name, values in rules.items():
        allowed = {"'self'", "'none'"} | ({"data:"} if name == "img-src" else set())
        is_open_frame = name == "frame-ancestors" and address == "/map/embed/"  # made to stand in other sites
        if not values <= allowed and not is_open_frame:
            yield f"content-security-policy: {name}"
    if rules.get("frame-ancestors") != {"'none'"} and address != "/map/embed/":
        yield "x-frame-options"
