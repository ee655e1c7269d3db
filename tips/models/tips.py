"""Tips, the messages and notes of their conversation, and their files."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Func, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tips.models.categories import Category
from tips.models.times import current_hour
from tips.models.units import Unit


class State(models.TextChoices):
    NEW = "new", _("New")
    OPEN = "open", _("Open")
    WAITING = "waiting", _("Waiting for the source")
    CLOSED = "closed", _("Closed")


class Priority(models.IntegerChoices):
    URGENT = 1, _("Urgent")
    NORMAL = 2, _("Normal")
    LOW = 3, _("Low")


class Disposition(models.TextChoices):
    ARREST = "arrest", _("Arrest or charges")
    RECOVERED = "recovered", _("Weapon, drugs or property recovered")
    RESOLVED = "resolved", _("Problem resolved without arrest")
    USEFUL = "useful", _("Useful information, passed on")
    REFERRED = "referred", _("Referred to another agency")
    DUPLICATE = "duplicate", _("Already known")
    UNFOUNDED = "unfounded", _("Checked, nothing found")
    NO_ACTION = "no_action", _("Not enough to act on")


class Author(models.TextChoices):
    SOURCE = "source", _("Source")
    STAFF = "staff", _("Staff")


class AgencyKey(models.Model):
    """The id of an agency key in use; key material is in files only.

    The row exists so that the foreign key of Tip refuses a tip sealed to a key whose private half is about to be destroyed.
    """

    id = models.CharField(primary_key=True, max_length=16)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.id


class SaltFingerprint(models.Model):
    """The one row by which this database knows the salt of its receipts (tips/receipt_salt.py). It has no time."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    digest = models.BinaryField(max_length=32)

    class Meta:
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="salt_fingerprint_once")]

    def __str__(self) -> str:
        return "fingerprint of the receipts' salt"


class Tip(models.Model):
    """A tip: its report sealed under its key K, and K sealed to the agency and to the source."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Drawn at random: the numbers of a sequence would be a clock, and its gaps would tell of tips that are hidden.
    number = models.BigIntegerField(
        _("number"), unique=True, editable=False, db_default=Func(function="tip_number_draw")
    )
    category = models.ForeignKey(Category, models.PROTECT, verbose_name=_("category"), related_name="tips")
    # Set by a trigger when the tip arrives (rules.sql), later by triage.
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, blank=True, verbose_name=_("unit"), related_name="tips")
    state = models.CharField(_("status"), max_length=10, choices=State, default=State.NEW)
    disposition = models.CharField(_("disposition"), max_length=12, choices=Disposition, blank=True)
    priority = models.PositiveSmallIntegerField(_("priority"), choices=Priority, default=Priority.NORMAL)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("assigned to"),
        related_name="assigned_tips",
    )
    received_at = models.DateTimeField(_("received"), default=current_hour, editable=False)
    opened_after = models.DurationField(
        _("opened after"), null=True, editable=False, help_text=_("How long it took until an officer opened it.")
    )
    closed_at = models.DateTimeField(_("closed"), null=True, editable=False)
    legal_hold = models.BooleanField(_("legal hold"), default=False, help_text=_("The source can't erase this tip."))

    agency_key = models.ForeignKey(AgencyKey, models.PROTECT, editable=False, related_name="tips")
    key_for_agency = models.BinaryField(editable=False, help_text="K sealed to the agency")
    key_for_source = models.BinaryField(
        editable=False, null=True, help_text="K sealed to the source; empty once they deleted the tip under legal hold"
    )
    token_hash = models.BinaryField(
        editable=False, null=True, unique=True, max_length=32, help_text="SHA-256 of the receipt's look-up token"
    )
    form_hash = models.BinaryField(
        editable=False, unique=True, max_length=32, help_text="SHA-256 of the form's one-time id: one form is one tip"
    )
    receipt_seen = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="the source has seen the receipt or left: it is never shown again",
    )
    report = models.BinaryField(editable=False, help_text="what the source sent first, sealed under K")

    class Meta:
        verbose_name = _("tip")
        verbose_name_plural = _("tips")
        ordering = ["priority", "-received_at", "number"]
        permissions: ClassVar = [
            ("open_tip", _("Can open the seal of a tip")),
            ("answer_tip", _("Can answer, note, assign and close a tip")),
            ("hold_tip", _("Can put a tip under legal hold")),
        ]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["state", "priority", "-received_at", "number"], name="tip_desk"),
            models.Index(fields=["id"], name="tip_active", condition=~Q(state=State.CLOSED)),
            # All that the list of tips to search needs: the rows themselves hold seals, and are 25 times as long.
            models.Index(fields=["-received_at", "-id"], include=["number", "category", "unit"], name="tip_search"),
            models.Index(fields=["closed_at"], name="tip_expiry", condition=Q(closed_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="tip_state_known"),
            models.CheckConstraint(
                condition=Q(state=State.CLOSED, closed_at__isnull=False) & ~Q(disposition="")
                | ~Q(state=State.CLOSED) & Q(closed_at__isnull=True, disposition=""),
                name="tip_closed_with_disposition",
            ),
            models.CheckConstraint(
                condition=~Q(legal_hold=True, opened_after__isnull=True), name="tip_hold_only_once_opened"
            ),
            models.CheckConstraint(
                condition=Q(state=State.NEW) | Q(opened_after__isnull=False), name="tip_new_until_opened"
            ),
            models.CheckConstraint(
                condition=Q(token_hash__isnull=True, key_for_source__isnull=True)
                | Q(token_hash__isnull=False, key_for_source__isnull=False),
                name="tip_source_access_whole",
            ),
        ]

    def __str__(self) -> str:
        return str(_("Tip %(number)s") % {"number": self.number})


class NotesKey(models.Model):
    """The key N of a tip's notes, created by the staff side with the first note: no public process ever has it."""

    tip = models.OneToOneField(Tip, models.CASCADE, primary_key=True, related_name="notes_key")
    agency_key = models.ForeignKey(AgencyKey, models.PROTECT, related_name="notes_keys")
    key_for_agency = models.BinaryField(help_text="N sealed to the agency")

    def __str__(self) -> str:
        return f"notes key of {self.tip_id}"


class SealedEntry(models.Model):
    """The columns that messages and notes share: a sealed body at a position of a tip's conversation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    position = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    body = models.BinaryField(editable=False)
    written_at = models.DateTimeField(_("written"), default=current_hour, editable=False)

    class Meta:
        abstract = True
        ordering = ["position"]


class Message(SealedEntry):
    """A later message between source and staff, sealed under K."""

    tip = models.ForeignKey(Tip, models.CASCADE, related_name="messages")
    author = models.CharField(max_length=6, choices=Author)
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    form_hash = models.BinaryField(
        editable=False,
        unique=True,
        max_length=32,
        help_text="SHA-256 of the form's one-time id: one form is one message",
    )
    read = models.BooleanField(_("read by an officer"), default=False)
    source_read_on = models.DateField(
        _("read by the source"),
        null=True,
        editable=False,
        help_text="the day on which the source first read it, written in a later night (tips/source/reading_days.py)",
    )

    class Meta(SealedEntry.Meta):
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        default_permissions = ()
        indexes = [models.Index(fields=["tip"], name="message_unread", condition=Q(author=Author.SOURCE, read=False))]
        constraints = [
            models.UniqueConstraint(fields=["tip", "position"], name="message_position_once"),
            models.CheckConstraint(condition=Q(author__in=Author.values), name="message_author_known"),
            models.CheckConstraint(
                condition=~Q(author=Author.SOURCE) | Q(officer__isnull=True), name="message_source_is_nobody"
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.position} of {self.tip_id}"


class Note(SealedEntry):
    """An officer's internal note, sealed under N."""

    tip = models.ForeignKey(Tip, models.CASCADE, related_name="notes")
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta(SealedEntry.Meta):
        verbose_name = _("note")
        verbose_name_plural = _("notes")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tip", "position"], name="note_position_once")]

    def __str__(self) -> str:
        return f"note {self.position} of {self.tip_id}"


class Attachment(models.Model):
    """A file that a source sent: the original until it is rebuilt, then the rebuilt file. Its bytes are in the sealed store.

    Its kind is sealed in `label` under K, and with its length at the end of the sealed file (tips/files/sealed_store.py).
    """

    class AttachmentState(models.TextChoices):
        RECEIVED = "received", _("Waiting to be cleaned")
        REBUILDING = "rebuilding", _("Being cleaned")
        READY = "ready", _("Ready")
        REFUSED = "refused", _("Could not be cleaned")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tip = models.ForeignKey(Tip, models.CASCADE, related_name="attachments")
    message = models.ForeignKey(
        Message, models.CASCADE, null=True, related_name="attachments", help_text="empty: sent with the tip itself"
    )
    position = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)], help_text="1 for a tip's first file")
    label = models.BinaryField(editable=False, help_text="what kind of file it is, sealed under K")
    received_at = models.DateTimeField(_("received"), default=current_hour, editable=False)
    state = models.CharField(_("status"), max_length=10, choices=AttachmentState, default=AttachmentState.RECEIVED)
    reason = models.CharField(max_length=24, blank=True, help_text="why it is refused: a code of file_cleaning")
    progress = models.PositiveSmallIntegerField(default=0, help_text="percent of the rebuilding")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="how often the rebuilding was begun")
    started_at = models.DateTimeField(null=True, help_text="when the rebuilding was put back: empty before and after")
    file = models.UUIDField(null=True, unique=True, help_text="the sealed file; empty once it is destroyed")
    agency_key = models.ForeignKey(AgencyKey, models.PROTECT, related_name="attachments")
    key_for_agency = models.BinaryField(editable=False, help_text="the file's key sealed to the agency")
    worker_key = models.CharField(max_length=16, blank=True, help_text="id of the media worker's key")
    key_for_worker = models.BinaryField(
        editable=False, null=True, help_text="the file's key sealed to the media worker, while it waits"
    )

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        default_permissions = ()
        ordering = ["position"]
        indexes = [
            models.Index(fields=["received_at"], name="attachment_waiting", condition=Q(key_for_worker__isnull=False))
        ]
        constraints = [
            models.UniqueConstraint(fields=["tip", "position"], name="attachment_position_once"),
            models.CheckConstraint(
                condition=Q(state__in=["received", "rebuilding"], key_for_worker__isnull=False)
                | Q(state__in=["ready", "refused"], key_for_worker__isnull=True, worker_key=""),
                name="attachment_waits_for_the_worker",
            ),
            models.CheckConstraint(
                condition=Q(state="refused", file__isnull=True) & ~Q(reason="")
                | ~Q(state="refused") & Q(file__isnull=False, reason=""),
                name="attachment_refused_is_destroyed",
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="attachment_progress_percent"),
        ]

    def __str__(self) -> str:
        return f"attachment {self.position} of {self.tip_id}"
