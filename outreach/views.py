"""Pages of the conversation with the public: for now the list of stories."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from outreach.models import Story


@require_safe
def stories(request: HttpRequest) -> HttpResponse:
    """Published stories, newest first."""
    published = Story.objects.filter(published_on__lte=timezone.localdate())
    return render(request, "outreach/stories.html", {"stories": published[:50]})
