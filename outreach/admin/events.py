"""Admin pages of events. The rules are in outreach/events/actions.py."""

from __future__ import annotations

import datetime as dt
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.plain_text import clean_published_line, clean_published_text
from core.staff.folded_search import FoldedSearch
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from crimemap import places
from outreach.admin.datetime_field import LocalDateTimeField
from outreach.content import markdown, wrapped_links
from outreach.events import actions, public_events
from outreach.models import Event

Status = Event.EventStatus
_COLUMNS = ("title", "slug", "starts_at", "ends_at", "place", "body")


class EventForm(forms.ModelForm):
    """The fields of an event.

    On an edit conflict the form shows the other editor's values; pressing Save once more then overwrites them.
    """

    starts_at = LocalDateTimeField(
        label=gettext_lazy("Starts"), day_label=gettext_lazy("Start day"), time_label=gettext_lazy("Start time")
    )
    ends_at = LocalDateTimeField(
        label=gettext_lazy("Ends"), day_label=gettext_lazy("End day"), time_label=gettext_lazy("End time")
    )
    begun_from = forms.IntegerField(widget=forms.HiddenInput, required=False)  # the version that was opened
    spot = forms.CharField(
        label=gettext_lazy("Place on the map"),
        max_length=100,
        required=False,
        help_text=gettext_lazy(
            "A block, an intersection or an area, such as “200 Main Street” or “Main and First”. Leave blank for no map."
        ),
    )
    is_resumed = False  # set by EventAdmin.get_form

    class Meta:
        model = Event
        fields = _COLUMNS
        widgets = {
            "body": forms.Textarea({"rows": 12, "data-markdown": ""}),
        }
        help_texts = {
            "body": gettext_lazy(
                "Say who residents will meet and what to bring. You can use **bold**, ## Heading, [link](/map/) and - list."
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["begun_from"] = self.instance.version
        place = places.find_place(self.instance.place_ref) if self.instance.place_ref else None
        self.initial["spot"] = place.name if place else ""

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if slug in actions.RESERVED_SLUGS:
            raise ValidationError(_("Another page uses this address. Choose a different one."))
        return slug

    def clean_body(self) -> str:
        body: str = self.cleaned_data["body"]
        try:
            markdown.render(body)
        except markdown.TextTooComplexError as error:
            raise ValidationError(str(error)) from None
        return body

    def clean_spot(self) -> str:
        text: str = self.cleaned_data["spot"]
        if text and text != self.initial["spot"] and not places.search_places(text, 1):
            raise ValidationError(
                _("We couldn't find this place. Enter a street with its block number, or leave it blank.")
            )
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at and {"starts_at", "ends_at"} & set(self.changed_data):
            for field, sentence in actions.find_time_problems(starts_at, ends_at).items():
                self.add_error(field, sentence)
        if self.instance.pk:
            self._check_edit_conflict(cleaned)
        if self.is_resumed and not self.errors:
            raise ValidationError(_("You're signed in again. Nothing is saved yet. Press Save again."))
        return cleaned

    def _check_edit_conflict(self, cleaned: dict[str, Any]) -> None:
        """Raise ValidationError if another editor saved meanwhile. The admin's transaction locks the row until the save."""
        current = Event.objects.select_for_update().get(pk=self.instance.pk)
        if cleaned.get("begun_from") == current.version:
            return
        their_values = [
            (str(self.fields[name].label), _format_value(getattr(current, name)))
            for name in _COLUMNS
            if name in self.fields and name in cleaned and getattr(current, name) != cleaned[name]
        ]
        self.data = {**self.data, self.add_prefix("begun_from"): str(current.version)}
        sentence = _(
            "Someone else saved this event while you were writing. Your text is still in the form. To replace theirs, press Save again."
        )
        listed = format_html_join("", _("{} is now “{}”. "), their_values)
        raise ValidationError([sentence, listed] if their_values else sentence)

    def columns(self) -> dict[str, Any]:
        """Return the columns of the event to write."""
        columns = {name: self.cleaned_data[name] for name in _COLUMNS if name in self.cleaned_data}
        columns |= {name: clean_published_line(columns[name]) for name in ("title", "place") if name in columns}
        if "body" in columns:
            columns["body"] = clean_published_text(columns["body"])
        spot = self.cleaned_data["spot"]
        if spot != self.initial["spot"]:
            place = places.search_places(spot, 1)[0] if spot else None
            columns |= {
                "place_ref": place.ref if place else "",
                "latitude": place.latitude if place else None,
                "longitude": place.longitude if place else None,
            }
        return columns


@admin.register(Event)
class EventAdmin(FoldedSearch):
    form = EventForm
    change_form_template = "admin/outreach/events/event.html"
    list_display = ("title", "time", "place", "status", "wanted")
    list_filter = ("status",)
    search_fields = ("title", "place")
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-starts_at",)
    fields = ("title", "slug", "starts_at", "ends_at", "place", "spot", "body", "begun_from")
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        events: QuerySet[Event] = super().get_queryset(request)
        return events.annotate(wanted_count=Count("reminders", filter=Q(reminders__confirmed_at__isnull=False)))

    @admin.display(description=gettext_lazy("when"), ordering="starts_at")
    def time(self, event: Event) -> str:
        return public_events.format_event_time(event)

    @admin.display(description=gettext_lazy("reminders"))
    def wanted(self, event: Event) -> int:
        count: int = event.wanted_count  # type: ignore[attr-defined]
        return count

    def get_readonly_fields(self, request: HttpRequest, obj: Event | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("slug",) if obj and obj.status != Status.DRAFT else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Event | None = None) -> dict[str, Any]:  # noqa: ARG002
        return {} if obj else {"slug": ("title",)}

    def get_fields(self, request: HttpRequest, obj: Event | None = None) -> Any:
        """Return the form's fields, or the columns for an account that may only view."""
        if self.has_change_permission(request, obj) or (obj is None and self.has_add_permission(request)):
            return self.fields
        return (*_COLUMNS, "cancelled_because")

    def has_change_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.status != Status.CANCELLED)

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.status == Status.DRAFT)

    def get_form(self, request: HttpRequest, obj: Event | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.is_resumed = is_resumed(request)
        return form

    # Saving

    def save_model(self, request: HttpRequest, obj: Event, form: EventForm, change: bool) -> None:
        by = _account(request)
        if change:
            actions.change_event(obj.pk, form.columns(), by, form.cleaned_data["begun_from"])
        else:
            obj.pk = actions.create_event(form.columns(), by).pk

    def response_add(self, request: HttpRequest, obj: Event, post_url_continue: str | None = None) -> HttpResponse:
        """Redirect to the new event's page, where it can be read and published, and not to the list."""
        if "_addanother" not in request.POST:
            messages.success(request, _("The event is saved as a draft. Check it, then press “Save and publish”."))
            return HttpResponseRedirect(reverse("admin:outreach_event_change", args=[obj.pk]))
        return super().response_add(request, obj, post_url_continue)

    def delete_model(self, request: HttpRequest, obj: Event) -> None:
        actions.delete_draft(obj, _account(request))

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("add/", keep_post_through_sign_in(site, self.add_view), name="outreach_event_add"),
            path(
                "<int:object_id>/change/", keep_post_through_sign_in(site, self._change), name="outreach_event_change"
            ),
            path(
                "<int:pk>/publish/", keep_post_through_sign_in(site, self.publish_view), name="outreach_event_publish"
            ),
            path("<int:pk>/cancel/", keep_post_through_sign_in(site, self.cancel_view), name="outreach_event_cancel"),
            *super().get_urls(),
        ]

    def _change(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self.change_view(request, str(object_id))

    def publish_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Save the form that is posted, if any, and publish the event. A form with errors is shown and not published."""
        event = self._get_changeable_event(request, pk)
        has_form = "title" in request.POST
        if has_form:
            response = self._change(request, pk)
            if response.status_code != HTTPStatus.FOUND:
                return response
        if request.method == "POST" and not is_resumed(request) and ("_publish" in request.POST or not has_form):
            try:
                actions.publish_event(event.pk, _account(request))
                messages.success(request, _("The event is published. Residents can see it now."))
            except actions.EventActionRefusedError as refused:
                messages.error(request, str(refused))
        return HttpResponseRedirect(reverse("admin:outreach_event_change", args=[pk]))

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        event = self._get_changeable_event(request, pk)
        because, problem = request.POST.get("because", "")[:300], ""
        if request.method == "POST" and not is_resumed(request):
            try:
                actions.cancel_event(event.pk, because, _account(request))
                messages.success(
                    request,
                    _("The event is canceled. Its page says so, and we're emailing everyone who asked for a reminder."),
                )
                return HttpResponseRedirect(reverse("admin:outreach_event_change", args=[pk]))
            except actions.EventActionRefusedError as refused:
                problem = str(refused)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts, "event": event, "because": because, "problem": problem,
            "title": _("Cancel %(event)s") % {"event": event},
        }  # fmt: skip
        return TemplateResponse(request, "admin/outreach/events/cancel.html", context)

    def _get_changeable_event(self, request: HttpRequest, pk: int) -> Event:
        event = Event.objects.filter(pk=pk).first()
        if event is None:
            raise Http404
        if not super().has_change_permission(request, event):
            raise PermissionDenied
        return event

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        event = kwargs.get("obj")
        if event is not None:
            may_change = super().has_change_permission(request, event)
            context |= {
                "event": event,
                "can_publish": may_change and event.status == Status.DRAFT,
                "can_cancel": may_change and event.status == Status.PUBLISHED,
                "shown": markdown.render(event.body),
                "wrapped_links": wrapped_links.find_wrapped_links(event.body),
                "address": f"/events/{event.slug}/",
            }
        return super().render_change_form(request, context, *args, **kwargs)


def _format_value(value: Any) -> str:
    return date_format(timezone.localtime(value), "DATETIME_FORMAT") if isinstance(value, dt.datetime) else str(value)


def _account(request: HttpRequest) -> Account:
    assert isinstance(request.user, Account)
    return request.user
