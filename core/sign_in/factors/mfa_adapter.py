"""allauth's adapter: seals secrets, names accounts in authenticator apps, and sets the site that passkeys belong to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from core.agency import current_settings
from core.sign_in.factors import factor_sealing


class FactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return factor_sealing.seal_secret(text)

    def decrypt(self, encrypted_text: str) -> str:
        return factor_sealing.open_secret(encrypted_text)

    def get_totp_label(self, user: Any) -> str:
        """Return the username: it is shown beside the code in the app, and never a mail address."""
        return str(user.get_username())

    def get_totp_issuer(self) -> str:
        return str(current_settings.current().name)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the site of STAFF_URL, whatever name the request was sent to."""
        return {"id": urlsplit(settings.STAFF_URL).hostname or "", "name": str(current_settings.current().name)}
