"""docker/nginx.conf says what docs/installation.md asks of a proxy, and serves the tiles as the portal itself does."""

from __future__ import annotations

import re

from django.urls import reverse

from crimemap.views.data import YEAR_SECONDS
from tests.stack import ROOT

TEXT = re.sub(r"#.*", "", (ROOT / "docker" / "nginx.conf").read_text())
PUBLIC, STAFF = (
    next(part for part in re.split(r"\n    server \{", TEXT) if name in part)
    for name in ("tips.example.org", "desk.example.org")
)


def test_no_line_of_a_log_has_an_address_of_a_resident() -> None:
    assert re.findall(r"access_log (\S+);", TEXT) == ["off"]
    assert re.findall(r"error_log \S+ (\S+);", TEXT) == ["emerg"]  # errors about requests name their clients
    assert "X-Forwarded-For" not in PUBLIC
    assert "$remote_addr" not in TEXT
    assert "X-Forwarded-For" in STAFF


def test_tls_is_of_the_versions_that_are_safe_and_no_ticket_knows_a_browser_again() -> None:
    assert re.findall(r"ssl_protocols (.+);", TEXT) == ["TLSv1.2 TLSv1.3"]
    assert re.findall(r"ssl_session_tickets (.+);", TEXT) == ["off"]


def test_nothing_that_residents_send_or_read_is_kept() -> None:
    for line in ("proxy_request_buffering off;", "proxy_buffering off;", "proxy_cache off;", "client_max_body_size 0;"):
        assert line in TEXT
    assert TEXT.count("proxy_set_header Host $http_host;") == 2  # a block with a header of its own inherits none


def test_tiles_come_from_the_folder_under_the_portals_address() -> None:
    pattern = re.search(r'location ~ "([^"]+)"', TEXT)[1].replace("(?<", "(?P<")
    address = reverse("crimemap:base_map_tiles", args=["0123456789abcdef"])
    assert re.match(pattern, address)["digest"] == "0123456789abcdef"
    for other in ("..%2Fkeys", "0123456789abcdeg", "0123456789abcdef.json", "../0123456789abcdef"):
        assert not re.match(pattern, f"/map/base/{other}.pmtiles")
    location = PUBLIC[PUBLIC.index("location ~") :].split("}\n\n")[0]
    assert f'Cache-Control "public, max-age={YEAR_SECONDS}, immutable"' in location
    assert "try_files /$digest.pmtiles @portal;" in location
    assert "max_ranges 1;" in location
    assert "gzip off;" in location  # ranges are of the file as it is
