"""Units, referrals and sensitive categories, as officers, supervisors and administrators meet them in the admin."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from core.accounts import consent
from core.models import Account, AccountMail, ConsentRequest
from core.staff import groups
from tests.tips.desk import officers
from tips import officer_alerts
from tips.desk import permissions, triage
from tips.desk.workload import own_work
from tips.models import Alert, Category, Notification, Referral, Tip, Unit

pytestmark = pytest.mark.django_db
LIST = "/admin/tips/tip/"
REFERRALS = "/admin/tips/referral/"
# Tokens, and the seconds until the screen locks.
OWN_TO_EACH_PAGE = re.compile(r'(value|data-csrf|data-seconds)="[A-Za-z0-9:_-]+"')


@pytest.fixture
def drugs() -> Category:
    return Category.objects.get(slug="drugs")


@pytest.fixture
def narcotics(drugs: Category) -> Unit:
    """A unit with one member that handles drugs."""
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(officers.create_officer("ito"))
    Category.objects.filter(pk=drugs.pk).update(unit=unit)
    drugs.refresh_from_db()
    return unit


@pytest.fixture
def ito(narcotics: Unit) -> Account:
    return narcotics.members.get()


@pytest.fixture
def okafor() -> Account:
    """An officer in no unit."""
    return officers.create_officer("okafor")


@pytest.fixture
def lee() -> Account:
    return officers.create_officer("lee", groups.SUPERVISOR)


@pytest.fixture
def hate() -> Category:
    """A sensitive category that has no one named."""
    return Category.objects.create(slug="bias", name="Bias", is_sensitive=True, active=False)


def page_of(tip: Tip) -> str:
    return reverse("admin:tips_tip_change", args=[tip.pk])


def load(account: Account, address: str, **query: str) -> str:
    return str(officers.sign_in(account).get(address, query, follow=True).content.decode())


def numbers(page: str) -> set[int]:
    return {int(number) for number in re.findall(r'<li [^>]*id="tip-(\d+)"', page)}


def search(account: Account, tip: Tip) -> str:
    """Search for the tip's number; return the address that the answer leads to, the list's if it finds nothing."""
    return str(officers.sign_in(account).post(f"{LIST}search/", {"words": tip.number}).get("Location", LIST))


def act(account: Account, tip: Tip, name: str, **data: Any) -> Any:
    tip = Tip.objects.get(pk=tip.pk)
    stamp = triage.stamp(tip, tip.messages.count())
    data |= {"act": name, "seen": stamp, "form_id": secrets.token_hex(16)}
    answer = officers.sign_in(account).post(page_of(tip), data, follow=True)
    officers.let_acts_go_out()
    return answer


def refer(account: Account, tip: Tip, to: Unit | None, reason: str = "They know the house") -> Any:
    return act(account, tip, "refer", refer_to=to.pk if to else "all", refer_reason=reason)


def audit_lines(action: str) -> list[tuple[str, str, str]]:
    return [(who, subject, detail) for who, verb, subject, detail in officers.read_audit_trail() if verb == action]


# Who sees what


def test_another_units_tip_answers_exactly_as_one_that_does_not_exist(
    drugs: Category, ito: Account, okafor: Account
) -> None:
    """Each address below the tip, read and written: status and bytes are those of an id that was never given out."""
    foreign = officers.send_opened_tip(ito, category=drugs)
    client = officers.sign_in(okafor)
    roads = ("change/", "files/", "files/states/", "files/1/", "files/1/download/", "history/", "delete/")

    def answers(key: object) -> list[tuple[int, str]]:
        probed = []
        for road in roads:
            for method in ("get", "post"):
                answer = getattr(client, method)(f"{LIST}{key}/{road}", follow=True)
                body = answer.content.decode().replace(str(key), "ID")
                probed.append((answer.status_code, OWN_TO_EACH_PAGE.sub("", body)))
        return probed

    absent = answers("01234567-89ab-4cde-8f01-23456789abcd")
    assert answers(foreign.pk) == absent


def test_lists_counts_and_search_leave_out_other_units(
    drugs: Category, ito: Account, okafor: Account, lee: Account
) -> None:
    own, foreign = officers.send_tip(), officers.send_tip(category=drugs, danger="yes")
    for outsider in (okafor, lee):
        assert numbers(load(outsider, LIST)) == {own.number}
        assert search(outsider, foreign) == LIST
        assert "Narcotics" not in load(outsider, LIST)
        assert own_work.count_work(outsider)["urgent"] == 0
    assert numbers(load(ito, LIST)) == {own.number, foreign.number}
    assert numbers(load(ito, LIST, unit=str(foreign.unit_id))) == {foreign.number}


def test_an_action_on_another_units_tip_changes_nothing(drugs: Category, ito: Account, okafor: Account) -> None:
    foreign = officers.send_opened_tip(ito, category=drugs)
    before = Tip.objects.filter(pk=foreign.pk).values().get()
    for name, data in {
        "answer": {"answer": "Hello"},
        "note": {"note": "Hello"},
        "assign": {"to": okafor.pk},
        "close": {"disposition": "useful"},
        "refer": {"refer_to": "all", "refer_reason": "Give it to me"},
        "category": {"category": Category.objects.exclude(pk=drugs.pk).first(), "category_reason": "Mine"},
    }.items():
        answer = act(okafor, foreign, name, **{key: getattr(value, "pk", value) for key, value in data.items()})
        assert answer.status_code == 404
    data = {"act": "assign-to-me", "tips": [str(foreign.pk)]}
    officers.sign_in(okafor).post(LIST, data)
    assert Tip.objects.filter(pk=foreign.pk).values().get() == before
    assert not foreign.messages.exists()
    assert not foreign.notes.exists()


def test_sensitive_tips_stand_in_a_list_of_their_own(
    hate: Category, okafor: Account, ito: Account, lee: Account
) -> None:
    hate.readers.add(okafor)
    general, sensitive = officers.send_tip(), officers.send_tip(category=hate, danger="yes")
    assert numbers(load(okafor, LIST)) == {general.number}
    assert numbers(load(okafor, LIST, view="sensitive")) == {sensitive.number}
    assert search(okafor, sensitive) == page_of(sensitive)
    counts = own_work.count_work(okafor)
    assert (counts["new"], counts["urgent"], counts["sensitive"], counts["sensitive_unread"]) == (1, 0, 1, 1)
    assert "view=sensitive" in load(okafor, "/admin/")
    for outsider in (ito, lee):
        assert numbers(load(outsider, LIST, view="sensitive")) == {general.number}
        assert search(outsider, sensitive) == LIST
        assert "view=sensitive" not in load(outsider, LIST) + load(outsider, "/admin/")
        assert own_work.count_work(outsider)["sensitive"] == 0
        assert str(sensitive.number) not in load(outsider, page_of(sensitive))


def test_notices_about_alerts_count_only_tips_that_the_account_may_know_of(hate: Category, okafor: Account) -> None:
    """An administrator is shown how many alerts wait, but not of sensitive tips."""
    administrator = officers.create_officer("vance", groups.ADMINISTRATOR)
    hate.readers.add(okafor)
    officers.send_tip(category=hate)
    for account, count in ((okafor, 1), (administrator, 0), (officers.create_officer("ito"), 0)):
        waiting = officer_alerts.count_waiting(permissions.counted_ids(account), include_recent=True)
        assert waiting.total == count
    officers.send_tip()
    assert officer_alerts.count_waiting(permissions.counted_ids(administrator), include_recent=True).total == 1


def test_an_administrator_cannot_tell_whether_a_sensitive_category_has_tips(hate: Category, drugs: Category) -> None:
    administrator = officers.create_officer("vance", groups.ADMINISTRATOR)
    page = reverse("admin:tips_category_change", args=[hate.pk])
    before = load(administrator, page)
    officers.send_tip(category=hate)
    assert OWN_TO_EACH_PAGE.sub("", load(administrator, page)) == OWN_TO_EACH_PAGE.sub("", before)
    deletion = reverse("admin:tips_category_delete", args=[hate.pk])
    assert officers.sign_in(administrator).get(deletion).status_code == 403
    tip = officers.send_tip(category=drugs)
    refusal = load(administrator, reverse("admin:tips_category_delete", args=[drugs.pk]))
    assert "Tips in this category" in refusal
    assert str(tip.number) not in refusal


# Alerts


def spread(tip: Tip) -> set[str]:
    alert = Alert.objects.filter(tip=tip).latest("pk")
    recipients = officer_alerts.choose_recipients(tip.category_id, tip.unit_id, alert.pk)
    return set(Account.objects.filter(pk__in=recipients).values_list("username", flat=True))


def test_alerts_go_to_the_unit_alone(drugs: Category, ito: Account, okafor: Account, lee: Account) -> None:
    officers.set_duty(okafor)
    assert spread(officers.send_tip(category=drugs)) == {"ito"}
    assert spread(officers.send_tip()) == {"okafor"}


def test_alerts_about_sensitive_tips_go_to_named_people_even_off_duty(
    hate: Category, drugs: Category, okafor: Account, ito: Account, lee: Account
) -> None:
    officers.set_duty(ito)
    hate.readers.add(okafor, lee)
    tip = officers.send_tip(category=hate)
    assert spread(tip) == {"okafor", "lee"}
    officers.set_duty(okafor, drugs)  # on duty, but for another category
    assert spread(tip) == {"lee"}
    hate.readers.set([okafor])
    assert spread(tip) == {"okafor"}
    hate.readers.clear()
    assert spread(tip) == set()


# Referral


def test_a_referred_tip_is_seen_by_the_new_unit_alone_with_the_reason(
    narcotics: Unit, ito: Account, okafor: Account
) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.assign(tip, okafor, okafor)
    answer = refer(okafor, tip, narcotics)
    page = answer.content.decode()
    assert answer.redirect_chain[-1][0] == page_of(tip)
    assert "This tip goes there in 30 seconds." in page
    assert not permissions.visible_tips(okafor).filter(pk=tip.pk).exists()
    assert "They know the house" in load(ito, page_of(tip))
    assert Tip.objects.get(pk=tip.pk).assigned_to is None
    assert audit_lines("referred") == [("okafor", f"tip {tip.number}", "All officers -> Narcotics")]
    assert spread(Tip.objects.get(pk=tip.pk)) == {"ito"}


def test_received_comes_back_once_an_officer_of_the_new_unit_has_opened_it(
    narcotics: Unit, ito: Account, okafor: Account
) -> None:
    tip = officers.send_opened_tip(okafor)
    refer(okafor, tip, narcotics)
    page = load(okafor, REFERRALS)
    assert str(tip.number) in page
    assert "Not yet" in page
    load(ito, page_of(tip))
    assert "ito, " in load(okafor, REFERRALS)
    assert Referral.objects.get().received_by == ito


def test_a_referral_is_taken_back_until_it_is_received(narcotics: Unit, ito: Account, okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    for is_received in (False, True):
        refer(okafor, tip, narcotics)
        if is_received:
            load(ito, page_of(tip))
        data = {"action": "take_back", "_selected_action": [str(Referral.objects.get().pk)]}
        page = officers.sign_in(okafor).post(REFERRALS, data, follow=True).content.decode()
        assert ("stays where it is" if is_received else "1 tip is back.") in page
        assert permissions.visible_tips(okafor).filter(pk=tip.pk).exists() is not is_received
    assert audit_lines("took back") == [("okafor", f"tip {tip.number}", "Narcotics -> All officers")]


def test_a_mail_that_waits_is_not_sent_to_officers_who_no_longer_see_the_tip(narcotics: Unit, okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    Notification.objects.create(alert=Alert.objects.get(tip=tip), officer=okafor)
    refer(okafor, tip, narcotics)
    assert not Notification.objects.filter(officer=okafor, state="waiting").exists()


def test_a_referral_needs_a_unit_and_a_reason(narcotics: Unit, okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    answer = act(okafor, tip, "refer", refer_to="", refer_reason=" ")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Pick the unit that should have this tip." in page
    assert "Write why you refer this tip." in page
    assert Tip.objects.get(pk=tip.pk).unit is None


def test_other_unsent_text_is_not_lost_in_a_referral(narcotics: Unit, okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    answer = act(okafor, tip, "refer", refer_to=narcotics.pk, refer_reason="They know it", answer="Half an answer")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Half an answer" in page
    assert "They know it" in page
    assert Tip.objects.get(pk=tip.pk).unit is None


def test_a_tip_is_assigned_only_to_officers_who_see_it(drugs: Category, ito: Account, okafor: Account) -> None:
    tip = officers.send_opened_tip(ito, category=drugs)
    beside_the_queue = load(ito, page_of(tip)).partition('id="filter"')[2].partition("</form>")[2]
    assert f'<option value="{okafor.pk}">' not in beside_the_queue
    with pytest.raises(triage.TransitionError):
        triage.assign(tip, ito, okafor)


def test_erasing_a_tip_erases_its_referrals(narcotics: Unit, okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    refer(okafor, tip, narcotics)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tip_erase(%s)", [tip.pk])
    assert not Referral.objects.exists()


# Category


def test_a_new_category_takes_the_tip_to_its_unit_with_the_reason(
    drugs: Category, narcotics: Unit, ito: Account, okafor: Account
) -> None:
    tip = officers.send_opened_tip(okafor)
    answer = act(okafor, tip, "category", category=drugs.pk, category_reason="")
    assert answer.status_code == 422
    assert "goes to Narcotics" in answer.content.decode()
    act(okafor, tip, "category", category=drugs.pk, category_reason="Pills in the boxes")
    tip = Tip.objects.get(pk=tip.pk)
    assert (tip.category, tip.unit) == (drugs, narcotics)
    assert "Pills in the boxes" in load(ito, page_of(tip))
    assert Referral.objects.get().to_unit == narcotics
    assert audit_lines("changed the category of") == [("okafor", f"tip {tip.number}", "Weapons -> Drugs")]


def test_a_new_category_of_the_same_unit_needs_no_reason_and_leaves_the_tip_where_it_is(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    fraud = Category.objects.get(slug="fraud")
    answer = act(okafor, tip, "category", category=fraud.pk, category_reason="")
    assert "Category changed. If other people" in answer.content.decode()
    assert Tip.objects.get(pk=tip.pk).category == fraud
    assert not Referral.objects.exists()
    assert Alert.objects.filter(tip=tip).count() == 1


def test_a_tip_that_becomes_sensitive_leaves_everyone_else_and_their_referrals(
    hate: Category, narcotics: Unit, ito: Account, okafor: Account, lee: Account
) -> None:
    hate.readers.add(lee)
    tip = officers.send_opened_tip(okafor)
    refer(okafor, tip, narcotics)
    triage.open_tip(tip.pk, ito)
    assert str(tip.number) in load(okafor, REFERRALS)
    act(ito, tip, "category", category=hate.pk, category_reason="Slurs on the wall")
    assert not permissions.visible_tips(ito).filter(pk=tip.pk).exists()
    assert str(tip.number) not in load(okafor, REFERRALS) + load(ito, REFERRALS)
    assert "Slurs on the wall" in load(lee, page_of(tip))
    assert "Refer tip" not in load(lee, page_of(tip))
    assert "Only the people named" in refer(lee, tip, None).content.decode()


def test_a_tip_is_never_moved_to_a_category_that_nobody_sees(hate: Category, okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    answer = act(okafor, tip, "category", category=hate.pk, category_reason="Slurs")
    assert answer.status_code == 409
    assert "no one is named" in answer.content.decode()
    assert permissions.visible_tips(okafor).filter(pk=tip.pk).exists()


# Who decides who sees what


def post_category(account: Account, category: Category, **changes: Any) -> Any:
    data = {
        "name": category.name,
        "slug": category.slug,
        "icon": category.icon,
        "order": category.order,
        "hint": category.hint,
        "safety_note": category.safety_note,
        "questions-TOTAL_FORMS": 0,
        "questions-INITIAL_FORMS": 0,
    }
    if category.active:
        data["active"] = "on"
    if category.is_sensitive:
        data["is_sensitive"] = "on"
    data |= changes
    return officers.sign_in(account).post(reverse("admin:tips_category_change", args=[category.pk]), data)


def allow(supervisor: Account, person: Account) -> str:
    """Allow the open request about a person, or return why it can't be."""
    request = ConsentRequest.objects.open().get(account=person)
    try:
        consent.give(request, supervisor, consent.compute_version(request))
    except consent.ConsentRefusedError as problem:
        return str(problem)
    return ""


def test_a_person_is_named_once_another_supervisor_allows_it_which_is_recorded_and_mailed(
    hate: Category, okafor: Account, lee: Account
) -> None:
    marsh = officers.create_officer("marsh", groups.SUPERVISOR)
    answer = post_category(lee, hate, readers=[okafor.pk])
    assert answer.status_code == 302
    assert not hate.readers.exists()
    page = load(marsh, reverse("admin:tips_category_change", args=[hate.pk]))
    assert "okafor" in page.partition("Waiting for consent")[2].partition("</div>")[0]
    assert "Let them see the tips in this sensitive category: Bias." in load(marsh, "/admin/core/account/requests/")
    assert "someone else has to decide" in allow(lee, okafor)
    assert not allow(marsh, okafor)
    assert list(hate.readers.all()) == [okafor]
    assert audit_lines("gave access to") == [("marsh", "account okafor", "category Bias")]
    assert AccountMail.objects.filter(account=lee, text__contains="gave access to account okafor").exists()
    post_category(lee, hate, active="", readers=[])
    assert not hate.readers.exists()
    assert audit_lines("took access from") == [("lee", "account okafor", "category Bias")]


def test_no_one_names_themself_and_an_administrator_cannot_allow_it(hate: Category, lee: Account) -> None:
    marsh = officers.create_officer("marsh", groups.SUPERVISOR)
    administrator = officers.create_officer("vance", groups.ADMINISTRATOR)
    post_category(lee, hate, readers=[lee.pk])
    assert "someone else has to decide" in allow(lee, lee)
    assert "Only a supervisor can decide this" in allow(administrator, lee)
    assert not hate.readers.exists()
    assert not allow(marsh, lee)
    assert list(hate.readers.all()) == [lee]


def test_the_lone_supervisor_of_a_small_agency_can_name_themself(hate: Category, lee: Account) -> None:
    post_category(lee, hate, readers=[lee.pk])
    assert not allow(lee, lee)
    assert list(hate.readers.all()) == [lee]


def test_a_supervisor_who_is_not_named_cannot_make_a_category_ordinary(
    hate: Category, okafor: Account, lee: Account
) -> None:
    """They would see its tips then."""
    other = officers.create_officer("marsh", groups.SUPERVISOR)
    hate.readers.add(okafor, other)
    assert "Ask marsh." in post_category(lee, hate, is_sensitive="", readers=[okafor.pk]).content.decode()
    assert post_category(other, hate, is_sensitive="", readers=[okafor.pk]).status_code == 302
    assert not Category.objects.get(pk=hate.pk).is_sensitive


def test_administrators_ask_for_people_and_change_nothing_themselves(
    hate: Category, narcotics: Unit, ito: Account, okafor: Account, lee: Account
) -> None:
    crook = officers.create_officer("crook")
    hate.readers.add(okafor)
    page = reverse("admin:tips_unit_change", args=[narcotics.pk])
    for number, superuser in enumerate((False, True)):
        editor = officers.create_officer(f"vance{number}", groups.ADMINISTRATOR, is_superuser=superuser)
        changes = {"is_sensitive": "", "unit": narcotics.pk, "hint": "slurs"}
        assert post_category(editor, hate, readers=[okafor.pk, crook.pk], **changes).status_code == 302
        category = Category.objects.get(pk=hate.pk)
        assert (category.is_sensitive, category.unit, category.hint) == (True, None, "slurs")
        officers.sign_in(editor).post(page, {"name": "Narcotics", "members": [ito.pk, crook.pk]})
        for answer in (post_category(editor, hate), officers.sign_in(editor).post(page, {"name": "Narcotics"})):
            assert "Only a supervisor can take people off." in answer.content.decode()
        assert list(hate.readers.all()) == [okafor]
        assert list(narcotics.members.all()) == [ito]
    assert ConsentRequest.objects.count() == 1  # one request about a person at a time


def test_a_member_is_added_by_two_and_removed_by_one(
    narcotics: Unit, ito: Account, okafor: Account, lee: Account
) -> None:
    page = reverse("admin:tips_unit_change", args=[narcotics.pk])
    marsh = officers.create_officer("marsh", groups.SUPERVISOR)
    officers.sign_in(lee).post(page, {"name": "Narcotics", "members": [okafor.pk]})
    assert not narcotics.members.exists()
    assert not allow(marsh, okafor)
    assert list(narcotics.members.all()) == [okafor]
    assert audit_lines("gave access to") == [("marsh", "account okafor", "unit Narcotics")]
    assert audit_lines("took access from") == [("lee", "account ito", "unit Narcotics")]


def test_a_sensitive_category_is_offered_only_with_someone_named(hate: Category, lee: Account) -> None:
    administrator = officers.create_officer("vance", groups.ADMINISTRATOR)
    for account in (lee, administrator):
        assert "Nobody could see these tips." in post_category(account, hate, active="on").content.decode()
    gone = officers.create_officer("gone", is_active=False)
    hate.readers.add(gone)
    page = post_category(administrator, hate, active="on", readers=[gone.pk]).content.decode()
    assert "Nobody could see these tips." in page
    hate.readers.add(lee)
    assert post_category(administrator, hate, active="on", readers=[gone.pk, lee.pk]).status_code == 302


@pytest.mark.parametrize("group", [groups.OFFICER, groups.COMMUNICATIONS])
def test_units_and_categories_are_closed_to_others(narcotics: Unit, drugs: Category, group: str) -> None:
    client = officers.sign_in(officers.create_officer("someone", group))
    for model, pk in (("unit", narcotics.pk), ("category", drugs.pk)):
        for address in ("", "add/", f"{pk}/change/", f"{pk}/delete/", f"{pk}/history/"):
            assert client.get(f"/admin/tips/{model}/{address}").status_code == 403


def test_supervisors_and_administrators_read_that_nobody_is_named_whether_or_not_there_are_tips(
    hate: Category, narcotics: Unit, ito: Account, lee: Account, okafor: Account
) -> None:
    administrator = officers.create_officer("vance", groups.ADMINISTRATOR)
    assert "not on the form yet" in load(lee, "/admin/")
    Category.objects.filter(pk=hate.pk).update(active=True)
    Account.objects.filter(pk=ito.pk).update(is_active=False)
    before = [load(account, "/admin/") for account in (lee, administrator)]
    assert all("Nobody sees tips in these categories" in page and "Bias" in page for page in before)
    assert all("These units have no active member" in page and "Narcotics" in page for page in before)
    assert "Nobody sees tips in these categories" not in load(okafor, "/admin/")
    silent = officers.create_officer("silent", mail="")
    hate.readers.add(silent)
    assert "named for them have no email address: Bias." in load(lee, "/admin/")
    hate.readers.remove(silent)
    officers.send_tip(category=hate)
    assert [load(account, "/admin/").count("Bias") for account in (lee, administrator)] == [1, 1]


def test_duty_offers_sensitive_categories_to_named_people_alone(hate: Category, okafor: Account, ito: Account) -> None:
    hate.readers.add(okafor)
    assert "Bias" in load(okafor, "/admin/tips/duty/mine/")
    assert "Bias" not in load(ito, "/admin/tips/duty/mine/")
