from __future__ import annotations

from django.apps import AppConfig


class CrimemapConfig(AppConfig):
    name = "crimemap"
    verbose_name = "Crime map"
