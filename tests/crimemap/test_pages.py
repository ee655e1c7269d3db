"""The page of the map and the base map for browsers."""

from __future__ import annotations

import gzip
import json

import pytest
from django.template import Context, Template

from crimemap import places
from crimemap.models import BaseLayer, Block


def test_the_page_draws_the_city(client, riverton):
    page = client.get("/map/").content.decode()
    assert 'class="streets minor"' in page
    assert "Old Town" in page
    assert "style=" not in page
    assert "<script" not in page


def test_a_search_lists_and_marks_what_it_found(client, riverton):
    page = client.get("/map/", {"q": "412 arden"}).content.decode()
    assert "400 block of Arden Street" in page
    assert page.count('class="pin"') == 1
    assert "1 place found" in page


def test_a_search_without_result_says_so_and_keeps_the_words(client, riverton):
    page = client.get("/map/", {"q": "zzzz<b>"}).content.decode()
    assert "No such place found" in page
    assert 'value="zzzz&lt;b&gt;"' in page


def test_without_places_the_page_says_that_there_is_no_map(client, db):
    BaseLayer.objects.all().delete()
    Block.objects.all().delete()
    page = client.get("/map/", {"q": "arden"}).content.decode()
    assert "There is no map yet" in page


def test_the_base_map_is_small_and_cached_for_ever(client, riverton):
    address = f"/map/base/{places.base_map_version()}.json"
    answer = client.get(address, headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert "immutable" in answer["Cache-Control"]
    assert "public" in answer["Cache-Control"]
    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < 60_000
    assert json.loads(gzip.decompress(answer.content)) == json.loads(places.base_map())
    assert not answer.cookies
    assert client.get(address, headers={"accept-encoding": "gzip", "if-none-match": answer["ETag"]}).status_code == 304


def test_the_base_map_comes_plain_to_who_cannot_unpack_it(client, riverton):
    answer = client.get(f"/map/base/{places.base_map_version()}.json")
    assert "Content-Encoding" not in answer
    assert json.loads(answer.content)["layers"]


def test_an_old_version_leads_to_the_one_of_now(client, riverton):
    answer = client.get("/map/base/0123456789abcdef.json")
    assert answer.status_code == 302
    assert answer["Location"] == f"/map/base/{places.base_map_version()}.json"


def test_without_a_base_map_there_is_nothing_to_fetch(client, db):
    BaseLayer.objects.all().delete()
    assert client.get("/map/base/0123456789abcdef.json").status_code == 404


@pytest.mark.parametrize("there", [True, False])
def test_the_picker_is_offered_only_with_a_base_map(riverton, there):
    if not there:
        BaseLayer.objects.all().delete()
    shown = Template("{% load places %}{% place_picker %}").render(Context())
    assert ("data-place-picker" in shown) is there
    assert "style=" not in shown
