"""Referral of a tip to another unit, and changes of its category, which may do the same.

What an officer wrote as the reason becomes a note, sealed as all notes are: the new unit reads it with the tip, the old unit
no longer can. The old unit keeps a line in its list of referrals: tip number, the two units, when, by whom, and whether an
officer of the new unit has opened the tip yet. Until then it can take the tip back.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from tips import conversation, officer_alerts, readers
from tips.desk import permissions
from tips.desk.acts import reversals
from tips.desk.triage import TransitionError, locked, refuse_if_changed, refuse_unopened
from tips.models import Category, Note, PendingAct, Referral, State, Tip, Unit


def name_unit(unit: Unit | None) -> str:
    """Return the name of a unit, in words for none."""
    return unit.name if unit else _("All officers")


def find_new_unit(tip: Tip, category: Category) -> Unit | None:
    """Return the unit of the tip once it has this category: a tip stays where it is if both categories have one unit."""
    return tip.unit if category.unit_id == tip.category.unit_id else category.unit


def changes_readers(tip: Tip, category: Category) -> bool:
    """Return whether other people see the tip once it has this category, so that they need to be given the reason."""
    if category == tip.category:
        return False
    if category.is_sensitive or tip.category.is_sensitive:
        return True
    return find_new_unit(tip, category) != tip.unit


def explain_missing_reason(category: Category) -> str:
    """Return the sentence that asks for the reason, and says who will see the tip."""
    if category.is_sensitive:
        return _("Only the people named for “%(category)s” will see this tip. Write the reason for them.") % {
            "category": category
        }
    return _("“%(category)s” goes to %(unit)s: they will see this tip with its notes. Write the reason for them.") % {
        "category": category,
        "unit": name_unit(category.unit),
    }


def refer(
    tip: Tip, officer: Account, unit: Unit | None, reason: str, form_id: bytes, *, shown_stamp: str | None = None
) -> None:
    """Refer an opened tip to a unit, or to all officers. Raises triage's errors, vault.SealError and KeyMissingError."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if locked_tip.unit == unit:
            return
        refuse_if_changed(locked_tip, shown_stamp)
        refuse_referral(locked_tip)
        write_referral(locked_tip, officer, unit, reason, form_id)


def refuse_referral(tip: Tip) -> None:
    """Raise TransitionError if a locked tip can't be referred."""
    _refuse_to_move(tip)
    if tip.category.is_sensitive:
        raise TransitionError(
            _(
                "Only the people named for “%(category)s” see this tip, in whichever unit they are. Change its category,"
                " or ask a supervisor to name another person."
            )
            % {"category": tip.category}
        )


def write_referral(tip: Tip, officer: Account, unit: Unit | None, reason: str, form_id: bytes) -> None:
    """Refer a locked tip, and record it."""
    units = {"old": name_unit(tip.unit), "new": name_unit(unit)}
    text = _("Referred from %(old)s to %(new)s. Reason:") % units
    _add_note(tip, officer, f"{text} {reason}", form_id)
    Referral.objects.create(tip=tip, from_unit=tip.unit, to_unit=unit, referred_by=officer)
    _move(tip, tip.category, unit)
    audit.record(officer, "referred", f"tip {tip.number}", f"{units['old']} -> {units['new']}")


def change_category(
    tip: Tip,
    officer: Account,
    category: Category,
    reason: str,
    form_id: bytes,
    *,
    shown_stamp: str | None = None,
    batch: UUID | None = None,
) -> None:
    """Give an opened tip another category; it goes to that category's unit, or to the people named for it.

    A `reason` is required if that changes who sees the tip; a change that does not can be undone for a while. Raises as
    `refer` does.
    """
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if locked_tip.category == category:
            return
        refuse_if_changed(locked_tip, shown_stamp)
        refuse_category(locked_tip, category, reason)
        category_before = locked_tip.category_id
        is_handed_over = changes_readers(locked_tip, category)
        write_category(locked_tip, officer, category, reason, form_id)
        if not is_handed_over:
            before, after = {"category_id": category_before}, {"category_id": category.pk}
            reversals.record_done(locked_tip, officer, PendingAct.Kind.CATEGORY, before, after, form_id, batch)


def refuse_category(tip: Tip, category: Category, reason: str) -> None:
    """Raise TransitionError if a locked tip can't be given this category."""
    _refuse_to_move(tip)
    if changes_readers(tip, category) and not reason:
        raise TransitionError(explain_missing_reason(category))
    unit = find_new_unit(tip, category)
    if not readers.readers_of(category.pk, unit.pk if unit else None).exists():
        raise TransitionError(
            _("Nobody could see this tip under “%(category)s”: no one is named for it. Ask a supervisor to do that.")
            % {"category": category}
        )


def write_category(tip: Tip, officer: Account, category: Category, reason: str, form_id: bytes) -> None:
    """Give a locked tip another category, and record it."""
    unit = find_new_unit(tip, category)
    names = {"old": tip.category.name, "new": category.name}
    if reason:
        text = _("Category changed from “%(old)s” to “%(new)s”. Reason:") % names
        _add_note(tip, officer, f"{text} {reason}", form_id)
    is_between_units = not category.is_sensitive and not tip.category.is_sensitive
    if is_between_units and tip.unit != unit:
        Referral.objects.create(tip=tip, from_unit=tip.unit, to_unit=unit, referred_by=officer)
    _move(tip, category, unit)
    audit.record(officer, "changed the category of", f"tip {tip.number}", f"{names['old']} -> {names['new']}")


def take_back(referral_id: UUID, officer: Account) -> Tip | None:
    """Undo a referral that no officer of the new unit has opened yet; return its tip, or None if it is too late."""
    permissions.require(permissions.can_act(officer))
    with transaction.atomic():
        referral = (
            permissions.visible_referrals(officer)
            .filter(pk=referral_id, received_at=None)
            .select_related("tip", "from_unit", "to_unit")
            .first()
        )
        # The tip is locked first, as all actions do: an officer of the new unit may be opening it.
        tips = Tip.objects.select_for_update(no_key=True, of=("self",)).select_related("category")
        tip = tips.filter(referrals=referral_id).first() if referral else None
        still_open = Referral.objects.filter(pk=referral_id, received_at=None).exists()
        if referral is None or tip is None or not still_open or tip.unit_id != referral.to_unit_id:
            return None
        _move(tip, tip.category, referral.from_unit)
        Referral.objects.filter(pk=referral_id).delete()
        detail = f"{name_unit(referral.to_unit)} -> {name_unit(referral.from_unit)}"
        audit.record(officer, "took back", f"tip {tip.number}", detail)
    return tip


def _refuse_to_move(tip: Tip) -> None:
    refuse_unopened(tip)
    if tip.state == State.CLOSED:
        raise TransitionError(_("This tip is closed. Reopen it, then move it."))


def _add_note(tip: Tip, officer: Account, text: str, form_id: bytes) -> None:
    note_id = UUID(bytes=hashlib.sha256(b"move" + tip.pk.bytes + form_id).digest()[:16])
    if not Note.objects.filter(pk=note_id).exists():
        conversation.add_note(tip, officer, text, note_id)


def _move(tip: Tip, category: Category, unit: Unit | None) -> None:
    """Write category and unit of a locked tip. If others see it then, they are alerted, and no one else is any longer."""
    is_handed_over = changes_readers(tip, category) or tip.unit != unit
    tip.category, tip.unit = category, unit
    seeing = readers.readers_of(category.pk, unit.pk if unit else None)
    if tip.assigned_to_id and not seeing.filter(pk=tip.assigned_to_id).exists():
        tip.assigned_to = None
    tip.save(update_fields=["category", "unit", "assigned_to"])
    if is_handed_over:
        officer_alerts.withdraw_notifications(tip, seeing)
        officer_alerts.raise_alert(tip)
