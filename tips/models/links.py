"""Links between tips about one event. Only the staff side has rights on this table."""

from __future__ import annotations

from django.db import models


class LinkRecord(models.Model):
    """The tips that a tip is linked to, and the history of its links, sealed under the key of its notes.

    Every tip has a row, and all rows are of one size (tips/desk/alike/link_records.py): a thief of the database must not learn that
    a suspect's own tip is linked to others.
    """

    tip = models.OneToOneField("tips.Tip", models.CASCADE, primary_key=True, related_name="link_record")
    record = models.BinaryField(editable=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"link record of {self.tip_id}"
