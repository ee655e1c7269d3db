"""The agency's channels, and a story's posts on them. The rules are in outreach/channels/posting.py.

A channel's address holds a secret: it is typed here, and never shown again, audited or logged.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import conditional_escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit
from core.channel_services import ChannelAddressError
from core.models import Account
from core.sign_in.fresh_factor import require_fresh_factor_to_change
from core.staff.session_resume import is_resumed, keep_post_through_sign_in
from outreach.channels import channel_addresses, post_text, posting, transport
from outreach.channels.transport import KINDS
from outreach.models import Channel, Post, Story

State = Post.PostState


class ChannelForm(forms.ModelForm):
    secret = forms.CharField(
        label=gettext_lazy("Address and secret"),
        max_length=1000,
        required=False,
        widget=forms.PasswordInput({"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Channel
        fields = ("name", "enabled", "template")
        widgets = {"template": forms.Textarea({"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        examples = "mastodons://TOKEN@server, bsky://NAME@APP-PASSWORD, jsons://server/path"
        help_text = _(
            "For example: %(examples)s. The manual lists the format for each service. It is stored so that only the program"
            " that posts can read it. We never show it again."
        ) % {"examples": examples}
        if self.instance.pk:
            help_text = _("Leave blank to keep the present one. %(help)s") % {"help": help_text}
        self.fields["secret"].help_text = conditional_escape(help_text)

    def clean_secret(self) -> str:
        address: str = self.cleaned_data["secret"].strip()
        if not address:
            if not self.instance.pk:
                raise ValidationError(_("Enter the channel's address."))
            return ""
        try:
            transport.detect_kind(address)
        except ChannelAddressError as error:
            raise ValidationError(str(error)) from None
        if len(address.encode()) > channel_addresses.MAX_ADDRESS_BYTES:
            raise ValidationError(_("This address is too long. Check that you copied the address alone."))
        if not channel_addresses.can_seal():
            raise ValidationError(
                _(
                    "We can't store this address, because the key that protects it is missing on this server. Ask an"
                    " administrator for it, then add the channel again."
                )
            )
        return address


@admin.register(Channel)
@require_fresh_factor_to_change
class ChannelAdmin(admin.ModelAdmin):
    form = ChannelForm
    list_display = ("name", "kind_name", "host", "enabled")
    show_facets = admin.ShowFacets.NEVER
    readonly_fields = ("kind_name", "host")
    actions = None

    def get_fields(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        if not (self.has_change_permission(request, obj) or self.has_add_permission(request)):
            return ("name", "kind_name", "host", "enabled", "template")
        readonly = ("kind_name", "host") if obj else ()
        return ("name", *readonly, "secret", "template", "enabled")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse look-ups on the address: filtering by its beginning would reveal the secret letter by letter."""
        return "address" not in lookup and super().lookup_allowed(lookup, value, request)

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def kind_name(self, channel: Channel) -> str:
        kind = KINDS.get(channel.kind)
        return str(kind.label) if kind else ""

    def save_model(self, request: HttpRequest, obj: Channel, form: ChannelForm, change: bool) -> None:
        address = form.cleaned_data["secret"]
        if address:
            obj.kind, obj.host = transport.detect_kind(address), transport.visible_host(address)
        super().save_model(request, obj, form, change)
        if address:  # sealed with the id, which a new channel has only now
            obj.sealed_address, obj.address = channel_addresses.seal_address(obj.pk, address), ""
            obj.save(update_fields=["sealed_address", "address"])
        # Only the names of fields: a value may be the secret.
        audited = "changed channel" if change else "added channel"
        audit.record(_account(request), audited, f"channel {obj.pk}", ", ".join(form.changed_data))

    def delete_model(self, request: HttpRequest, obj: Channel) -> None:
        audit.record(_account(request), "deleted channel", f"channel {obj.pk}")
        super().delete_model(request, obj)

    # The posts of one story

    def get_urls(self) -> list[URLPattern]:
        view = keep_post_through_sign_in(self.admin_site, self.story_view)
        return [path("of-story/<int:pk>/", view, name="outreach_story_channels"), *super().get_urls()]

    def story_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the text for each channel before publication, and the state of each post afterwards."""
        story = Story.objects.filter(pk=pk).first()
        if story is None:
            raise Http404
        if not request.user.has_perm("outreach.view_story"):
            raise PermissionDenied
        rows = [_ChannelRow(post) for post in posting.list_posts(story)]
        may_change = request.user.has_perm("outreach.change_story")
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            if is_resumed(request):
                for row in rows:
                    row.read(request)
                messages.info(request, _("You're signed in again. Nothing is saved yet. Press Save again."))
            elif self._settle_post(request, rows) or self._prepare_posts(request, story, rows):
                return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts, "story": story, "rows": rows, "may_change": may_change,
            "editable": may_change and any(row.editable for row in rows),
            "title": _("Channels: %(story)s") % {"story": story},
        }  # fmt: skip
        return TemplateResponse(request, "admin/outreach/channels/story_channels.html", context)

    def _settle_post(self, request: HttpRequest, rows: list[_ChannelRow]) -> bool:
        """Record what staff saw on a channel. Returns False if another button was pressed."""
        decision, _colon, number = request.POST.get("settle", "").partition(":")
        post_ids = {str(row.post.pk): row.post.pk for row in rows}
        if decision not in ("there", "again") or number not in post_ids:
            return False
        try:
            posting.settle_post(UUID(number), _account(request), again=decision == "again")
            messages.success(request, _("Marked as posted.") if decision == "there" else _("We're posting it again."))
        except posting.PostActionRefusedError as refused:
            messages.error(request, str(refused))
        return True

    def _prepare_posts(self, request: HttpRequest, story: Story, rows: list[_ChannelRow]) -> bool:
        """Store the texts. Returns False if one has a problem: its row then holds a sentence, and the form its input."""
        for row in rows:
            row.read(request)
        if any(row.problem for row in rows):
            return False
        for row in rows:
            if row.editable:
                try:
                    posting.prepare_post(story, row.post.channel, row.text, wanted=row.wanted)
                except posting.PostActionRefusedError as refused:
                    row.problem = str(refused)
                    return False
        audit.record(_account(request), "prepared posts", f"story {story.slug}")
        messages.success(request, _("Saved. We'll post the texts when the story is published."))
        return True


class _ChannelRow:
    """One channel on the page of a story: its post and the text as typed."""

    def __init__(self, post: Post) -> None:
        self.post, self.problem = post, ""
        self.kind = KINDS[post.channel.kind]
        self.text = post.text
        self.wanted = post.state != State.LEFT_OUT
        self.editable = post.state in posting.EDITABLE and post.story.status not in (
            "published",
            "corrected",
            "withdrawn",
        )

    def read(self, request: HttpRequest) -> None:
        if self.editable:
            self.text = request.POST.get(f"text-{self.post.channel_id}", "").replace("\r\n", "\n")
            self.wanted = f"wanted-{self.post.channel_id}" in request.POST
            self.problem = posting.find_text_problem(self.text, self.post.channel.kind) if self.wanted else ""

    @property
    def length(self) -> int:
        return post_text.count_characters(self.text, self.post.channel.kind)

    @property
    def may_settle(self) -> bool:
        return self.post.state == State.UNSURE

    @property
    def may_repeat(self) -> bool:
        return self.post.state in (State.UNSURE, State.FAILED) or (
            self.post.state == State.LEFT_OUT and not self.editable
        )


def _account(request: HttpRequest) -> Account:
    assert isinstance(request.user, Account)
    return request.user
