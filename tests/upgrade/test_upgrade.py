"""Databases of earlier releases become this version's, and their tips still open."""

from __future__ import annotations

import html
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journey import Visitor
from tests.stack import Stack
from tipportal.demo.tips import RECEIPT
from tipportal.dev_stack.servers import Servers, postgres_programs
from tips import vault

RELEASES = sorted(Path(__file__).parent.glob("*.tar.xz"))


@pytest.fixture(scope="module", params=RELEASES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A portal that goes on with an earlier release's database, keys and files."""
    folder = tmp_path_factory.mktemp("upgraded")
    with tarfile.open(request.param) as archive:
        archive.extractall(folder, filter="data")
    with Servers(folder / "servers", durable=False) as private:
        restore = [postgres_programs() / "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error"]
        restore += ["--dbname", private.database_url("portal_owner"), folder / "database"]
        subprocess.run(restore, check=True)
    for name in ("incidents-uploads", "incidents-drop"):
        (folder / "keys" / name).mkdir()
    vault.write_secret(folder / "keys" / "factor_key", os.urandom(32))
    secret_key = (folder / "keys" / "secret_key").read_text()
    with Stack(folder, web=["all"], variables={"SECRET_KEY": secret_key, "WEB_CONCURRENCY": "1"}) as stack:
        yield stack


def test_there_is_a_release_to_upgrade_from() -> None:
    assert RELEASES


def test_the_form_offers_what_it_did_and_the_new_categories_are_ready(upgraded: Stack) -> None:
    with upgraded.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT slug FROM tips_category WHERE is_sensitive AND NOT active ORDER BY slug")
        assert [slug for (slug,) in cursor.fetchall()] == ["hate", "home-abuse", "police"]
        cursor.execute("SELECT count(*) FROM tips_category WHERE active AND NOT is_sensitive AND unit_id IS NULL")
        assert cursor.fetchone() == (10,)


def test_the_source_reads_on_with_the_same_receipt(upgraded: Stack) -> None:
    page = Visitor(upgraded.url).enter_inbox(RECEIPT)
    assert "garage" in page
    assert "Photo 1" in page


def test_an_officer_opens_the_tip_and_its_photo(upgraded: Stack) -> None:
    officer = Visitor(upgraded.url)
    officer.sign_in("officer", *_password_and_code_of(upgraded, "officer"))
    with upgraded.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tip_id FROM tips_attachment WHERE state = 'ready'")
        tips = [tip for (tip,) in cursor.fetchall()]
    pages = [officer.open(f"/admin/tips/tip/{tip}/change/?thumbnails=1") for tip in tips]
    page = next(page for page in pages if "garage" in page)
    address = re.search(r'<img [^>]*src="(/admin/[^"]+)"', page)
    assert address
    officer.open(html.unescape(address[1]))
    assert officer.answer["Content-Type"].startswith("image/")


def test_the_audit_trail_is_whole(upgraded: Stack) -> None:
    assert "none changed, removed or moved" in upgraded.run_manage("audit", "verify")


def test_the_map_is_published_from_the_stored_incidents(upgraded: Stack) -> None:
    upgraded.run_manage("publish_incidents", role="bulk")
    visitor = Visitor(upgraded.url)
    visitor.open("/map/")
    assert visitor.status == 200


def _password_and_code_of(stack: Stack, user: str) -> list[str]:
    """The password and code that `manage.py demo` prints; running it again only adds the authenticator apps."""
    lines = [line.split() for line in stack.run_manage("demo").splitlines() if line.startswith("Staff:")]
    return next(words[3:] for words in lines if words[2] == user)
