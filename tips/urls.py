from __future__ import annotations

from django.urls import path

from tips.views import exits, source_pages, tus

app_name = "tips"
urlpatterns = [
    path("", source_pages.tip_form, name="form"),
    path("files/", tus.files, name="files"),
    path("files/<uuid:file>/", tus.file, name="file"),
    path("inbox/", source_pages.inbox_sign_in, name="inbox"),
    path("inbox/conversation/", source_pages.inbox_conversation, name="conversation"),
    path("inbox/delete/", source_pages.delete_tip, name="delete"),
    path("receipt/", exits.leave_receipt, name="leave_receipt"),
    path("closed/", exits.closed_page, name="closed"),
    path("leave/", exits.leave_portal, name="leave"),
]
