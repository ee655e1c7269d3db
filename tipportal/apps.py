"""App configuration of the roof."""

from __future__ import annotations

import gc

from django.apps import AppConfig

# Tasks belong to it from the first import of one on. Not in __init__.py: the installer reads this package without packages.
from tipportal.celery import app as celery_app  # noqa: F401


class PortalConfig(AppConfig):
    name = "tipportal"
    verbose_name = "Portal"

    def ready(self) -> None:
        from tipportal.deploy import checks  # noqa: F401  (registers the system checks)

        # Loading code makes no garbage, and to look for some takes a seventh of a start (manage.py, wsgi.py).
        gc.freeze()
        gc.enable()
