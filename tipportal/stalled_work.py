"""Names work that waits or fails without anybody noticing: the sentences that staff read on their first page.

One notice for all queues: parts of the portal that do not run, a mail server that accepts nothing, a disk that is full, and rows
that have waited longer than their work ever takes. Each app says what waits; this module words it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.mail import outages, outbox
from core.models import Account, AccountMail, AuditHeadMail
from crimemap.importing.arrival import feed_monitor
from crimemap.models import Delivery
from crimemap.publishing import versions
from outreach.channels import posting
from outreach.models import ReminderMail
from outreach.stories import scheduled_publication
from tipportal import disk_space, health
from tipportal.backup import records as backup_records
from tipportal.heartbeats import late_sentences
from tips import officer_alerts
from tips.desk import outbox as desk_outbox
from tips.desk import permissions
from tips.files import attachments


@dataclass(frozen=True, slots=True)
class StalledWork:
    """`sentences` say what waits and why; `is_urgent`: alerts about tips are among it."""

    sentences: list[str]
    is_urgent: bool


def find_stalled_work(account: Account) -> StalledWork:
    """Return what waits, as far as it concerns this account: the desk and administrators read of all but posts and stories."""
    sentences: list[str] = []
    is_urgent = False
    if permissions.can_see_alert_trouble(account):
        causes = [*_name_stopped_parts(), *_describe_outage(), *_describe_full_disk()]
        waiting = officer_alerts.count_waiting(permissions.counted_ids(account), include_recent=bool(causes))
        is_urgent = waiting.urgent > 0
        sentences = [
            *_describe_waiting_alerts(waiting),
            *causes,
            *(backup_records.describe_late() if account.has_perm("core.change_account") else ()),
            *_describe_outbox(account),
            *_describe_other_rows(account),
        ]
    if account.has_perm("crimemap.view_importrun"):
        sentences += _describe_overdue_imports()
    if account.has_perm("outreach.view_story"):
        sentences += _describe_overdue_posts()
    return StalledWork(sentences, is_urgent)


def describe_for_operator() -> list[str]:
    """Return what waits and why, for the doctor: nothing that would tell when a tip came."""
    return [*_describe_outage(), *_describe_full_disk(), *_describe_overdue_imports(), *_describe_overdue_posts()]


def _describe_waiting_alerts(waiting: officer_alerts.WaitingAlerts) -> list[str]:
    if not waiting.total:
        return []
    sentence = ngettext(
        "%(count)d alert about a tip has not reached any officer by email. Look at the list of tips now.",
        "%(count)d alerts about tips have not reached officers by email. Look at the list of tips now.",
        waiting.total,
    ) % {"count": waiting.total}
    if waiting.urgent:
        urgent = ngettext("%(count)d is urgent.", "%(count)d are urgent.", waiting.urgent) % {"count": waiting.urgent}
        return [f"{sentence} {urgent}"]
    return [sentence]


def _describe_outbox(account: Account) -> list[str]:
    count = desk_outbox.count_overdue(account)
    sentence = ngettext(
        "%(count)d answer or closing has waited for more than two minutes to go out. You can still undo yours.",
        "%(count)d answers and closings have waited for more than two minutes to go out. You can still undo yours.",
        count,
    )
    return [sentence % {"count": count}] if count else []


def _name_stopped_parts() -> list[str]:
    return [sentence for part in health.find_stopped_parts() if (sentence := late_sentences.describe(part))]


def _describe_outage() -> list[str]:
    outage = outages.find_outage()
    if outage is None:
        return []
    since = formats.date_format(timezone.localtime(outage.since), "TIME_FORMAT")
    if outage.refuses_password:
        return [_("Since about %(time)s, the mail server has refused our password. Emails wait.") % {"time": since}]
    return [_("Since about %(time)s, the mail server hasn't answered. Emails wait.") % {"time": since}]


def _describe_full_disk() -> list[str]:
    """Look at the disk that sources' files are on, as seen from this server."""
    folder = settings.MEDIA_STORE
    if folder is None or not folder.is_dir():
        return []
    if not disk_space.is_almost_full(folder):
        return []
    return [
        _("The disk for sources' files is almost full (%(free)s left): tips with files may be refused.")
        % {"free": filesizeformat(disk_space.count_free_bytes(folder))}
    ]


def _describe_other_rows(account: Account) -> list[str]:
    about_accounts, audit_heads, *to_residents = outbox.count_overdue(
        AccountMail, AuditHeadMail, Delivery, ReminderMail
    )
    counts = (
        (
            attachments.count_overdue(permissions.counted_ids(account)),
            "%(count)d file from a source has waited for more than an hour to be cleaned.",
            "%(count)d files from sources have waited for more than an hour to be cleaned.",
        ),
        (
            about_accounts,
            "%(count)d email to a supervisor about a changed account has waited for more than an hour.",
            "%(count)d emails to supervisors about changed accounts have waited for more than an hour.",
        ),
        (
            audit_heads,
            "%(count)d daily email with the newest audit entry has waited for more than an hour.",
            "%(count)d daily emails with the newest audit entry have waited for more than an hour.",
        ),
        (
            sum(to_residents),
            "%(count)d email to a resident has waited for more than an hour.",
            "%(count)d emails to residents have waited for more than an hour.",
        ),
    )
    return [ngettext(one, many, count) % {"count": count} for count, one, many in counts if count]


def _describe_overdue_imports() -> list[str]:
    count = feed_monitor.count_overdue_imports()
    sentences: list[str] = []
    published_at = (
        versions.last_publication_if_overdue(settings.INCIDENT_SNAPSHOTS) if settings.INCIDENT_SNAPSHOTS else None
    )
    if published_at:
        when = formats.date_format(timezone.localtime(published_at), "DATETIME_FORMAT")
        sentences = [
            _("The map is of %(when)s, and wasn't updated since. Newer imports and changes aren't shown.")
            % {"when": when}
        ]
    sentence = ngettext(
        "%(count)d import has waited for more than an hour to begin.",
        "%(count)d imports have waited for more than an hour to begin.",
        count,
    )
    return [*sentences, sentence % {"count": count}] if count else sentences


def _describe_overdue_posts() -> list[str]:
    posts, stories = posting.count_overdue(), scheduled_publication.count_overdue()
    sentences = []
    if posts:
        sentence = ngettext(
            "%(count)d post has waited for more than ten minutes for its channel.",
            "%(count)d posts have waited for more than ten minutes for their channels.",
            posts,
        )
        sentences.append(sentence % {"count": posts})
    if stories:
        sentence = ngettext(
            "%(count)d story should have been published more than ten minutes ago.",
            "%(count)d stories should have been published more than ten minutes ago.",
            stories,
        )
        sentences.append(sentence % {"count": stories})
    return sentences
