"""The portal's addresses with those of single sign-on, which the settings of the tests leave out."""

from __future__ import annotations

from django.urls import include, path

from tipportal import urls

urlpatterns = [path("admin/", include("core.single_sign_on.urls")), *urls.urlpatterns]
handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
