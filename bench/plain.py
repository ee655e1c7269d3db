"""For comparison: a Django form that stores a tip's text unencrypted, with the same gunicorn and PostgreSQL.

Run by bench/submissions.py as `gunicorn bench.plain:application` with DATABASE_URL set.
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
    DATABASES={"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=60, conn_health_checks=True)},
    INSTALLED_APPS=["django.contrib.contenttypes"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=True,
)
django.setup()

from django import forms  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import path  # noqa: E402


class PlainTip(models.Model):
    category = models.CharField(max_length=40)
    description = models.TextField()
    place = models.TextField(blank=True)
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "plain"

    def __str__(self) -> str:
        return self.category


class PlainTipForm(forms.ModelForm):
    class Meta:
        model = PlainTip
        fields = ["category", "description", "place"]


def view(request: HttpRequest) -> HttpResponse:
    form = PlainTipForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return HttpResponse("Thank you")
    page = engines["django"].from_string("<!doctype html><form method=post>{{ form.as_p }}<button>Send</button></form>")
    return HttpResponse(page.render({"form": form}, request))


urlpatterns = [path("", view)]
application = get_wsgi_application()


def create_table() -> None:
    if PlainTip._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(PlainTip)
