"""E-mail alerts in the admin: how many there are and what waits. No row is shown: staff's database user reads none."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core.staff.admin_site import ReadOnlyAdmin
from crimemap import wording
from crimemap.models import Delivery, Subscription
from crimemap.places import areas

Rhythm, State = Subscription.Rhythm, Delivery.DeliveryState
FEW = 5  # fewer in one area could be somebody one knows: "under 5"


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Counts in the place of the list; nothing to add, change or delete."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "title": _("E-mail alerts"),
            "opts": self.opts,
            "rhythms": list(Rhythm.labels),
            "lines": by_place(),
            "unconfirmed": Subscription.objects.filter(confirmed_at=None).count(),
            "mails": [(State(state).label, count) for state, count in mails().items()],
        }
        return TemplateResponse(request, "admin/crimemap/alert_counts.html", context | (extra_context or {}))

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        raise PermissionDenied


def by_place() -> list[tuple[str, list[str]]]:
    """The name of each area with confirmed alerts and their numbers by rhythm; all round points are one line."""
    rows = Subscription.objects.filter(confirmed_at__isnull=False).values_list("layer", "code", "radius", "rhythm")
    counted = Counter((layer, code, radius is not None, rhythm) for layer, code, radius, rhythm in rows.iterator())
    named: dict[str, Counter[str]] = {}
    for (layer, code, is_circle, rhythm), count in counted.items():
        name = _("Around a block or crossing") if is_circle else _("The whole city")
        if layer:
            name = wording.area_name(layer, code, areas.area_names(layer))
        named.setdefault(name, Counter())[rhythm] += count
    return [(name, [_told(counts[rhythm]) for rhythm in Rhythm.values]) for name, counts in sorted(named.items())]


def _told(count: int) -> str:
    if 0 < count < FEW:
        return _("under %(few)d") % {"few": FEW}
    return str(count)


def mails() -> dict[str, int]:
    """How many mails of the last days are in which state."""
    counted = Counter(Delivery.objects.values_list("state", flat=True).iterator())
    return {state: counted[state] for state in (State.WAITING, State.SENT, State.REFUSED, State.FAILED)}
