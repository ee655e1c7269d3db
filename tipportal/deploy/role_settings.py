"""Checks of what the environment gives a process: a role that is known, and no private key that its role must not have."""

from __future__ import annotations

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from core.roles import Role


def parse(value: str) -> Role:
    """Return the role named by PORTAL_ROLE. Raises ImproperlyConfigured with a sentence that lists the choices."""
    try:
        return Role(value)
    except ValueError:
        choices = ", ".join(role.value for role in Role)
        found = f"PORTAL_ROLE={value!r} is unknown" if value else "PORTAL_ROLE is not set"
        raise ImproperlyConfigured(f"{found}. Set it to one of: {choices}.") from None


def refuse_private_keys(role: Role, private_keys: Path | None, public_keys: Path | None) -> None:
    """Refuse to start a role outside the staff side that is given the agency's private keys.

    Raises ImproperlyConfigured, so that a mistake in deployment cannot go unnoticed.
    """
    if role.serves_staff:
        return
    if private_keys is not None:
        raise ImproperlyConfigured(
            f"AGENCY_PRIVATE_KEYS is set for the {role} role, which must never be able to open a tip. Remove the variable and the files from this machine."
        )
    if public_keys is not None and public_keys.is_dir() and any(public_keys.glob("*.key")):
        raise ImproperlyConfigured(
            f"{public_keys} holds private keys (*.key), and the {role} role must never be able to open a tip. Remove them from this machine."
        )


def refuse_channel_keys(role: Role, private_keys: Path | None) -> None:
    """Refuse to start any role but alerts with the private keys of officers' channels. Raises ImproperlyConfigured."""
    if private_keys is not None and role is not Role.ALERTS:
        raise ImproperlyConfigured(
            f"ALERT_CHANNEL_PRIVATE_KEYS is set for the {role} role, and the alerts role alone may open the addresses of officers' channels. Remove the variable and the files from this machine."
        )


def refuse_address_keys(role: Role, private_keys: Path | None) -> None:
    """Refuse to start any role but bulk with the private keys of subscribers' addresses. Raises ImproperlyConfigured."""
    if private_keys is not None and role is not Role.BULK:
        raise ImproperlyConfigured(
            f"ADDRESS_PRIVATE_KEYS is set for the {role} role, and the bulk role alone may open subscribers' addresses. Remove the variable and the files from this machine."
        )
