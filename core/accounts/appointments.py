"""Appointments of supervisors by the person who runs the server: `manage.py create_supervisors`.

The first run of a new portal takes effect at once, for there is no supervisor yet who could consent. Any later run waits for 24
hours, in which all staff are told and each supervisor can object: that is how lost supervisors are replaced, and not how an
operator opens tips unnoticed. Each supervisor sees on the desk who was appointed, until they confirm that they have seen it.

The wait is counted by the server's clock, which the operator can set forward: SECURITY.md says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core import audit
from core.accounts import account_changes, sign_in_links
from core.accounts.invited_people import InvitedPerson
from core.advisory_locks import lock_until_commit
from core.models import Account, SignInLink, SupervisorAppointment
from core.staff import account_mails
from core.staff.groups import SUPERVISOR

ACTOR = "command line"
WAIT = dt.timedelta(hours=24)
# Counted from the first run; after that a run starts over.
VALID = dt.timedelta(hours=96)
_LOCK = b"appoint"


class AppointmentRefusedError(Exception):
    """The run can't be carried out. The message is a sentence for the operator."""


def appoint(people: Sequence[InvitedPerson]) -> SupervisorAppointment:
    """Invite these people as supervisors, or start the wait of 24 hours, or carry the run out that has waited.

    Returns the appointment, which is carried out if it has a `carried_out_at`. Raises AppointmentRefusedError before the
    time has come, and after a supervisor has objected.
    """
    with transaction.atomic():
        lock_until_commit(_LOCK)
        now = timezone.now()
        waiting = find_waiting()
        if waiting is None:
            return _start(people)
        if [stored["email"] for stored in waiting.people] != [person.email for person in people]:
            raise AppointmentRefusedError(
                _("Another run is waiting, for %(people)s. Name the same people, or wait until it has expired.")
                % {"people": name_people(waiting)}
            )
        if waiting.asked_at + WAIT > now:
            raise AppointmentRefusedError(
                _("Run this again after %(time)s. Until then, a supervisor can object.")
                % {"time": date_format(timezone.localtime(waiting.asked_at + WAIT), "DATETIME_FORMAT")}
            )
        _carry_out(waiting, people)
        return waiting


def find_waiting() -> SupervisorAppointment | None:
    """Return the appointment that waits for its time, if there is one."""
    rows = SupervisorAppointment.objects.filter(carried_out_at=None, objected_by=None)
    return rows.filter(asked_at__gt=timezone.now() - VALID).last()


def list_unseen(supervisor: Account) -> QuerySet[SupervisorAppointment]:
    """Return the appointments carried out that this supervisor has not confirmed to have seen."""
    rows = SupervisorAppointment.objects.filter(carried_out_at__isnull=False)
    return rows.exclude(acknowledged_by=supervisor).order_by("pk")


def acknowledge(appointment: SupervisorAppointment, supervisor: Account) -> None:
    """Record that the supervisor has seen the appointment."""
    with transaction.atomic():
        appointment.acknowledged_by.add(supervisor)
        audit.record(supervisor, "saw the appointment of", f"supervisors {name_people(appointment)}")


def object_to(appointment: SupervisorAppointment, supervisor: Account) -> bool:
    """Stop an appointment that still waits. Returns whether it did."""
    with transaction.atomic():
        lock_until_commit(_LOCK)
        waiting = find_waiting()
        if waiting is None or waiting.pk != appointment.pk:
            return False
        SupervisorAppointment.objects.filter(pk=waiting.pk).update(objected_by=supervisor, objected_at=timezone.now())
        audit.record(supervisor, "objected to the appointment of", f"supervisors {name_people(waiting)}")
        _tell_all_staff(
            _("%(name)s stopped it: %(people)s are not made supervisors.")
            % {"name": supervisor.get_username(), "people": name_people(waiting)}
        )
    return True


def name_people(appointment: SupervisorAppointment) -> str:
    return ", ".join(InvitedPerson.from_json(stored).name for stored in appointment.people)


def _start(people: Sequence[InvitedPerson]) -> SupervisorAppointment:
    is_first = (
        not SupervisorAppointment.objects.exists() and not Account.objects.filter(groups__name=SUPERVISOR).exists()
    )
    appointment = SupervisorAppointment.objects.create(people=[person.as_json() for person in people])
    names = name_people(appointment)
    if is_first:
        _carry_out(appointment, people)
        return appointment
    audit.record(ACTOR, "asked to appoint", f"supervisors {names}")
    carried_out_from = date_format(timezone.localtime(appointment.asked_at + WAIT), "DATETIME_FORMAT")
    _tell_all_staff(
        _(
            "The person who runs the server wants to make %(people)s supervisors, who open tips. This can happen from"
            " %(time)s on. Until then, each supervisor can stop it on the desk: %(address)s"
        )
        % {"people": names, "time": carried_out_from, "address": settings.STAFF_URL + "/admin/"}
    )
    return appointment


def _carry_out(appointment: SupervisorAppointment, people: Sequence[InvitedPerson]) -> None:
    appointment.carried_out_at = timezone.now()
    appointment.save(update_fields=["carried_out_at"])
    audit.record(ACTOR, "appointed", f"supervisors {name_people(appointment)}")
    for person in people:
        _make_supervisor(person)
    account_mails.mail_supervisors(f"{ACTOR} appointed supervisors {name_people(appointment)}.")


def _make_supervisor(person: InvitedPerson) -> None:
    """Invite the person; one who has an account with this email address gets the role, and a link to set up sign-in anew.

    So a lone supervisor who has lost the second factor comes back in.
    """
    account = Account.objects.filter(email__iexact=person.email).first()
    if account is None:
        SignInLink.objects.filter(person__email__iexact=person.email).delete()
        sign_in_links.invite(person, ACTOR)
        return
    account.is_active = True
    account.save(update_fields=["is_active"])
    account.groups.add(Group.objects.get(name=SUPERVISOR))
    audit.record(ACTOR, "changed the roles of", account_changes.describe_subject(account), f"+{SUPERVISOR}")
    sign_in_links.send_reset(account, ACTOR, with_factor=True)


def _tell_all_staff(sentence: str) -> None:
    account_mails.mail_accounts_of(
        Account.objects.filter(is_active=True), _("Supervisors are to be appointed from the server"), sentence
    )
