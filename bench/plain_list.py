"""For comparison: Django's own change list over the same tips in clear, without units, walls and seals.

Run by bench/desk.py as `gunicorn bench.plain_list:application` with DATABASE_URL set.
"""

from __future__ import annotations

import os

import dj_database_url
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="plain",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=60)},
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.messages",
        "django.contrib.sessions",
        "django.contrib.admin",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    MESSAGE_STORAGE="django.contrib.messages.storage.cookie.CookieStorage",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    STATIC_URL="/static/",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    USE_TZ=True,
)
django.setup()

from django.contrib.admin import AdminSite, ModelAdmin  # noqa: E402
from django.contrib.auth.models import AnonymousUser  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.http import HttpRequest, HttpResponseBase  # noqa: E402
from django.urls import path  # noqa: E402


class PlainTip(models.Model):
    """A row of the table that bench/desk.py copies from the sealed tips."""

    number = models.BigIntegerField()
    category = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=[(name, name) for name in ("new", "open", "waiting", "closed")])
    priority = models.PositiveSmallIntegerField(choices=[(1, "Urgent"), (2, "Normal")])
    assignee = models.CharField(max_length=40)
    received_at = models.DateTimeField()
    description = models.TextField()

    class Meta:
        app_label = "plain"
        db_table = "plain_tip"
        managed = False

    def __str__(self) -> str:
        return str(self.number)


class PlainTipAdmin(ModelAdmin):
    list_display = ("number", "description", "priority", "state", "category", "received_at", "assignee")
    list_filter = ("state", "priority", "category", "assignee")
    search_fields = ("=number",)
    ordering = ("priority", "-received_at")
    list_per_page = 50

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:  # noqa: ARG002
        return True

    has_view_permission = has_change_permission


site = AdminSite()
site.register(PlainTip, PlainTipAdmin)


def page(request: HttpRequest) -> HttpResponseBase:
    request.user = AnonymousUser()
    return site._registry[PlainTip].changelist_view(request, {"is_nav_sidebar_enabled": False})


urlpatterns = [path("", page), path("admin/", site.urls)]
application = get_wsgi_application()
