from __future__ import annotations

import pytest

from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips import readers
from tips.desk import permissions
from tips.models import Category, Tip, Unit

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> dict[str, Account]:
    """Officers inside and outside the unit Narcotics, a supervisor outside it, and accounts that open no tip."""
    accounts = {
        "member": officers.create_officer("member"),
        "colleague": officers.create_officer("colleague"),
        "supervisor": officers.create_officer("supervisor", groups.SUPERVISOR),
        "administrator": officers.create_officer("administrator", groups.ADMINISTRATOR, is_superuser=True),
        "gone": officers.create_officer("gone", is_active=False),
    }
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(accounts["member"], accounts["administrator"], accounts["gone"])
    return accounts


def find_readers(tip: Tip, desk: dict[str, Account]) -> set[str]:
    """Return who sees the tip, by both roads."""
    seeing = {name for name, account in desk.items() if permissions.visible_tips(account).filter(pk=tip.pk).exists()}
    assert {account.username for account in readers.readers_of(tip.category_id, tip.unit_id)} == seeing
    return seeing


def make_sensitive(*named: Account) -> Category:
    category = Category.objects.get(slug="drugs")
    category.is_sensitive = True
    category.save()
    category.readers.set(named)
    return category


def test_a_tip_without_a_unit_is_seen_by_the_whole_desk(desk: dict[str, Account]) -> None:
    assert find_readers(officers.send_tip(), desk) == {"member", "colleague", "supervisor"}


def test_a_tip_goes_to_the_unit_of_its_category_and_is_seen_there_alone(desk: dict[str, Account]) -> None:
    drugs, unit = Category.objects.get(slug="drugs"), Unit.objects.get()
    Category.objects.filter(pk=drugs.pk).update(unit=unit)
    tip = officers.send_tip(category=drugs)
    assert tip.unit == unit
    assert find_readers(tip, desk) == {"member"}


def test_another_unit_for_a_category_moves_no_tip_that_is_here(desk: dict[str, Account]) -> None:
    drugs = Category.objects.get(slug="drugs")
    tip = officers.send_tip(category=drugs)
    Category.objects.filter(pk=drugs.pk).update(unit=Unit.objects.get())
    assert find_readers(tip, desk) == {"member", "colleague", "supervisor"}


def test_supervisors_see_the_tips_of_a_unit_without_an_active_member(desk: dict[str, Account]) -> None:
    drugs, unit = Category.objects.get(slug="drugs"), Unit.objects.get()
    Category.objects.filter(pk=drugs.pk).update(unit=unit)
    tip = officers.send_tip(category=drugs)
    unit.members.remove(desk["member"])
    assert find_readers(tip, desk) == {"supervisor"}
    assert list(readers.unmanned_units()) == [unit]


def test_a_sensitive_tip_is_seen_by_named_people_alone(desk: dict[str, Account]) -> None:
    drugs = make_sensitive(desk["colleague"], desk["administrator"], desk["gone"])
    Category.objects.filter(pk=drugs.pk).update(unit=Unit.objects.get())
    tip = officers.send_tip(category=drugs)
    assert find_readers(tip, desk) == {"colleague"}


def test_a_sensitive_category_with_no_one_named_is_seen_by_no_one(desk: dict[str, Account]) -> None:
    category = make_sensitive(desk["gone"])
    assert find_readers(officers.send_tip(category=category), desk) == set()
    assert category in readers.unread_categories()


def test_a_category_that_becomes_sensitive_takes_its_old_tips_along(desk: dict[str, Account]) -> None:
    tip = officers.send_tip(category=Category.objects.get(slug="drugs"))
    make_sensitive(desk["member"])
    assert find_readers(tip, desk) == {"member"}
