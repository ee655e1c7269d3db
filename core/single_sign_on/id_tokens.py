"""Checks ID tokens (OpenID Connect Core 1.0, 3.1.3.7). The one thing the portal believes from the provider is what is here.

django-allauth's own provider was not used: it leaves the signature unchecked, sends no nonce, takes the identity from another
response than the token, and would bring sign-up and five tables of its own.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from typing import Any

import jwt

from core.single_sign_on.provider import Provider

# Public-key signatures only: with "none" or a shared secret anyone could write a token.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY_SECONDS = 60
# The oldest sign-in at the provider whose second factor counts here. Sent along as max_age.
FACTOR_MAX_AGE_SECONDS = 15 * 60
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
_LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0, 2


class TokenRefusedError(Exception):
    """The ID token proves nothing. The message is for the log: it names the check, never a value."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a checked ID token. `authenticated_at`: time of the sign-in at the provider, in seconds since 1970."""

    subject: str
    label: str
    authenticated_at: float | None
    content: dict[str, Any]


def check(provider: Provider, key_set: dict[str, Any], token: str, nonce: str) -> Claims:
    """Return the claims of a token that the provider made for us, for this very sign-in. Raises TokenRefusedError."""
    try:
        content: dict[str, Any] = jwt.decode(
            token,
            _find_key(key_set, token),
            algorithms=ALGORITHMS,
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED, "strict_aud": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise TokenRefusedError(type(error).__name__) from None
    if not isinstance(content["nonce"], str) or not hmac.compare_digest(content["nonce"].encode(), nonce.encode()):
        raise TokenRefusedError("nonce")
    # A token for several parties must name us as the one it was issued to.
    authorized = content.get("azp")
    if authorized != provider.client_id and (authorized is not None or content["aud"] not in _only(provider.client_id)):
        raise TokenRefusedError("azp")
    if content["iat"] < time.time() - FACTOR_MAX_AGE_SECONDS - LEEWAY_SECONDS:
        raise TokenRefusedError("iat")
    subject = content["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or "\0" in subject:
        raise TokenRefusedError("sub")
    return Claims(subject, _find_label(content), _read_time(content.get("auth_time")), content)


def proves_second_factor(provider: Provider, claims: Claims) -> bool:
    """Return whether the provider says that it asked for a factor that the environment names, and that this was recent."""
    if claims.authenticated_at is None:
        return False
    age = time.time() - claims.authenticated_at
    if not -LEEWAY_SECONDS <= age <= FACTOR_MAX_AGE_SECONDS + LEEWAY_SECONDS:
        return False
    methods = claims.content.get("amr")
    said = {("amr", method) for method in methods if isinstance(method, str)} if isinstance(methods, list) else set()
    if isinstance(level := claims.content.get("acr"), str):
        said.add(("acr", level))
    return not said.isdisjoint(provider.factor_values)


def _find_key(key_set: dict[str, Any], token: str) -> Any:
    """Return the provider's key that the token names, or its only one. What else the header says of keys is not read."""
    keys = [key for key in jwt.PyJWKSet.from_dict(key_set).keys if key.public_key_use in (None, "sig")]
    key_id = jwt.get_unverified_header(token).get("kid")
    found = [key for key in keys if key.key_id == key_id] if key_id is not None else keys
    if len(found) != 1:
        raise TokenRefusedError("kid")
    return found[0]


def _only(client_id: str) -> tuple[Any, ...]:
    return client_id, [client_id]


def _find_label(content: dict[str, Any]) -> str:
    """Return a name that its owner recognizes. It is shown and never compared."""
    for claim in ("preferred_username", "email", "name", "sub"):
        if isinstance(value := content.get(claim), str) and value:
            return value[:150].replace("\0", "")
    return ""


def _read_time(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
