"""Accounts, sign-ins and the agency's settings in the admin; the audit trail's page is in the roof, which knows the readers of each tip."""

from __future__ import annotations

from core.admin import accounts, agency, sign_in_limits

__all__ = ["accounts", "agency", "sign_in_limits"]
