from __future__ import annotations

from django.urls import path

from crimemap.views import data, pages

app_name = "crimemap"
urlpatterns = [
    path("", pages.map_page, name="map"),
    path("base/<slug:version>.json", data.base_map, name="base_map"),
]
