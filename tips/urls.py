from __future__ import annotations

from django.urls import path

from tips import resuming, views

app_name = "tips"
urlpatterns = [
    path("", views.form, name="form"),
    path("files/", resuming.files, name="files"),
    path("files/<uuid:file>/", resuming.file, name="file"),
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/conversation/", views.conversation, name="conversation"),
    path("inbox/delete/", views.delete, name="delete"),
    path("leave/", views.leave, name="leave"),
]
