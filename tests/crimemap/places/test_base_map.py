"""The base map for browsers, and the picker that shows it."""

from __future__ import annotations

import gzip
import json

import pytest
from django.template import Context, Template

from crimemap.models import BaseLayer
from crimemap.places import base_map


def test_the_base_map_is_small_and_cached_forever(client, riverton):
    address = f"/map/base/{base_map.base_map_version()}.json"
    answer = client.get(address, headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert "immutable" in answer["Cache-Control"]
    assert "public" in answer["Cache-Control"]
    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < 60_000
    assert json.loads(gzip.decompress(answer.content)) == json.loads(base_map.base_map_json())
    assert not answer.cookies
    assert client.get(address, headers={"accept-encoding": "gzip", "if-none-match": answer["ETag"]}).status_code == 304


def test_the_base_map_is_sent_plain_to_clients_without_compression(client, riverton):
    answer = client.get(f"/map/base/{base_map.base_map_version()}.json")
    assert "Content-Encoding" not in answer
    assert json.loads(answer.content)["layers"]


def test_an_old_version_redirects_to_the_current_one(client, riverton):
    answer = client.get("/map/base/0123456789abcdef.json")
    assert answer.status_code == 302
    assert answer["Location"] == f"/map/base/{base_map.base_map_version()}.json"


def test_without_a_base_map_the_url_is_not_found(client, db):
    BaseLayer.objects.all().delete()
    assert client.get("/map/base/0123456789abcdef.json").status_code == 404


@pytest.mark.parametrize("there", [True, False])
def test_the_picker_is_offered_only_with_a_base_map(riverton, there):
    if not there:
        BaseLayer.objects.all().delete()
    shown = Template("{% load places %}{% place_picker %}").render(Context())
    assert ("data-place-picker" in shown) is there
    assert "style=" not in shown
