"""Lists the sessions of an account and ends them: on request, and when its password, roles or factors change or it is turned off.

A session ends by losing its row: the next request finds nobody signed in, and a response that is being streamed stops.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.db.models import QuerySet
from django.db.models.signals import m2m_changed, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from core.models import Account, StaffSession
from core.sign_in.sessions.device_words import describe_device
from core.sign_in.sessions.session_store import BEGAN, DEVICE, SessionStore

_GROUPS_CHANGED = ("post_add", "post_remove", "post_clear")


def list_sessions(account: Account) -> QuerySet[StaffSession]:
    """Return the account's sessions, the last used first."""
    return StaffSession.objects.filter(account=account, expire_date__gt=timezone.now()).order_by("-active_at")


def end_sessions(account: Account, *, but: str = "") -> int:
    """End all sessions of the account but the one with this hashed key. Return how many there were."""
    sessions = list_sessions(account).exclude(pk=but)
    count, _rows = sessions.delete()
    return count


def end_session(account: Account, hashed_key: str) -> bool:
    """End one session of the account. Return whether there was such a session."""
    count, _rows = StaffSession.objects.filter(account=account, pk=hashed_key).delete()
    return count > 0


@receiver(user_logged_in)
def _describe_session(request: HttpRequest, **_kwargs: Any) -> None:
    """Note when and where the session began, and remove the rows of sessions that are over."""
    request.session[BEGAN] = timezone.now().isoformat()
    request.session[DEVICE] = describe_device(request.META.get("HTTP_USER_AGENT", ""))
    SessionStore.clear_expired()


@receiver(post_save, sender=Account)
def _end_after_change(instance: Account, *, created: bool, **_kwargs: Any) -> None:
    """End all sessions at a new password or when the account is turned off.

    The session that sets its own password stays: Django then gives it a new key.
    """
    # Django forgets the new password right after this signal, and sets none when it only renews the hash.
    has_new_password = instance._password is not None  # type: ignore[attr-defined]
    if not created and (has_new_password or not instance.is_active):
        end_sessions(instance)


@receiver(m2m_changed, sender=Account.groups.through)
def _end_after_group_change(
    instance: Any, action: str, *, reverse: bool, pk_set: set[int] | None, **_kwargs: Any
) -> None:
    if action not in _GROUPS_CHANGED or pk_set == set():
        return
    accounts = Account.objects.filter(pk__in=pk_set or ()) if reverse else [instance]
    for account in accounts:
        end_sessions(account)
