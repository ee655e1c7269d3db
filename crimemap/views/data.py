"""What scripts of the map ask for."""

from __future__ import annotations

import gzip
from functools import lru_cache

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from crimemap import places

YEAR = 365 * 24 * 3600  # seconds


@require_safe
def base_map(request: HttpRequest, version: str) -> HttpResponseBase:
    """The base map for maps in the browser, cached for ever: its address changes with its content."""
    current = places.base_map_version()
    if version != current:
        if not current:
            raise Http404
        return redirect("crimemap:base_map", version=current)
    body, packed = _packed(version)
    wants_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(packed if wants_gzip else body, content_type="application/json")
    if wants_gzip:
        response["Content-Encoding"] = "gzip"
    response["ETag"] = f'"{version}{"-gz" if wants_gzip else ""}"'
    response["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@lru_cache(maxsize=2)
def _packed(version: str) -> tuple[bytes, bytes]:  # noqa: ARG001  (the key)
    body = places.base_map()
    return body, gzip.compress(body, 9, mtime=0)
