"""The stored form of tips. Only tips/vault.py opens sealed columns; the rights of each role on each table are in grants.sql.

In clear: number, category, state, priority, assignment, times rounded down to the hour, counts and padded sizes.
Everything a source wrote is in `report` and `body`, sealed.
"""

from __future__ import annotations

from tips.models.alert_channels import AlertChannel
from tips.models.alerts import Alert, Notification
from tips.models.answer_templates import AnswerTemplate
from tips.models.callers import CallerFormCount, CallerMarkKey
from tips.models.categories import Category, Question
from tips.models.desk import ClosingRecord, DeskState, DrawnWeek, PendingAct, SecondLook
from tips.models.duty import DayOff, Duty, Shift
from tips.models.links import LinkRecord
from tips.models.queue import ResponseTarget, SavedView, SummaryList, TipReading
from tips.models.times import ROUNDING, current_hour, round_duration, rounded_now
from tips.models.tips import (
    AgencyKey,
    Attachment,
    Author,
    Disposition,
    Message,
    Note,
    NotesKey,
    Priority,
    SaltFingerprint,
    SealedEntry,
    State,
    Tip,
)
from tips.models.units import Referral, Unit
from tips.models.view_alerts import FollowedView, ViewAlert
from tips.models.walls import Arrival, Wall

__all__ = [
    "ROUNDING",
    "AgencyKey",
    "Alert",
    "AlertChannel",
    "AnswerTemplate",
    "Arrival",
    "Attachment",
    "Author",
    "CallerFormCount",
    "CallerMarkKey",
    "Category",
    "ClosingRecord",
    "DayOff",
    "DeskState",
    "Disposition",
    "DrawnWeek",
    "Duty",
    "FollowedView",
    "LinkRecord",
    "Message",
    "Note",
    "NotesKey",
    "Notification",
    "PendingAct",
    "Priority",
    "Question",
    "Referral",
    "ResponseTarget",
    "SaltFingerprint",
    "SavedView",
    "SealedEntry",
    "SecondLook",
    "Shift",
    "State",
    "SummaryList",
    "Tip",
    "TipReading",
    "Unit",
    "ViewAlert",
    "Wall",
    "current_hour",
    "round_duration",
    "rounded_now",
]
