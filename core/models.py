"""Staff accounts, the mails about them and the audit trail, shared by all apps. The public role can reach none of them."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import Any, Self

from django.contrib.auth import get_backends
from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Cast, Lower
from django.utils import timezone
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

    badge_number = models.CharField(
        _("badge number"), max_length=20, blank=True, help_text=_("Tips that mention it are hidden from this person.")
    )
    aliases = models.CharField(
        _("other names"),
        max_length=200,
        blank=True,
        help_text=_(
            "Nicknames and former names, with commas between them. Tips that mention one are hidden from this person."
        ),
    )

    letter_keys = models.BooleanField(_("single-letter keys at the desk"), default=True)

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


class AuditTopic(models.TextChoices):
    """The topics of audit entries, read from their subjects. An empty subject is a sign-in."""

    TIPS = "tips", _("tips")
    ACCOUNTS = "accounts", _("accounts, units and duty")
    SETTINGS = "settings", _("settings, incidents and stories")


def _subject_part(pattern: str) -> models.Func:
    return models.Func(
        models.F("subject"), models.Value(pattern), function="substring", output_field=models.TextField()
    )


class AuditEntry(models.Model):
    """One line of the append-only audit trail; written by core/audit/trail.py alone, guarded by a trigger (rules.sql)."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("time"))
    actor = models.CharField(_("who"), max_length=150)
    action = models.CharField(_("action"), max_length=40)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    detail = models.CharField(_("details"), max_length=500, blank=True)
    seal = models.BinaryField(_("seal"), max_length=32)
    # For those who read the trail. The database computes both from `subject`, which is sealed, so nobody can set them.
    tip = models.GeneratedField(
        expression=Cast(_subject_part(r"(?:^|[ ])tip ([0-9]{1,18})(?:[ ]|$)"), models.BigIntegerField()),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
        help_text="number of the tip that the line is about",
    )
    topic = models.GeneratedField(
        expression=models.Case(
            models.When(subject__regex=r"(^|[ ])tips?([ ][0-9]|$)", then=models.Value(AuditTopic.TIPS)),
            models.When(subject="", then=models.Value(AuditTopic.ACCOUNTS)),
            models.When(
                subject__regex=r"(^|[ ])(account|unit|duty|invitation|session|audit trail)([ ]|$)",
                then=models.Value(AuditTopic.ACCOUNTS),
            ),
            default=models.Value(AuditTopic.SETTINGS),
        ),
        output_field=models.CharField(max_length=8, choices=AuditTopic),
        db_persist=True,
    )
    # Set by a trigger (rules.sql), for when the tip is erased: its unit, and whether only named people could see it.
    unit_id = models.BigIntegerField(null=True, editable=False)
    is_restricted = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["action", "actor", "-at"], name="audit_by_action"),
            models.Index(fields=["subject"], name="audit_by_subject"),
            # Pages of a filtered trail begin at a time.
            models.Index(fields=["topic", "-at"], name="audit_by_topic"),
            models.Index(fields=["actor", "-at"], name="audit_by_actor"),
            models.Index(fields=["tip", "-at"], name="audit_by_tip", condition=models.Q(tip__isnull=False)),
            models.Index(fields=["-at"], name="audit_by_time"),
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
        verbose_name = _("failed sign-in")
        verbose_name_plural = _(
            "limited sign-ins"
        )  # the page that shows whom they limit (core/admin/sign_in_limits.py)
        default_permissions = ()
        indexes = [models.Index(fields=["unknown_name"], condition=~models.Q(unknown_name=""), name="attempt_by_name")]

    def __str__(self) -> str:
        return f"failed attempt {self.pk}"


class AuditProof(models.Model):
    """The result of the last check of the audit trail: one row, read and written by core/audit/proof.py alone."""

    number = models.BigIntegerField(help_text="the last line that was proven")
    seal = models.CharField(max_length=64, help_text="its seal in hex digits")
    proven_at = models.DateTimeField(null=True)
    whole_at = models.DateTimeField(null=True, help_text="end of the last walk from the first line on")
    walk_number = models.BigIntegerField(help_text="the last line that the present walk has reached")
    walk_seal = models.CharField(max_length=64)
    walk_began_at = models.DateTimeField(null=True, help_text="empty while there is no walk")
    broken = models.BigIntegerField(null=True, help_text="the first line that does not fit")
    mark = models.BinaryField(max_length=32, help_text="keyed hash of this row")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"proven up to {self.number}"


class AuditHeadMail(OutboxRow):
    """The mail of one day with the newest line's number and seal, to an address outside (core/audit/head_mails.py)."""

    day = models.DateField(unique=True)
    number = models.BigIntegerField()
    seal = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"head of {self.day}"


class ProviderIdentity(models.Model):
    """The person at the agency's identity provider who signs in to an account (core/single_sign_on/identities.py)."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    label = models.CharField(max_length=150)  # shown to the owner, never compared
    connected_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="identity_once"),
            models.UniqueConstraint(fields=["account", "issuer"], name="identity_of_account_once"),
        ]

    def __str__(self) -> str:
        return f"identity {self.pk} of account {self.account_id}"


class SignInLink(models.Model):
    """A mailed link that sets up sign-in once, for an invited person or anew for an account (core/accounts/sign_in_links.py).

    `secret_hash` is the SHA-256 of the link's random secret. It is empty until the mail is composed: the secret is in that mail
    and nowhere else.
    """

    class Purpose(models.TextChoices):
        INVITATION = "invited", _("invitation")
        PASSWORD = "password", _("new password")
        FACTOR = "factor", _("new password and second factor")

    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="sign_in_links")
    person = models.JSONField(default=dict)  # an InvitedPerson (core/accounts/invited_people.py); empty for an account
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(default=timezone.now)
    secret_hash = models.BinaryField(max_length=32, null=True, unique=True)
    expires_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"link {self.pk}"


class ConsentRequestQuerySet(models.QuerySet["ConsentRequest"]):
    def open(self) -> Self:
        """Return the requests that can still be decided."""
        return self.filter(state=ConsentRequest.State.OPEN, asked_at__gt=timezone.now() - ConsentRequest.LIFETIME)


class ConsentRequest(models.Model):
    """A change of an account or of the agency's settings that a second person has to allow (core/accounts/consent.py).

    `details` says what exactly changes: an InvitedPerson for INVITE, new values by the names of fields for CHANGE, for
    ACCESS the "units" and sensitive "categories", each a name by its primary key as text, and for AGENCY the old and the
    new value by the names of settings.
    """

    class Kind(models.TextChoices):
        INVITE = "invite", _("invitation")
        CHANGE = "change", _("change of an account")
        PASSWORD = "password", _("new password")
        FACTOR = "factor", _("new password and second factor")
        ACCESS = "access", _("access to tips of a unit or category")
        AGENCY = "agency", _("agency settings")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        GIVEN = "given", _("allowed")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    LIFETIME = dt.timedelta(hours=72)

    kind = models.CharField(max_length=8, choices=Kind.choices)
    account = models.ForeignKey(Account, models.PROTECT, null=True, related_name="consent_requests")
    details = models.JSONField(default=dict)
    asked_by = models.ForeignKey(Account, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    decided_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)

    objects = ConsentRequestQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"request {self.pk}"

    @property
    def is_open(self) -> bool:
        """Return whether the request can still be decided."""
        return self.state == self.State.OPEN and self.asked_at > timezone.now() - self.LIFETIME

    @property
    def expires_at(self) -> dt.datetime:
        return self.asked_at + self.LIFETIME


class SupervisorAppointment(models.Model):
    """A run of `manage.py create_supervisors` (core/accounts/appointments.py). `people` are InvitedPersons."""

    people = models.JSONField()
    asked_at = models.DateTimeField(default=timezone.now)
    carried_out_at = models.DateTimeField(null=True)
    objected_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")
    objected_at = models.DateTimeField(null=True)
    acknowledged_by = models.ManyToManyField(Account, related_name="+")

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"appointment {self.pk}"


class AccountMail(OutboxRow):
    """A mail about accounts (core/staff/account_mails.py), to an account or with a sign-in link. Deleted once it is sent."""

    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="+")
    link = models.ForeignKey(SignInLink, models.CASCADE, null=True, related_name="mails")
    old_address = models.CharField(max_length=254, blank=True)  # where it goes instead, if the account has a new one
    subject = models.CharField(max_length=200)
    text = models.TextField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=models.Q(account__isnull=False) | models.Q(link__isnull=False),
                name="account_mail_has_receiver",
            )
        ]

    def __str__(self) -> str:
        return f"mail {self.pk} to {self.account_id or self.link}"


class AgencySettings(models.Model):
    """One edition of the agency's settings (core/agency/). The newest counts; rows are added, and never changed.

    `stored` has the values by name (core/agency/settings_form.py). A name that is absent has the environment's value.
    """

    stored = models.JSONField(default=dict)

    class Meta:
        verbose_name = verbose_name_plural = _("agency settings")
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"agency settings {self.pk}"


class StaffSession(AbstractBaseSession):
    """A signed-in browser (core/sign_in/sessions/session_store.py). `session_key` is a keyed hash of the key in its cookie."""

    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="sessions")
    device = models.CharField(max_length=60, blank=True)
    began_at = models.DateTimeField()
    # When a factor last opened it: the screen locks twelve hours later.
    proved_at = models.DateTimeField()
    # When its person last did something, to a minute.
    active_at = models.DateTimeField()
    is_locked = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"session of account {self.account_id}"


class Heartbeat(models.Model):
    """When a process last gave a sign of life, to the minute (tipportal/heartbeats/).

    `is_mailed`: administrators were mailed about its present silence.
    """

    process = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()
    is_mailed = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"heartbeat of {self.process}"


class ErasureMark(models.Model):
    """The mark of a row that a backup must not bring back: erased, or since then more restricted (tipportal/backup/ledger.py).

    Written by triggers (rules.sql). A keyed hash of the row's values, which says nothing without the database.
    """

    mark = models.UUIDField(primary_key=True, editable=False)
    day = models.DateField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"mark of {self.day}"


class BackupRecord(models.Model):
    """When the last backup was made, and the last one was proven to restore: one row (tipportal/backup/records.py)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    made_at = models.DateTimeField(null=True)
    proven_at = models.DateTimeField(null=True, help_text="a backup was restored right after it was made")
    proven_with_key_at = models.DateTimeField(null=True, help_text="a backup was restored with the key from the safe")

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="backup_record_once")]

    def __str__(self) -> str:
        return "record of backups"
