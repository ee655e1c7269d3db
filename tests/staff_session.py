"""A member of staff whose session ends while they type, for tests of the pages that must not lose it."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from core.models import Account
from core.staff import session_resume

PASSWORD = "four words of nobody"


def set_password(account: Account) -> Account:
    account.set_password(PASSWORD)
    account.save()
    return account


def post_as_typed_by(author: Account, client: Client, address: str, typed: dict[str, Any]) -> Any:
    """Post a form that was rendered for `author`, whoever is signed in now."""
    return client.post(address, typed | {session_resume.AUTHOR: session_resume.sign_author(author)})


def sign_in_on(page: Any, client: Client, address: str, who: Account, password: str = PASSWORD) -> Any:
    """Sign in on the page that carries what was typed."""
    (carried,) = re.findall(r'name="_carried" value="([^"]+)"', page.content.decode())
    return client.post(address, {"_carried": carried, "username": who.get_username(), "password": password})
