from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "tipportal"
    verbose_name = "Staff and audit"

    def ready(self) -> None:
        from tipportal import checks  # noqa: F401  (registers the system checks)
