"""WSGI application of the web processes."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError
from django.utils import translation
from django.utils.translation import trans_real

from tips import receipt_salt
from tips.source import qr_code

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tipportal.settings")
gc.disable()  # as in manage.py
_django = get_wsgi_application()
# A page asks for its language some hundred times. Django asks a store that serves coroutines as well, of which there are none
# here, and takes thirty times as long: a tenth of each page.
trans_real._active = threading.local()  # type: ignore[attr-defined]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request in the portal's one language.

    Naming it changes no page, but takes a tenth of the time off each: Django's way to the default language is an exception, and a
    page asks for its language some hundred times.
    """
    with translation.override(settings.LANGUAGE_CODE, deactivate=True):
        return _django(environ, start_response)


# Django would load the URLs at the first request, after the web server has forked. Keys that exist in memory alone
# (tips.form_tokens) must be made before that, so that all workers share them.
import_module(settings.ROOT_URLCONF)
gc.enable()
if settings.ROLE.serves_public:
    try:
        receipt_salt.read_salt()
    except receipt_salt.WrongSaltError as error:
        sys.exit(str(error))
    except (receipt_salt.KeyMissingError, DatabaseError):
        # Residents still read the map and stories. `/readyz` names what is missing, and the first tip compares the salt.
        pass
    # Half a second that no visitor has to wait for.
    qr_code.prepare()
