"""The addresses of single sign-on, below /admin/. Imported only if there is a provider."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from core.single_sign_on import pages

urlpatterns = [
    path("sign-in/provider/", pages.begin, name="single_sign_on_begin"),
    path("sign-in/provider/return/", pages.come_back, name="single_sign_on_return"),
    path("sign-in/connection/", admin.site.admin_view(pages.connection), name="single_sign_on_connection"),
]
