from __future__ import annotations

from django.urls import path

from crimemap import views

app_name = "crimemap"
urlpatterns = [
    path("", views.map_page, name="map"),
    path("base/<slug:version>.json", views.base_map, name="base_map"),
]
