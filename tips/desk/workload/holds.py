"""Tips that a legal hold keeps from being erased, for a supervisor to decide whether it still must."""

from __future__ import annotations

from core.models import Account
from tips import readers
from tips.desk import permissions
from tips.models import Tip
from tips.walls import visibility


def list_holds(supervisor: Account) -> list[Tip]:
    """Return the tips on hold that this supervisor may know of: first those whose source has deleted them, which the hold alone keeps."""
    held = permissions.visible_tips(supervisor).filter(legal_hold=True)
    held = (
        held.exclude(readers.SENSITIVE)
        .exclude(visibility.WALLED)
        .defer("report", "key_for_agency", "token_hash", "form_hash")
    )
    return sorted(held, key=lambda tip: (tip.key_for_source is not None, tip.number))
