"""The requests to the identity provider: its metadata, its keys, and the exchange of a code for an ID token.

Each has a short time-out and follows no redirect. All addresses must be https and the page for people at the issuer's own origin,
so a metadata that was tampered with sends nobody elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from core.single_sign_on.provider import LOCAL_HOSTS, Provider

_SECONDS = 5
_WELL_KNOWN = "/.well-known/openid-configuration"


class ProviderDownError(Exception):
    """The provider did not answer, or not as OpenID Connect wants it. The message is for the log, without values."""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """The provider's metadata (OpenID Connect Discovery 1.0)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    uses_basic_auth: bool
    names_issuer_in_response: bool


def fetch_metadata(provider: Provider) -> ProviderMetadata:
    """Return the metadata that the provider publishes under its issuer. Raises ProviderDownError."""
    content = _get(provider.issuer.rstrip("/") + _WELL_KNOWN)
    if content.get("issuer") != provider.issuer:
        raise ProviderDownError("another issuer in the metadata")
    methods = content.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    addresses = {
        name: _check_address(provider, content.get(name))
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    }
    if not addresses["authorization_endpoint"].startswith(provider.origin + "/"):
        raise ProviderDownError("authorization endpoint at another origin")
    return ProviderMetadata(
        **addresses,
        uses_basic_auth="client_secret_post" not in methods,
        names_issuer_in_response=content.get("authorization_response_iss_parameter_supported") is True,
    )


def fetch_keys(metadata: ProviderMetadata) -> dict[str, Any]:
    """Return the provider's public keys as a JSON Web Key Set. Raises ProviderDownError."""
    return _get(metadata.jwks_uri)


def exchange_code(provider: Provider, metadata: ProviderMetadata, code: str, verifier: str, return_address: str) -> str:
    """Return the ID token that the provider gives for the code. Raises ProviderDownError, also for a code it refuses."""
    data = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": return_address,
        "code_verifier": verifier,
    }
    authentication = None
    if metadata.uses_basic_auth:
        authentication = (provider.client_id, provider.read_secret())
    else:
        data |= {"client_id": provider.client_id, "client_secret": provider.read_secret()}
    try:
        response = requests.post(
            metadata.token_endpoint, data=data, auth=authentication, timeout=_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        raise ProviderDownError(type(error).__name__) from None
    token = _read(response).get("id_token")
    if not isinstance(token, str):
        raise ProviderDownError("no ID token")
    return token


def _get(address: str) -> dict[str, Any]:
    try:
        return _read(requests.get(address, timeout=_SECONDS, allow_redirects=False))
    except requests.RequestException as error:
        raise ProviderDownError(type(error).__name__) from None


def _read(response: requests.Response) -> dict[str, Any]:
    if response.status_code != 200:
        raise ProviderDownError(f"status {response.status_code}")
    try:
        content = response.json()
    except ValueError:
        raise ProviderDownError("no JSON") from None
    if not isinstance(content, dict):
        raise ProviderDownError("no JSON object")
    return content


def _check_address(provider: Provider, address: Any) -> str:
    parts = urlsplit(address) if isinstance(address, str) else None
    is_local = provider.issuer.startswith("http://") and parts is not None and parts.hostname in LOCAL_HOSTS
    if parts is None or not (parts.scheme == "https" or (is_local and parts.scheme == "http")):
        raise ProviderDownError("an address that is not https")
    return str(address)
