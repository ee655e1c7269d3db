from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class PortalConfig(AppConfig):
    name = "tipportal"
    verbose_name = "Staff and audit"

    def ready(self) -> None:
        from tipportal import brand, checks  # noqa: F401  (they register the system checks)


class StaffAdminConfig(SimpleAdminConfig):
    """The admin with our sign-in. Simple: autodiscovery would import django-leaflet's admin, which wants GeoDjango."""

    default_site = "tipportal.site.StaffSite"
