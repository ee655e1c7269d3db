"""The pages of e-mail alerts: request, confirm, change, unsubscribe; and which data and rights they must not have."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from core.mail import confirmation_pace, subscriber_addresses
from core.staff import groups as staff_groups
from crimemap import wording
from crimemap.admin import alerts as alerts_admin
from crimemap.alerts import delivery, planning, subscriptions
from crimemap.alerts.new_incidents import AlertCriteria
from crimemap.alerts.subscriptions import AlertSubscription
from crimemap.models import AlertLink, Area, Block, Delivery, Subscription
from crimemap.places import areas
from crimemap.snapshot.published_incidents import PublishedIncidents
from tests.crimemap.alerts.city import EVERYTHING, subscribe
from tests.crimemap.importing.administrators import create_account, sign_in
from tests.stack import Mails
from tests.tipportal.database.test_grants import acting_as, is_refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("opens_addresses", "incidents")]

MARIA, OMAR = "maria@example.org", "omar@example.org"
CITY = {"where": "city", "rhythm": "daily", "email": MARIA}


@pytest.fixture
def client() -> Client:
    return Client(enforce_csrf_checks=True)


def post(client: Client, path: str = "/map/alerts/", **data: Any) -> Any:
    return client.post(path, data)


def secret_of(row: Subscription) -> bytes:
    return subscriber_addresses.open_contact(row.sealed_contact).secret


def link(step: str, secret: bytes, *more: object) -> str:
    return "/map/alerts/" + "/".join(map(str, [step, subscriber_addresses.encode_secret(secret), *more])) + "/"


# Requests


def test_a_request_mails_a_link_and_stores_no_address_in_clear(client: Client) -> None:
    response = post(client, **CITY | {"where": "area", "area": "district:1", "category": ["burglary", "fraud"]})
    assert response.status_code == 302
    assert response["Location"] == "/map/alerts/asked/"
    row = Subscription.objects.get()
    assert (row.layer, row.code, row.radius, row.rhythm) == ("district", "1", None, "daily")
    assert row.categories == ["burglary", "fraud"]
    assert row.confirmed_at is None
    assert Delivery.objects.get().confirms_id == row.pk
    assert subscriber_addresses.open_contact(row.sealed_contact).address == MARIA
    with connection.cursor() as cursor:
        for table in ("subscription", "delivery", "alertlink"):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM crimemap_{table} t")
            text = str(cursor.fetchone()[0]).lower()
            secret = secret_of(row)
            for clear in (
                "maria",
                "example.org",
                MARIA.encode().hex(),
                secret.hex(),
                subscriber_addresses.encode_secret(secret).lower(),
            ):
                assert clear not in text


def test_the_form_is_filled_in_from_the_map(client: Client) -> None:
    text = client.get("/map/alerts/?area=district:2&category=burglary&days=30").content.decode()
    assert '<option value="district:2" selected>' in text
    assert 'value="area" id="id_where_1" checked' in text
    assert 'name="category" value="burglary" checked' in text
    text = client.get("/map/alerts/?near=41.49000,-38.50000&radius=300").content.decode()
    assert 'name="place_ref" value="point:41.49000,-38.50000"' in text
    assert '<option value="300" selected>' in text
    assert client.get("/map/alerts/?area=nowhere&days=-3").status_code == 200


def test_a_place_is_found_by_its_name(client: Client, riverton: None) -> None:
    block = Block.objects.order_by("street", "hundred").first()
    where = CITY | {"where": "place", "radius": "300"}
    assert post(client, **where | {"search": str(block)}).status_code == 302
    row = Subscription.objects.get()
    assert (row.place, row.latitude, row.longitude, row.radius) == (str(block), block.latitude, block.longitude, 300)
    assert (row.layer, row.code) == ("", "")


def test_an_ambiguous_search_requires_a_choice(client: Client, riverton: None) -> None:
    where = CITY | {"where": "place", "radius": "500"}
    page = post(client, **where | {"search": Block.objects.first().street})
    assert page.status_code == 422
    assert "We found more than one place. Choose one." in page.content.decode()
    choice = r'name="place_ref" value="([^"]+)" id="id_place_ref_1"><label [^>]*><bdi>([^<]*)</bdi>'
    ((ref, name),) = re.findall(choice, page.content.decode())
    assert post(client, **where | {"place_ref": ref}).status_code == 302
    assert Subscription.objects.get().place == name


def test_a_point_of_the_map_becomes_its_block(client: Client, riverton: None) -> None:
    block = Block.objects.first()
    ref = f"point:{block.latitude + 0.0002:.5f},{block.longitude:.5f}"
    assert post(client, **CITY | {"where": "place", "radius": "500", "place_ref": ref}).status_code == 302
    row = Subscription.objects.get()
    assert (row.latitude, row.longitude) in Block.objects.values_list("latitude", "longitude")
    assert "block of" in row.place


def test_searching_places_reports_no_other_errors(client: Client, riverton: None) -> None:
    page = post(client, where="place", search="arden", find_place="1")
    assert page.status_code == 200
    text = page.content.decode()
    assert text.count('name="place_ref"') > 2
    assert "There is a problem" not in text
    text = post(client, where="place", search="qqqqq", find_place="1").content.decode()
    assert "find “qqqqq”" in text


def test_an_area_found_by_search_becomes_the_alerts_area(client: Client, riverton: None) -> None:
    name = Area.objects.get(layer="district", code="1").name
    assert post(client, **CITY | {"where": "place", "search": name, "radius": "500"}).status_code == 302
    row = Subscription.objects.get()
    assert (row.layer, row.code, row.radius) == ("district", "1", None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"email": "maria"}, "send to this email address"),
        ({"email": ""}, "Enter your email address"),
        ({"where": ""}, "Choose where."),
        ({"where": "moon"}, "Select a valid choice"),
        ({"where": "area"}, "Choose an area from the list."),
        ({"where": "area", "area": "district:99"}, "Choose an area from the list."),
        ({"where": "place"}, "Enter a street"),
        ({"where": "place", "place_ref": "point:95,1", "radius": "500"}, "find this place anymore"),
        ({"where": "place", "place_ref": "point:nan,nan", "radius": "500"}, "find this place anymore"),
        ({"where": "place", "place_ref": "block:999999", "radius": "500"}, "find this place anymore"),
        ({"where": "place", "place_ref": "point:41.5,-38.5", "radius": "7"}, "Select a valid choice"),
        ({"category": "no-such"}, "Select a valid choice"),
        ({"rhythm": "hourly"}, "Select a valid choice"),
        ({"rhythm": ""}, "Choose how often."),
    ],
)
def test_invalid_input_is_explained_and_preserved(client: Client, change: Any, sentence: str) -> None:
    page = post(
        client, **{"where": "city", "rhythm": "weekly", "email": "typed@example.org", "category": "fraud"} | change
    )
    text = page.content.decode()
    assert page.status_code == 422
    assert sentence in text
    assert "There is a problem" in text
    assert "email" in change or 'value="typed@example.org"' in text
    assert Subscription.objects.count() == 0


def test_ticking_all_types_means_no_restriction(client: Client, incidents: PublishedIncidents) -> None:
    post(client, **CITY | {"category": list(incidents.families)})
    assert Subscription.objects.get().categories == []


# Privacy and abuse


def test_the_response_is_the_same_for_known_and_unknown_addresses(client: Client) -> None:
    subscribe(OMAR)
    answers = [post(client, **CITY | {"email": address}) for address in (OMAR, MARIA, MARIA, MARIA.upper())]
    seen = {(each.status_code, each["Location"], each.content, tuple(sorted(each.headers))) for each in answers}
    assert len(seen) == 1


def test_a_known_address_costs_the_database_the_same_rows(client: Client) -> None:
    """A row more or less to write or to delete, and the database answers earlier or later."""

    def rows_touched() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_stat_get_xact_tuples_inserted(name::regclass), pg_stat_get_xact_tuples_updated(name::regclass),"
                " pg_stat_get_xact_tuples_deleted(name::regclass)"
                " FROM unnest(ARRAY['crimemap_subscription', 'crimemap_delivery']) AS name"
            )
            return [count for row in cursor.fetchall() for count in row]

    touched = [rows_touched()]
    for _request in range(3):
        post(client, **CITY)
        touched.append(rows_touched())
    costs = [[b - a for a, b in zip(before, after, strict=True)] for before, after in itertools.pairwise(touched)]
    assert costs == [[1, 0, 0, 1, 0, 0]] * 3


def test_a_needless_request_leaves_nothing_that_mails_opens_or_stays(client: Client) -> None:
    for _request in range(2):
        post(client, **CITY)
    needed, needless = Subscription.objects.order_by("pk")
    assert bytes(needless.address_hash) != bytes(needed.address_hash)
    assert Delivery.objects.get(confirms=needless).state == Delivery.DeliveryState.EMPTY
    assert subscriptions.list_alerts(secret_of(needless)) == []
    assert not subscriptions.confirm_alert(secret_of(needless))
    planning.delete_outdated()
    assert list(Subscription.objects.all()) == [needed]
    assert Delivery.objects.get().confirms_id == needed.pk


def test_an_unconfirmed_address_gets_one_link_a_day(client: Client) -> None:
    for _again in range(3):
        post(client, **CITY)
    waiting = Delivery.objects.filter(state=Delivery.DeliveryState.WAITING)
    assert waiting.count() == 1
    Subscription.objects.update(asked_at=timezone.now() - dt.timedelta(hours=25))
    post(client, **CITY)
    assert waiting.count() == 2


def test_an_address_can_have_ten_confirmed_alerts(client: Client) -> None:
    for _alert in range(10):
        subscribe(MARIA)
    post(client, **CITY)
    planning.delete_outdated()
    assert Subscription.objects.count() == 10


def test_a_flood_of_requests_does_not_block_others(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crimemap_subscription (sealed_contact, address_hash, link_hash, layer, code, place, categories,"
            " rhythm, asked_at, sent_up_to) SELECT 'x', sha256(n::text::bytea), sha256(n::text::bytea), '', '', '', '{}',"
            " 'daily', now() - n * interval '1 ms', 0 FROM generate_series(1, 20001) n"
        )
    assert post(client, **CITY).status_code == 302
    assert Delivery.objects.count() == 1
    assert Subscription.objects.count() == 20_001  # the oldest unconfirmed one was deleted to make room


def test_confirmation_mails_are_paced_by_domain(client: Client, mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation_pace, "MAILS_AT_ONCE_BY_DOMAIN", 3)
    monkeypatch.setattr(confirmation_pace, "pace", confirmation_pace.ConfirmationPace())
    for number in range(5):
        post(client, **CITY | {"email": f"stranger{number}@victim.example"})
    post(client, **CITY)
    delivery.send_due()
    domains = [address.rpartition("@")[2] for recipients in mails.recipients for address in recipients]
    assert sorted(domains) == ["example.org", *["victim.example"] * 3]
    waiting = Delivery.objects.filter(state=Delivery.DeliveryState.WAITING)
    assert [row.attempts for row in waiting] == [0, 0]
    assert all(row.next_attempt_at > timezone.now() for row in waiting)


def test_no_page_sets_a_cookie_or_is_stored(client: Client) -> None:
    secret = subscribe(MARIA)
    number = Subscription.objects.get().pk
    for path in ("/map/alerts/", link("manage", secret), link("manage", secret, number), link("leave", secret)):
        response = client.get(path)
        assert response.status_code == 200
        assert not response.cookies
        assert response["Cache-Control"] == "no-store"
        assert path == "/map/alerts/" or response["X-Robots-Tag"] == "noindex"
        assert path == "/map/alerts/" or response["Referrer-Policy"] == "strict-origin"
        assert MARIA not in response.content.decode()


def test_a_post_from_another_site_is_rejected(client: Client) -> None:
    assert client.post("/map/alerts/", CITY, headers={"Origin": "https://evil.example"}).status_code == 403
    assert Subscription.objects.count() == 0


def test_without_a_public_key_the_page_is_unavailable(client: Client, settings: Any, tmp_path: Any) -> None:
    settings.ADDRESS_PUBLIC_KEYS = tmp_path
    page = client.get("/map/alerts/")
    assert page.status_code == 503
    assert "Email alerts aren't available yet" in page.content.decode()


def test_without_the_hash_key_requests_are_rejected(client: Client, settings: Any) -> None:
    settings.ADDRESS_HASH_KEY = None
    page = post(client, **CITY)
    assert page.status_code == 503
    assert "add email addresses right now" in page.content.decode()


def test_without_published_incidents_there_is_no_form(client: Client, settings: Any, tmp_path: Any) -> None:
    settings.INCIDENT_SNAPSHOTS = tmp_path
    assert "We haven't published any incidents yet" in client.get("/map/alerts/").content.decode()
    assert client.get(link("manage", bytes(32))).status_code == 503


# Confirmation


def request_unconfirmed(client: Client) -> bytes:
    post(client, **CITY)
    return secret_of(Subscription.objects.get(confirmed_at=None))


def test_only_the_button_confirms_not_opening_the_link(client: Client) -> None:
    secret = request_unconfirmed(client)
    for _scanner in range(2):
        page = client.get(link("confirm", secret))
        assert "All types: the whole city" in page.content.decode()
    client.head(link("confirm", secret))
    assert Subscription.objects.get().confirmed_at is None
    response = client.post(link("confirm", secret))
    assert response["Location"] == link("manage", secret) + "?done=confirmed"
    row = Subscription.objects.get()
    assert row.confirmed_at is not None
    assert row.looked_on is not None
    assert "email you about new incidents" in client.get(response["Location"]).content.decode()
    # Pressed twice, or the mail opened again.
    assert client.post(link("confirm", secret)).status_code == 302
    assert client.get(link("confirm", secret))["Location"] == link("manage", secret)


def test_a_link_works_for_two_days(client: Client) -> None:
    secret = request_unconfirmed(client)
    Subscription.objects.update(asked_at=timezone.now() - dt.timedelta(hours=47))
    assert client.get(link("confirm", secret)).status_code == 200
    Subscription.objects.update(asked_at=timezone.now() - dt.timedelta(hours=49))
    assert client.get(link("confirm", secret)).status_code == 404
    assert client.post(link("confirm", secret)).status_code == 404
    assert Subscription.objects.get().confirmed_at is None


@pytest.mark.parametrize("text", ["x", "a" * 43, "A" * 42, "..", "%00" * 14])
@pytest.mark.parametrize("step", ["confirm", "manage"])
def test_an_invalid_link_is_not_found(client: Client, step: str, text: str) -> None:
    subscribe(MARIA)
    for response in (client.get(f"/map/alerts/{step}/{text}/"), client.post(f"/map/alerts/{step}/{text}/")):
        assert response.status_code == 404


def test_an_unconfirmed_link_shows_no_other_alerts_of_the_address(client: Client) -> None:
    subscribe(MARIA)
    secret = request_unconfirmed(client)
    assert client.get(link("manage", secret)).status_code == 404
    assert [alert.is_confirmed for alert in subscriptions.list_alerts(secret)] == [False]


def test_the_confirmation_mail_links_to_the_page(client: Client, settings: Any, mailoutbox: list[Any]) -> None:
    settings.PORTAL_URL = "https://riverton.example"
    secret = request_unconfirmed(client)
    delivery.send_due()
    (mail,) = mailoutbox
    assert mail.to == [MARIA]
    for part in (mail.body, mail.alternatives[0].content):
        assert f"https://riverton.example{link('confirm', secret)}" in part
        assert "All types: the whole city" in part
    assert Delivery.objects.get().state == Delivery.DeliveryState.SENT


def test_no_confirmation_is_mailed_if_address_and_hash_differ(client: Client, mailoutbox: list[Any]) -> None:
    """Otherwise an attacker on the public node could take over another address' alerts."""
    subscribe(OMAR)
    request_unconfirmed(client)
    Subscription.objects.filter(confirmed_at=None).update(address_hash=subscriber_addresses.hash_address(OMAR))
    delivery.send_due()
    assert mailoutbox == []


# Changes and unsubscribing


def test_any_link_of_an_address_manages_all_its_alerts(client: Client) -> None:
    first = subscribe(MARIA)
    second = subscribe(MARIA, AlertCriteria(("district", "2"), None, frozenset({"burglary"})))
    subscribe(OMAR, AlertCriteria(("beat", "11"), None, frozenset()))
    for secret in (first, second):
        text = client.get(link("manage", secret)).content.decode()
        assert "All types: the whole city" in text
        assert f"Burglary: {wording.area_name('district', '2', areas.area_names('district'))}" in text
        assert wording.area_name("beat", "11", areas.area_names("beat")) not in text


def test_a_changed_alert_continues_with_the_next_edition(client: Client) -> None:
    secret = subscribe(MARIA)
    Subscription.objects.update(sent_up_to=7)
    row = Subscription.objects.get()
    page = client.get(link("manage", secret, row.pk)).content.decode()
    assert 'name="email"' not in page
    response = client.post(
        link("manage", secret, row.pk),
        {"where": "area", "area": "beat:11", "category": "burglary", "rhythm": "monthly"},
    )
    assert response["Location"] == link("manage", secret) + "?done=changed"
    changed = Subscription.objects.get()
    assert (changed.layer, changed.code, changed.categories, changed.rhythm) == ("beat", "11", ["burglary"], "monthly")
    assert (changed.sent_up_to, changed.looked_on, bytes(changed.sealed_contact)) == (
        7, row.looked_on, bytes(row.sealed_contact),
    )  # fmt: skip


def test_a_link_cannot_change_or_remove_another_addresses_alert(client: Client) -> None:
    subscribe(OMAR)
    other = Subscription.objects.get()
    secret = subscribe(MARIA)
    path = link("manage", secret, other.pk)
    assert client.get(path).status_code == 404
    assert client.post(path, {"where": "city", "rhythm": "monthly"}).status_code == 404
    assert client.post(path, {"remove": "1"}).status_code == 404
    assert not subscriptions.change_alert(secret, AlertSubscription(EVERYTHING, "", "monthly", other.pk))
    assert not subscriptions.unsubscribe(secret, other.pk)
    assert Subscription.objects.get(pk=other.pk).rhythm == "daily"


def test_the_link_of_a_removed_alert_still_works_for_the_address(client: Client) -> None:
    """Earlier mails contain it in their unsubscribe button."""
    first, second = subscribe(MARIA), subscribe(MARIA, rhythm="weekly")
    removed = Subscription.objects.get(rhythm="daily")
    response = client.post(link("manage", first, removed.pk), {"remove": "1"})
    assert response["Location"] == link("manage", first) + "?done=removed"
    assert client.get(link("manage", first)).status_code == 200
    assert client.post(link("leave", first)).status_code == 200
    assert client.get(link("manage", second)).status_code == 404
    assert Subscription.objects.count() == 0


def test_unsubscribing_deletes_the_address_at_once(client: Client) -> None:
    secret = subscribe(MARIA)
    subscribe(MARIA, rhythm="monthly")
    subscribe(OMAR)
    maria_hash = subscriber_addresses.hash_address(MARIA)
    Delivery.objects.create(address_hash=maria_hash, parts=[[1, 1]])
    client.get(link("leave", secret))
    assert Subscription.objects.count() == 3
    page = client.post(link("leave", secret))
    assert page.status_code == 200
    assert "You're unsubscribed" in page.content.decode()
    for model in (Subscription, Delivery, AlertLink):
        assert not model.objects.filter(address_hash=maria_hash).exists()
        assert model is Delivery or model.objects.count() == 1


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://webmail.example"}, {"Origin": "null"}])
def test_mail_programs_unsubscribe_with_one_click_whatever_their_origin(
    client: Client, settings: Any, tmp_path: Any, headers: dict[str, str]
) -> None:
    """RFC 8058: a post by the provider's machine or a mail program in a browser, twice where an answer was lost."""
    secret = subscribe(MARIA)
    settings.INCIDENT_SNAPSHOTS = tmp_path  # nothing is published just now
    for _again in range(2):
        response = client.post(
            link("leave", secret),
            "List-Unsubscribe=One-Click",
            content_type="application/x-www-form-urlencoded",
            headers=headers,
        )
        assert response.status_code == 200
        assert response["Access-Control-Allow-Origin"] == "*"  # so that the mail program can tell that it worked
        assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert Subscription.objects.count() == 0


def test_the_confirmation_mail_has_an_unsubscribe_button_too(client: Client, mails: Mails) -> None:
    secret = request_unconfirmed(client)
    delivery.send_due()
    (mail,) = mails.received
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].strip().endswith(f"{link('leave', secret)}>")


def test_removing_the_last_alert_deletes_the_address(client: Client) -> None:
    secret = subscribe(MARIA)
    page = client.post(link("manage", secret, Subscription.objects.get().pk), {"remove": "1"})
    assert "You're unsubscribed" in page.content.decode()
    assert AlertLink.objects.count() == 0


def test_an_unconfirmed_request_can_be_deleted_through_its_link(client: Client) -> None:
    secret = request_unconfirmed(client)
    client.post(link("leave", secret))
    assert Subscription.objects.count() == Delivery.objects.count() == 0


# Database rights, should an attacker take over one role's database user


@pytest.mark.parametrize("table", ["subscription", "delivery", "alertlink", "edition"])
def test_the_public_role_has_no_right_on_the_tables(client: Client, table: str) -> None:
    subscribe(MARIA)
    for sql in (
        f"SELECT count(*) FROM crimemap_{table}",
        f"DELETE FROM crimemap_{table}",
        f"TRUNCATE crimemap_{table}",
        f"INSERT INTO crimemap_{table} SELECT * FROM crimemap_{table}",
    ):
        assert is_refused("public", sql)
    assert is_refused("public", "SELECT alert_erase(1)")
    assert is_refused("public", "UPDATE crimemap_subscription SET confirmed_at = now()")


def test_the_public_role_can_do_everything_residents_do(client: Client) -> None:
    with acting_as("public"):
        subscriptions.request_alert(MARIA, AlertSubscription(EVERYTHING, "", "daily"))
    secret = secret_of(Subscription.objects.get())
    with acting_as("public"):
        assert [alert.is_confirmed for alert in subscriptions.list_alerts(secret)] == [False]
        assert subscriptions.confirm_alert(secret)
        (alert,) = subscriptions.list_alerts(secret)
        assert subscriptions.change_alert(secret, AlertSubscription(EVERYTHING, "", "weekly", alert.number))
        assert subscriptions.list_alerts(secret)[0].rhythm == "weekly"
        assert not subscriptions.unsubscribe(subscriber_addresses.create_secret())
        assert not subscriptions.confirm_alert(subscriber_addresses.create_secret())
        assert subscriptions.list_alerts(bytes(secret_hash_of(secret))) == []
        assert subscriptions.unsubscribe(secret)
        assert subscriptions.list_alerts(secret) == []


def secret_hash_of(secret: bytes) -> bytes:
    return subscriber_addresses.hash_secret(secret)


@pytest.mark.parametrize("role", ["staff", "alerts", "media"])
def test_only_the_bulk_worker_reads_sealed_addresses_and_hashes(client: Client, role: str) -> None:
    subscribe(MARIA)
    for sql in (
        "SELECT sealed_contact FROM crimemap_subscription",
        "SELECT address_hash FROM crimemap_subscription",
        "SELECT link_hash FROM crimemap_subscription",
        "SELECT address_hash FROM crimemap_delivery",
        "SELECT told FROM crimemap_delivery",
        "SELECT * FROM crimemap_alertlink",
        "DELETE FROM crimemap_subscription",
        "UPDATE crimemap_subscription SET rhythm = 'daily'",
        "SELECT alert_leave('x', NULL)",
    ):
        assert is_refused(role, sql)


def test_the_bulk_worker_cannot_create_subscriptions(client: Client) -> None:
    assert is_refused("bulk", "INSERT INTO crimemap_subscription SELECT * FROM crimemap_subscription")
    assert is_refused("bulk", "INSERT INTO crimemap_alertlink SELECT * FROM crimemap_alertlink")
    with acting_as("bulk"):
        assert Subscription.objects.count() == 0


# Admin


def test_the_admin_shows_counts_and_no_address(client: Client) -> None:
    for number in range(6):
        subscribe(f"resident{number}@example.org")
    subscribe(MARIA, AlertCriteria(None, (41.5, -38.5, 500.0), frozenset()), "weekly")
    post(client, **CITY | {"email": OMAR})
    with acting_as("staff"):
        assert alerts_admin.count_by_place() == [
            ("Around a block or intersection", ["0", "under 5", "0"]),
            ("The whole city", ["6", "0", "0"]),
        ]
        assert alerts_admin.count_mails_by_state() == {"waiting": 1, "sent": 0, "refused": 0, "failed": 0}
    text = sign_in(create_account()).get("/admin/crimemap/subscription/").content.decode()
    for words in ("Around a block or intersection", "under 5", "1 is not confirmed yet."):
        assert words in text
    assert "@example.org" not in text.replace("ada@example.org", "")


@pytest.mark.parametrize("group", [staff_groups.OFFICER, staff_groups.SUPERVISOR, staff_groups.COMMUNICATIONS])
def test_only_administrators_see_the_counts(client: Client, group: str) -> None:
    assert sign_in(create_account(group=group)).get("/admin/crimemap/subscription/").status_code == 403


def test_the_admin_cannot_open_change_or_delete_alerts(client: Client) -> None:
    subscribe(MARIA)
    number = Subscription.objects.get().pk
    ada = sign_in(create_account())
    for path in (f"{number}/change/", "add/", f"{number}/delete/"):
        assert ada.get(f"/admin/crimemap/subscription/{path}").status_code == 403
    ada.post("/admin/crimemap/subscription/", {"action": "delete_selected", "_selected_action": number, "post": "yes"})
    assert Subscription.objects.count() == 1
