"""Signing in, what the groups permit, accounts in the admin, and the checks of a deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from core.models import Account, AuditEntry
from core.roles import Role
from core.staff import groups
from tests import staff_session
from tipportal.deploy import checks

PASSWORD = "a long enough sentence"
LOGIN = "/admin/login/"


def account(name: str, *groups: str, **columns: Any) -> Account:
    created = Account.objects.create_user(name, f"{name}@example.org", PASSWORD, is_staff=True, **columns)
    created.groups.set(Group.objects.filter(name__in=groups))
    return created


def signed_in(who: Account) -> Client:
    client = Client()
    staff_session.sign_in(client, who)
    return client


def lines() -> list[tuple[str, str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("actor", "action", "subject", "detail"))


# Signing in


def test_a_password_and_a_code_sign_in_and_are_recorded(db: None) -> None:
    answer = staff_session.enter_password_and_code(Client(), account("okafor", groups.OFFICER), PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert lines() == [("okafor", "entered the password", "", ""), ("okafor", "signed in", "", "app code")]


def test_a_wrong_password_is_refused_and_recorded(db: None) -> None:
    account("okafor", groups.OFFICER)
    assert authenticate(username="okafor", password="wrong") is None
    assert lines() == [("okafor", "failed to sign in", "", "password")]


@pytest.mark.parametrize("typed", ["Okafor", " OKAFOR ", "\uff4fkafor"])
def test_a_name_is_compared_without_case(db: None, typed: str) -> None:
    account("okafor", groups.OFFICER)
    assert Client().post(LOGIN, {"username": typed, "password": PASSWORD}).status_code == 302
    assert lines() == [("okafor", "entered the password", "", "")]


def test_no_two_names_differ_by_case_alone(admin: Account) -> None:
    account("okafor", groups.OFFICER)
    other = account("other", groups.OFFICER)
    page = change(signed_in(admin), other, username="Okafor").content.decode()
    assert "Another account has this name" in page
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(pk=other.pk).update(username="Okafor")


def test_the_name_of_an_unknown_account_is_not_recorded(db: None) -> None:
    secret = "Tr0ub4dor&3 typed in the wrong field"
    assert authenticate(username=secret, password="x") is None
    ((actor, action, *rest),) = lines()
    assert actor.startswith("unknown name ")
    assert len(actor) == len("unknown name 1234")
    assert (action, rest) == ("failed to sign in", ["", "password"])


def test_an_inactive_account_cannot_sign_in(db: None) -> None:
    account("okafor", groups.OFFICER, is_active=False)
    assert authenticate(username="okafor", password=PASSWORD) is None
    assert lines() == [("okafor", "failed to sign in", "", "password")]


# Groups


OPENS = {groups.OFFICER: True, groups.SUPERVISOR: True, groups.COMMUNICATIONS: False, groups.ADMINISTRATOR: False}


@pytest.mark.parametrize(("group", "opens"), OPENS.items())
def test_only_officers_and_supervisors_open_tips(db: None, group: str, opens: bool) -> None:
    who = account("someone", group)
    assert who.has_perm("tips.open_tip") is opens
    assert who.has_perm("tips.answer_tip") is opens


def test_only_supervisors_hold_and_only_administrators_run_the_portal(db: None) -> None:
    having = {
        permission: {group for group in groups.GROUPS if account(f"{group}-{number}", group).has_perm(permission)}
        for number, permission in enumerate(
            [
                "tips.hold_tip",
                "tips.add_category",
                "tips.change_duty",
            ]
        )
    }
    assert having.pop("tips.hold_tip") == {groups.SUPERVISOR}
    assert set(map(frozenset, having.values())) == {frozenset({groups.ADMINISTRATOR})}


def test_no_group_may_add_change_or_delete_audit_entries_or_tips(db: None) -> None:
    forbidden = Permission.objects.filter(
        codename__in=["add_auditentry", "change_auditentry", "delete_auditentry", "delete_account"]
    )
    assert forbidden.count() == 4
    assert not Group.objects.filter(permissions__in=forbidden).exists()


def test_manually_granted_permissions_are_removed_by_the_next_migrate(db: None) -> None:
    administrators = Group.objects.get(name=groups.ADMINISTRATOR)
    administrators.permissions.add(Permission.objects.get(codename="open_tip"))
    groups.ensure_groups()
    assert not administrators.permissions.filter(codename="open_tip").exists()
    assert Group.objects.count() == len(groups.GROUPS)


def test_superuser_status_does_not_open_tips(db: None) -> None:
    root = account("root", is_superuser=True)
    assert not root.has_perm("tips.open_tip")
    assert not root.has_perm("tips.view_tip")
    assert not root.has_module_perms("tips")
    assert not any(name.startswith("tips.") for name in root.get_all_permissions())
    assert root.has_perm("core.change_account")


def test_a_superuser_has_the_tip_permissions_of_their_group(db: None) -> None:
    root = account("root", groups.OFFICER, is_superuser=True)
    assert root.has_perm("tips.open_tip")
    assert not root.has_perm("tips.hold_tip")


def test_an_inactive_account_has_no_permissions(db: None) -> None:
    assert not account("okafor", groups.OFFICER, is_active=False).has_perm("tips.open_tip")


# Accounts in the admin


@pytest.fixture
def admin(db: None) -> Account:
    return account("ito", groups.ADMINISTRATOR)


def change(client: Client, who: Account, **changes: Any) -> Any:
    data = {"username": who.username, "email": who.email, "first_name": "", "last_name": "", "is_active": "on"}
    data["groups"] = list(who.groups.values_list("pk", flat=True))
    data |= changes
    return client.post(
        reverse("admin:core_account_change", args=[who.pk]),
        {name: value for name, value in data.items() if value is not None},
    )


def ids(*names: str) -> list[int]:
    return list(Group.objects.filter(name__in=names).values_list("pk", flat=True))


def test_a_change_of_groups_is_recorded(admin: Account) -> None:
    who = account("okafor", groups.OFFICER)
    assert change(signed_in(admin), who, groups=ids(groups.COMMUNICATIONS)).status_code == 302
    assert lines() == [("ito", "changed the roles of", "account okafor", "officer -> communications")]


def test_deactivating_and_renaming_an_account_are_recorded(admin: Account) -> None:
    who = account("okafor", groups.COMMUNICATIONS)
    assert change(signed_in(admin), who, is_active=None, username="okafor2").status_code == 302
    assert lines() == [
        ("ito", "deactivated", "account okafor2", ""),
        ("ito", "renamed", "account okafor2", "was okafor"),
    ]


def test_saving_without_a_change_records_nothing(admin: Account) -> None:
    assert change(signed_in(admin), account("okafor", groups.OFFICER)).status_code == 302
    assert lines() == []


def test_a_change_of_ones_own_password_is_recorded(db: None) -> None:
    client = signed_in(account("okafor", groups.OFFICER))
    data = {
        "old_password": "wrong",
        "new_password1": "quite another sentence",
        "new_password2": "quite another sentence",
    }
    assert client.post(reverse("admin:password_change"), data).status_code == 200
    assert lines() == []
    assert client.post(reverse("admin:password_change"), data | {"old_password": PASSWORD}).status_code == 302
    assert lines() == [("okafor", "changed the password of", "account okafor", "")]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"is_active": None}, "You can&#x27;t turn off your own account"),
        ({"groups": []}, "You can&#x27;t give up your own administrator role"),
    ],
)
def test_administrators_cannot_lock_themselves_out(admin: Account, changes: dict[str, Any], sentence: str) -> None:
    answer = change(signed_in(admin), admin, **changes)
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    admin.refresh_from_db()
    assert admin.is_active
    assert admin.groups.filter(name=groups.ADMINISTRATOR).exists()


def test_superuser_status_and_single_permissions_are_not_editable(admin: Account) -> None:
    who = account("okafor", groups.OFFICER)
    page = signed_in(admin).get(reverse("admin:core_account_change", args=[who.pk])).content.decode()
    assert "is_superuser" not in page
    assert "user_permissions" not in page
    permission = Permission.objects.get(codename="open_tip").pk
    assert change(signed_in(admin), who, is_superuser="on", user_permissions=[permission]).status_code == 302
    who.refresh_from_db()
    assert not who.is_superuser
    assert not who.user_permissions.exists()


def test_no_part_of_a_password_hash_is_shown(admin: Account, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    who = account("okafor", groups.OFFICER)
    page = signed_in(admin).get(reverse("admin:core_account_change", args=[who.pk])).content.decode()
    assert "pbkdf2" not in page
    assert who.password.split("$")[2][:6] not in page
    assert "Reset sign-in" in page


def test_accounts_cannot_be_deleted(admin: Account) -> None:
    who = account("okafor", groups.OFFICER)
    assert (
        signed_in(admin).post(reverse("admin:core_account_delete", args=[who.pk]), {"post": "yes"}).status_code == 403
    )


@pytest.mark.parametrize("group", groups.GROUPS)
@pytest.mark.parametrize("page", ["core_account_changelist", "core_account_invite", "core_auditentry_changelist"])
def test_administrators_and_supervisors_see_accounts_and_the_audit_trail(db: None, group: str, page: str) -> None:
    is_allowed = group in (groups.ADMINISTRATOR, groups.SUPERVISOR)
    assert signed_in(account("someone", group)).get(reverse(f"admin:{page}")).status_code == (
        200 if is_allowed else 403
    )


def test_groups_cannot_be_edited(admin: Account) -> None:
    assert signed_in(admin).get("/admin/auth/group/").status_code == 404


# Checks


def ids_of(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


def test_a_staff_address_where_no_browser_offers_passkeys_is_an_error(settings: Any) -> None:
    settings.ROLE, settings.STAFF_URL = Role.STAFF, "http://desk.example"
    assert ids_of(checks.check_staff_address()) == ["tipportal.E001"]
    for address in ("https://desk.example", "http://localhost:8000"):
        settings.STAFF_URL = address
        assert checks.check_staff_address() == []
    settings.ROLE, settings.STAFF_URL = Role.PUBLIC, "http://desk.example"
    assert checks.check_staff_address() == []


def test_the_check_reports_a_demo(settings: Any) -> None:
    assert ids_of(checks.check_demo()) == ["tipportal.E002"]
    settings.DEMO = False
    assert checks.check_demo() == []


@pytest.mark.parametrize(("library", "ids"), [("glibc 2.36", []), (None, ["tipportal.W010"])])
def test_a_system_that_keeps_freed_memory_is_reported(
    monkeypatch: pytest.MonkeyPatch, library: str | None, ids: list[str]
) -> None:
    monkeypatch.setattr("os.confstr", {"CS_GNU_LIBC_VERSION": library}.__getitem__)
    assert ids_of(checks.check_freed_memory()) == ids


def test_other_c_libraries_do_not_know_the_name_of_glibcs_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> str:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr("os.confstr", refuse)
    assert ids_of(checks.check_freed_memory()) == ["tipportal.W010"]


def test_an_address_whose_forms_would_be_refused_is_reported(settings: Any) -> None:
    settings.ROLE, settings.HTTPS, settings.SECURE_PROXY_SSL_HEADER = (
        Role.PUBLIC,
        True,
        ("HTTP_X_FORWARDED_PROTO", "https"),
    )
    settings.PORTAL_URL, settings.ALLOWED_HOSTS = "https://portal.example", ["portal.example"]
    assert checks.check_addresses() == []
    settings.PORTAL_URL = "https://portal.example:8443"
    assert ids_of(checks.check_addresses()) == ["tipportal.W008"]
    settings.PORTAL_URL = "https://tips.example"
    assert ids_of(checks.check_addresses()) == ["tipportal.E007"]
    settings.PORTAL_URL, settings.SECURE_PROXY_SSL_HEADER = "https://portal.example", None
    assert ids_of(checks.check_addresses()) == ["tipportal.W009"]
    settings.ROLE, settings.STAFF_URL = Role.STAFF, "https://desk.example"
    assert ids_of(checks.check_addresses()) == ["tipportal.E007", "tipportal.W009"]
    settings.ROLE = Role.BULK
    assert checks.check_addresses() == []


@pytest.mark.parametrize(
    ("name", "check"), [("AUDIT_KEY", checks.check_audit_key), ("FACTOR_KEY", checks.check_factor_key)]
)
def test_only_the_staff_node_may_have_the_keys_of_the_staff_side(
    settings: Any, tmp_path: Path, name: str, check: Any
) -> None:
    assert check() == []
    settings.ROLE = Role.PUBLIC
    assert ids_of(check()) == ["tipportal.E003"]
    setattr(settings, name, None)
    assert check() == []
    settings.ROLE = Role.STAFF
    assert ids_of(check()) == ["tipportal.E004"]
    short = tmp_path / "short"
    short.write_bytes(b"short")
    setattr(settings, name, short)
    assert ids_of(check()) == ["tipportal.E004"]


def test_keys_that_others_can_read_are_an_error(settings: Any, tmp_path: Path) -> None:
    settings.AGENCY_PRIVATE_KEYS = tmp_path
    key = tmp_path / "0001-0123456789abcdef.key"
    key.write_bytes(bytes(32))
    key.chmod(0o640)
    assert ids_of(checks.check_private_keys()) == ["tipportal.E006"]
    key.chmod(0o600)
    assert checks.check_private_keys() == []


def test_a_public_process_with_rights_on_staff_tables_is_an_error(db: None, settings: Any) -> None:
    assert checks.check_database_rights(databases=["default"]) == []
    settings.ROLE = Role.PUBLIC
    (error,) = checks.check_database_rights(databases=["default"])
    assert error.id == "tipportal.E005"
    assert "core_account" in error.msg
    assert "tips_notes" in error.msg
    assert checks.check_database_rights(databases=None) == []


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example/", ""])
def test_sign_in_redirects_to_the_admin_and_never_to_another_site(db: None, onward: str) -> None:
    answer = staff_session.enter_password_and_code(Client(), account("reader", groups.OFFICER), PASSWORD, onward)
    assert answer.status_code == 302
    assert answer["Location"] == "/admin/"
