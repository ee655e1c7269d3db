"""WSGI application of the web processes."""

from __future__ import annotations

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from tips.source import qr_code

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tipportal.settings")
application = get_wsgi_application()
# Django would load the URLs at the first request, after the web server has forked. Keys that exist in memory alone
# (tips.form_tokens) must be made before that, so that all workers share them.
import_module(settings.ROOT_URLCONF)
if settings.ROLE.serves_public:
    # Half a second that no visitor has to wait for.
    qr_code.prepare()
