"""The agency's identity provider (OpenID Connect), as the environment describes it. Without OIDC_ISSUER there is none.

Imported by the settings, so it knows no models.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env

LOCAL_HOSTS = ("localhost", "127.0.0.1")
# What an ID token can say about how the person was authenticated (OpenID Connect Core 2, RFC 8176).
FACTOR_CLAIMS = ("amr", "acr")


@dataclass(frozen=True, slots=True)
class Provider:
    """`roles` maps values of the claim `roles_claim` to roles here; `factor_values` are pairs such as ("amr", "mfa")."""

    issuer: str
    client_id: str
    client_secret: Path
    name: str
    roles_claim: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    factor_values: frozenset[tuple[str, str]] = frozenset()

    @property
    def origin(self) -> str:
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"

    def read_secret(self) -> str:
        return self.client_secret.read_text(encoding="utf-8").strip()


def read_environment(env: Env, *, allows_http: bool) -> Provider | None:
    """Return the provider, or None if OIDC_ISSUER is not set. Raises ImproperlyConfigured with what to correct."""
    issuer = env.str("OIDC_ISSUER", "").strip()
    if not issuer:
        return None
    parts = urlsplit(issuer)
    is_local = allows_http and parts.scheme == "http" and parts.hostname in LOCAL_HOSTS
    if not (parts.scheme == "https" or is_local) or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"OIDC_ISSUER={issuer!r} must be an https address without ? and #.")
    missing = [name for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET") if not env.str(name, "")]
    if missing:
        raise ImproperlyConfigured(f"OIDC_ISSUER is set, so {' and '.join(missing)} must be set too.")
    roles_claim, roles = env.str("OIDC_ROLES_CLAIM", ""), _read_pairs("OIDC_ROLES", env.str("OIDC_ROLES", ""))
    if bool(roles_claim) != bool(roles):
        raise ImproperlyConfigured("Set OIDC_ROLES_CLAIM and OIDC_ROLES together, or neither.")
    factors = _read_pairs("OIDC_SECOND_FACTOR", env.str("OIDC_SECOND_FACTOR", ""), reverse=True)
    if unknown := {claim for claim in factors.values() if claim not in FACTOR_CLAIMS}:
        raise ImproperlyConfigured(f"OIDC_SECOND_FACTOR names {', '.join(sorted(unknown))}; it can name amr and acr.")
    return Provider(
        issuer=issuer,
        client_id=env.str("OIDC_CLIENT_ID"),
        client_secret=env.path("OIDC_CLIENT_SECRET"),
        name=env.str("OIDC_NAME", "") or parts.hostname,
        roles_claim=roles_claim,
        roles=roles,
        factor_values=frozenset((claim, value) for value, claim in factors.items()),
    )


def _read_pairs(name: str, text: str, *, reverse: bool = False) -> dict[str, str]:
    """Return `a=b, c=d` as a dictionary; `reverse` makes it {b: a, d: c}. Values may hold "=", names of roles don't."""
    pairs = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        left, sign, right = item.partition("=") if reverse else item.rpartition("=")
        if not (sign and left.strip() and right.strip()):
            raise ImproperlyConfigured(f"{name}: {item!r} must be two words with = between them.")
        left, right = (right.strip(), left.strip()) if reverse else (left.strip(), right.strip())
        pairs[left] = right
    return pairs
