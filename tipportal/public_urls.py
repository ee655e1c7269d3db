"""URLs of residents' pages: served by the public role, and known to all roles so that the desk can find dead links."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from tipportal import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("privacy/", views.privacy, name="privacy"),
    path("security/", views.security, name="security"),
    path("tips/safety/", views.safety, name="safety"),
    path("tips/", include("tips.urls")),
    path("map/", include("crimemap.urls")),
    path("near/", include("crimemap.near_urls")),
    path("api/", include("crimemap.api.urls")),
    path("", include("outreach.urls")),
    path("robots.txt", views.robots),
]
