"""Helpers for tests of the source's pages: fill in the form, and read the response."""

from __future__ import annotations

import html
import re
from typing import Any

from django.http import HttpResponse
from django.test import Client

TEXT = "Two men load boxes from a white van <behind> the bakery & leave"


def token_of(page: HttpResponse) -> str:
    return re.search(r'name="token" value="([^"]+)"', page.content.decode())[1]


def fill_form(client: Client, **fields: Any) -> dict[str, Any]:
    """Return the fields of a fresh form as its page would send them: the least a tip needs, overridden by `fields`."""
    token = token_of(client.get("/tips/"))
    return {"token": token, "category": "vehicle", "description": TEXT, "place_ref": "", "subject": ""} | fields


def send_tip(client: Client, **fields: Any) -> HttpResponse:
    return client.post("/tips/", fill_form(client, **fields))


def receipt_of(page: HttpResponse) -> str:
    assert page.status_code == 200, words_of(page)
    return re.search(r'<bdi lang="en" translate="no">([a-z -]+)</bdi>', page.content.decode())[1]


def words_of(page: HttpResponse) -> str:
    """Return the page as text: no tags, entities resolved, white space folded."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", page.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(text))


def main_of(page: HttpResponse) -> str:
    """Return the text of the page's main part."""
    main = re.search(r"<main.*?</main>", page.content.decode(), re.DOTALL)[0]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", main)))


def confirm_receipt(client: Client, page: HttpResponse) -> HttpResponse:
    """Confirm, as the receipt page's script does, that the receipt was seen."""
    return client.post("/tips/receipt/", {"form_id": field_of(page, "form_id"), "script": "1"})


def field_of(page: HttpResponse, name: str) -> str | None:
    """Return the content of a text field of the page."""
    content = page.content.decode()
    text_area = re.search(rf'<textarea[^>]* ?name="{name}"[^>]*>\n?(.*?)</textarea>', content, re.DOTALL)
    text_input = re.search(rf'<input(?=[^>]* name="{name}")[^>]*? value="([^"]*)"', content)
    match = text_area or text_input
    return html.unescape(match[1]) if match else None
