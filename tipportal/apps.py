"""App configuration of the roof."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "tipportal"
    verbose_name = "Portal"

    def ready(self) -> None:
        from tipportal.deploy import checks  # noqa: F401  (registers the system checks)
