"""Single sign-on against a small real provider on this machine, honest and hostile."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from environs import Env

from core.accounts import sign_in_links
from core.models import Account, AccountMail, ProviderIdentity
from core.sign_in import fresh_factor
from core.single_sign_on import id_tokens, round_trips
from core.single_sign_on.id_tokens import Claims, TokenRefusedError
from core.single_sign_on.provider import Provider, read_environment
from core.staff import groups, known_browsers
from tests.core.single_sign_on.stand_in_provider import CLIENT_ID, CLIENT_SECRET, FOREIGN_KEY, StandInProvider
from tests.core.staff.test_staff import account, lines
from tests.staff_session import CODE_FIELD, give_app, next_code, post_as_typed_by, sign_in
from tipportal.deploy import checks

BEGIN, RETURN, CONNECTION = "/admin/sign-in/provider/", "/admin/sign-in/provider/return/", "/admin/sign-in/connection/"
SUBJECT = "subject-1"
FACTORS = frozenset({("amr", "mfa"), ("acr", "phr")})
UNCONNECTED = "no account here is connected to you there"


@pytest.fixture
def idp() -> Iterator[StandInProvider]:
    provider = StandInProvider()
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def configured(idp: StandInProvider, settings: Any, tmp_path: Path, db: None) -> Provider:
    return configure(idp, settings, tmp_path)


def configure(idp: StandInProvider, settings: Any, folder: Path, **options: Any) -> Provider:
    secret = folder / "client-secret"
    secret.write_text(f"{CLIENT_SECRET}\n")
    settings.OIDC_PROVIDER = Provider(idp.issuer, CLIENT_ID, secret, "Riverton ID", **options)
    settings.ROOT_URLCONF = "tests.core.single_sign_on.urls"
    settings.STAFF_URL = "http://testserver"
    return settings.OIDC_PROVIDER


def connected(name: str, provider: Provider, *roles: str, subject: str = SUBJECT) -> Account:
    who = account(name, *roles)
    ProviderIdentity.objects.create(account=who, issuer=provider.issuer, subject=subject, label=name)
    return who


def travel(client: Client, address: str = BEGIN, **data: str) -> str:
    """Press the button, sign in at the provider, and return the address that it sends the browser back to."""
    answer = client.post(address, data)
    assert answer.status_code == 302, answer.content.decode()
    at_provider = requests.get(answer["Location"], allow_redirects=False, timeout=60)
    return at_provider.headers["Location"].removeprefix("http://testserver")


def come_back(client: Client, address: str | None = None) -> str:
    """Travel and come back; return the page that is shown then."""
    return str(client.get(address or travel(client), follow=True).content.decode())


def is_signed_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def enter_code(client: Client, who: Account) -> Any:
    return client.post("/admin/sign-in/code/?next=/admin/", {CODE_FIELD: next_code(who)})


# Signing in


def test_an_account_that_opens_tips_signs_in_with_the_provider_and_its_own_factor(
    configured: Provider, idp: StandInProvider
) -> None:
    who, client = connected("okafor", configured, groups.OFFICER), Client()
    give_app(who)
    page = come_back(client, travel(client, next="/admin/tips/tip/"))
    assert CODE_FIELD in page
    assert not is_signed_in(client)
    answer = client.post("/admin/sign-in/code/?next=/admin/tips/tip/", {CODE_FIELD: next_code(who)})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/tips/tip/")
    assert known_browsers.COOKIE in answer.cookies
    assert is_signed_in(client)
    assert lines()[-1] == ("okafor", "signed in", "", "single sign-on, app code")
    (asked,) = idp.asked
    assert asked["redirect_uri"] == "http://testserver/admin/sign-in/provider/return/"
    assert asked["scope"].split() == ["openid", "profile"]
    assert "max_age" not in asked


def test_the_provider_cannot_set_up_a_factor_for_an_account_that_has_none(configured: Provider) -> None:
    """The people who run it could otherwise open tips with an account whose factor was reset."""
    connected("okafor", configured, groups.OFFICER)
    client = Client()
    assert "Your account has no passkey or app yet" in come_back(client)
    assert client.get("/admin/sign-in/set-up/")["Location"].startswith("/admin/login/")
    assert lines()[-1] == ("okafor", "failed to sign in", "", "single sign-on, no second factor")


def test_the_sign_in_page_shows_both_ways_only_if_there_is_a_provider(configured: Provider, settings: Any) -> None:
    page = Client().get("/admin/login/?next=/admin/tips/tip/").content.decode()
    assert "Sign in with Riverton ID" in page
    assert 'name="password"' in page
    settings.OIDC_PROVIDER = None
    assert "Riverton ID" not in Client().get("/admin/login/").content.decode()


def test_the_address_to_return_to_never_comes_from_the_request(configured: Provider, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["evil.example"]
    answer = Client().post(BEGIN, headers={"host": "evil.example"})
    (address,) = parse_qs(urlsplit(answer["Location"]).query)["redirect_uri"]
    assert address == "http://testserver/admin/sign-in/provider/return/"


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_no_sign_in_leads_to_another_site(configured: Provider, next_page: str) -> None:
    who, client = connected("okafor", configured), Client()
    give_app(who)
    answer = client.get(travel(client, next=next_page))
    assert "evil" not in answer["Location"]
    assert "javascript" not in answer["Location"]


def test_what_was_typed_in_an_ended_session_survives_a_sign_in_at_the_provider(configured: Provider) -> None:
    who, client = connected("ito", configured, groups.ADMINISTRATOR), Client()
    give_app(who)
    address = "/admin/tips/category/add/"
    page = post_as_typed_by(who, client, address, {"name": "Boats on the river"}).content.decode()
    assert "Or sign in with Riverton ID on a new page." in page
    (carried,) = re.findall(r'name="_carried" value="([^"]+)"', page)
    come_back(client)
    enter_code(client, who)
    answer = client.post(address, {"_carried": carried})
    assert (answer.status_code, "Boats on the river" in answer.content.decode()) == (409, True)


# Hostile answers


def refuse(idp: StandInProvider, configured: Provider, **hostile: Any) -> str:
    who, client = connected("okafor", configured, groups.COMMUNICATIONS), Client()
    give_app(who)
    for name, value in hostile.items():
        setattr(idp, name, value)
    page = come_back(client)
    assert CODE_FIELD not in page
    assert not is_signed_in(client)
    assert "pending_sign_in" not in client.session
    return page


HOSTILE_CLAIMS = {
    "another audience": {"aud": "another client"},
    "two audiences and no azp": {"aud": [CLIENT_ID, "another client"]},
    "issued to another client": {"azp": "another client"},
    "another issuer": {"iss": "https://evil.example"},
    "the issuer with a slash": {"iss": "http://127.0.0.1/"},
    "expired": {"exp": time.time() - 3600},
    "not issued yet": {"iat": time.time() + 3600},
    "issued long ago": {"iat": time.time() - 7200},
    "not valid yet": {"nbf": time.time() + 3600},
    "nonce of another sign-in": {"nonce": "replayed"},
    "nonce of another type": {"nonce": 1},
    "empty subject": {"sub": ""},
    "subject of another type": {"sub": 17},
    "subject too long": {"sub": "x" * 256},
    "subject with NUL": {"sub": "subject-1\0"},
}


@pytest.fixture(scope="module")
def honest() -> Iterator[StandInProvider]:
    """A provider whose tokens are checked without a browser's round trip. Tests copy it."""
    provider = StandInProvider()
    provider.start()
    yield provider
    provider.stop()


def check_token(honest: StandInProvider, **hostile: Any) -> Claims:
    idp = copy(honest)
    for name, value in hostile.items():
        setattr(idp, name, value)
    provider = Provider(idp.issuer, CLIENT_ID, Path("unread"), "Riverton ID", factor_values=FACTORS)
    return id_tokens.check(provider, {"keys": idp.list_keys()}, idp.write_token({"nonce": "nonce"}), "nonce")


def test_an_honest_token_is_accepted_with_its_subject(honest: StandInProvider) -> None:
    assert check_token(honest).subject == SUBJECT
    assert check_token(honest, claims={"aud": [CLIENT_ID]}).subject == SUBJECT
    assert check_token(honest, claims={"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID}).subject == SUBJECT


@pytest.mark.parametrize("claims", HOSTILE_CLAIMS.values(), ids=list(HOSTILE_CLAIMS))
def test_a_token_with_a_wrong_claim_is_refused(honest: StandInProvider, claims: dict[str, Any]) -> None:
    with pytest.raises(TokenRefusedError):
        check_token(honest, claims=claims)


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "iat", "nonce"])
def test_a_token_without_a_claim_that_counts_is_refused(honest: StandInProvider, claim: str) -> None:
    with pytest.raises(TokenRefusedError):
        check_token(honest, without=(claim,))


HOSTILE_SIGNATURES: dict[str, dict[str, Any]] = {
    "no signature": {"algorithm": "none", "signing_key": ""},
    "another key under the known id": {"signing_key": FOREIGN_KEY},
    "an unknown key": {"signing_key": FOREIGN_KEY, "header": {"kid": "two"}},
    "the client's secret as key": {"signing_key": CLIENT_SECRET * 3, "algorithm": "HS256"},
    "a key in the token's own header": {
        "signing_key": FOREIGN_KEY,
        "header": {"kid": "one", "jwk": jwt.algorithms.RSAAlgorithm.to_jwk(FOREIGN_KEY.public_key(), as_dict=True)},
    },
    "an algorithm that the key is not for": {"algorithm": "RS512", "keys": [{"kty": "oct", "k": "AAAA", "kid": "one"}]},
    "no token at all": {"raw_token": "e30.e30."},
    "no text": {"raw_token": "\0"},
    "a secret among the published keys": {
        "signing_key": bytes(48),
        "algorithm": "HS256",
        "keys": [{"kty": "oct", "k": "A" * 64, "kid": "one", "alg": "HS256"}],
    },
    "no keys": {"keys": []},
}


@pytest.mark.parametrize("hostile", HOSTILE_SIGNATURES.values(), ids=list(HOSTILE_SIGNATURES))
def test_a_token_that_the_provider_did_not_sign_is_refused(honest: StandInProvider, hostile: dict[str, Any]) -> None:
    with pytest.raises(TokenRefusedError):
        check_token(honest, **hostile)


@pytest.mark.parametrize(
    "hostile",
    [{"claims": {"nonce": "replayed"}}, {"without": ("aud",)}, HOSTILE_SIGNATURES["no signature"]],
    ids=["nonce", "audience", "signature"],
)
def test_a_refused_token_signs_nobody_in(
    idp: StandInProvider, configured: Provider, caplog: pytest.LogCaptureFixture, hostile: dict[str, Any]
) -> None:
    assert "be checked, so nobody was signed in" in refuse(idp, configured, **hostile)
    assert "a token of the provider was refused" in caplog.text
    assert "okafor" not in caplog.text


@pytest.mark.parametrize("response", [{"iss": "https://evil.example"}, {"iss": ""}])
def test_a_return_from_another_issuer_sends_it_no_code(
    idp: StandInProvider, configured: Provider, response: dict[str, str]
) -> None:
    """Mix-up: the code of one provider must not reach another."""
    hostile = {"response": response, "description": {"authorization_response_iss_parameter_supported": True}}
    assert "be checked" in refuse(idp, configured, **hostile)
    assert len(idp.codes) == 1  # unused


UNUSABLE: dict[str, dict[str, Any]] = {
    "another issuer in the description": {"description": {"issuer": "https://evil.example"}},
    "its page at another site": {"description": {"authorization_endpoint": "https://evil.example/authorize"}},
    "a token address in the clear": {"description": {"token_endpoint": "http://evil.example/token"}},
    "a local file as keys": {"description": {"jwks_uri": "file:///etc/passwd"}},
    "a missing address": {"description": {"jwks_uri": None}},
}


@pytest.mark.parametrize("hostile", UNUSABLE.values(), ids=list(UNUSABLE))
def test_a_description_that_is_wrong_is_not_followed(
    idp: StandInProvider, configured: Provider, hostile: dict[str, Any]
) -> None:
    idp.description = hostile["description"]
    answer = Client().post(BEGIN, follow=True)
    assert answer.redirect_chain == [("/admin/login/", 302)]
    assert "Riverton ID can&#x27;t be reached now. Sign in with your password" in answer.content.decode()


def test_a_provider_that_is_down_is_a_sentence_before_and_after(
    idp: StandInProvider, configured: Provider, settings: Any
) -> None:
    client = Client()
    address = travel(client)
    idp.token_status = 503
    assert "Riverton ID can&#x27;t be reached now." in come_back(client, address)
    idp.stop()
    page = client.post(BEGIN, follow=True).content.decode()
    assert "Riverton ID can&#x27;t be reached now." in page
    assert 'name="password"' in page  # local accounts are the way in
    idp.start()  # for the fixture to stop


def test_a_return_is_good_once_in_its_own_browser_and_for_ten_minutes(
    configured: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, client, other = connected("okafor", configured), Client(), Client()
    give_app(who)
    address = travel(client)
    assert "it began in another browser" in come_back(other, address)
    assert CODE_FIELD in come_back(client, address)
    assert "it began in another browser" in come_back(client, address)
    late = travel(client)
    now = time.time() + round_trips.LIFETIME_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: now)
    assert "it began in another browser" in come_back(client, late)


def test_a_code_of_another_browser_is_useless(configured: Provider) -> None:
    """A thief who saw the code lacks the PKCE verifier, and the state is the victim's."""
    who, victim, thief = connected("okafor", configured), Client(), Client()
    give_app(who)
    stolen = parse_qs(urlsplit(travel(victim)).query)["code"][0]
    own_state = parse_qs(urlsplit(travel(thief)).query)["state"][0]
    page = come_back(thief, f"{RETURN}?code={stolen}&state={own_state}")
    assert "can&#x27;t be reached" in page
    assert not is_signed_in(thief)


@pytest.mark.parametrize("error", ["access_denied", "login_required", "<script>"])
def test_a_provider_that_refuses_is_a_sentence(idp: StandInProvider, configured: Provider, error: str) -> None:
    idp.response = {"error": error}
    page = come_back(Client())
    assert "sign you in. Try again, or use your password." in page
    assert '<script>"' not in page


# Who an account is bound to


def test_the_same_mail_address_of_another_person_signs_nobody_in(configured: Provider, idp: StandInProvider) -> None:
    who = connected("okafor", configured, groups.OFFICER)
    idp.subject = "another subject"
    idp.claims = {"email": who.email, "email_verified": True, "preferred_username": "okafor"}
    page = come_back(Client())
    assert UNCONNECTED in page
    actor, action, _subject, detail = lines()[-1]
    assert actor.startswith("unknown identity ")
    assert (action, detail) == ("failed to sign in", "single sign-on")
    assert Account.objects.count() == 1


def test_the_same_subject_at_another_issuer_signs_nobody_in(configured: Provider) -> None:
    who = connected("okafor", configured)
    ProviderIdentity.objects.filter(account=who).update(issuer="https://former-provider.example")
    assert UNCONNECTED in come_back(Client())


def test_an_account_that_is_turned_off_cannot_sign_in(configured: Provider) -> None:
    who = connected("okafor", configured)
    Account.objects.filter(pk=who.pk).update(is_active=False)
    assert UNCONNECTED in come_back(Client())


# Connecting


def test_an_account_connects_itself_after_both_of_its_factors(configured: Provider, idp: StandInProvider) -> None:
    account("judd", groups.SUPERVISOR)
    who = account("okafor", groups.OFFICER)
    client = sign_in(Client(), who)
    assert "Connect single sign-on" in client.get(CONNECTION).content.decode()
    page = come_back(client, travel(client, CONNECTION, connect="1"))
    assert "Your account is connected to k.okafor@riverton.example at Riverton ID." in page
    assert idp.asked[0]["prompt"] == "login"
    identity = ProviderIdentity.objects.get()
    assert (identity.account, identity.issuer, identity.subject) == (who, idp.issuer, SUBJECT)
    assert lines()[-1] == ("okafor", "connected single sign-on to", "account okafor", "")
    assert {mail.account.username for mail in AccountMail.objects.all()} == {"okafor", "judd"}
    assert (
        "Single sign-on is disconnected." in client.post(CONNECTION, {"disconnect": "1"}, follow=True).content.decode()
    )
    assert not ProviderIdentity.objects.exists()
    assert lines()[-1] == ("okafor", "disconnected single sign-on from", "account okafor", "")


def test_a_person_is_connected_to_one_account(configured: Provider) -> None:
    connected("okafor", configured)
    client = sign_in(Client(), account("lindqvist"))
    assert "is connected to another account here" in come_back(client, travel(client, CONNECTION, connect="1"))
    assert ProviderIdentity.objects.get().account.username == "okafor"


def test_a_return_connects_only_the_account_that_left(configured: Provider) -> None:
    client = sign_in(Client(), account("okafor"))
    address = travel(client, CONNECTION, connect="1")
    trips = client.session["single_sign_on"]
    session = sign_in(client, account("lindqvist")).session
    session["single_sign_on"] = trips
    session.save()
    assert "nothing was connected" in come_back(client, address)
    assert not ProviderIdentity.objects.exists()


def test_connecting_asks_for_a_fresh_factor(configured: Provider) -> None:
    """A stolen session or an unattended screen must not leave a way in that lasts."""
    client = sign_in(Client(), account("okafor"))
    session = client.session
    session["account_authentication_methods"][-1]["at"] -= fresh_factor.FRESH_SECONDS + 1
    session.save()
    answer = client.post(CONNECTION, {"connect": "1"})
    assert answer.status_code == 403
    assert CODE_FIELD in answer.content.decode()


def test_a_session_on_the_providers_factor_is_never_fresh(idp: StandInProvider, trusting: Provider) -> None:
    who, client = connected("okafor", trusting, groups.COMMUNICATIONS), Client()
    give_app(who)
    idp.claims = {"amr": ["mfa"]}
    come_back(client)
    assert client.get(CONNECTION).status_code == 200
    assert client.post(CONNECTION, {"disconnect": "1"}).status_code == 403
    assert ProviderIdentity.objects.exists()


def test_a_reset_of_the_second_factor_ends_the_connection(configured: Provider) -> None:
    who = connected("okafor", configured)
    sign_in_links.send_reset(who, "root", with_factor=True)
    assert not ProviderIdentity.objects.exists()


def test_nobody_connects_without_being_signed_in(configured: Provider) -> None:
    assert Client().post(CONNECTION, {"connect": "1"})["Location"].startswith("/admin/login/")


# The provider's second factor


@pytest.fixture
def trusting(idp: StandInProvider, settings: Any, tmp_path: Path, db: None) -> Provider:
    return configure(idp, settings, tmp_path, factor_values=FACTORS)


def is_signed_in_by(idp: StandInProvider, provider: Provider, *roles: str, **claims: Any) -> bool:
    who, client = connected("okafor", provider, *roles), Client()
    give_app(who)
    idp.claims = claims
    come_back(client)
    return is_signed_in(client)


@pytest.mark.parametrize("claims", [{"amr": ["pwd", "mfa"]}, {"acr": "phr"}])
def test_a_named_factor_of_the_provider_counts_for_accounts_that_open_no_tip(
    idp: StandInProvider, trusting: Provider, claims: dict[str, Any]
) -> None:
    assert is_signed_in_by(idp, trusting, groups.COMMUNICATIONS, **claims)
    assert lines()[-1] == ("okafor", "signed in", "", "single sign-on, factor of the provider")
    assert idp.asked[0]["max_age"] == "900"


UNPROVED: dict[str, dict[str, Any]] = {
    "a factor that the environment does not name": {"amr": ["pwd", "sms"]},
    "no amr": {},
    "amr as text": {"amr": "mfa"},
    "acr in amr": {"amr": ["phr"]},
    "a stale sign-in": {"amr": ["mfa"], "auth_time": time.time() - 3600},
    "a sign-in to come": {"amr": ["mfa"], "auth_time": time.time() + 3600},
    "auth_time as text": {"amr": ["mfa"], "auth_time": str(time.time())},
    "no auth_time": {"amr": ["mfa"], "auth_time": None},
}


@pytest.mark.parametrize("claims", UNPROVED.values(), ids=list(UNPROVED))
def test_what_proves_no_recent_factor_is_none(honest: StandInProvider, claims: dict[str, Any]) -> None:
    provider = Provider(honest.issuer, CLIENT_ID, Path("unread"), "Riverton ID", factor_values=FACTORS)
    assert not id_tokens.proves_second_factor(provider, check_token(honest, claims=claims))


def test_a_stale_factor_of_the_provider_leads_to_our_own(idp: StandInProvider, trusting: Provider) -> None:
    assert not is_signed_in_by(idp, trusting, groups.COMMUNICATIONS, **UNPROVED["a stale sign-in"])


def test_a_factor_of_the_provider_never_counts_for_an_account_that_opens_tips(
    idp: StandInProvider, trusting: Provider
) -> None:
    assert not is_signed_in_by(idp, trusting, groups.OFFICER, amr=["mfa"])


def test_without_named_factors_the_provider_proves_none(idp: StandInProvider, configured: Provider) -> None:
    assert not is_signed_in_by(idp, configured, groups.COMMUNICATIONS, amr=["mfa"], acr="phr")


def test_a_session_on_the_providers_factor_ends_with_the_connection_and_opens_no_tip(
    idp: StandInProvider, trusting: Provider
) -> None:
    who, client = connected("okafor", trusting, groups.COMMUNICATIONS), Client()
    give_app(who)
    idp.claims = {"amr": ["mfa"]}
    come_back(client)
    assert is_signed_in(client)
    # Added behind the back of what ends sessions at a change of roles.
    Account.groups.through.objects.create(account=who, group=Group.objects.get(name=groups.OFFICER))
    assert not is_signed_in(client)
    Account.groups.through.objects.filter(account=who, group__name=groups.OFFICER).delete()
    assert is_signed_in(client)
    ProviderIdentity.objects.all().delete()
    assert not is_signed_in(client)


# Roles


MAPPING = {
    "Portal officers": "officer",
    "Portal chiefs": "supervisor",
    "Press": "communications",
    "IT": "administrator",
}


@pytest.fixture
def naming(idp: StandInProvider, settings: Any, tmp_path: Path, db: None) -> Provider:
    return configure(idp, settings, tmp_path, roles_claim="groups", roles=MAPPING)


def roles_after(idp: StandInProvider, provider: Provider, *roles: str, **claims: Any) -> set[str]:
    who = connected("okafor", provider, *roles)
    give_app(who)
    idp.claims = claims
    come_back(Client())
    return set(who.groups.values_list("name", flat=True))


def test_a_claim_never_gives_a_role_that_opens_tips(idp: StandInProvider, naming: Provider) -> None:
    after = roles_after(idp, naming, groups.COMMUNICATIONS, groups=["Portal officers", "Portal chiefs", "Press"])
    assert after == {groups.COMMUNICATIONS}


def test_a_claim_gives_and_takes_other_roles(idp: StandInProvider, naming: Provider) -> None:
    assert roles_after(idp, naming, groups.ADMINISTRATOR, groups=["Press", "Bowling club"]) == {groups.COMMUNICATIONS}
    assert ("single sign-on", "changed the roles of", "account okafor", "administrator -> communications") in lines()


def test_a_claim_takes_a_role_that_opens_tips_and_the_supervisors_are_told(
    idp: StandInProvider, naming: Provider
) -> None:
    account("judd", groups.SUPERVISOR)
    assert roles_after(idp, naming, groups.OFFICER, groups=[]) == set()
    assert "single sign-on changed the roles of account okafor" in AccountMail.objects.get().text


def test_a_claim_gives_nothing_to_an_account_that_opens_tips(idp: StandInProvider, naming: Provider) -> None:
    """Otherwise the provider could make a supervisor an administrator, who then opens tips and gives roles."""
    assert roles_after(idp, naming, groups.OFFICER, groups=["Portal officers", "IT"]) == {groups.OFFICER}


def test_a_claim_does_not_take_the_last_supervisor(idp: StandInProvider, naming: Provider) -> None:
    assert roles_after(idp, naming, groups.SUPERVISOR, groups=["Press"]) == {groups.SUPERVISOR}


def test_a_token_without_the_claim_takes_no_role_and_signs_nobody_in(idp: StandInProvider, naming: Provider) -> None:
    """A claim that was misspelled in the environment would otherwise take the roles of everyone who signs in."""
    assert roles_after(idp, naming, groups.OFFICER) == {groups.OFFICER}
    assert lines()[-1] == ("okafor", "failed to sign in", "", "single sign-on, no claim of roles")


def test_roles_are_found_in_nested_claims(idp: StandInProvider, settings: Any, tmp_path: Path, db: None) -> None:
    provider = configure(idp, settings, tmp_path, roles_claim="realm_access.roles", roles=MAPPING)
    assert roles_after(idp, provider, realm_access={"roles": ["Press"]}) == {groups.COMMUNICATIONS}


# The environment


def environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Provider | None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_environment(Env(), allows_http=False)


WHOLE = {
    "OIDC_ISSUER": "https://id.riverton.example/v2",
    "OIDC_CLIENT_ID": "portal",
    "OIDC_CLIENT_SECRET": "/run/secret",
}


def test_the_environment_describes_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = environment(
        monkeypatch,
        **WHOLE,
        OIDC_ROLES_CLAIM="groups",
        OIDC_ROLES="cn=press,ou=staff=communications, Portal officers=officer".replace("cn=press,ou", "press.ou"),
        OIDC_SECOND_FACTOR="amr=mfa, amr=hwk, acr=urn:level=3",
    )
    assert provider is not None
    assert provider.name == "id.riverton.example"
    assert provider.origin == "https://id.riverton.example"
    assert provider.roles == {"press.ou=staff": "communications", "Portal officers": "officer"}
    assert provider.factor_values == {("amr", "mfa"), ("amr", "hwk"), ("acr", "urn:level=3")}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"OIDC_ISSUER": "http://id.riverton.example"}, "must be an https address"),
        ({"OIDC_ISSUER": "https://id.riverton.example/?tenant=1"}, "must be an https address"),
        ({"OIDC_CLIENT_ID": ""}, "OIDC_CLIENT_ID must be set"),
        ({"OIDC_CLIENT_SECRET": ""}, "OIDC_CLIENT_SECRET must be set"),
        ({"OIDC_ROLES_CLAIM": "groups"}, "together"),
        ({"OIDC_ROLES": "a=officer"}, "together"),
        ({"OIDC_ROLES_CLAIM": "groups", "OIDC_ROLES": "officer"}, "two words"),
        ({"OIDC_SECOND_FACTOR": "mfa"}, "two words"),
        ({"OIDC_SECOND_FACTOR": "email=x"}, "it can name amr and acr"),
    ],
)
def test_a_half_described_provider_refuses_to_start(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        environment(monkeypatch, **(WHOLE | variables))


def test_the_checks_name_unknown_roles_and_an_empty_secret(settings: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    settings.OIDC_PROVIDER = Provider("https://id.example", "portal", secret, "ID", "groups", {"Chiefs": "chief"})
    assert [message.id for message in checks.check_identity_provider()] == ["tipportal.E012", "tipportal.E013"]
    secret.write_text("a secret")
    settings.OIDC_PROVIDER = Provider("https://id.example", "portal", secret, "ID", "groups", {"Chiefs": "supervisor"})
    assert checks.check_identity_provider() == []
    settings.OIDC_PROVIDER = None
    assert checks.check_identity_provider() == []


def test_nothing_is_imported_or_mounted_without_a_provider_and_all_with_one() -> None:
    program = (
        "import django; django.setup(); import importlib, os, sys, tipportal.settings, tipportal.urls as urls\n"
        "from django.conf import Settings, settings\n"
        "def state():\n"
        "    return ['core.single_sign_on.pages' in sys.modules, 'jwt' in sys.modules, len(urls.urlpatterns)]\n"
        "print(*state(), settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'])\n"
        f"os.environ |= {WHOLE!r}\n"
        "importlib.reload(tipportal.settings); settings._wrapped = Settings('tipportal.settings')\n"
        "importlib.reload(urls)\n"
        "print(*state(), settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    without, mounted = (line.split(" ", 3) for line in run.stdout.splitlines())
    assert (without[:2], without[3]) == (["False", "False"], "[\"'self'\"]")
    assert (mounted[:2], mounted[3]) == (["True", "True"], "[\"'self'\", 'https://id.riverton.example']")
    assert int(mounted[2]) == int(without[2]) + 1
