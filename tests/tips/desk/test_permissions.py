from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from core.staff import groups
from tests.tips.desk import officers
from tips import conversation
from tips.desk import permissions
from tips.models import Tip

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("group", "allowed"),
    [
        (groups.OFFICER, {"list", "open", "act"}),
        (groups.SUPERVISOR, {"list", "open", "act", "hold"}),
        (groups.COMMUNICATIONS, set()),
        (groups.ADMINISTRATOR, set()),
    ],
)
def test_each_group_has_its_permissions(group: str, allowed: set[str]) -> None:
    account = officers.create_officer("ito", group, is_superuser=True)
    checks = {
        "list": permissions.can_list,
        "open": permissions.can_open,
        "act": permissions.can_act,
        "hold": permissions.can_hold,
    }
    assert {name for name, check in checks.items() if check(account)} == allowed


@pytest.mark.parametrize("group", [groups.COMMUNICATIONS, groups.ADMINISTRATOR])
def test_no_tip_exists_for_accounts_without_tip_permissions(tip: Tip, group: str) -> None:
    outsider = officers.create_officer("ito", group, is_superuser=True)
    for account in (outsider, AnonymousUser(), officers.create_officer("gone", is_active=False)):
        assert not permissions.visible_tips(account).exists()
        with pytest.raises(conversation.TipGoneError):
            permissions.find_tip(tip.pk, account)


def test_an_officer_sees_all_tips_and_the_files_of_opened_ones(tip: Tip) -> None:
    officer = officers.create_officer()
    opened = officers.send_opened_tip(officer)
    assert set(permissions.visible_tips(officer)) == {tip, opened}
    assert set(permissions.opened_tips(officer)) == {opened}
    assert permissions.find_tip(tip.pk, officer) == tip
    with pytest.raises(conversation.TipGoneError):
        permissions.find_tip(uuid.uuid4(), officer)


def test_problems_with_alerts_are_shown_to_officers_and_administrators() -> None:
    is_shown_by_group = {
        group: permissions.can_see_alert_trouble(officers.create_officer(group, group))
        for group in (groups.OFFICER, groups.SUPERVISOR, groups.ADMINISTRATOR, groups.COMMUNICATIONS)
    }
    assert [group for group, is_shown in is_shown_by_group.items() if not is_shown] == [groups.COMMUNICATIONS]


def test_require_raises_unless_allowed() -> None:
    permissions.require(True)
    with pytest.raises(PermissionDenied):
        permissions.require(False)


def test_only_active_officers_can_be_assigned_a_tip(tip: Tip) -> None:
    officer, supervisor = officers.create_officer("okafor"), officers.create_officer("lee", groups.SUPERVISOR)
    officers.create_officer("ito", groups.ADMINISTRATOR)
    officers.create_officer("gone", is_active=False)
    assert set(permissions.assignable_accounts(tip)) == {officer, supervisor}
