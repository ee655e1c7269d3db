"""Where agencies push incidents, on the staff host."""

from __future__ import annotations

from django.urls import path

from crimemap import api

app_name = "crimemap_api"
urlpatterns = [
    path("<slug:slug>/", api.push, name="push"),
    path("<slug:slug>/<int:number>/", api.state, name="state"),
]
