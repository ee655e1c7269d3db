"""For comparison: a Django form that stores a file unencrypted with a FileField and syncs it to disk as the portal does.

Run by bench/uploads.py as `gunicorn bench.plain_files:application` with DATABASE_URL and MEDIA_ROOT set.
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
    INSTALLED_APPS=["django.contrib.contenttypes"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    MEDIA_ROOT=os.environ["MEDIA_ROOT"],
    FILE_UPLOAD_TEMP_DIR=os.environ["MEDIA_ROOT"],
    USE_TZ=True,
)
django.setup()

from django import forms  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402


class PlainFile(models.Model):
    description = models.TextField()
    attachment = models.FileField()

    class Meta:
        app_label = "plain"

    def __str__(self) -> str:
        return str(self.attachment)


class PlainFileForm(forms.ModelForm):
    class Meta:
        model = PlainFile
        fields = ["description", "attachment"]


def view(request: HttpRequest) -> HttpResponse:
    form = PlainFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        row = form.save()
        for name in (row.attachment.path, settings.MEDIA_ROOT):
            descriptor = os.open(name, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        os.remove(row.attachment.path)  # make room for the next file
        return HttpResponse("Thank you")
    return HttpResponse(form.as_p())


urlpatterns = [path("", view)]
application = get_wsgi_application()


def create_table() -> None:
    if PlainFile._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(PlainFile)
