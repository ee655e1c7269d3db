"""Keeps the filters of a list on the way to a row, through what is done there, and back.

Django's lists put them into the link to each row, under a name of its own; its forms keep them, our pages do so here.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.urls import reverse

_FILTERS = "_changelist_filters"


def list_address(request: HttpRequest, name: str) -> str:
    """Return the address of the list of this URL name, with the filters that it was left with."""
    filters = request.GET.get(_FILTERS, "")
    address = reverse(name)
    return f"{address}?{filters}" if filters else address


def keep_filters(request: HttpRequest, address: str, **query: str | int) -> str:
    """Return an address below the list with this query, and with the filters that the list was left with."""
    filters = request.GET.get(_FILTERS, "")
    encoded = urlencode({**query, **({_FILTERS: filters} if filters else {})})
    return f"{address}?{encoded}" if encoded else address


def row_address(address: str, query: str) -> str:
    """Return the address of a row of the list, with the list's own query ("" without filters)."""
    return f"{address}?{urlencode({_FILTERS: query})}" if query else address


def list_query(request: HttpRequest) -> QueryDict:
    """Return the query that the list was left with, on a page below it."""
    return QueryDict(request.GET.get(_FILTERS, ""))


def navigation_context(request: HttpRequest, name: str) -> dict[str, Any]:
    """Return the address of the list, and the query that keeps its filters on pages below it ("" without filters)."""
    return {"list_address": list_address(request, name), "kept_query": keep_filters(request, "")}


def keep_on_redirect(request: HttpRequest, response: HttpResponseBase) -> None:
    """Add the filters to a redirect within the same list that has no query of its own."""
    filters = request.GET.get(_FILTERS, "")
    location = urlsplit(response.headers.get("Location", ""))
    below = "/".join(request.path.split("/")[:4]) + "/"  # /admin/APP/MODEL/
    if not filters or location.query or location.netloc or not location.path.startswith(below):
        return
    query = filters if location.path == below else urlencode({_FILTERS: filters})
    response.headers["Location"] = urlunsplit(location._replace(query=query))
