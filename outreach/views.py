"""Pages of the conversation with the public: for now the list of stories."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from outreach.models import PublishedStory


@require_safe
def stories(request: HttpRequest) -> HttpResponse:
    """Published stories, newest first."""
    return render(request, "outreach/stories.html", {"stories": PublishedStory.objects.all()[:50]})
