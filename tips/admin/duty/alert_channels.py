"""An officer's page "My alerts", and the page of urgent tips that no officer has yet.

A channel's address holds a secret: it is typed here, sealed to the alerts worker, and never shown again, audited or logged.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import conditional_escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit, queue
from core.channel_services import ChannelAddressError
from core.models import Account
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from tips.admin.duty import followed_views
from tips.conversation import TipGoneError
from tips.desk import permissions
from tips.desk.duty import acknowledgement
from tips.models import AlertChannel, Unit
from tips.officer_alerts import channel_addresses, channels
from tips.officer_alerts.alert_rows import release_notifications

_MOST_CHANNELS = 5  # of one officer or unit


class ChannelForm(forms.Form):
    """`owner` is empty for the officer, else the id of one of their units."""

    owner = forms.ModelChoiceField(
        Unit.objects.none(), label=gettext_lazy("For"), empty_label=gettext_lazy("Me"), required=False
    )
    address = forms.CharField(
        label=gettext_lazy("Address and secret"),
        max_length=1000,
        widget=forms.PasswordInput({"autocomplete": "off", "spellcheck": "false", "class": "vTextField"}),
    )
    label = forms.CharField(
        label=gettext_lazy("Name (optional)"),
        help_text=gettext_lazy(
            "Such as “my phone”, to tell it from others. It isn't sealed: write nothing secret here."
        ),
        max_length=40,
        required=False,
        widget=forms.TextInput({"class": "vTextField"}),
    )

    def __init__(self, account: Account, *args: Any) -> None:
        super().__init__(*args)
        self._account = account
        units = self.fields["owner"]
        assert isinstance(units, forms.ModelChoiceField)
        units.queryset = list_own_units(account)
        help_text = _(
            "It starts with one of these: %(allowed)s. It is stored so that only the program that sends alerts can read it."
            " We never show it again: to change it, add a new channel and remove the old one."
        )
        self.fields["address"].help_text = conditional_escape(
            help_text % {"allowed": ", ".join(channels.list_allowed())}
        )

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"].strip()
        try:
            channels.detect_kind(address)
        except ChannelAddressError as error:
            raise ValidationError(str(error)) from None
        if len(address.encode()) > channel_addresses.MAX_ADDRESS_BYTES:
            raise ValidationError(_("This address is too long. Check that you copied the address alone."))
        return address

    def clean(self) -> dict[str, Any]:
        unit = self.cleaned_data.get("owner")
        present = AlertChannel.objects.exclude(kind=channels.EMAIL)
        owned = present.filter(unit=unit) if unit else present.filter(officer=self._account)
        if owned.count() >= _MOST_CHANNELS:
            raise ValidationError(_("There are five channels already. Remove one first."))
        return self.cleaned_data


def list_own_units(account: Account) -> QuerySet[Unit]:
    """Return the units whose channels the account may set: those that it belongs to, if it keeps units."""
    return Unit.objects.filter(members=account.pk) if account.has_perm("tips.change_unit") else Unit.objects.none()


def list_channels(account: Account) -> QuerySet[AlertChannel]:
    """Return the channels that tell the account of tips: its own, and its units'."""
    owned = Q(officer=account.pk) | Q(unit__in=Unit.objects.filter(members=account.pk))
    return AlertChannel.objects.filter(owned).select_related("unit").order_by("unit__name", "kind", "host")


def _name_channel(channel: AlertChannel) -> str:
    """Return the kind of a channel, its server, and what its owner calls it."""
    return ", ".join(filter(None, (channels.name_kind(channel.kind), channel.host, channel.label)))


@admin.register(AlertChannel)
class AlertChannelAdmin(admin.ModelAdmin):
    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("mine/", keep_post_through_sign_in(site, self.own_view), name="tips_alerts_mine"),
            path("urgent/", keep_post_through_sign_in(site, self.urgent_view), name="tips_alerts_urgent"),
            path("view/", keep_post_through_sign_in(site, followed_views.respond), name="tips_alerts_view"),
        ]

    def own_view(self, request: HttpRequest) -> HttpResponse:
        account = request.user
        if not isinstance(account, Account) or not permissions.can_open(account):
            raise PermissionDenied
        form = ChannelForm(account, request.POST if "add" in request.POST else None)
        if request.method == "POST" and not is_resumed(request):
            if "add" in request.POST and channels.list_allowed() and channel_addresses.can_seal():
                if form.is_valid():
                    self._add(request, account, form)
                    return HttpResponseRedirect(reverse("admin:tips_alerts_mine"))
            elif request.POST.get("test") or request.POST.get("remove"):
                self._act(request, account)
                return HttpResponseRedirect(reverse("admin:tips_alerts_mine"))
        shown = [
            {
                "row": channel,
                "name": _name_channel(channel),
                "is_cloud": channel.kind in channels.KINDS and channels.KINDS[channel.kind].is_cloud,
                "may_change": channel.officer_id == account.pk or channel.unit in list_own_units(account),
            }
            for channel in list_channels(account)
        ]
        context = {**self.admin_site.each_context(request), "title": _("My alerts"), "form": form, "channels": shown}
        context |= {"followed": followed_views.list_own(account), "may_follow": permissions.can_act(account)}
        context |= {"address": account.email, "is_allowed": bool(channels.list_allowed())}
        context |= {"can_seal": channel_addresses.can_seal()}
        return TemplateResponse(request, "admin/tips/alerts/mine.html", context)

    @transaction.atomic
    def _add(self, request: HttpRequest, account: Account, form: ChannelForm) -> None:
        address, unit = form.cleaned_data["address"], form.cleaned_data["owner"]
        kind, host = channels.detect_kind(address)
        owner = {"unit": unit} if unit else {"officer": account}
        channel = AlertChannel(kind=kind, host=host, label=form.cleaned_data["label"], **owner)
        channel.sealed_address = channel_addresses.seal_address(channel.pk, address)
        channel.save(force_insert=True)
        audit.record(account, "added alert channel", f"alert channel {channel.pk}", f"{kind} of {unit or account}")
        queue.send_on_commit("tips.alerts.send_test", str(channel.pk))
        messages.success(request, _("Channel added. A test message is on its way to it."))

    @transaction.atomic
    def _act(self, request: HttpRequest, account: Account) -> None:
        wanted = request.POST.get("test") or request.POST.get("remove")
        channel = next((each for each in list_channels(account) if str(each.pk) == wanted), None)
        if channel is None:
            messages.error(request, _("This channel is gone."))
        elif "test" in request.POST:
            queue.send_on_commit("tips.alerts.send_test", str(channel.pk))
            messages.success(
                request, _("A test message is on its way. Reload this page to see whether it was accepted.")
            )
        elif channel.kind != channels.EMAIL and (
            channel.officer_id == account.pk or channel.unit in list_own_units(account)
        ):
            release_notifications(channel)
            detail = f"{channel.kind} of {channel.unit or account}"
            audit.record(account, "removed alert channel", f"alert channel {channel.pk}", detail)
            channel.delete()
            messages.success(request, _("Channel removed."))
        else:
            raise PermissionDenied

    def urgent_view(self, request: HttpRequest) -> HttpResponse:
        """List the urgent tips that no officer has, each with a button: opening this page acknowledges nothing."""
        account = request.user
        if not isinstance(account, Account) or not permissions.can_open(account):
            raise PermissionDenied
        if request.method == "POST" and not is_resumed(request):
            return self._acknowledge(request, account)
        tips = acknowledgement.list_escalating_tips(account).order_by("received_at", "number")
        context = {**self.admin_site.each_context(request), "title": _("Urgent tips that no one has"), "tips": tips}
        return TemplateResponse(request, "admin/tips/alerts/urgent.html", context)

    def _acknowledge(self, request: HttpRequest, account: Account) -> HttpResponse:
        try:
            tip = permissions.find_tip(UUID(request.POST.get("tip", "")), account)
            acknowledgement.acknowledge(tip, account)
        except (ValueError, TipGoneError):
            messages.error(request, _("There is no such tip, or you may not see it."))
            return HttpResponseRedirect(reverse("admin:tips_alerts_urgent"))
        messages.success(request, _("You said that you look at tip %(number)s.") % {"number": tip.number})
        return HttpResponseRedirect(reverse("admin:tips_tip_change", args=[tip.pk]))
