"""Acts of officers that can be undone, the state of tips in the queue, and closing records.

Only the staff side has rights on these tables. The public side sees neither an act nor that one is waiting.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tips.models.tips import SealedEntry, Tip


class DeskState(models.Model):
    """The state of a tip in officers' queues. A tip without a row is neither snoozed nor spam, and its source is not muted.

    The columns that end in `_after` hold the position of the source's newest message (0: none) at the time of the act: a newer
    message wakes a snoozed tip, and is one that dispatch has not been told of.
    """

    tip = models.OneToOneField(Tip, models.CASCADE, primary_key=True, related_name="desk_state")
    snoozed_after = models.PositiveIntegerField(null=True, help_text="empty: not snoozed")
    snoozed_until = models.DateTimeField(null=True, help_text="empty while snoozed: until the source writes")
    spam_since = models.DateField(null=True, help_text="empty: not spam; erased 30 days later")
    dispatch_told_after = models.PositiveIntegerField(null=True, help_text="empty: dispatch was not told")
    dispatch_told_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    muted_until = models.DateField(null=True, help_text="the last day on which messages of the source alert nobody")
    reminded_officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reminded_on = models.DateField(
        null=True, help_text="the last day on which a supervisor reminded that officer of the tip"
    )

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["spam_since"], name="desk_state_spam", condition=Q(spam_since__isnull=False)),
            models.Index(fields=["snoozed_until"], name="desk_state_snoozed", condition=Q(snoozed_after__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"desk state of {self.tip_id}"


class PendingAct(models.Model):
    """An officer's act that can still be undone.

    Acts that the source or another unit would notice wait in `body`, sealed under the key of the tip's notes, until `due_at`; all
    others are done already, and `before` and `after` hold the columns that they changed. Empty `due_at`: a closing that waits for
    a second person. The row is deleted when the act goes out, can no longer be undone, or is undone.
    """

    class Kind(models.TextChoices):
        ANSWER = "answer", _("answer")
        CLOSE = "close", _("closing")
        CORRECT = "correct", _("correction of a closing")
        REFER = "refer", _("referral")
        MOVE = "move", _("change of category that moves the tip")
        CATEGORY = "category", _("change of category")
        ASSIGN = "assign", _("assignment")
        PRIORITY = "priority", _("change of priority")
        SNOOZE = "snooze", _("snooze")
        SPAM = "spam", _("spam")
        LINK = "link", _("link")
        DISPATCH = "dispatch", _("call to dispatch")
        MUTE = "mute", _("mute")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tip = models.ForeignKey(Tip, models.CASCADE, related_name="pending_acts")
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind)
    position = models.PositiveIntegerField(help_text="order of a tip's acts")
    batch = models.UUIDField(null=True, help_text="acts on a selection of tips share it, and are undone together")
    form_hash = models.BinaryField(unique=True, max_length=32, help_text="one form is one act")
    body = models.BinaryField(null=True, help_text="what goes out, sealed under the key of the tip's notes")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    due_at = models.DateTimeField(null=True)
    is_stuck = models.BooleanField(default=False, help_text="it could not go out when it was due, and is tried again")
    second_person = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        ordering = ["tip", "position"]
        indexes = [
            models.Index(fields=["due_at"], name="pending_act_due", condition=Q(due_at__isnull=False)),
            models.Index(fields=["officer"], name="pending_act_of"),
        ]
        constraints = [models.UniqueConstraint(fields=["tip", "position"], name="pending_act_position_once")]

    def __str__(self) -> str:
        return f"pending {self.kind} of {self.tip_id}"


class ClosingRecord(SealedEntry):
    """Disposition, reason, amounts and case number of a closed tip, sealed under N. The newest row counts, older ones are its history."""

    tip = models.ForeignKey(Tip, models.CASCADE, related_name="closing_records")
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta(SealedEntry.Meta):
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tip", "position"], name="closing_record_position_once")]

    def __str__(self) -> str:
        return f"closing record {self.position} of {self.tip_id}"


class DrawnWeek(models.Model):
    """A week whose closings were drawn from for a second look. `closings`: how many there were to draw from."""

    monday = models.DateField(primary_key=True)
    closings = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"week of {self.monday}"


class SecondLook(models.Model):
    """A closing that was drawn for a second look, and what a supervisor says of it. Erased with its tip."""

    class Verdict(models.TextChoices):
        RIGHT = "right", _("closed rightly")
        WRONG = "wrong", _("closed too early")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tip = models.ForeignKey(Tip, models.CASCADE, related_name="second_looks")
    week = models.ForeignKey(DrawnWeek, models.CASCADE, related_name="looks")
    verdict = models.CharField(max_length=5, choices=Verdict, blank=True)
    supervisor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tip", "week"], name="second_look_once_a_week")]

    def __str__(self) -> str:
        return f"second look at {self.tip_id}"
