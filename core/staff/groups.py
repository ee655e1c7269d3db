"""The staff groups and their permissions.

Five groups carry every permission; `ensure_groups` sets them and nobody edits them by hand. Being superuser opens no tip:
permissions of the tips come from groups alone (Account.has_perm and AuditedBackend).
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from django.contrib.auth.models import Group, Permission

OFFICER, SUPERVISOR, COMMUNICATIONS, ADMINISTRATOR = "officer", "supervisor", "communications", "administrator"
# People outside the desk, such as internal affairs, who see walled tips that name every supervisor (tips/walls).
OVERSIGHT = "oversight"

# Permissions as app.codename, `*` stands for anything. An administrator runs the portal and opens no tip.
_DESK = ("tips.view_tip", "tips.open_tip", "tips.answer_tip", "tips.view_referral")
GROUPS: dict[str, tuple[str, ...]] = {
    OFFICER: _DESK,
    SUPERVISOR: (
        *_DESK,
        "tips.hold_tip",
        "tips.decide_wall",
        "tips.view_duty",
        "tips.*_shift",
        "tips.*_dayoff",
        "tips.*_unit",
        "tips.*_answertemplate",
        "tips.*_responsetarget",
        "tips.view_category",
        "tips.change_category",
        "core.view_account",
        "core.add_account",
        "core.change_account",
        "core.view_auditentry",
        "crimemap.view_source",
        "crimemap.view_importrun",
        "crimemap.view_category",
        "crimemap.view_offencecode",
        "outreach.*_areapriority",
    ),
    OVERSIGHT: ("tips.decide_wall",),
    COMMUNICATIONS: (
        "outreach.*",
        "crimemap.view_area",
        "crimemap.view_block",
        "crimemap.view_intersection",
        "crimemap.view_baselayer",
    ),
    ADMINISTRATOR: (
        "core.view_account",
        "core.add_account",
        "core.change_account",
        "core.view_auditentry",
        "tips.*_category",
        "tips.*_question",
        "tips.*_unit",
        "tips.*_duty",
        "tips.*_responsetarget",
        "tips.*_shift",
        "tips.*_dayoff",
        "crimemap.*",
        "outreach.view_*",
        "outreach.approve_story",
        "outreach.withdraw_story",
    ),
}


def ensure_groups() -> None:
    """Create the groups and give each exactly its permissions. Safe to run again."""
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for name, patterns in GROUPS.items():
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.set(
            permission
            for known, permission in permissions.items()
            if any(fnmatchcase(known, pattern) for pattern in patterns)
        )
