"""A round trip to the provider and back: what the browser takes along, and what must come back with it.

The session of the browser keeps state, nonce and PKCE verifier of a few trips for ten minutes, each good for one return.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from core.single_sign_on import id_tokens, provider_requests
from core.single_sign_on.id_tokens import FACTOR_MAX_AGE_SECONDS, Claims, TokenRefusedError
from core.single_sign_on.provider import Provider

LIFETIME_SECONDS = 10 * 60
_KEY = "single_sign_on"
_MAX_TRIPS = 5  # tabs


@dataclass(frozen=True, slots=True)
class Trip:
    """One trip. `account` is the signed-in account to connect, None to sign in; `onward` is the page to show after it."""

    nonce: str
    verifier: str
    onward: str
    account: int | None
    at: float


def begin(request: HttpRequest, provider: Provider, onward: str, account: int | None = None) -> str:
    """Return the provider's address to send the browser to. Raises ProviderDownError."""
    metadata = provider_requests.fetch_metadata(provider)
    state = secrets.token_urlsafe(32)
    trip = Trip(secrets.token_urlsafe(32), secrets.token_urlsafe(64), onward, account, time.time())
    trips = {**_current(request), state: [trip.nonce, trip.verifier, trip.onward, trip.account, trip.at]}
    request.session[_KEY] = dict(list(trips.items())[-_MAX_TRIPS:])
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": return_address(),
        "scope": "openid profile",
        "state": state,
        "nonce": trip.nonce,
        "code_challenge": _challenge(trip.verifier),
        "code_challenge_method": "S256",
    }
    if account is not None:
        # The browser may have another person's session at the provider: a colleague must not be connected by mistake.
        query["prompt"] = "login"
    elif provider.factor_values:
        query["max_age"] = str(FACTOR_MAX_AGE_SECONDS)
    separator = "&" if "?" in metadata.authorization_endpoint else "?"
    return f"{metadata.authorization_endpoint}{separator}{urlencode(query)}"


def take(request: HttpRequest) -> Trip | None:
    """Return the trip that this return belongs to; None if it is another browser's, older than ten minutes or was used."""
    trips = _current(request)
    content = trips.pop(request.GET.get("state", ""), None)
    request.session[_KEY] = trips
    return Trip(*content) if content else None


def finish(request: HttpRequest, provider: Provider, trip: Trip) -> Claims:
    """Exchange the code and return what the ID token says. Raises ProviderDownError or TokenRefusedError."""
    metadata = provider_requests.fetch_metadata(provider)
    # Another provider must not get the code of this one, or this one another's (RFC 9207).
    issuer = request.GET.get("iss")
    if issuer != provider.issuer and (issuer is not None or metadata.names_issuer_in_response):
        raise TokenRefusedError("iss of the response")
    code = request.GET.get("code", "")
    token = provider_requests.exchange_code(provider, metadata, code, trip.verifier, return_address())
    return id_tokens.check(provider, provider_requests.fetch_keys(metadata), token, trip.nonce)


def return_address() -> str:
    """Return the address that must be registered with the provider: never by the request's Host header."""
    return settings.STAFF_URL + reverse("single_sign_on_return")


def _current(request: HttpRequest) -> dict[str, Any]:
    now = time.time()
    trips = request.session.get(_KEY, {})
    return {state: trip for state, trip in trips.items() if 0 <= now - trip[-1] < LIFETIME_SECONDS}


def _challenge(verifier: str) -> str:
    """RFC 7636, 4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
