"""Models of tips that officers write for callers (tips/callers/)."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class CallerMarkKey(models.Model):
    """The public half of the key that signs marks. The staff role writes it, the public role checks marks with it."""

    public_key = models.BinaryField(primary_key=True, max_length=32, editable=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return "key of marks"


class CallerFormCount(models.Model):
    """The number of forms that an officer opened for callers on a day that has no line in the audit trail yet."""

    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    day = models.DateField()
    forms = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["officer", "day"], name="caller_forms_one_row_a_day")]

    def __str__(self) -> str:
        return f"forms for callers on {self.day}"
