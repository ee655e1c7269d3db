"""Accounts and the audit trail in the admin."""

from __future__ import annotations

from core.admin import accounts, audit_trail, sign_in_limits

__all__ = ["accounts", "audit_trail", "sign_in_limits"]
