"""Addresses that keep the filters of the list of tips, on the way from the list to a tip, its files and back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

# Django's own name, which its list puts into the link to each tip.
_FILTERS = "_changelist_filters"


def list_address(request: HttpRequest) -> str:
    """Return the address of the list of tips with the filters it was left with."""
    filters = request.GET.get(_FILTERS, "")
    address = reverse("admin:tips_tip_changelist")
    return f"{address}?{filters}" if filters else address


def keep_filters(request: HttpRequest, address: str, **query: str | int) -> str:
    """Return an address below the list with this query, and with the filters that the list was left with."""
    filters = request.GET.get(_FILTERS, "")
    encoded = urlencode({**query, **({_FILTERS: filters} if filters else {})})
    return f"{address}?{encoded}" if encoded else address


def navigation_context(request: HttpRequest) -> dict[str, Any]:
    """Return the address of the list, and the query that keeps its filters on pages below it ("" without filters)."""
    return {"list_address": list_address(request), "kept_query": keep_filters(request, "")}
