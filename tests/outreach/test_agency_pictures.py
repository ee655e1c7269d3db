"""The agency's crest and home picture: rebuilt, shown after a supervisor's consent alone, and taken away by anyone who manages."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from core.agency import changes, current_settings
from core.models import Account, AgencySettings, ConsentRequest
from core.staff import groups
from core.web import page_cache
from outreach.admin import agency_pictures
from outreach.content import pictures
from outreach.models import Picture, PictureFile, PictureOriginal
from tests.core.accounts.test_consent import decide
from tests.core.staff.test_staff import account, lines, signed_in
from tests.outreach.desk import create_ready_picture
from tests.tipportal.database.test_grants import acting_as

pytestmark = pytest.mark.django_db

PAGE = "/admin/outreach/picture/agency/"


@pytest.fixture
def supervisor() -> Account:
    return account("lindqvist", groups.SUPERVISOR)


@pytest.fixture
def administrator(supervisor: Account) -> Client:
    return signed_in(account("ito", groups.ADMINISTRATOR))


def draw(color: str = "maroon") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (400, 300), color).save(stream, "PNG")
    return stream.getvalue()


def upload(client: Client, name: str, content: bytes, **data: str) -> Any:
    sent = SimpleUploadedFile("picture.png", content)
    return client.post(f"{PAGE}add/{name}/", {"sent": sent, **data}, follow=True)


def upload_and_rebuild(client: Client, name: str, color: str = "maroon", **data: str) -> Picture:
    assert "Uploaded." in upload(client, name, draw(color), **data).content.decode()
    pictures.rebuild_picture(str(PictureOriginal.objects.get().pk))
    newest = Picture.all_purposes.first()
    assert newest is not None
    return newest


def read(address: str) -> str:
    current_settings.refresh()
    page_cache.clear()
    return Client().get(address).content.decode()


def test_a_crest_is_on_all_pages_once_a_supervisor_has_looked_at_it(administrator: Client, supervisor: Account) -> None:
    assert "img/crest" in read("/privacy/")
    picture = upload_and_rebuild(administrator, "crest")
    (file,) = picture.files.all()
    address = f"/brand/{file.digest}.png"
    page = administrator.get(PAGE).content.decode()
    assert f"{PAGE}file/{file.digest}.png" in page
    assert administrator.get(f"{PAGE}file/{file.digest}.png").content == bytes(file.content)
    assert ("ito", "added picture", f"picture {picture.pk}", "crest") in lines()
    # Nobody else sees it yet.
    assert address not in read("/privacy/")
    assert Client().get(address).status_code == 404
    with acting_as("public"):
        assert not PictureFile.objects.exists()
        assert not Picture.all_purposes.exists()

    answer = administrator.post(PAGE, {"use": str(picture.pk)}, follow=True).content.decode()
    assert "Not changed yet" in answer
    assert "Waits for a supervisor" in answer
    (request,) = ConsentRequest.objects.open()
    assert Client().get(address).status_code == 404
    decision = signed_in(supervisor).get(f"/admin/core/account/requests/{request.pk}/").content.decode()
    assert f'src="{PAGE}file/{file.digest}.png"' in decision
    assert f"Crest: change “the portal&#x27;s own” to “picture {file.digest[:8]}”." in decision
    decide(supervisor, request)

    for page in ("/", "/privacy/", "/tips/", "/map/", "/admin/login/"):
        assert f'<img src="{address}" alt=""' in read(page), page
    assert f'<link rel="icon" href="{address}" type="image/png">' in read("/privacy/")
    # The tab of a source's page says nothing.
    assert f'rel="icon" href="{address}"' not in read("/tips/")
    sent = Client().get(address)
    assert sent["Content-Type"] == "image/png"
    assert "immutable" in sent["Cache-Control"]
    with acting_as("public"):
        assert [each.digest for each in PictureFile.objects.only("digest")] == [file.digest]
    assert ("lindqvist", changes.CHANGED, changes.SUBJECT, f"crest: - -> {file.digest}") in lines()

    # Taking it away needs no consent.
    assert "It is no longer shown." in administrator.post(PAGE, {"remove": "crest"}, follow=True).content.decode()
    assert "img/crest" in read("/privacy/")
    assert Client().get(address).status_code == 404


def test_the_home_page_shows_its_picture_with_words_for_those_who_cant_see_it(
    administrator: Client, supervisor: Account
) -> None:
    incomplete = upload(administrator, "home_picture", draw())
    assert incomplete.status_code == 422
    assert "Say what the picture shows." in incomplete.content.decode()
    words = {"alt": "The bridge & the mill", "credit": "A. Lowe"}
    for lure in ("call 555-0199", "see evil.example"):
        assert upload(administrator, "home_picture", draw(), **(words | {"credit": lure})).status_code == 422
    picture = upload_and_rebuild(administrator, "home_picture", **words)
    administrator.post(PAGE, {"use": str(picture.pk)})
    decide(supervisor, ConsentRequest.objects.open().get())
    current_settings.refresh()
    page_cache.clear()
    with acting_as("public"):
        page = Client().get("/").content.decode()
    (digest,) = picture.files.values_list("digest", flat=True)
    assert re.search(rf'<source media="\(min-width: 60em\)" srcset="/brand/{digest}\.webp"', page)
    assert 'alt="The bridge &amp; the mill"' in page
    assert "Picture: A. Lowe" in page
    assert digest not in read("/privacy/")


def test_only_managers_reach_the_page_and_only_agency_pictures_are_offered(administrator: Client) -> None:
    for role in (groups.OFFICER, groups.COMMUNICATIONS):
        other = signed_in(account(f"{role}-x", role))
        assert other.get(PAGE).status_code == 403
        assert other.post(f"{PAGE}add/crest/").status_code == 403
        assert other.get(f"{PAGE}file/{'0' * 64}.png").status_code == 403
    story_picture = create_ready_picture()
    administrator.post(PAGE, {"use": str(story_picture.pk)})
    administrator.post(PAGE, {"use": "99999999999999999999"})
    assert not ConsentRequest.objects.exists()
    digest = story_picture.variants[0]["digest"]
    assert administrator.get(f"{PAGE}file/{digest}.webp").status_code == 404


def test_texts_of_stories_cant_show_the_agencys_pictures(administrator: Client) -> None:
    crest, picture = upload_and_rebuild(administrator, "crest"), create_ready_picture()
    assert set(pictures.load_ready_pictures([crest.pk, picture.pk])) == {picture.pk}
    assert list(Picture.objects.all()) == [picture]


def test_what_is_no_picture_is_refused_with_a_sentence(administrator: Client) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><script>alert(1)</script></svg>'
    answer = upload(administrator, "crest", svg)
    assert answer.status_code == 422
    assert "We can&#x27;t use this kind of file." in answer.content.decode()
    assert not Picture.all_purposes.exists()
    # One that breaks later says so on the page.
    upload(administrator, "crest", draw()[:200])
    pictures.rebuild_picture(str(PictureOriginal.objects.get().pk))
    assert "This picture is damaged." in administrator.get(PAGE).content.decode()


@pytest.mark.parametrize("value", ["x", "../../admin", "A" * 64, 7, None])
def test_a_row_that_was_changed_by_hand_names_no_other_address(value: Any) -> None:
    AgencySettings.objects.create(stored={"crest": value, "home_picture": value})
    current_settings.refresh()
    assert (current_settings.current().crest, current_settings.current().home_picture) == ("", "")
    assert "img/crest" in read("/")


def test_replacing_a_picture_keeps_the_old_one_to_go_back_to(administrator: Client, supervisor: Account) -> None:
    first = upload_and_rebuild(administrator, "crest", "maroon")
    second = upload_and_rebuild(administrator, "crest", "navy")
    for picture in (first, second, first):
        administrator.post(PAGE, {"use": str(picture.pk)})
        decide(supervisor, ConsentRequest.objects.open().get())
        assert changes.read_stored()["crest"] == picture.variants[0]["digest"]
    for number in range(agency_pictures._MOST_LISTED):
        upload_and_rebuild(administrator, "crest", f"#{number}{number}{number}")
    page = administrator.get(PAGE).content.decode()
    assert first.variants[0]["digest"] in page, "the one that is shown is listed, however old"
    assert second.variants[0]["digest"] not in page
