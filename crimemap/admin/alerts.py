"""E-mail alerts in the admin, as counts only: the staff role's database user cannot read the addresses."""

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
SMALLEST_SHOWN = 5  # a smaller count in one area could identify a neighbor: "under 5"


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Shows counts instead of the list; nothing can be added, changed or deleted."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {
            "title": _("Email alerts"),
            "opts": self.opts,
            "rhythms": list(Rhythm.labels),
            "places": count_by_place(),
            "unconfirmed": Subscription.objects.filter(confirmed_at=None).count(),
            "mails": [(State(state).label, count) for state, count in count_mails_by_state().items()],
        }
        return TemplateResponse(request, "admin/crimemap/alert_counts.html", context | (extra_context or {}))

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        raise PermissionDenied


def count_by_place() -> list[tuple[str, list[str]]]:
    """Count confirmed alerts for each area, by rhythm. All alerts around a point are counted together."""
    rows = Subscription.objects.filter(confirmed_at__isnull=False).values_list("layer", "code", "radius", "rhythm")
    counts_by_key = Counter(
        (layer, code, radius is not None, rhythm) for layer, code, radius, rhythm in rows.iterator()
    )
    counts_by_name: dict[str, Counter[str]] = {}
    for (layer, code, is_circle, rhythm), count in counts_by_key.items():
        name = _("Around a block or intersection") if is_circle else _("The whole city")
        if layer:
            name = wording.area_name(layer, code, areas.area_names(layer))
        counts_by_name.setdefault(name, Counter())[rhythm] += count
    return [
        (name, [_mask_small_count(counts[rhythm]) for rhythm in Rhythm.values])
        for name, counts in sorted(counts_by_name.items())
    ]


def _mask_small_count(count: int) -> str:
    if 0 < count < SMALLEST_SHOWN:
        return _("under %(few)d") % {"few": SMALLEST_SHOWN}
    return str(count)


def count_mails_by_state() -> dict[str, int]:
    """Count the mails of the last days in each state."""
    counts_by_state = Counter(Delivery.objects.values_list("state", flat=True).iterator())
    return {state: counts_by_state[state] for state in (State.WAITING, State.SENT, State.REFUSED, State.FAILED)}
