"""Second factors: sealed at rest, accepted once, never the last one removed, and a password alone reaches nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client

from core.models import Account, AccountMail, AuditEntry
from core.sign_in.factors import app_codes, factor_changes, factor_sealing, passkeys, recovery_codes
from core.sign_in.factors.factor_form import CODE_FIELD, PASSKEY_FIELD
from core.sign_in.factors.factor_sealing import FactorSealError
from core.staff.groups import ADMINISTRATOR, OFFICER
from tests.core.sign_in.client_sessions import account
from tests.journey import compute_code
from tests.staff_session import APP_SECRET, PASSWORD, give_app, next_code, sign_in

SET_UP, CODE_PAGE = "/admin/sign-in/set-up/", "/admin/sign-in/code/"


@pytest.fixture
def okafor(db: None) -> Account:
    return account("okafor", OFFICER)


def enter_password(client: Client, who: Account) -> Any:
    return client.post("/admin/login/", {"username": who.username, "password": PASSWORD})


def test_secrets_are_sealed_and_open_with_the_staff_key_alone(okafor: Account, settings: Any, tmp_path: Path) -> None:
    give_app(okafor)
    recovery_codes.renew(okafor)
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert APP_SECRET not in stored
    assert not any(code.replace(" ", "") in stored for code in recovery_codes.list_unused(okafor))
    settings.FACTOR_KEY = tmp_path / "other"
    settings.FACTOR_KEY.write_bytes(os.urandom(32))
    with pytest.raises(FactorSealError):
        app_codes.check(okafor, compute_code(APP_SECRET))


def test_a_changed_seal_does_not_open() -> None:
    sealed = factor_sealing.seal_secret("secret")
    assert factor_sealing.open_secret(sealed) == "secret"
    for changed in (sealed[:-4] + "AAA=", sealed.partition(".")[0] + ".x", "x." + sealed.partition(".")[2], ""):
        with pytest.raises(FactorSealError):
            factor_sealing.open_secret(changed)


def test_a_new_key_seals_all_again_and_the_old_one_opens_until_then(
    okafor: Account, settings: Any, tmp_path: Path
) -> None:
    old = settings.FACTOR_KEY.read_bytes()
    settings.FACTOR_KEY = tmp_path / "factor_key"
    settings.FACTOR_KEY.write_bytes(old)
    give_app(okafor)
    codes = recovery_codes.renew(okafor) and recovery_codes.list_unused(okafor)
    settings.FACTOR_KEY.write_bytes(os.urandom(32) + old)  # a rotation that was interrupted
    assert app_codes.check(okafor, next_code(okafor))
    call_command("factor_key", "rotate")
    assert len(settings.FACTOR_KEY.read_bytes()) == 32
    assert settings.FACTOR_KEY.read_bytes() != old
    assert app_codes.check(okafor, next_code(okafor))
    assert recovery_codes.list_unused(okafor) == codes
    assert AuditEntry.objects.latest("id").action == "replaced the key of second factors"


def test_two_staff_nodes_sign_everybody_in_at_each_moment_of_a_rotation(
    okafor: Account, settings: Any, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for node in (here, there):
        node.write_bytes(settings.FACTOR_KEY.read_bytes())
    give_app(okafor)

    def sign_in_on_both_nodes() -> None:
        for settings.FACTOR_KEY in (here, there):
            assert app_codes.check(okafor, next_code(okafor)), settings.FACTOR_KEY
        settings.FACTOR_KEY = here

    settings.FACTOR_KEY = here
    call_command("factor_key", "create-key")
    sign_in_on_both_nodes()  # the other node has only the old key, and what is stored is still sealed with it
    created = here.read_bytes()
    call_command("factor_key", "create-key")  # a second time, by mistake
    assert here.read_bytes() == created
    there.write_bytes(created)
    settings.FACTOR_KEY = there
    recovery_codes.renew(okafor)  # sealed with the new key
    sign_in_on_both_nodes()
    call_command("factor_key", "rotate")
    assert here.read_bytes() == created[:32]
    sign_in_on_both_nodes()
    assert recovery_codes.list_unused(okafor)
    there.write_bytes(here.read_bytes())
    sign_in_on_both_nodes()


def test_a_code_is_accepted_once_and_none_before_it(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    app_codes.add(okafor, APP_SECRET)
    codes = [app_codes.format_hotp_value(app_codes.hotp_value(APP_SECRET, step)) for step in range(1000, 1005)]
    monkeypatch.setattr("time.time", lambda: 1002 * 30 + 5)
    assert not app_codes.check(okafor, codes[0])
    assert not app_codes.check(okafor, codes[4])
    assert app_codes.check(okafor, codes[2])
    assert not app_codes.check(okafor, codes[2])
    assert not app_codes.check(okafor, codes[1])
    assert app_codes.check(okafor, codes[3])


def test_a_factor_that_was_copied_into_the_database_signs_nobody_in(okafor: Account) -> None:
    thief = account("thief", OFFICER)
    give_app(thief)
    codes = recovery_codes.renew(thief) and recovery_codes.list_unused(thief)
    Authenticator.objects.update(user=okafor)
    assert not app_codes.check(okafor, next_code(okafor))
    assert not recovery_codes.check(okafor, codes[0].replace(" ", ""))
    proof = factor_sealing.seal_owner(thief.pk, '{"id": "x", "response": {}}')
    assert factor_sealing.is_owner(thief.pk, '{"id": "x", "response": {}}', proof)
    for owner, material in ((okafor.pk, '{"id": "x", "response": {}}'), (thief.pk, '{"id": "y"}')):
        assert not factor_sealing.is_owner(owner, material, proof)


def test_a_recovery_code_is_used_up(okafor: Account) -> None:
    recovery_codes.renew(okafor)
    first, *others = recovery_codes.list_unused(okafor)
    assert len(others) == 9
    assert {len(code.replace(" ", "")) for code in others} == {10}
    assert recovery_codes.check(okafor, first.replace(" ", ""))
    assert not recovery_codes.check(okafor, first.replace(" ", ""))
    assert recovery_codes.list_unused(okafor) == others


def test_a_password_alone_signs_nobody_in(okafor: Account) -> None:
    give_app(okafor)
    client = Client()
    assert enter_password(client, okafor)["Location"].startswith(CODE_PAGE)
    assert "_auth_user_id" not in client.session
    for address in ("/admin/", "/admin/tips/tip/", "/admin/sign-in/factors/", "/admin/sign-in/recovery-codes/"):
        assert client.get(address)["Location"].startswith("/admin/login/")
    # An account that has a second factor doesn't set up another one with its password.
    assert client.get(SET_UP)["Location"].startswith(CODE_PAGE)
    assert client.post("/admin/sign-in/new-passkey/").status_code == 403


def test_enrolment_is_audited_and_told_to_the_owner_and_all_administrators(okafor: Account) -> None:
    account("ito", ADMINISTRATOR)
    client = Client()
    enter_password(client, okafor)
    page = client.get(SET_UP).content.decode()
    secret = page.split('class="factor-secret">')[1].split("<")[0]
    assert client.post(SET_UP, {"app_code": "000000"}).status_code == 200
    answer = client.post(SET_UP, {"app_code": compute_code(secret)})
    assert answer["Location"].startswith("/admin/sign-in/recovery-codes/")
    assert {mail.account.username for mail in AccountMail.objects.all()} == {"okafor", "ito"}
    actions = list(AuditEntry.objects.order_by("id").values_list("action", "detail"))
    assert actions[-2:] == [("added a second step to", "authenticator app"), ("signed in", "authenticator app")]
    assert client.get("/admin/").status_code == 200


def test_a_session_without_a_factor_or_whose_factor_was_removed_does_not_count(okafor: Account) -> None:
    old = Client()
    old.force_login(okafor, backend="core.staff.sign_in.AuditedBackend")
    assert old.get("/admin/")["Location"].startswith("/admin/login/")
    client = sign_in(Client(), okafor)
    assert client.get("/admin/").status_code == 200
    Authenticator.objects.all().delete()
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_the_last_factor_stays_and_another_accounts_is_out_of_reach(okafor: Account) -> None:
    client, other = sign_in(Client(), okafor), give_app(account("lindqvist", OFFICER))
    own = give_app(okafor)
    page = client.post(f"/admin/sign-in/factors/{own.pk}/", {"remove": "1"}, follow=True).content.decode()
    assert "This is your last one, so it stays." in page
    assert client.post(f"/admin/sign-in/factors/{other.pk}/", {"remove": "1"}).status_code == 404
    second = Authenticator.objects.create(user=okafor, type=Authenticator.Type.WEBAUTHN, data={"name": "Key"})
    assert factor_changes.remove(okafor, own)
    assert not factor_changes.remove(okafor, second)
    assert AccountMail.objects.get().account == okafor


@pytest.mark.parametrize(
    "answer",
    ["x", "[]", "{}", "null", '{"id": 1}', '{"response": {"userHandle": "MQ"}}', '{"response": {"userHandle": 5}}'],
)
def test_a_made_up_passkey_is_refused_with_a_sentence(okafor: Account, answer: str) -> None:
    client = Client()
    client.post("/admin/sign-in/passkey/")
    page = client.post("/admin/login/", {PASSKEY_FIELD: answer})
    assert page.status_code == 200
    assert "This passkey isn&#x27;t known here" in page.content.decode()
    give_app(okafor)
    enter_password(client, okafor)
    page = client.post(CODE_PAGE, {PASSKEY_FIELD: answer, CODE_FIELD: ""})
    assert page.status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_passkey_whose_counter_does_not_grow_is_refused(okafor: Account) -> None:
    passkey = Authenticator.objects.create(
        user=okafor, type=Authenticator.Type.WEBAUTHN, data={"name": "Key", "sign_count": 5}
    )
    assert not passkeys._record_use(passkey, 5)
    assert not passkeys._record_use(passkey, 0)
    assert passkeys._record_use(passkey, 6)
    passkey.data["sign_count"] = 0
    passkey.save()
    assert passkeys._record_use(passkey, 0)  # many devices count nothing
