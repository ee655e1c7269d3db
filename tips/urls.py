from __future__ import annotations

from django.urls import path

from tips.views import caller_form, exits, new_receipt, source_pages, tus

app_name = "tips"
urlpatterns = [
    path("", source_pages.tip_form, name="form"),
    path("files/", tus.files, name="files"),
    path("files/<uuid:file>/", tus.file, name="file"),
    path("for-a-caller/", caller_form.open_form, name="caller_form"),
    path("inbox/", source_pages.inbox_sign_in, name="inbox"),
    path("inbox/conversation/", source_pages.inbox_conversation, name="conversation"),
    path("inbox/new-words/", new_receipt.new_receipt, name="new_receipt"),
    path("inbox/delete/", source_pages.delete_tip, name="delete"),
    path("receipt/", exits.leave_receipt, name="leave_receipt"),
    path("closed/", exits.closed_page, name="closed"),
    path("leave/", exits.leave_portal, name="leave"),
]
