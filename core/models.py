"""Staff accounts and the audit trail, shared by all apps. The public role can reach neither."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_backends
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Account(AbstractUser):
    """A named member of staff. Sources have no account, ever."""

    class Meta(AbstractUser.Meta):
        verbose_name = _("staff account")  # type: ignore[assignment]  # typed without translation there
        verbose_name_plural = _("staff accounts")  # type: ignore[assignment]

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Extend Django's check: a superuser gets permissions on tips only from groups (core/staff/groups.py)."""
        if not perm.startswith("tips."):
            return super().has_perm(perm, obj)
        return self.is_active and any(backend.has_perm(self, perm, obj) for backend in get_backends())

    def has_module_perms(self, app_label: str) -> bool:
        if app_label != "tips":
            return super().has_module_perms(app_label)
        return any(perm.startswith("tips.") for perm in self.get_all_permissions())


class AuditEntry(models.Model):
    """One line of the append-only audit trail; written by core/audit.py alone, guarded by a trigger (grants.sql)."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("when"))
    actor = models.CharField(_("who"), max_length=150)
    action = models.CharField(_("did"), max_length=40)
    subject = models.CharField(_("to what"), max_length=200, blank=True)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    seal = models.BinaryField(_("seal"), max_length=32)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-id"]
        indexes = [models.Index(fields=["action", "actor", "-at"], name="audit_by_action")]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"
