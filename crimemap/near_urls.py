"""Addresses of the page about a place. None of them is cached or logged (docs/installation.md, The proxy)."""

from __future__ import annotations

from django.urls import path

from crimemap.views import near

app_name = "near"
urlpatterns = [
    path("", near.search_page, name="search"),
    path("matches.json", near.matches, name="matches"),
    path("<str:place>/", near.place_page, name="place"),
    path("<str:place>/<slug:period>/", near.place_page, name="place"),
]
