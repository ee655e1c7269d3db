from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Staff and audit"

    def ready(self) -> None:
        from core.sign_in.sessions import endings  # noqa: F401  (connects signals)
        from core.web import contrast  # noqa: F401  (registers a system check)


class StaffAdminConfig(SimpleAdminConfig):
    """The admin with our sign-in. Simple: autodiscovery would import django-leaflet's admin, which wants GeoDjango."""

    default_site = "core.staff.admin_site.StaffSite"
