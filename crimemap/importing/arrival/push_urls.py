"""URLs of the push API, on the staff host."""

from __future__ import annotations

from django.urls import path

from crimemap.importing.arrival import push_api

app_name = "crimemap_api"
urlpatterns = [
    path("<slug:slug>/", push_api.push_file, name="push"),
    path("<slug:slug>/<int:number>/", push_api.show_state, name="state"),
]
