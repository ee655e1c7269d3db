"""Members of staff who are signed in with their second factor, and those whose session ends while they type."""

from __future__ import annotations

import re
from typing import Any

from allauth.mfa.models import Authenticator
from django.http import HttpResponse
from django.test import Client, RequestFactory

from core.models import Account
from core.sign_in import second_factor
from core.sign_in.factors import app_codes
from core.sign_in.factors.factor_form import CODE_FIELD
from core.staff import form_author, known_browsers

PASSWORD = "four words of nobody"
APP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def sign_in(client: Client, account: Account) -> Client:
    """Sign the account in as if it had just proved its authenticator app, which it gets if it has none. Return the client."""
    client.force_login(account, backend="core.staff.sign_in.AuditedBackend")
    request: Any = RequestFactory().get("/")
    request.user, request.session = account, client.session
    second_factor.record(request, account, give_app(account))
    request.session.save()
    # As after every sign-in: wrong codes then lock this browser, and not the address that all tests share.
    response = HttpResponse()
    known_browsers.remember(request, response, account)
    client.cookies[known_browsers.COOKIE] = response.cookies[known_browsers.COOKIE].value
    return client


def give_app(account: Account) -> Authenticator:
    """Return the account's authenticator app; add one with APP_SECRET if there is none."""
    found = Authenticator.objects.filter(user=account, type=Authenticator.Type.TOTP).first()
    return found or app_codes.add(account, APP_SECRET)


def next_code(account: Account) -> str:
    """Return a code that the account's app with APP_SECRET accepts now, even if it has accepted it before."""
    app = give_app(account)
    app.data["last_step"] = 0
    app.save()
    return app_codes.current_code(APP_SECRET)


def enter_password_and_code(
    client: Client, account: Account, password: str = PASSWORD, address: str = "/admin/"
) -> Any:
    """Sign in on the two pages, as a person does. Return the answer to the code."""
    give_app(account)
    answer = client.post("/admin/login/", {"username": account.get_username(), "password": password, "next": address})
    assert answer.status_code == 302, answer.content.decode()
    return client.post(answer["Location"], {CODE_FIELD: next_code(account)})


def set_password(account: Account) -> Account:
    account.set_password(PASSWORD)
    account.save()
    return account


def post_as_typed_by(author: Account, client: Client, address: str, typed: dict[str, Any]) -> Any:
    """Post a form that was rendered for `author`, whoever is signed in now."""
    return client.post(address, typed | {form_author.FIELD: form_author.sign_author(author)})


def sign_in_on(page: Any, client: Client, address: str, who: Account, password: str = PASSWORD) -> Any:
    """Sign in on the page that carries what was typed: the password, then the code. Return the last answer."""
    give_app(who)
    (carried,) = re.findall(r'name="_carried" value="([^"]+)"', page.content.decode())
    answer = client.post(address, {"_carried": carried, "username": who.get_username(), "password": password})
    if f'name="{CODE_FIELD}"' not in answer.content.decode():
        return answer
    return client.post(address, {"_carried": carried, CODE_FIELD: next_code(who)})
