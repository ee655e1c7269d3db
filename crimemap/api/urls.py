"""`/api/`: for people; `/api/v1/`: for programs."""

from __future__ import annotations

from django.urls import path

from crimemap.api import views

app_name = "open_api"
urlpatterns = [
    path("", views.page, name="page"),
    path("v1/openapi.json", views.openapi_document, name="openapi"),
    path("v1/incidents", views.incidents, name="incidents"),
    path("v1/incidents/<str:public_id>", views.incident, name="incident"),
    path("v1/bubbles", views.bubbles_of_view, name="bubbles"),
    path("v1/counts/months", views.months, name="months"),
    path("v1/counts/categories", views.by_category, name="by_category"),
    path("v1/counts/areas", views.by_area, name="by_area"),
    path("v1/counts/hours", views.hours, name="hours"),
    path("v1/compare", views.compare, name="compare"),
    path("v1/categories", views.categories, name="categories"),
    path("v1/areas", views.areas, name="areas"),
    path("v1/about", views.about, name="about"),
    path("v1/<path:rest>", views.nothing_here),
]
