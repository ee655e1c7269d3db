"""The signed token with which a form for staff names the account it was rendered for."""

from __future__ import annotations

from django.core import signing
from django.http import QueryDict

from core.models import Account

FIELD = "_author"
_SALT = "core.staff.session_resume author"


def sign_author(account: Account) -> str:
    """Return the token that a form names its author with."""
    return signing.dumps(account.pk, salt=_SALT)


def read_author(post: QueryDict) -> int | None:
    """Return the id of the account that the form was made for; None if it does not say, or the token is not ours."""
    try:
        author: int = signing.loads(post.get(FIELD, ""), salt=_SALT)
    except signing.BadSignature:
        return None
    return author
