"""Steps of the first days, each with its state as the database has it.

Two steps can't be read from rows: whether the categories suit the agency, and whether a test tip was read and deleted. No tip says
that it is a test, and administrators must not learn of any other. So a person confirms these, and the audit trail names them.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import audit
from core.agency import current_settings
from core.agency.changes import SUBJECT
from core.mail.outbox import WAITING
from core.models import Account, AccountMail, AuditEntry
from core.staff import account_mails, tip_access
from core.staff.groups import OFFICER, SUPERVISOR
from crimemap.models import Source
from crimemap.places import base_map
from crimemap.snapshot import reader
from crimemap.snapshot.published_incidents import NothingPublishedError
from tips.models import Category, Duty, Shift

CONFIRMED = "confirmed the first-run step"
TEST_MAIL_SENT = "sent a test email"
CONFIRMABLE = ("categories", "test_tip")


@dataclass(frozen=True, slots=True)
class Step:
    """A step: `facts` say what the portal has now, `address` leads to where it is done, `act` is the button's name or ""."""

    key: str
    title: str
    is_done: bool
    facts: list[str]
    address: str
    link: str
    act: str = ""


def list_steps(account: Account) -> list[Step]:
    """Return all steps in their order."""
    return [
        _describe_agency(),
        _describe_people(),
        _describe_categories(),
        _describe_duty(account),
        _describe_map(),
        _describe_test_tip(),
    ]


def confirm(key: str, by: Account) -> None:
    """Record that a person has done a step that can't be read from rows."""
    audit.record(by, CONFIRMED, SUBJECT, key)


def send_test_mail(by: Account) -> bool:
    """Write a mail to this account, which the alerts worker sends as it does alerts. Return False without an address."""
    if not by.email:
        return False
    text = _(
        "This is the test email that you asked for on the desk. Alerts about new tips will come the same way.\n\n"
        "If it lay in your spam folder, tell the people who run your email to let it through."
    )
    account_mails.mail_accounts_of([by], _test_subject(), text)
    audit.record(by, TEST_MAIL_SENT, SUBJECT)
    return True


def _test_subject() -> str:
    return _("Test email from your tip portal")


def _describe_agency() -> Step:
    words = {"name": _("the name"), "city": _("the city"), "contact": _("the contact")}
    missing = [words[name] for name in current_settings.list_missing()]
    agency = current_settings.current()
    facts = [
        _("%(agency)s, %(city)s. Emergency number: %(number)s.")
        % {
            "agency": agency.name,
            "city": agency.city,
            "number": agency.emergency_number,
        }
    ]
    if not agency.crest:
        facts.append(_("Pages show the portal's own shield: your crest can take its place."))
    if missing:
        facts = [_("Missing: %(names)s.") % {"names": ", ".join(missing)}]
    return Step(
        "agency",
        _("Say who you are"),
        not missing,
        facts,
        reverse("admin:core_agencysettings_changelist"),
        _("Open agency settings"),
    )


def _describe_people() -> Step:
    active = Account.objects.filter(is_active=True).exclude(last_login=None)
    supervisors = active.filter(groups__name=SUPERVISOR).distinct().count()
    officers = active.filter(groups__name=OFFICER).distinct().count()
    facts = [
        ngettext("%(number)s supervisor has signed in.", "%(number)s supervisors have signed in.", supervisors)
        % {"number": supervisors},
        ngettext("%(number)s officer has signed in.", "%(number)s officers have signed in.", officers)
        % {"number": officers},
    ]
    if not tip_access.has_four_eyes():
        facts.append(_("Two supervisors check each other. With one, nobody checks who may open tips."))
    return Step(
        "people",
        _("Invite people"),
        supervisors > 0 and supervisors + officers > 1,
        facts,
        reverse("admin:core_account_invite"),
        _("Invite a person"),
    )


def _describe_categories() -> Step:
    active = Category.objects.filter(active=True).count()
    facts = [
        ngettext(
            "%(number)s category is offered on the form.", "%(number)s categories are offered on the form.", active
        )
        % {"number": active},
        _("Read them as a resident would: their names, questions and safety notes."),
    ]
    return _describe_confirmed(
        "categories",
        _("Check the categories of tips"),
        facts,
        reverse("admin:tips_category_changelist"),
        _("Open the categories"),
    )


def _describe_duty(account: Account) -> Step:
    has_duty = Duty.objects.filter(on_duty=True, officer__is_active=True).exists() or Shift.objects.exists()
    mails = AccountMail.objects.filter(account=account, subject=_test_subject())
    was_sent = AuditEntry.objects.filter(action=TEST_MAIL_SENT).exists()
    facts = [
        _("Officers are on duty, or have shifts.") if has_duty else _("No officer is on duty, and nobody has shifts.")
    ]
    is_waiting = mails.filter(state=WAITING).exists()
    is_refused = mails.exclude(state=WAITING).exists()
    if is_waiting:
        facts.append(_("Your test email waits for the mail server. Load this page again in a minute."))
    elif is_refused:
        facts.append(_("The mail server refused your test email. Check your address and the server's mail settings."))
    elif was_sent:
        facts.append(_("The mail server accepted a test email. Look whether it arrived."))
    else:
        facts.append(_("No test email was sent yet."))
    return Step(
        "duty",
        _("Set up duty and alerts"),
        has_duty and was_sent and not is_waiting and not is_refused,
        facts,
        reverse("admin:tips_duty_changelist"),
        _("Open duty"),
        _("Send me a test email"),
    )


def _describe_map() -> Step:
    has_source, has_base_map = Source.objects.exists(), base_map.current_build() is not None
    try:
        has_incidents = bool(reader.current().version)
    except NothingPublishedError:
        has_incidents = False
    facts = [
        _("Incidents are published.")
        if has_incidents
        else _("A source is set up, but nothing is published yet.")
        if has_source
        else _("There is no source of incidents yet."),
        _("The base map is built.")
        if has_base_map
        else _("There is no base map yet: maps have no streets, and forms know no places."),
    ]
    return Step(
        "map",
        _("Fill the map"),
        has_incidents and has_base_map,
        facts,
        reverse("admin:crimemap_source_changelist"),
        _("Open the sources"),
    )


def _describe_test_tip() -> Step:
    facts = [
        _("Send a tip with a photo from a phone. Have an officer open and answer it."),
        _("Open the answer with the receipt, and delete the tip there. Then confirm it here."),
    ]
    return _describe_confirmed(
        "test_tip", _("Try it with a test tip"), facts, f"{settings.PORTAL_URL}/tips/", _("Send a tip")
    )


def _describe_confirmed(key: str, title: str, facts: list[str], address: str, link: str) -> Step:
    entry = AuditEntry.objects.filter(action=CONFIRMED, detail=key).order_by("-at").first()
    if entry:
        facts = [_("%(name)s confirmed it.") % {"name": entry.actor}]
    return Step(key, title, entry is not None, facts, address, link, "" if entry else _("We did this"))
