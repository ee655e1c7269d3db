"""What programs read of a story: structured data of schema.org, as text for a script element of type application/ld+json."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from outreach.models import PublishedStory
from outreach.sharing import absolute

# Nothing in the text may end the element (HTML Living Standard, restrictions for contents of script elements).
_ESCAPED = {ord(character): f"\\u{ord(character):04X}" for character in "<>&\u2028\u2029"}


def article(story: PublishedStory, address: str, image: str) -> SafeString:
    """A story as a NewsArticle. Days only."""
    agency = {"@type": "GovernmentOrganization", "name": settings.AGENCY_NAME, "url": absolute("/")}
    return script(
        {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": story.title,
            "description": story.summary,
            "url": address,
            "mainEntityOfPage": address,
            "image": [image],
            "datePublished": story.published_on.isoformat(),
            "dateModified": (story.corrected_on or story.published_on).isoformat(),
            "articleSection": str(story.get_category_display()),
            "keywords": [tag.name for tag in story.tags.all()],
            "author": agency,
            "publisher": agency,
            "isAccessibleForFree": True,
        }
    )


def script(content: dict[str, Any]) -> SafeString:
    """The content as JSON that cannot leave its script element."""
    return mark_safe(json.dumps(content, ensure_ascii=False).translate(_ESCAPED))  # noqa: S308
