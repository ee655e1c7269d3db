"""Staff accounts, the mails about them and the audit trail, shared by all apps. The public role can reach none of them."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.contrib.auth import get_backends
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from core.mail.outbox import OutboxRow
from core.mail.subscriber_addresses import EmailAddressError, normalize_address


class AccountManager(UserManager["Account"]):
    """Finds accounts by name without regard to case: phones begin a name with a capital letter."""

    def get_by_natural_key(self, username: str | None) -> Account:
        """Raises Account.DoesNotExist."""
        name = unicodedata.normalize("NFKC", username or "").strip()
        return self.annotate(folded_name=Lower("username")).get(folded_name=Lower(models.Value(name)))


class Account(AbstractUser):
    """A named member of staff. Sources have no account, ever."""

    objects = AccountManager()  # type: ignore[misc]  # declared there for any user model

    class Meta(AbstractUser.Meta):
        verbose_name = _("staff account")  # type: ignore[assignment]  # typed without translation there
        verbose_name_plural = _("staff accounts")  # type: ignore[assignment]
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="account_name_once",
                violation_error_message=_("Another account has this name. Capital letters make no difference."),
            )
        ]

    def clean(self) -> None:
        """Write the mail address as mail servers read it, or refuse it."""
        super().clean()
        if self.email:
            try:
                self.email = normalize_address(self.email)
            except EmailAddressError as error:
                raise ValidationError({"email": str(error)}) from None

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
    at = models.DateTimeField(_("time"))
    actor = models.CharField(_("who"), max_length=150)
    action = models.CharField(_("action"), max_length=40)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    detail = models.CharField(_("details"), max_length=500, blank=True)
    seal = models.BinaryField(_("seal"), max_length=32)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["action", "actor", "-at"], name="audit_by_action"),
            models.Index(fields=["subject"], name="audit_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"


class FailedAttempt(models.Model):
    """A failed attempt to sign in, or one that is being checked (core/sign_in/attempts.py). Deleted after a day."""

    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="+")
    unknown_name = models.CharField(max_length=8)  # keyed hash of a typed name that no account has
    browser = models.CharField(max_length=16)  # id of a browser where the account has signed in before, else ""
    factor = models.CharField(max_length=20)
    at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["unknown_name"], condition=~models.Q(unknown_name=""), name="attempt_by_name")]

    def __str__(self) -> str:
        return f"failed attempt {self.pk}"


class AccountMail(OutboxRow):
    """A mail to one member of staff about a change of accounts (core/staff/account_mails.py). Deleted once it is sent."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    subject = models.CharField(max_length=200)
    text = models.TextField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"mail {self.pk} to {self.account_id}"
